"""Those who comment, as the state database knows them: the key of the hashes that stand for them, who is forgotten."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from tiktok_organic_dagster.accounts.vault import Vault
from tiktok_organic_dagster.state import forgotten, insert_into, reading, secrets, to_epoch, writing
from tiktok_organic_dagster.tables.pseudonyms import Pseudonyms, new_key

PSEUDONYM_KEY = "pseudonym key"
_IS_THE_KEY = secrets.c.name == PSEUDONYM_KEY


class Commenters:
    """The key and the list of the forgotten; both lie in one database, as the one is of no use without the other.

    Args:
        engine: The state database.
        vault: Encrypts the key.
        clock: The time of day.
    """

    def __init__(self, engine: Engine, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock

    def pseudonyms(self) -> Pseudonyms:
        """The hashes under the key of this database, which is made at first need and then stays.

        Raises:
            ConfigurationError: The key cannot be decrypted.
        """
        stored = self._stored_key()
        if stored is None:
            self._insert(secrets, name=PSEUDONYM_KEY, value=self._vault.encrypt(new_key()))
            stored = self._stored_key()  # perhaps that of another process, which was first
        return Pseudonyms(self._vault.decrypt(str(stored)))

    def forget(self, pseudonym: str) -> bool:
        """Note that a commenter is to be left out from now on; False if that is known already."""
        return self._insert(forgotten, commenter=pseudonym, forgotten_at=to_epoch(self._clock()))

    def forgotten(self) -> frozenset[str]:
        """The pseudonyms of those to be left out."""
        with reading(self._engine) as connection:
            return frozenset(connection.execute(sa.select(forgotten.c.commenter)).scalars())

    def check_key(self) -> None:
        """Make sure that the vault's key fits.

        Raises:
            ConfigurationError: It does not.
        """
        stored = self._stored_key()
        if stored is not None:
            self._vault.decrypt(stored)

    def rotate_key(self) -> None:
        """Encrypt the key of the hashes with the vault's first key; it stays the same itself.

        Raises:
            ConfigurationError: No key of the vault fits.
        """
        stored = self._stored_key()
        if stored is not None:
            with writing(self._engine) as connection:
                connection.execute(secrets.update().where(_IS_THE_KEY).values(value=self._vault.rotate(stored)))

    def _stored_key(self) -> str | None:
        with reading(self._engine) as connection:
            return connection.execute(sa.select(secrets.c.value).where(_IS_THE_KEY)).scalar_one_or_none()

    def _insert(self, table: sa.Table, **values: Any) -> bool:  # noqa: ANN401 -- values of any column
        """Insert a row unless its key is there; whether it was inserted."""
        with writing(self._engine) as connection:
            row = insert_into(connection, table).values(**values)
            return connection.execute(row.on_conflict_do_nothing()).rowcount == 1
