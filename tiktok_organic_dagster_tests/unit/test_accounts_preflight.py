"""The five requirements, judged on what TikTok says, and the cost of missing scopes."""

from datetime import date

import pytest

from tiktok_organic_dagster.accounts.preflight import (
    DAILY_FIELDS,
    Facts,
    cost_of_missing,
    read_facts,
    required_but_missing,
    requirements,
)
from tiktok_organic_dagster.tables import ALL_SCOPES
from tiktok_organic_dagster.tiktok.client import VideoPage
from tiktok_organic_dagster.tiktok.errors import Fault, RefusedError, Remedy

PROFILE = {"username": "anna", "is_business_account": False, "followers_count": 100}
DAY = {"date": "2026-11-22", "likes": 0}
ALL = frozenset(ALL_SCOPES)


def unmet(expected="anna", **changes):
    facts = {"profile": PROFILE, "metrics": [DAY], "has_post": True, "scopes": ALL} | changes
    found = requirements(Facts(**facts), expected)
    assert len(found) == 5
    return [(number, requirement.detail) for number, requirement in enumerate(found, 1) if not requirement.met]


def test_an_account_that_meets_all_five():
    assert unmet() == []
    assert unmet("@Anna") == []


def test_both_kinds_of_account_will_do():
    assert unmet(profile=PROFILE | {"is_business_account": True}) == []
    assert unmet(profile=PROFILE | {"is_business_account": None}) == []


def test_99_followers_are_too_few():
    assert [number for number, _ in unmet(profile=PROFILE | {"followers_count": 99})] == [2]


def test_followers_that_cannot_be_read_do_not_meet_it():
    ((number, detail),) = unmet(profile={"username": "anna"})
    assert number == 2
    assert "user.info.stats" in detail


@pytest.mark.parametrize("metrics", [None, [], [{"date": "2026-11-22"}], [{"date": "2026-11-22", "likes": None}]])
def test_without_metrics_analytics_are_off_and_the_owner_is_told_how_to_turn_them_on(metrics):
    ((number, detail),) = unmet(metrics=metrics)
    assert number == 3
    assert "Turn on" in detail


def test_an_account_without_public_posts():
    assert [number for number, _ in unmet(has_post=False)] == [4]


def test_another_account_was_authorized():
    ((number, detail),) = unmet("ben")
    assert number == 5
    assert "@ben" in detail


def test_missing_scopes_are_named():
    ((number, detail),) = unmet(scopes=ALL - {"comment.list", "video.insights"})
    assert number == 5
    assert "comment.list" in detail
    assert "video.insights" in detail


def test_required_scopes_are_the_four_of_the_interface():
    assert required_but_missing([]) == ["user.info.basic", "user.info.username", "user.insights", "video.list"]
    assert required_but_missing(ALL) == []


def test_the_cost_of_a_missing_scope_names_tables_and_columns():
    cost = cost_of_missing(ALL - {"comment.list", "user.info.stats"})
    assert set(cost) == {"comment.list", "user.info.stats"}
    assert "tiktok_organic_videos_comments" in cost["comment.list"]
    assert "followers_count" in cost["user.info.stats"]
    assert cost_of_missing(ALL) == {}


class Reader:
    """Stands in for `AccountReader`; notes what was asked."""

    def __init__(self, metrics=(DAY,), pages=((), ("1",)), refuse=None):
        self.metrics, self.pages, self.refuse = list(metrics), pages, refuse
        self.asked = []

    def profile(self, fields):
        self.asked.append(("profile", tuple(fields)))
        return {name: PROFILE.get(name) for name in fields}

    def metrics_if_any(self, fields, start, end):
        self.asked.append(("metrics", tuple(fields), start, end))
        if self.refuse:
            raise RefusedError(Fault("business/get/", Remedy.FAIL, "No permission", self.refuse))
        return self.metrics

    def video_pages(self, fields, oldest):
        self.asked.append(("videos", tuple(fields), oldest))
        for number, page in enumerate(self.pages, 1):
            yield VideoPage([{"item_id": each} for each in page], 0, number)


TODAY = date(2026, 11, 23)


def test_facts_take_three_calls_over_the_last_seven_days():
    reader = Reader()
    facts = read_facts(reader, ALL, TODAY)
    assert reader.asked[1] == ("metrics", DAILY_FIELDS, date(2026, 11, 16), date(2026, 11, 22))
    assert (facts.metrics, facts.has_post) == ([DAY], True)
    assert len(reader.asked) == 3


def test_only_fields_of_granted_scopes_are_asked_for():
    reader = Reader()
    facts = read_facts(reader, {"user.info.username"}, TODAY)
    assert reader.asked == [("profile", ("username",))]
    assert (facts.metrics, facts.has_post) == ([], None)


def test_code_40001_on_metrics_means_that_analytics_are_off():
    assert read_facts(Reader(refuse=40001), ALL, TODAY).metrics is None


def test_other_refusals_are_errors():
    with pytest.raises(RefusedError):
        read_facts(Reader(refuse=40113), ALL, TODAY)


def test_metrics_that_are_missing_are_asked_for_again():
    reader = Reader(metrics=())
    assert read_facts(reader, ALL, TODAY).metrics == []
    assert sum(each[0] == "metrics" for each in reader.asked) == 3


def test_what_a_missing_scope_hides_is_not_met_and_the_scope_is_named():
    lost = ALL - {"user.insights", "video.list"}
    details = dict(unmet(scopes=lost, metrics=None, has_post=None))
    assert details[3] == "cannot be read without the scope user.insights"
    assert details[4] == "cannot be seen without the scope video.list"


@pytest.mark.parametrize("followers", [None, True, "many", [], ""])
def test_a_number_of_followers_that_cannot_be_read_is_not_met(followers):
    assert [number for number, _ in unmet(profile=PROFILE | {"followers_count": followers})] == [2]
