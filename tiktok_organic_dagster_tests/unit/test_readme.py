"""What the README and the other pages list is what there is: tables, settings, commands, scopes, targets, links."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.tables import ALL_SCOPES, CATALOGUE, REQUIRED_SCOPES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def rows(header: str) -> list[list[str]]:
    """The cells of the README's table with this first cell in its header."""
    lines = README.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {header} |"))
    found: list[list[str]] = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as the usual hosts of Markdown make them."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(text)}


def test_the_tables_are_the_catalogues_in_its_order_and_words() -> None:
    listed = [(code(name)[0], meaning) for name, meaning in rows("table")]

    assert [name for name, _ in listed] == [table.name for table in CATALOGUE]
    for (_, meaning), table in zip(listed, CATALOGUE, strict=True):
        assert meaning.split(",")[0] in {table.title.split(",")[0], "the same by city"}


def test_the_settings_are_all_there_with_their_defaults() -> None:
    listed = {name: code(default) for names, default, _ in rows("variable") for name in code(names)}
    fields = {name: Settings.model_fields[field] for name, field in Settings.variables().items()}

    assert list(listed) == list(fields)
    for name, default in listed.items():
        value = fields[name].default
        if default and not default[0].endswith(("warehouse.duckdb", "state.db")) and default != ["<home>/key"]:
            assert default[0] == (f"{value:g}" if isinstance(value, float) else str(value)), name


def test_the_commands_are_all_there() -> None:
    assert [code(command)[0] for command, _ in rows("command")] == [f"tiktok-organic {name}" for name in main.commands]


def test_the_scopes_are_those_that_are_asked_for_the_required_ones_first() -> None:
    listed = [scope for scopes, _ in rows("scope") for scope in code(scopes)]

    assert sorted(listed) == sorted(ALL_SCOPES)
    assert set(listed[: len(REQUIRED_SCOPES)]) == set(REQUIRED_SCOPES)


def test_whatever_is_said_of_another_product_names_its_source() -> None:
    start = README.index("### Beside what you may use now")
    compared = [line for line in README[start:].split("\n\n")[1].splitlines() if line.startswith("| ")]

    assert len(compared) >= 6
    for line in compared:
        product = line.split("|")[1].strip()
        if product and product not in {"a script of your own", "this project"}:
            assert "](https://" in line, product


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        if urlsplit(target).scheme:
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def test_every_make_target_that_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))}

    assert named >= {"demo", "ui", "help"}
    assert named <= targets
