"""What the data dictionary says of all tables together."""

HOW_TO_READ = """
# The tables

What each of the 12 tables and its columns mean, where they come from in TikTok's answers, and what is easily got wrong.
To ask questions of them, start with [the example queries](queries.md).

<!-- Made by `make docs` from tiktok_organic_dagster/tables/. Do not edit here: a test compares the two. -->

## How to read them

**Three kinds of tables.** Look first at what a row's date means.

| kind | tables | `metric_date` is |
| --- | --- | --- |
| readings | `tiktok_organic_account`, `tiktok_organic_videos` and its breakdowns | the day on which TikTok was asked |
| days | `tiktok_organic_account_metrics` and `..._audience_activity` | the day that the numbers are about |
| latest state | `tiktok_organic_videos_comments` | none; `_read_date` is the day on which a comment was last seen |

**A reading** is what TikTok said of an account or its posts on a day (UTC). Its numbers are totals over a lifetime: a
post's `video_views` of yesterday's reading and of today's are two states of one counter. To know where things stand,
take the newest reading **of each post**, not of the account: only the first reading holds every post, later ones those
of the last 365 days. To know what happened between two readings, take their difference. Never add readings up. TikTok
cannot be asked for the past, so a day without a reading stays without one; the difference across the gap still holds.

**Days** are finished numbers of one day each, and may be added up, except those that count people.

**`_business_id`** is the account. It is part of every key and the way to join: usernames change, and each row keeps
the name that was known when it was last written. The id belongs to one developer app of yours: if you connect an
account through another app, say so with `tiktok-organic connect --replace`, which moves its rows to the new id.

**Keys** are unique in each table, also when a day is loaded again or two runs load at once. PostgreSQL holds them as
primary keys; in DuckDB, and for *never* under NULL in both, the loader sees to it without a constraint.

**NULL is not 0.** 0 means that TikTok counted none. NULL means that TikTok did not say: it has no such number for this
kind of account, the permission (scope) was not granted, the post is a photo, or the value is withheld for the time
being. An empty text is one that TikTok sent empty. Averages leave NULL out, and so does `sum`; write `coalesce(x, 0)`
only where you know that none was meant. Columns with *never* under NULL always have a value.

**Dates and times are UTC**, also `metric_date`: a day of yours may reach over two of them. But timestamps are shown,
exported, and cast to dates in the time zone of your session, in DuckDB that of your computer. Begin with
`SET TimeZone = 'UTC'`, or write `CAST(create_time AT TIME ZONE 'UTC' AS DATE)`. For local time see
[the best hour to post](queries.md#which-hour-is-best-to-post).

**All numbers are floats**, counts too. Ids are texts: with 19 digits they are too long for a number, in spreadsheets
and in JavaScript as well.

**When a day is complete,** as the schedules load every day: TikTok publishes most of its numbers late.

| | is there | is final |
| --- | --- | --- |
| profile (`tiktok_organic_account`) | on the day itself | at once |
| metrics of a day | 1 to 2 days after it ended | presumably then (not documented); the last 7 days are loaded daily |
| numbers of posts | in each reading, 24 to 48 hours old | 365 days after the post was published |
| comments | up to 2 days after they were written, up to 30 for edits and deletions | never |

**Source** says for each table which objects in the `data` of TikTok's answer become rows, such as each `videos[]`, and
for each column the field of that object. The scope is the permission behind it that the account's owner grants; without
it the column is NULL. *Only* names the kind of account that has it; without it every account has it. *The loader* is
this project. What is called *not documented* is so in TikTok's own documentation of the Accounts API v1.3.

**Personal data** of people who commented is marked. It stands in `tiktok_organic_videos_comments` alone, and is kept
out of logs and of previews in Dagster. [The policies](policies.md#personal-data-of-commenters) say how to store hashes
in its place, and how to erase a person.

**Types** are these:
"""

OWN_TABLES_INTRODUCTION = """
## The loader's own tables

Three more tables stand beside the 12. The loader writes them in the transaction of the rows they tell of, so they are
never ahead of them or behind. Read them, to know what was loaded when, and what is missing; change nothing in them.
(`_schema_version` holds the version of these tables, for upgrades.)
"""
