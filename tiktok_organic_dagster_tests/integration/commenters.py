"""What the tests of commenters share: the setting, the command as a person runs it, and hashes made by hand."""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from tiktok_organic_dagster import state
from tiktok_organic_dagster.accounts.vault import vault_of_home
from tiktok_organic_dagster.assets import comments
from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.readings.run import Outcome
from tiktok_organic_dagster.tables import COMMENT_TABLES, COMMENTS
from tiktok_organic_dagster_tests.lab import Lab

NAMES = ("display_name", "profile_image", "unique_identifier", "user_id", "comment_author_username")
COLUMNS = [name for name in COMMENTS.column_names if name != "_loaded_at"]
"""Those of the rows that `lab.rows` and `truth` give."""


def environment_of(lab: Lab) -> dict[str, str]:
    """The settings of the laboratory, as a command of its own reads them."""
    return {
        "TIKTOK_ORGANIC_HOME": str(lab.settings.home),
        "TIKTOK_ORGANIC_WAREHOUSE": lab.settings.warehouse_url,
        "TIKTOK_API_URL": lab.settings.api_url,
    }


def only_video(lab: Lab, index: int, comments: int, days_old: float = 30) -> str:
    """A post with so many comments of the crowd, which is the only one of its account."""
    assert not lab.world.accounts[index].posts_by_reference_day
    created = lab.clock.now() - timedelta(days=days_old)
    video = lab.world.changes.add_video(index, at=created, comments=comments)
    lab.world.changes.add_comment(video, comments, at=created + timedelta(days=days_old / 2))
    return video


def read_comments(lab: Lab, *, everything: bool = False) -> list[Outcome]:
    """Read comments as the step does: by the settings of the environment."""
    step = comments.ALL if everything else comments.CHANGED
    outcomes = lab.take(lambda moment: step.reading(COMMENT_TABLES, moment, [moment.today]))  # type: ignore[arg-type]
    assert [outcome.error for outcome in outcomes] == [None] * len(outcomes)
    return outcomes


def forget(lab: Lab, monkeypatch: pytest.MonkeyPatch, identifier: str) -> Result:
    """The command."""
    with monkeypatch.context() as patched:
        for name, value in environment_of(lab).items():
            patched.setenv(name, value)
        return CliRunner().invoke(main, ["forget-commenter", identifier])


def key_of(lab: Lab) -> bytes:
    """The key of the hashes, taken out of the state database by hand."""
    with state.reading(lab.store.engine) as connection:
        (stored,) = connection.execute(sa.select(state.secrets.c.value)).scalars()
    assert "hashed" not in stored
    return bytes.fromhex(vault_of_home(lab.settings.home, holds_tokens=True).decrypt(stored))


def hashed(lab: Lab, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows as they are stored where names are hashed."""
    by_hand = _by_hand(key_of(lab))
    return [
        tuple(by_hand(name, value) if name in NAMES else value for name, value in zip(COLUMNS, row, strict=True))
        for row in rows
    ]


def pseudonym(lab: Lab, identifier: str) -> str:
    """What stands for a commenter."""
    return _by_hand(key_of(lab))("unique_identifier", identifier)


def _by_hand(key: bytes) -> Callable[[str, Any], Any]:
    def by_hand(name: str, value: Any) -> Any:
        if not value:
            return value
        return "hashed:" + hmac.new(key, f"{name}\0{value}".encode(), hashlib.sha256).hexdigest()

    return by_hand


def identifiers(rows: Iterable[tuple[Any, ...]]) -> set[Any]:
    """Who wrote the comments of some rows."""
    return {row[COLUMNS.index("unique_identifier")] for row in rows}
