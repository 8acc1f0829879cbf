"""Every setting of the project, typed, in one place: read from the environment or from a `.env` file."""

import difflib
import os
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values, find_dotenv
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tiktok_organic_dagster.address import address_of, is_this_machine
from tiktok_organic_dagster.errors import ConfigurationError

PREFIX = "TIKTOK_ORGANIC_"
SCHEMA_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"
SECRETS = frozenset(
    {
        "TIKTOK_CLIENT_SECRET",
        "TIKTOK_ORGANIC_KEY",
        "TIKTOK_ORGANIC_WAREHOUSE",
        "TIKTOK_ORGANIC_STATE",
        "TIKTOK_ORGANIC_CELERY_BROKER",
        "TIKTOK_ORGANIC_ALERT_WEBHOOK",
        "TIKTOK_ORGANIC_SMTP",
    }
)
URLS = frozenset({"TIKTOK_API_URL", "TIKTOK_AUTHORIZE_URL"})

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PositiveInt = Annotated[int, Field(ge=1)]


_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
_OWNER = re.compile(rf"team:\S(.*\S)?|{_ADDRESS.pattern}")


def _listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated text, each once."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


def _variable(name: str) -> AliasChoices:
    """The environment variable a field is read from; the field's own name serves in Python code and tests."""
    return AliasChoices(name)


class Settings(BaseSettings):
    """The settings table of the README, typed.

    Values come from the environment first, then from the `.env` file that is nearest in the working directory or
    above it. An empty variable counts as unset. Secrets are `SecretStr`: their text never shows in a `repr`.

    Attributes:
        base: The folder that relative paths are resolved against: that of the `.env` found, else the working directory.
    """

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True, dotenv_filtering="only_existing"
    )

    base: Path = Field(default_factory=Path.cwd)

    client_id: str | None = Field(default=None, validation_alias=_variable("TIKTOK_CLIENT_ID"))
    client_secret: SecretStr | None = Field(default=None, validation_alias=_variable("TIKTOK_CLIENT_SECRET"))
    redirect_uri: str | None = Field(default=None, validation_alias=_variable("TIKTOK_REDIRECT_URI"))
    api_url: str = Field(
        default="https://business-api.tiktok.com/open_api/v1.3",
        validation_alias=_variable("TIKTOK_API_URL"),
        min_length=8,
    )
    authorize_url: str = Field(
        default="https://www.tiktok.com/v2/auth/authorize/",
        validation_alias=_variable("TIKTOK_AUTHORIZE_URL"),
        min_length=8,
    )

    home_folder: Path = Field(default=Path(".tiktok_organic"), validation_alias=_variable("TIKTOK_ORGANIC_HOME"))
    warehouse: SecretStr | None = Field(default=None, validation_alias=_variable("TIKTOK_ORGANIC_WAREHOUSE"))
    # The attribute cannot be called `schema`: pydantic's base class has a method of that name.
    warehouse_schema: str | None = Field(
        default=None, validation_alias=_variable("TIKTOK_ORGANIC_SCHEMA"), pattern=SCHEMA_NAME
    )
    state: SecretStr | None = Field(default=None, validation_alias=_variable("TIKTOK_ORGANIC_STATE"))
    key: SecretStr | None = Field(default=None, validation_alias=_variable("TIKTOK_ORGANIC_KEY"))
    start_date: date = Field(default=date(2026, 1, 1), validation_alias=_variable("TIKTOK_ORGANIC_START_DATE"))

    qpm_per_endpoint: PositiveInt = Field(default=40, validation_alias=_variable("TIKTOK_ORGANIC_QPM_PER_ENDPOINT"))
    qpm_app: PositiveInt = Field(default=600, validation_alias=_variable("TIKTOK_ORGANIC_QPM_APP"))
    qps_app: PositiveInt = Field(default=10, validation_alias=_variable("TIKTOK_ORGANIC_QPS_APP"))
    throttle_wait_s: Positive = Field(default=300, validation_alias=_variable("TIKTOK_ORGANIC_THROTTLE_WAIT_S"))
    timeout_s: Positive = Field(default=60, validation_alias=_variable("TIKTOK_ORGANIC_TIMEOUT_S"))
    backoff_s: Positive = Field(default=1, validation_alias=_variable("TIKTOK_ORGANIC_BACKOFF_S"))
    comment_minutes: Positive = Field(default=30, validation_alias=_variable("TIKTOK_ORGANIC_COMMENT_MINUTES"))
    commenters: Literal["plain", "hashed"] = Field(
        default="plain", validation_alias=_variable("TIKTOK_ORGANIC_COMMENTERS")
    )
    owners: str = Field(default="team:data", validation_alias=_variable("TIKTOK_ORGANIC_OWNERS"))
    executor: Literal["in_process", "multiprocess", "celery"] = Field(
        default="in_process", validation_alias=_variable("TIKTOK_ORGANIC_EXECUTOR")
    )
    celery_broker: SecretStr | None = Field(default=None, validation_alias=_variable("TIKTOK_ORGANIC_CELERY_BROKER"))
    accounts_per_run: PositiveInt | None = Field(
        default=None, validation_alias=_variable("TIKTOK_ORGANIC_ACCOUNTS_PER_RUN")
    )
    alert_webhook: SecretStr | None = Field(default=None, validation_alias=_variable("TIKTOK_ORGANIC_ALERT_WEBHOOK"))
    alert_email: str | None = Field(default=None, validation_alias=_variable("TIKTOK_ORGANIC_ALERT_EMAIL"))
    alert_from: str | None = Field(default=None, validation_alias=_variable("TIKTOK_ORGANIC_ALERT_FROM"))
    smtp: SecretStr | None = Field(default=None, validation_alias=_variable("TIKTOK_ORGANIC_SMTP"))
    keep_runs_days: PositiveInt = Field(default=90, validation_alias=_variable("TIKTOK_ORGANIC_KEEP_RUNS_DAYS"))

    @field_validator("api_url", "authorize_url")
    @classmethod
    def _safe_url(cls, value: str) -> str:
        parts = address_of(value)
        if parts is None or parts.scheme not in {"https", "http"}:
            raise ValueError("it must begin with https://")
        if "@" in parts.netloc:
            raise ValueError("it must hold neither user name nor password: it is stored and shown")
        if parts.scheme == "http" and not is_this_machine(parts.hostname or ""):
            raise ValueError(
                "it must begin with https://, or tokens would cross the network in clear; http:// is for this "
                "machine alone, such as http://127.0.0.1"
            )
        return value

    @field_validator("owners")
    @classmethod
    def _mail_or_team(cls, value: str) -> str:
        for owner in _listed(value):
            if not _OWNER.fullmatch(owner):
                raise ValueError(
                    f"{owner!r} is neither an e-mail address nor team:name; write them comma-separated, such as "
                    "team:marketing,ada@example.com"
                )
        if not _listed(value):
            raise ValueError("it names nobody; write an e-mail address or team:name")
        return value

    @field_validator("alert_email", "alert_from")
    @classmethod
    def _mail(cls, value: str | None) -> str | None:
        for address in _listed(value or ""):
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{address!r} is no e-mail address; write several comma-separated")
        return value

    @field_validator("api_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("start_date")
    @classmethod
    def _begun(cls, value: date) -> date:
        if value > datetime.now(UTC).date():
            raise ValueError("it lies in the future, so there would be no partition to load")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Python code may use the fields' names; a variable `KEY` or `STATE` of another program is not ours."""
        for source in (env_settings, dotenv_settings):
            source.config = source.config.copy()
            source.config.update({"populate_by_name": False, "validate_by_name": False})
        return init_settings, env_settings, dotenv_settings

    @classmethod
    def load(cls) -> Self:
        """Read the settings of this process.

        Raises:
            ConfigurationError: A variable is malformed, or one that begins with `TIKTOK_ORGANIC_` is not known; the
                `.env` file is no text; the working directory is gone.
        """
        dotenv = _nearest_dotenv()
        known = cls.variables()
        for name in [*os.environ, *_names_in(dotenv)]:
            if name.startswith(PREFIX) and name not in known:
                raise ConfigurationError(_unknown_variable(name, sorted(known)))
        try:
            base = Path(dotenv).resolve().parent if dotenv else Path.cwd()
            return cls(_env_file=dotenv or None, base=base)  # pyright: ignore[reportCallIssue] -- of BaseSettings
        except ValidationError as error:
            raise ConfigurationError(_malformed(error)) from None  # the original text would show the value

    @classmethod
    def variables(cls) -> dict[str, str]:
        """The environment variables that are read, each with the name of its field."""
        return {
            str(field.validation_alias.choices[0]): name
            for name, field in cls.model_fields.items()
            if isinstance(field.validation_alias, AliasChoices)
        }

    @property
    def owner_names(self) -> tuple[str, ...]:
        """Whose tables these are, for Dagster: e-mail addresses, and teams as `team:name`."""
        return _listed(self.owners)

    @property
    def alert_addresses(self) -> tuple[str, ...]:
        """Who is told by e-mail; nobody if none is set."""
        return _listed(self.alert_email or "")

    @property
    def home(self) -> Path:
        """The folder of the embedded defaults, absolute."""
        return (self.base / self.home_folder.expanduser()).resolve()

    @property
    def warehouse_url(self) -> str:
        """Where the tables live; holds a password, so it is never printed."""
        return self._url(self.warehouse, "duckdb", "warehouse.duckdb")

    @property
    def state_url(self) -> str:
        """Where accounts, tokens and request budgets live; holds a password, so it is never printed."""
        return self._url(self.state, "sqlite", "state.db")

    def _url(self, given: SecretStr | None, scheme: str, default_file: str) -> str:
        """The URL given, a file in it made absolute; the file in the home if none is given."""
        if given is None:
            return f"{scheme}:///{self.home / default_file}"
        url = given.get_secret_value()
        prefix = f"{scheme}:///"
        if not url.startswith(prefix):
            return url
        return prefix + str((self.base / Path(url.removeprefix(prefix)).expanduser()).resolve())


def _nearest_dotenv() -> str:
    """The `.env` file of the working directory or above it; empty if there is none."""
    try:
        return find_dotenv(usecwd=True)
    except OSError:
        raise ConfigurationError(
            "The working directory is gone, or you may not enter it. Change to one that is there."
        ) from None


def _names_in(dotenv: str) -> list[str]:
    """The variables that a `.env` file sets."""
    try:
        return list(dotenv_values(dotenv)) if dotenv else []
    except UnicodeDecodeError:
        raise ConfigurationError(f"The file {dotenv} is not a text in UTF-8. Save it as one.") from None


def _unknown_variable(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"Known are: {', '.join(known)}."
    return f"Unknown setting {name}. {hint} Correct it in the environment or in .env, or remove it."


def _malformed(error: ValidationError) -> str:
    """Name the first variable that does not fit; its value is shown unless it may hold a secret."""
    first: Any = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    may_be_secret = name in SECRETS or (name in URLS and "@" in str(first["input"]))
    shown = "" if may_be_secret else f" is {first['input']!r}"
    return f"The setting {name}{shown}: {first['msg']}. Correct it in the environment or in .env."
