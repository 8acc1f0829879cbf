"""What the tables and the ledger must hold at the end of a story; each difference is a sentence."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tiktok_organic_dagster.ledger import State
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    METRIC_TABLES,
    VIDEO_TABLES,
    VIDEOS,
    Table,
)
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.year.said import Said
from tiktok_organic_dagster_tests.year.story import DAY, METRICS, READINGS, Connected, Story, days

DAILY_RUN = time(5)
LOADABLE_FOR = 58 * DAY
LOADED_AGAIN_FOR = 7 * DAY
READ_FOR = timedelta(days=365)
IMAGE = 2
"""Where a row of account metrics has its image, whose address is signed anew all the time."""
CREATED = 4
"""Where a row of a comment has the moment at which it was written."""
COMMENTS_READ_AGAIN = timedelta(days=30)

Days = Mapping[date, str]
Place = tuple[int, str]
"""An account and the name of a table."""
Loaded = Mapping[date, Sequence[truth.Row]]


class Expected:
    """What must have come of a story.

    Args:
        story: The story, which has been played.
        deployment: Where it was played.
    """

    def __init__(self, story: Story, deployment: Deployment) -> None:
        self._story = story
        self._deployment = deployment
        self._world = deployment.world
        self.rows = 0

    def in_tables(self) -> Iterator[str]:
        """What is not as it should be in the twelve tables."""
        for account in self._story.accounts:
            said = Said(self._deployment, account)
            yield from self._readings(account, said)
            yield from self._metrics(account, said)
            yield from self._comments(account, said)

    def in_ledger(self, ledger: Mapping[Place, Mapping[State, Days]]) -> Iterator[str]:
        """What the ledger says that is not so: which days are loaded, and which are lost and why.

        Args:
            ledger: The days of each state with their reasons, by account and table.
        """
        for account in self._story.accounts:
            for table in CATALOGUE:
                is_metrics = table in METRIC_TABLES
                what = f"{table.name} of {self._name(account)}"
                said = ledger.get((account, table.name), {})
                loaded = self.days_of_metrics(account) if is_metrics else self.days_of_readings(account)
                lost = self._story.lost_days(account, METRICS if is_metrics else READINGS)
                yield from self._compared_days(f"the loaded days of {what}", loaded, said.get(State.LOADED, {}))
                yield from self._compared_days(f"the lost days of {what}", lost, said.get(State.LOST, {}))
                for each, why in said.get(State.LOST, {}).items():
                    if lost.get(each, "") not in why:
                        yield f"{what}: {each} is lost because {why!r}, and not because {lost[each]!r}"

    # Readings.

    def days_of_readings(self, account: int) -> list[date]:
        """The days on which a reading must have been taken."""
        lost = self._story.lost_days(account, READINGS)
        first = self._story.connected(account).date()
        return [each for each in days(first, self._story.today) if each not in lost and self._is_over(account, each)]

    def _is_over(self, account: int, day: date) -> bool:
        """Whether an account could be read on a day; the last day of a story is not lost yet."""
        return day != self._story.today or self._story.is_authorized(account, self._story.end)

    def _readings(self, account: int, said: Said) -> Iterator[str]:
        wanted = self.days_of_readings(account)
        for what, moments in (("profile", said.profile_moments()), ("posts", said.video_moments())):
            yield from self._compared_days(
                f"TikTok's answers about the {what} of {self._name(account)}", wanted, moments
            )
        profiles = {each: truth.account(said.as_it_was(moment)) for each, moment in said.profile_moments().items()}
        yield from self._compared(account, ACCOUNT, self._loaded(account, ACCOUNT), profiles)
        first = self._story.connected(account).date()
        for table in VIDEO_TABLES:
            name = table.name.removeprefix(f"{VIDEOS.name}_")
            expected: dict[date, list[truth.Row]] = {}
            for each, moment in said.video_moments().items():
                since = None if each == first else datetime.combine(each, time(), UTC) - READ_FOR
                then = said.as_it_was(moment)
                expected[each] = truth.videos(then, since) if table is VIDEOS else truth.breakdown(then, name, since)
            yield from self._compared(account, table, self._loaded(account, table), expected)

    # Metrics.

    def _metrics(self, account: int, said: Said) -> Iterator[str]:
        metrics, activity = said.metrics()
        yield from self._compared_days(
            f"TikTok's answers about the metrics of {self._name(account)}", self.days_of_metrics(account), metrics
        )
        loaded = self._loaded(account, ACCOUNT_METRICS)
        yield from self._compared(account, ACCOUNT_METRICS, loaded, {each: [row] for each, row in metrics.items()})
        yield from self._compared(account, AUDIENCE_ACTIVITY, self._loaded(account, AUDIENCE_ACTIVITY), activity)
        for each in self.days_of_metrics(account):
            last = self._last_look(account, each)
            final = [row for row in truth.metrics(said.as_it_was(last), (last.date() - each).days) if row[1] == each]
            stored = loaded.get(each, [])
            if [_without_image(row) for row in stored] != [_without_image(row) for row in final]:
                yield f"{self._name(account)}: metrics of {each} are not those that TikTok showed on {last:%F %H:%M}"

    def days_of_metrics(self, account: int) -> list[date]:
        """The days whose metrics could be loaded at some moment."""
        first = max(self._story.connected(account).date() - LOADABLE_FOR, self._story.first_partition)
        return [each for each in days(first, self._story.today) if self._looks(account, each)]

    def _last_look(self, account: int, day: date) -> datetime:
        """When a day's metrics are loaded last: with the daily runs of its week, or else once, to make up for them."""
        looks = self._looks(account, day)
        return max((look for look in looks if look.date() - day <= LOADED_AGAIN_FOR), default=min(looks))

    def _looks(self, account: int, day: date) -> list[datetime]:
        """The moments at which a day's metrics were there to be loaded."""
        published = self._world.published_at(account, day)
        return [
            moment for moment in self._chances(account) if published <= moment and moment.date() - day <= LOADABLE_FOR
        ]

    def _chances(self, account: int) -> list[datetime]:
        """The ticks of the daily runs, and the first ones after an outage or a connection, which make up for them."""
        ticks = [hour for hour in self._story.hours() if not self._story.is_down(hour)]
        missed = {next(tick for tick in ticks if tick >= outage.end) for outage in self._story.outages}
        begun = {
            next(tick for tick in ticks if tick >= event.at)
            for event in self._story.events
            if isinstance(event, Connected) and event.account == account
        }
        return [
            tick
            for tick in ticks
            if (tick.time() == DAILY_RUN or tick in missed | begun) and self._story.is_authorized(account, tick)
        ]

    # Comments.

    def _comments(self, account: int, said: Said) -> Iterator[str]:
        shown = said.comments()
        stored = {row[1]: row for rows in self._loaded(account, COMMENTS).values() for row in rows}
        name = self._name(account)
        for id_ in shown.keys() | stored.keys():
            row, expected = stored.get(id_), shown.get(id_)
            if row is None or expected is None:
                yield f"{name}: the comment {id_} is {'not stored' if row is None else 'stored, and was never shown'}"
            elif row[:-1] != expected.row[:-1]:
                yield f"{name}: the comment {id_} is {row[:-1]}, TikTok showed {expected.row[:-1]}"
        last = max(said.video_moments().values())
        for post in self._world.posts(account, last):
            if datetime.fromtimestamp(post.created, UTC) >= datetime.combine(last, time(), UTC) - READ_FOR:
                yield from self._newest(name, said, post.item_id, last, stored)

    def _newest(
        self, name: str, said: Said, video_id: str, last: datetime, stored: Mapping[str, truth.Row]
    ) -> Iterator[str]:
        """Comments that the counter of a post had counted at the last reading are stored, and not long ago."""
        there = {row[1]: row for row in said.comments_at(video_id, last)}
        counted = datetime.fromtimestamp(self._world.counted_at(last), UTC)
        gone = [row for id_, row in stored.items() if row[0] == video_id and id_ not in there]
        for id_, row in there.items():
            if row[CREATED] <= counted and id_ not in stored and not gone:
                yield f"{name}: the comment {id_} of {row[CREATED]} was never read"
            if id_ in stored and stored[id_][-1] is not None:
                yield f"{name}: the comment {id_} is there, and marked as not returned since {stored[id_][-1]}"
            if id_ in stored and stored[id_][-2] < (last - COMMENTS_READ_AGAIN).date():
                yield f"{name}: the comment {id_} was last read on {stored[id_][-2]}"
        for row in gone:
            if row[-1] is None and row[-2] < (last - COMMENTS_READ_AGAIN).date():
                yield f"{name}: the comment {row[1]} is gone, and not marked"

    # Inside.

    def _name(self, account: int) -> str:
        return f"@{self._world.accounts[account].username}"

    def _loaded(self, account: int, table: Table) -> Loaded:
        rows = self._deployment.rows(table, where=f"_business_id = '{self._deployment.business_id(account)}'")
        self.rows += len(rows)
        names = [name for name in table.column_names if name != "_loaded_at"]
        place = names.index(table.day)
        by_day: dict[date, list[truth.Row]] = defaultdict(list)
        for row in rows:
            by_day[row[place]].append(row)
        return by_day

    def _compared(
        self, account: int, table: Table, loaded: Loaded, expected: Mapping[date, Iterable[truth.Row]]
    ) -> Iterator[str]:
        for each in sorted(loaded.keys() | expected.keys()):
            there, wanted = list(loaded.get(each, [])), truth.in_order(expected.get(each, []))
            if there != wanted:
                first = next((pair for pair in zip(there, wanted, strict=False) if pair[0] != pair[1]), None)
                yield (
                    f"{self._name(account)}: {table.name} of {each} has {len(there)} rows, {len(wanted)} are expected; "
                    f"the first that differ: {first}"
                )

    def _compared_days(self, what: str, wanted: Iterable[date], found: Iterable[date]) -> Iterator[str]:
        missing, more = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
        if missing:
            yield f"{what} lack {', '.join(map(str, missing))}"
        if more:
            yield f"{what} hold {', '.join(map(str, more))}, which cannot be"


def _without_image(row: Sequence[Any]) -> tuple[Any, ...]:
    return (*row[:IMAGE], *row[IMAGE + 1 :])
