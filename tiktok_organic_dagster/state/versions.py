"""What leads the state database from each version to the next one. A step is history: it names its columns itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations


def _problems_and_alerts(operations: "Operations") -> None:
    """What is wrong, and who was told."""
    operations.create_table(
        "organic_state_problems",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("watch", "subject", "account")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("problem", "title", "text", "stage")),
        sa.Column("since", sa.Double, nullable=False),
    )
    operations.create_table(
        "organic_state_alerts",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("watch", "key", "channel")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("title", "stage")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("opened_at", "told_at")),
    )


def _secrets_and_forgotten(operations: "Operations") -> None:
    """The key of the hashes of commenters, and who is forgotten."""
    operations.create_table(
        "organic_state_secrets",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    operations.create_table(
        "organic_state_forgotten",
        sa.Column("commenter", sa.Text, primary_key=True),
        sa.Column("forgotten_at", sa.Double, nullable=False),
    )


def _new_fields(operations: "Operations") -> None:
    """Which unknown fields of TikTok's were told."""
    operations.create_table(
        "organic_state_fields",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("place", "field")),
        sa.Column("told_at", sa.Double, nullable=False),
    )


STEPS: dict[int, Callable[["Operations"], None]] = {2: _problems_and_alerts, 3: _secrets_and_forgotten, 4: _new_fields}
"""By the version that each step leads to; none is ever changed."""
