"""The two stories: a year, and a month with the same kinds of trouble. All of it is in UTC.

What is lost and told follows from a few rules. Dagster loads at 05:00 and checks at 09:00. TikTok publishes a day 24 to
48 hours after its end; when exactly is drawn by the simulated world, and noted where it matters. A reading that is not
taken on its day is lost; a day of metrics is lost 59 days later. Rows that are a day older than they can be are told of
by `freshness`, at the next 09:00.
"""

from datetime import timedelta

from tiktok_organic_dagster_tests.year.story import (
    METRICS,
    READINGS,
    Connected,
    Late,
    Lost,
    Outage,
    Revoked,
    Story,
    Told,
    at,
    day,
)

COFFEE, LAMPS, FLAMES, PLANTS = range(4)
NAMES = ("brasa.coffee", "northlight_studio", "la_flama_blanca", "tiny.greenhouse")

NOBODY_ASKED = "no run asked TikTok for it"
ENDED = "the authorization"
TWO_DAYS = timedelta(days=2)


def not_loaded(account: int) -> str:
    """The title of: a run could not read the account."""
    return f"The check accounts_loaded fails for @{NAMES[account]}"


def not_fresh(account: int) -> str:
    """The title of: the account's rows are older than they can be."""
    return f"The check freshness fails for @{NAMES[account]}"


def not_whole(account: int) -> str:
    """The title of: the account's metrics have a hole."""
    return f"The check no_missing_days fails for @{NAMES[account]}"


def ends(account: int) -> str:
    """The title of: the account has to be connected again soon."""
    return f"The authorization of @{NAMES[account]} ends"


MONTH = Story(
    start=at("2026-03-01 00:00"),
    end=at("2026-03-31 23:00"),
    first_partition=day("2026-01-01"),
    names=NAMES,
    outages=(Outage(at("2026-03-03 03:30"), at("2026-03-06 03:30")),),
    events=(
        Connected(at("2026-03-01 00:00"), COFFEE),
        Connected(at("2026-03-01 00:00"), LAMPS, life=timedelta(days=20)),
        Connected(at("2026-03-01 00:00"), FLAMES, life=timedelta(days=47)),  # 30 are left when it is of no use any more
        Connected(at("2026-03-11 10:30"), PLANTS),
        Revoked(at("2026-03-15 12:00"), FLAMES),
        Connected(at("2026-03-25 10:30"), LAMPS),
    ),
    late=(Late(COFFEE, day("2026-03-09"), day("2026-03-12"), TWO_DAYS),),
    lost=(
        *(
            Lost(account, READINGS, day("2026-03-03"), day("2026-03-05"), NOBODY_ASKED)
            for account in (COFFEE, LAMPS, FLAMES)
        ),
        Lost(LAMPS, READINGS, day("2026-03-21"), day("2026-03-24"), ENDED),
        Lost(FLAMES, READINGS, day("2026-03-16"), day("2026-03-30"), ENDED),
    ),
    told=(
        Told(at("2026-03-01 01:00"), opened=(ends(LAMPS),)),  # 20 days are left, less than 30
        Told(at("2026-03-07 00:00"), opened=(ends(LAMPS),)),  # 14 days
        Told(at("2026-03-12 09:00"), opened=(not_fresh(COFFEE),)),  # the day of 03-09 should be there by now
        Told(at("2026-03-14 00:00"), opened=(ends(LAMPS),)),  # 7 days
        Told(at("2026-03-16 05:00"), opened=(not_loaded(FLAMES),)),
        Told(at("2026-03-16 09:00"), opened=(not_fresh(FLAMES),)),  # the day of 03-13 came on 03-15 at 19:36
        Told(at("2026-03-17 09:00"), recovered=(not_fresh(COFFEE),)),  # the late days came by 03-16 at 22:29
        Told(at("2026-03-20 00:00"), opened=(ends(LAMPS),)),  # one day
        Told(at("2026-03-21 05:00"), opened=(not_loaded(LAMPS),)),
        Told(at("2026-03-22 09:00"), opened=(not_fresh(LAMPS),)),  # the day of 03-18 came before the end
        Told(at("2026-03-25 11:00"), recovered=(ends(LAMPS),)),
        Told(at("2026-03-25 11:00"), recovered=(not_loaded(LAMPS),)),  # what was missing is loaded at once
        Told(at("2026-03-26 09:00"), recovered=(not_fresh(LAMPS),)),
    ),
)

YEAR = Story(
    start=at("2026-03-01 00:00"),
    end=at("2027-02-28 23:00"),
    first_partition=day("2026-01-01"),
    names=NAMES,
    outages=(
        Outage(at("2026-03-21 03:30"), at("2026-03-24 03:30")),
        Outage(at("2026-05-04 16:30"), at("2026-06-03 16:30")),
        Outage(at("2026-08-12 03:30"), at("2026-10-21 03:30")),
    ),
    events=(
        Connected(at("2026-03-01 00:00"), COFFEE),
        Connected(at("2026-03-01 00:00"), LAMPS, life=timedelta(days=122)),  # to 2026-07-01
        Connected(at("2026-03-01 00:00"), FLAMES),
        Connected(at("2026-06-09 10:30"), PLANTS),  # day 100
        Connected(at("2026-07-06 10:30"), LAMPS),
        Revoked(at("2026-07-20 12:00"), FLAMES),
        Connected(at("2027-02-01 10:30"), COFFEE),
    ),
    late=(Late(COFFEE, day("2026-04-15"), day("2026-04-19"), TWO_DAYS),),
    lost=(
        *(
            lost
            for account in (COFFEE, LAMPS, FLAMES)
            for lost in (
                Lost(account, READINGS, day("2026-03-21"), day("2026-03-23"), NOBODY_ASKED),
                Lost(account, READINGS, day("2026-05-05"), day("2026-06-02"), NOBODY_ASKED),
            )
        ),
        Lost(LAMPS, READINGS, day("2026-07-01"), day("2026-07-05"), ENDED),
        Lost(FLAMES, READINGS, day("2026-07-21"), day("2027-02-27"), ENDED),
        # Loaded on 07-20 at 05:00 were the days to 07-17; 2027-01-01 can still be loaded on the last day.
        Lost(FLAMES, METRICS, day("2026-07-18"), day("2026-12-31"), ENDED),
        *(
            lost
            for account in (COFFEE, LAMPS, PLANTS)
            for lost in (
                Lost(account, READINGS, day("2026-08-12"), day("2026-10-20"), NOBODY_ASKED),
                # Loaded on 08-11 at 05:00 were the days to 08-08, on 10-21 those from 08-24 on.
                Lost(account, METRICS, day("2026-08-09"), day("2026-08-23"), NOBODY_ASKED),
            )
        ),
    ),
    told=(
        Told(at("2026-04-18 09:00"), opened=(not_fresh(COFFEE),)),  # the day of 04-15 should be there by now
        Told(at("2026-04-24 09:00"), recovered=(not_fresh(COFFEE),)),  # the late days came by 04-23 at 11:14
        Told(at("2026-06-03 17:00"), opened=(ends(LAMPS),)),  # 28 days; at 30 Dagster was down
        Told(at("2026-06-17 00:00"), opened=(ends(LAMPS),)),  # 14 days
        Told(at("2026-06-24 00:00"), opened=(ends(LAMPS),)),  # 7 days
        Told(at("2026-06-30 00:00"), opened=(ends(LAMPS),)),  # one day
        Told(at("2026-07-01 05:00"), opened=(not_loaded(LAMPS),)),
        Told(at("2026-07-01 09:00"), opened=(not_fresh(LAMPS),)),  # the day of 06-28 came on 06-30 at 10:40
        Told(at("2026-07-06 11:00"), recovered=(ends(LAMPS),)),
        Told(at("2026-07-06 11:00"), recovered=(not_loaded(LAMPS),)),  # what was missing is loaded at once
        Told(at("2026-07-07 09:00"), recovered=(not_fresh(LAMPS),)),
        Told(at("2026-07-21 05:00"), opened=(not_loaded(FLAMES),)),
        Told(at("2026-07-21 09:00"), opened=(not_fresh(FLAMES),)),  # the day of 07-18 came on 07-20 at 20:39
        Told(at("2026-10-21 09:00"), opened=(not_whole(COFFEE), not_whole(LAMPS), not_whole(PLANTS))),
        Told(at("2026-10-28 09:00"), recovered=(not_whole(COFFEE), not_whole(LAMPS), not_whole(PLANTS))),  # of long ago
        Told(at("2027-01-30 00:00"), opened=(ends(COFFEE),)),  # 30 days; that of FLAMES ended long before
        Told(at("2027-02-01 11:00"), recovered=(ends(COFFEE),)),
    ),
)
