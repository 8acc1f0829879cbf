"""SQL holds values as parameters and names in quotes: whatever else is put into a statement was looked at."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiktok_organic_dagster.errors import ConfigurationError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster.tables.own import OWN_TABLES
from tiktok_organic_dagster.warehouse.base import quoted

PACKAGE = Path(__file__).parents[2] / "tiktok_organic_dagster"
SPEAKS_SQL = re.compile(
    r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|COPY|SET|PRAGMA|FETCH|CLOSE|DECLARE|WHERE)\b"
)
ASKING = {"query", "execute", "rows", "sql", "exec_driver_sql", "copy_expert", "executemany", "text"}
MADE_OF_NAMES = re.compile(
    r"(\w+\.)?(quoted|name_of|schema_name|key_clause|definition|_version_table|same_key)\([\w., ]*\)"  # these quote
    r"|(places|a_row_each)\(\w+(, \d)?\)"  # question marks
    r"|_?[A-Z][A-Z_]+( \* 1000)?(\.name|\.in_sql\(.*\))?"  # constants of this source
)
# Variables, and what stands in them: quoted names, columns of the catalogue, question marks, statements of this source.
# Nothing of a setting, of an answer of TikTok or of a row.
LOOKED_AT = {
    "assets/charts.py": {"', '.join(('?' for _ in posts))", "breakdown", "column", "entry", "second", "share", "table"},
    "quality/account.py": {"account", "metrics", "readings", "videos_read", "with_newest"},
    "quality/comments.py": {"with_newest"},
    "quality/shares.py": {"share", "whole", "with_newest"},
    "quality/videos.py": {
        "columns", "counter", "counters", "held", "readings", "videos", "with_newest",
        "tolerance.in_sql(f'({counter}_before - {counter}_now)', f'{counter}_before')",
    },
    "readings/base.py": {"profiles"},
    "readings/empty_list.py": {"of_accounts", "of_step", "readings", "stored"},
    "warehouse/another_id.py": {"name", "same"},
    "warehouse/base.py": {"columns", "order", "stage"},
    "warehouse/bookkeeping.py": {"readings"},
    "warehouse/commenters.py": {
        "', '.join(map(quoted, _PART.column_names))", "comments", "hashes", "of_this_one", "reads", "stage",
    },
    "warehouse/duckdb.py": {"key", "loaded", "relation"},
    "warehouse/known_comments.py": {"all_videos", "rows", "stage", "table", "videos"},
    "warehouse/ledger.py": {"' AND '.join(conditions)", "accounts", "ledger", "rows"},
    "warehouse/newest.py": {"order", "readings"},
    "warehouse/postgres.py": {
        "columns", "cursor", "lock_timeout", "name", "relation", "statement", "statement_timeout", "value",
    },
    "warehouse/preparing.py": {"table"},
    "warehouse/writing.py": {"among", "columns", "stage", "target", "values"},
}  # fmt: skip


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """Every node of the package, and its file."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            yield str(file.relative_to(PACKAGE)), node


def put_in() -> Iterator[tuple[str, str]]:
    """What stands in the f-strings that are SQL, and the file of each."""
    for file, node in nodes():
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            if SPEAKS_SQL.search(text):
                yield from ((file, ast.unparse(p.value)) for p in node.values if isinstance(p, ast.FormattedValue))


def test_nothing_is_put_into_a_statement_that_was_not_looked_at() -> None:
    new = [
        each for each in put_in() if not MADE_OF_NAMES.fullmatch(each[1]) and each[1] not in LOOKED_AT.get(each[0], ())
    ]
    assert not new, f"give it as a value (?), or quote the name: {new}"


def test_what_was_looked_at_is_there() -> None:
    there = set(put_in())
    assert not [(file, text) for file, texts in LOOKED_AT.items() for text in texts if (file, text) not in there]
    assert len(there) > 80


def test_no_statement_is_put_together_in_another_way() -> None:
    """`+` of two texts of the source, and the one `format` of names, which `charts.py` explains."""
    odd = [
        (file, ast.unparse(node.args[0]))
        for file, node in nodes()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ASKING
        and node.args
        for part in ast.walk(node.args[0])
        if (isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mod))
        or (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr in {"format", "replace"}
        )
    ]
    assert odd == [("assets/charts.py", "sql.format(accounts=accounts, **tables)")]


@pytest.mark.parametrize("name", ["a", 'a"b', '"', '""; DROP TABLE x; --', "ä b", "a.b", "?", "%s", "\\"])
def test_a_quoted_name_ends_where_it_ends(name: str) -> None:
    assert quoted(name)[0] == quoted(name)[-1] == '"'
    assert quoted(name)[1:-1].replace('""', "") == name.replace('"', "")


def test_names_of_the_catalogue_need_no_quotes_to_be_harmless() -> None:
    names = {each for table in (*CATALOGUE, *OWN_TABLES) for each in (table.name, *table.column_names)}
    assert [name for name in names if not re.fullmatch(r"[a-z_][a-z0-9_]*", name)] == []


@pytest.mark.parametrize(
    "name",
    [
        'x"; DROP TABLE y; --',
        "x'",
        "a b",
        "a.b",
        "a-b",
        "ä",
        "x\n",
        "x\0".replace("\0", "\u200b"),
        "$x",
        "?",
        "%",
        "{}",
    ],
)
def test_a_schema_that_is_no_plain_name_is_refused_by_the_name_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TIKTOK_ORGANIC_SCHEMA", name)
    with pytest.raises(ConfigurationError, match="TIKTOK_ORGANIC_SCHEMA") as caught:
        Settings.load()
    assert "\n" not in str(caught.value)
