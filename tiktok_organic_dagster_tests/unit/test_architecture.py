"""docs/architecture.md is true: its rooms are all there, its arrows are imports, and no room knows what it must not."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tiktok_organic_dagster_tests.pages import ROOT, page, table

NAME = "tiktok_organic_dagster"
PACKAGE = ROOT / NAME
PAGE = page("docs/architecture.md")
PICTURE = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)[1]
ROOMS = {
    room.strip().removesuffix("/").removesuffix(".py"): row["knows nothing of"]
    for row in table(PAGE)
    for room in row["room"].split(",")
}
OUTSIDE = {
    "Dagster": {"dagster", "dagster_webserver", "dagster_celery", "dagster_postgres"},
    "HTTP": {"requests", "urllib3", "httpx", "http", "socket", "starlette", "uvicorn"},
    "SQL": {"sqlalchemy", "duckdb", "psycopg2", "sqlite3"},
}
STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP) \S")
USED_BY_NEARLY_ALL = "errors"
ARROW = "-->"


@cache
def _files(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py")) if (PACKAGE / room).is_dir() else [PACKAGE / f"{room}.py"]


@cache
def _nodes(room: str) -> list[ast.AST]:
    return [node for file in _files(room) for node in ast.walk(ast.parse(file.read_text()))]


def _imports(room: str) -> Iterator[str]:
    for node in _nodes(room):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield str(node.module)


def _uses(room: str) -> set[str]:
    """The other rooms that a room imports."""
    return {name.split(".")[1] for name in _imports(room) if name.startswith(f"{NAME}.")} - {room}


def _packages(room: str) -> set[str]:
    return {name.split(".")[0] for name in _imports(room)}


def _arrows() -> dict[str, set[str]]:
    drawn: dict[str, set[str]] = {}
    for line in PICTURE.splitlines():
        if ARROW in line:
            begin, _, ends = line.partition(ARROW)
            drawn.setdefault(begin.strip(), set()).update(end.strip() for end in ends.split("&"))
    return drawn


def _reached(begin: str, arrows: dict[str, set[str]]) -> set[str]:
    found, ahead = set(), [begin]
    while ahead:
        new = arrows.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def test_the_table_names_every_room_and_no_other():
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(ROOMS) == there - {"__init__"}


def test_the_picture_shows_every_room_by_its_name():
    shown = dict(re.findall(r'^ *(\w+)\["([\w./]+)<br>', PICTURE, re.MULTILINE))
    assert set(shown) == set(ROOMS) - {USED_BY_NEARLY_ALL}
    for room, name in shown.items():
        assert (PACKAGE / name).exists(), room


@pytest.mark.parametrize(("begin", "ends"), _arrows().items())
def test_every_arrow_is_an_import(begin, ends):
    assert ends <= _uses(begin)


@pytest.mark.parametrize("room", ROOMS)
def test_every_import_is_an_arrow_or_follows_from_some(room):
    assert _uses(room) - {USED_BY_NEARLY_ALL} <= _reached(room, _arrows())


def test_nothing_points_up_again():
    arrows = _arrows()
    assert [room for room in arrows if room in _reached(room, arrows)] == []


@pytest.mark.parametrize("room", [room for room, words in ROOMS.items() if words])
def test_no_room_knows_what_it_must_not(room):
    for word in ROOMS[room].split(", "):
        if word == "everything else":
            assert _uses(room) <= {USED_BY_NEARLY_ALL}
        elif word in OUTSIDE:
            assert not _packages(room) & OUTSIDE[word], word
        else:
            assert word in ROOMS
            assert word not in _uses(room)


@pytest.mark.parametrize("room", [room for room, words in ROOMS.items() if "SQL" in words])
def test_a_room_that_knows_nothing_of_sql_holds_no_statement(room):
    texts = [node.value for node in _nodes(room) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert [text for text in texts if STATEMENT.match(text)] == []


def test_the_client_is_usable_as_a_library_without_dagster_tables_or_warehouse():
    program = f"import sys, {NAME}.tiktok; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    rooms = {name.split(".")[1] for name in loaded if name.startswith(f"{NAME}.")}
    assert rooms == {"tiktok"} | _reached("tiktok", _arrows()) | {USED_BY_NEARLY_ALL}
    assert not set(loaded) & {"dagster", "pandas", "duckdb"}
