"""The rules of alerts, on worked examples: what opens and ends a trouble, and what is told as one problem."""

from datetime import UTC, datetime, timedelta

from tiktok_organic_dagster.alerts.memory import Told
from tiktok_organic_dagster.alerts.notice import MESSAGE_LENGTH, NAMED, Notice
from tiktok_organic_dagster.alerts.troubles import (
    NO_ACCOUNT,
    Problem,
    Trouble,
    Verdict,
    judged,
    problems_of,
    without_gone,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
CHECK = "check:accounts_loaded:videos"


def trouble(account: str = "1", text: str = "no token", at: datetime = NOON, subject: str = CHECK) -> Trouble:
    key = f"check:accounts_loaded:{account}" if account else subject
    return Trouble(subject, account, key, f"The check accounts_loaded fails for @{account}", text, at)


def verdict(*troubles: Trouble, of: frozenset[str] | None = None, subject: str = CHECK) -> Verdict:
    return Verdict(subject, of, troubles)


def open_accounts(*verdicts: Verdict) -> set[tuple[str, str]]:
    return set(judged({}, verdicts))


def test_a_failing_account_opens_and_a_later_pass_ends_it():
    assert open_accounts(verdict(trouble())) == {(CHECK, "1")}
    assert open_accounts(verdict(trouble()), verdict()) == set()


def test_a_pass_of_other_accounts_ends_nothing():
    assert open_accounts(verdict(trouble()), verdict(of=frozenset({"2"}))) == {(CHECK, "1")}
    assert open_accounts(verdict(trouble()), verdict(of=frozenset({"1", "2"}))) == set()


def test_two_runs_side_by_side_do_not_hide_each_other():
    first, second = frozenset({"1", "2"}), frozenset({"3", "4"})
    found = open_accounts(verdict(trouble("1"), of=first), verdict(trouble("4"), of=second))
    assert found == {(CHECK, "1"), (CHECK, "4")}


def test_a_pass_of_another_table_ends_nothing():
    assert open_accounts(verdict(trouble()), verdict(subject="check:accounts_loaded:comments")) == {(CHECK, "1")}


def test_it_began_when_it_was_first_seen_and_says_what_was_said_last():
    (found,) = judged({}, [verdict(trouble()), verdict(trouble(text="no quota", at=LATER))]).values()
    assert (found.since, found.text) == (NOON, "no quota")


def test_what_came_back_after_it_was_over_began_anew():
    (found,) = judged({}, [verdict(trouble()), verdict(), verdict(trouble(at=LATER))]).values()
    assert found.since == LATER


def test_what_is_of_no_single_account_is_ended_by_what_speaks_of_all_only():
    unnamed = trouble(NO_ACCOUNT)
    assert open_accounts(verdict(unnamed), verdict(of=frozenset({"1"}))) == {(CHECK, NO_ACCOUNT)}
    assert open_accounts(verdict(unnamed), verdict()) == set()


def test_troubles_of_accounts_that_are_gone_end_but_those_of_strangers_stay():
    before = judged({}, [verdict(trouble("1"), trouble("@stranger"), trouble(NO_ACCOUNT))])
    assert {account for _, account in without_gone(before, ["2"])} == {"@stranger", NO_ACCOUNT}
    assert {account for _, account in without_gone(before, ["1"])} == {"1", "@stranger", NO_ACCOUNT}


def test_tables_that_share_an_account_and_a_reason_are_named_in_one_problem():
    tables = ("videos", "comments", "account")
    problems = problems_of([trouble(subject=f"check:accounts_loaded:{table}") for table in tables])
    assert [(problem.key, problem.title) for problem in problems] == [
        ("check:accounts_loaded:1", "The check accounts_loaded fails for @1")
    ]
    assert problems[0].text.startswith("no token (account, comments, videos) Earlier rows stay.")


def test_different_reasons_are_all_told_up_to_three():
    several = [trouble(text=f"reason {n}", subject=f"check:accounts_loaded:t{n}") for n in range(5)]
    text = problems_of(several)[0].text
    assert text.startswith("reason 0 (t0) | reason 1 (t1) | reason 2 (t2) | and 2 more reasons ")


def test_a_problem_began_with_its_first_trouble():
    several = [trouble(at=LATER), trouble(subject="check:accounts_loaded:comments")]
    assert problems_of(several)[0].since == NOON


def test_a_failed_run_is_named_before_all_else():
    run = Trouble("run:daily_readings", NO_ACCOUNT, "run:daily_readings", "The job failed", "why", LATER)
    assert [problem.key for problem in problems_of([trouble(), run])] == [
        "run:daily_readings",
        "check:accounts_loaded:1",
    ]


def many(number: int) -> list[Problem]:
    return [Problem(f"k{n}", f"problem {n:04}", "why", NOON) for n in range(number)]


def test_a_thousand_problems_are_one_message_that_names_twenty_and_counts_the_rest():
    told = [Told(problem.key, problem.title, "", NOON) for problem in many(30)]
    notice = Notice(many(1000), told, "See Dagster.")

    assert notice.subject == "TikTok organic: problem 0000 and 1,029 more"
    for text in (notice.plain(), "\n".join(block["text"]["text"] for block in notice.slack()["blocks"])):
        assert "and 980 more. See Dagster." in text
        assert "and 10 more. See Dagster." in text
        assert f"problem {NAMED - 1:04}" in text
        assert f"problem {NAMED:04}" not in text
    assert len(notice.slack()["blocks"]) <= 50


def test_twenty_are_all_named():
    assert "more" not in Notice(many(20), [], "See Dagster.").plain()


def test_what_slack_takes_is_never_exceeded():
    long = "x" * 10_000
    notice = Notice([Problem("k", long, long, NOON)], [Told("k", long, "", NOON)] * 30, "See Dagster.")
    assert all(len(block["text"]["text"]) <= 3_000 for block in notice.slack()["blocks"])
    assert len(notice.subject) <= 200
    many_long = Notice([Problem(f"k{n}", f"problem {n}", long, NOON) for n in range(25)], [], "See Dagster.")
    texts = [block["text"]["text"] for block in many_long.slack()["blocks"]]
    assert sum(map(len, texts)) <= MESSAGE_LENGTH
    assert all(text.startswith(f"*problem {n}*") for n, text in enumerate(texts[:-1]))
