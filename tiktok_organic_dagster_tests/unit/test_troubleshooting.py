"""docs/troubleshooting.md lists every message that a user can meet: those in the source, and no outdated one.

The messages are taken out of the source itself: `messages_of` finds the places that make one (an error is raised, a
fault is described, a warning is noted), and `Source.texts` reads the text that stands there. What is put in at run time
counts as `...`. An entry of the page is a line with nothing but a message in code quotes; its `...` stands for
anything.
"""

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tiktok_organic_dagster.findings import Kind
from tiktok_organic_dagster.tiktok.errors import CODES, INTERNAL_ERRORS, UNKNOWN, Fault, Remedy, error_of, meaning

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tiktok_organic_dagster"
PAGE = ROOT / "docs" / "troubleshooting.md"
HOLE = "\N{HORIZONTAL ELLIPSIS}"

OF_DAGSTER_AND_CLICK = {"Failure", "SkipReason", "ClickException", "UsageError", "BadParameter"}
PASSED_ON = {"str(error)", "text", "fault.text"}
"""Texts that were made elsewhere, where they are found, or that TikTok made."""
OF_TIKTOK = str(error_of(Fault(HOLE, Remedy.FAIL, HOLE, 0))).replace("0", HOLE)
"""How a message of TikTok's own looks."""

FINDINGS = {kind.name for kind in Kind}
MANY = 80
"""Messages that there are at least: a search that finds none must not pass."""
MEANS = {
    Remedy.RETRY: "tried again",
    Remedy.THROTTLED: "waited out",
    Remedy.REFRESH: "token renewed once",
    Remedy.REAUTHORIZE: "fails: connect again",
    Remedy.FAIL: "fails",
}


@dataclass(frozen=True)
class Place:
    """A function of a module (or None), in which names have their meaning."""

    module: Path
    function: ast.AST | None


class Source:
    """The package's source, and the texts that its expressions stand for."""

    def __init__(self) -> None:
        self.modules = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
        self.constants: dict[tuple[Path, str], tuple[Place, ast.expr]] = {}
        self.functions: dict[str, list[Place]] = defaultdict(list)
        for module, tree in self.modules.items():
            for node in tree.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    self.constants[module, node.targets[0].id] = (Place(module, None), node.value)
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and node.returns and ast.unparse(node.returns) == "str":
                    self.functions[node.name].append(Place(module, node))

    def below(self, base: str) -> set[str]:
        """The names of a class and of all that derive from it."""
        found = {base}
        classes = [node for tree in self.modules.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        while more := {c.name for c in classes if {ast.unparse(b) for b in c.bases} & found} - found:
            found |= more
        return found

    def nodes(self) -> Iterator[tuple[Place, ast.AST]]:
        """Every node, with the function it stands in."""
        waiting: list[tuple[Place, ast.AST]] = [(Place(m, None), tree) for m, tree in self.modules.items()]
        while waiting:
            place, node = waiting.pop()
            yield place, node
            inner = Place(place.module, node) if isinstance(node, ast.FunctionDef) else place
            waiting += [(inner, child) for child in ast.iter_child_nodes(node)]

    def texts(self, place: Place, node: ast.expr | None) -> list[str]:  # noqa: C901, PLR0911 -- a list of cases
        """The texts that an expression may stand for, run-time values as holes; none if it holds no text of ours."""
        match node:
            case ast.Constant(value=str() as text):
                return [text]
            case ast.JoinedStr(values=parts):
                choices = [self.texts(place, part) or [HOLE] for part in parts]
                return ["".join(chosen) for chosen in itertools.product(*choices)]
            case ast.FormattedValue(value=ast.Name(id=name)) if name.lstrip("_").isupper():
                return self.texts(place, node.value)
            case ast.BinOp(left=left, op=ast.Mod()):
                return [re.sub(r"%[sd]", HOLE, text) for text in self.texts(place, left)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                ends = self.texts(place, right) or [HOLE]
                return [a + b for a in self.texts(place, left) for b in ends]
            case ast.IfExp(body=one, orelse=other):
                return [*self.texts(place, one), *self.texts(place, other)]
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [text for element in elements for text in self.texts(place, element)]
            case ast.ListComp(elt=element):
                return self.texts(place, element)
            case ast.Name(id=name):
                local = [
                    (place, found.value)
                    for found in ast.walk(place.function or ast.Pass())
                    if isinstance(found, ast.Assign) and ast.unparse(found.targets[0]) == name
                ]
                return [
                    text for where, value in local or self._constant(place, name) for text in self.texts(where, value)
                ]
            case ast.Call(func=ast.Name(id=name)) | ast.Attribute(attr=name):
                returned = [
                    (where, found.value)
                    for where in self.functions[name]
                    if where != place
                    for found in ast.walk(where.function or ast.Pass())
                    if isinstance(found, ast.Return)
                ]
                return [text for where, value in returned for text in self.texts(where, value)]
            case _:
                return []

    def _constant(self, place: Place, name: str) -> list[tuple[Place, ast.expr]]:
        """A constant of the module, or of the module it is imported from."""
        modules = [place.module]
        modules += [
            (ROOT / str(node.module).replace(".", "/")).with_suffix(".py")
            for node in self.modules[place.module].body
            if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}
        ]
        return [self.constants[module, name] for module in modules if (module, name) in self.constants]


def messages_of(source: Source) -> Iterator[tuple[str, list[str]]]:  # noqa: C901, PLR0912 -- a list of cases
    """Where a message is made, and the texts it may have: none where they cannot be read from the source."""
    by_fault = source.below("TikTokError")
    direct = source.below("TikTokOrganicError") - by_fault | OF_DAGSTER_AND_CLICK | {"_fail"}
    for place, node in source.nodes():
        found: ast.expr | None = None
        before = ""
        match node:
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in direct:
                found = first
            case ast.Call(func=ast.Name(id="Fault"), args=[_, _, text, *_]):
                found, before = text, f"TikTok's {HOLE}: "
            case ast.Call(func=ast.Name(id="nothing_came"), args=[_, text, *_]):
                found, before = text, f"TikTok's {HOLE}: "
            case ast.Call(func=ast.Name(id="Requirement"), keywords=[met, detail]) if ast.unparse(met.value) != "True":
                found = detail.value
            case ast.Call(func=ast.Attribute(attr="append", value=ast.Attribute(attr="warnings")), args=[text]):
                found = text
            case ast.Assign(targets=[ast.Attribute(attr="skipped" | "error")], value=text) if source.texts(place, text):
                found = text
            case ast.Assign(targets=[ast.Name(id="warnings")], value=text):
                found = text
            case ast.Call(func=ast.Attribute(attr="echo"), args=[text, *_]):
                shown = source.texts(place, text)
                found = text if any(each.startswith(("Warning", "No ")) for each in shown) else None
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple(elts=[words, *_])) if name in FINDINGS:
                found, before = words, f"{HOLE}: {HOLE} "
            case _:
                pass
        texts = [] if found is None else source.texts(place, found)
        if found is not None and (texts or ast.unparse(found) not in PASSED_ON):
            yield f"{place.module.relative_to(ROOT)}, line {found.lineno}", [before + text for text in texts]
    yield "tiktok/errors.py", [OF_TIKTOK]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for text in re.findall(r'(?:sys\.exit\(|echo )"([^"]+)"(?: %| >&2)', makefile):
        yield "Makefile", [re.sub(r"\$\(\w+\)|%d", HOLE, text)]


def words_of(text: str) -> list[str]:
    """The words of a message that are always the same."""
    return re.findall(r"[A-Za-z]{2,}", text)


def entries() -> dict[str, re.Pattern[str]]:
    """The messages that the page lists, each with the pattern it stands for."""
    listed = re.findall(r"^- (`+) ?(.+?) ?\1\\$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {text: re.compile(".*".join(map(re.escape, text.split("...")))) for _, text in listed}


@cache
def messages() -> list[tuple[str, str]]:
    """Each message and where it is made, without those of a single word."""
    return [(where, text) for where, texts in messages_of(Source()) for text in texts if len(words_of(text)) > 1]


def test_every_message_can_be_read_from_the_source() -> None:
    hidden = [where for where, texts in messages_of(Source()) if not texts]
    assert not hidden, f"write the message where it is raised, or in a function that returns `str`: {hidden}"
    assert len(messages()) > MANY


def test_every_message_has_an_entry() -> None:
    patterns = entries().values()
    missing = [f"{text}   ({where})" for where, text in messages() if not any(p.fullmatch(text) for p in patterns)]
    assert not missing, "docs/troubleshooting.md lacks these messages:\n- " + "\n- ".join(missing)


def test_no_entry_is_outdated() -> None:
    outdated = [e for e, p in entries().items() if not any(p.fullmatch(text) for _, text in messages())]
    assert not outdated, "no message reads like these entries of docs/troubleshooting.md:\n- " + "\n- ".join(outdated)


def test_every_entry_says_enough_to_be_told_apart_and_what_to_do() -> None:
    page = PAGE.read_text("utf-8")
    assert not [entry for entry in entries() if len(words_of(entry)) < 2]  # it would match anything
    silent = re.findall(r"^- (`+.+`+)\\?$(?!(?<=\\)\n  \S)", page, re.MULTILINE)
    assert not silent, f"no explanation stands below {silent}"


def test_the_table_of_codes_is_the_one_that_is_acted_on() -> None:
    known = [(str(code), found) for code, found in sorted(CODES.items())]
    internal = (f"{INTERNAL_ERRORS.start} to {INTERNAL_ERRORS.stop - 1}", meaning(INTERNAL_ERRORS.start))
    expected = [
        f"| {code} | {MEANS[of.remedy]} | {of.advice} |" for code, of in [*known, internal, ("any other", UNKNOWN)]
    ]
    listed = re.findall(r"^\| (?:\d{5}|any other).*\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert listed == expected, "it should read:\n" + "\n".join(expected)
