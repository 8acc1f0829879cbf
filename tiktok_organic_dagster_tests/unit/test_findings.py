"""What is noticed about values is counted, keeps its first sample, and can be shown safely."""

import pytest

from tiktok_organic_dagster.findings import SAMPLE_LENGTH, Finding, Findings, Kind, sample_of


def test_findings_are_counted_by_table_column_and_kind_and_keep_the_first_sample():
    findings = Findings()
    findings.add("t", "a", Kind.UNREADABLE, 2, "first")
    findings.add("t", "a", Kind.UNREADABLE, 3, "second")
    findings.add("t", "a", Kind.OUT_OF_BOUNDS, 1, 5)
    findings.add("t", "b", Kind.UNREADABLE, 1, None)
    findings.add("u", "a", Kind.UNREADABLE, 1, {})
    assert list(findings) == [
        Finding("t", "a", Kind.UNREADABLE, 5, "'first'"),
        Finding("t", "a", Kind.OUT_OF_BOUNDS, 1, "5"),
        Finding("t", "b", Kind.UNREADABLE, 1, "None"),
        Finding("u", "a", Kind.UNREADABLE, 1, "{}"),
    ]
    assert [finding.column for finding in findings.of("t")] == ["a", "a", "b"]
    assert findings.of("nothing") == []


def test_nothing_noticed_is_no_finding():
    findings = Findings()
    findings.add("t", "a", Kind.UNREADABLE, 0, "x")
    assert list(findings) == []


def test_findings_made_elsewhere_are_added():
    one, two = Findings(), Findings()
    for findings, sample in ((one, "x"), (two, "y")):
        findings.add("t", "a", Kind.DUPLICATE, 1, sample)
    two.add("t", "b", Kind.DUPLICATE, 1, "z")
    one.merge(two)
    assert [(found.column, found.count, found.sample) for found in one] == [("a", 2, "'x'"), ("b", 1, "'z'")]
    assert [found.count for found in two] == [1, 1]


def test_what_is_lost_is_an_error_and_what_is_stored_a_warning():
    assert {kind for kind in Kind if kind.is_error} == {Kind.UNREADABLE, Kind.REJECTED}
    assert len(Kind) == 7


def test_a_finding_in_words_names_column_count_and_sample():
    text = str(Finding("t", "likes", Kind.UNREADABLE, 12, "'many'"))
    assert text.startswith("likes: 12 ")
    assert text.endswith("(first: 'many')")
    assert "NULL" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "'plain'"),
        ("é漢😀", "'é漢😀'"),
        ("", "''"),
        ("a\nb", r"'a\nb'"),
        ("\ud83d", r"'\ud83d'"),
        ("\0", r"'\x00'"),
        ("\x1b[31mred", r"'\x1b[31mred'"),  # no colours or cursor movements in a log
        ("\u202eabc", r"'\u202eabc'"),
        (1.5, "1.5"),
        (True, "True"),
        (None, "None"),
        ([1, "a"], "[1, 'a']"),
        ({"a": "\ud83d"}, r"{'a': '\ud83d'}"),
        (float("nan"), "nan"),
    ],
)
def test_a_sample_is_text_that_can_be_shown(value, shown):
    assert sample_of(value) == shown
    sample_of(value).encode("utf-8")


@pytest.mark.parametrize("value", ["x" * 10_000, "\n" * 10_000, ["x"] * 10_000, {"a": "x" * 10_000}, 10**400])
def test_a_long_sample_is_cut(value):
    assert len(sample_of(value)) == SAMPLE_LENGTH
    assert sample_of(value).endswith("...")


def test_a_sample_that_just_fits_is_not_cut():
    text = "x" * (SAMPLE_LENGTH - 2)  # with its two quotes
    assert sample_of(text) == f"'{text}'"
