"""Encrypts tokens at rest, with the key of the settings or one generated into the home folder."""

import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.state import private_folder

VARIABLE = "TIKTOK_ORGANIC_KEY"
KEY_FILE = "key"
_DRAFT = ".key-"
ROOT = 0  # the user who may read everything anyway; owns the folders that a container is given
_MAKE_ONE = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


class Vault:
    """Encrypts and decrypts short texts; holds the keys, and never shows them.

    Args:
        keys: Fernet keys, comma-separated: the first encrypts, all decrypt, which is how a key is replaced.
        source: Where they come from, for messages.

    Raises:
        ConfigurationError: One of them is not a Fernet key.
    """

    def __init__(self, keys: str, source: str) -> None:
        self.source = source
        given = [key.strip() for key in keys.split(",") if key.strip()]
        try:
            self._fernet = MultiFernet([Fernet(key) for key in given])
        except ValueError:
            raise ConfigurationError(
                f"{source} holds no usable Fernet key. Put the right one there; for a first start, make one with: "
                f"{_MAKE_ONE}"
            ) from None

    def encrypt(self, text: str) -> str:
        """Encrypt with the first key."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, text: str) -> str:
        """Decrypt with whichever key fits.

        Raises:
            ConfigurationError: None does.
        """
        try:
            return self._fernet.decrypt(text.encode()).decode()
        except InvalidToken:
            raise self._wrong_key() from None

    def rotate(self, text: str) -> str:
        """Encrypt with the first key what was encrypted with any of them.

        Raises:
            ConfigurationError: None fits.
        """
        try:
            return self._fernet.rotate(text.encode()).decode()
        except InvalidToken:
            raise self._wrong_key() from None

    def _wrong_key(self) -> ConfigurationError:
        return ConfigurationError(
            f"The key in {self.source} is not the one that the stored tokens were encrypted with. Put the right "
            f"key into {VARIABLE} (several may stand there, comma-separated), or connect the accounts again with "
            "a new state database."
        )


def vault_of_setting(keys: str) -> Vault:
    """The vault for keys given in the settings."""
    return Vault(keys, VARIABLE)


def vault_of_home(home: Path, *, holds_tokens: bool) -> Vault:
    """The vault for the key in the home folder, which is generated at first use.

    Args:
        home: The folder; made with mode 0700, its key file with mode 0600.
        holds_tokens: Tokens encrypted with that key exist already, so a new one would be of no use.

    Raises:
        ConfigurationError: The folder cannot be written or is somebody else's, the file holds no key, or it is missing
            while it is needed.
    """
    file = home / KEY_FILE
    try:
        private_folder(home)
        keep_private(home)
        if not file.exists():
            if holds_tokens:
                raise ConfigurationError(
                    f"The key file {file} is missing, and the stored tokens cannot be read without it. Restore it, or "
                    f"set {VARIABLE}."
                )
            _generate(file)
        return Vault(file.read_text(encoding="ascii"), str(file))
    except OSError as error:
        raise ConfigurationError(
            f"The key file {file} cannot be used: {error.strerror}. Check TIKTOK_ORGANIC_HOME."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} holds no usable Fernet key. Restore it, or set {VARIABLE}.") from None


@contextmanager
def new_key_in_home(home: Path) -> Generator[None]:
    """Put a new key before the old one while the tokens are encrypted anew in the block, then keep the new one alone.

    Whatever ends it halfway leaves a file whose keys read all tokens; doing it again goes on with the same new key.

    Raises:
        ConfigurationError: There is no key file yet, or it cannot be written.
    """
    file = home / KEY_FILE
    try:
        keys = [key for key in file.read_text(encoding="ascii").strip().split(",") if key]
        if len(keys) < 2:
            keys = [Fernet.generate_key().decode(), *keys]
            _replace(file, ",".join(keys))
        yield
        _replace(file, keys[0])
        for left in home.glob(f"{_DRAFT}*"):  # by a process that was killed; it may hold the old key
            left.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The key file {file} cannot be used: {error.strerror}. Check TIKTOK_ORGANIC_HOME."
        ) from None


def keep_private(home: Path) -> None:
    """See to it that nobody else can enter the home folder; one that is not there is not made.

    Raises:
        ConfigurationError: It belongs to somebody else, who could read or replace what is in it.
    """
    with suppress(OSError):  # where it cannot be looked at, whatever needs it says so
        found = home.stat()
        if found.st_uid not in {os.getuid(), ROOT} and os.getuid() != ROOT:
            raise ConfigurationError(
                f"The folder {home} belongs to another user, who could read the tokens in it. Set TIKTOK_ORGANIC_HOME "
                "to a folder of yours."
            )
        if found.st_uid == os.getuid() and stat.S_ISDIR(found.st_mode) and found.st_mode & 0o077:
            home.chmod(0o700)


def _generate(file: Path) -> None:
    """Write a new key, whole or not at all; of two processes that do so at once, the first one's key stays."""
    with _draft(file, Fernet.generate_key().decode()) as draft, suppress(FileExistsError):
        file.hardlink_to(draft)


def _replace(file: Path, keys: str) -> None:
    """Write keys in place of those that are there, whole or not at all."""
    with _draft(file, keys) as draft:
        draft.replace(file)


@contextmanager
def _draft(file: Path, keys: str) -> Generator[Path]:
    """A file beside another one, on the disk, that only its owner reads; gone after the block, unless it was moved."""
    descriptor, name = tempfile.mkstemp(prefix=_DRAFT, dir=file.parent)  # made with mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{keys}\n")
            stream.flush()
            os.fsync(stream.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
