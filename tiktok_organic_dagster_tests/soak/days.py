"""Days at a TikTok that fails at random, with loaders that are killed, and what differs from the world at their end."""

import json
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from multiprocessing.process import BaseProcess

from tiktok_organic_dagster.simulator import Call
from tiktok_organic_dagster.simulator.faults import Effect, reset
from tiktok_organic_dagster.simulator.random_faults import Draws, RandomFaults
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
    Table,
)
from tiktok_organic_dagster_tests import figures, truth
from tiktok_organic_dagster_tests.faults import killing
from tiktok_organic_dagster_tests.lab import Lab
from tiktok_organic_dagster_tests.soak import loader

STEPS = ("account", "account_metrics", "videos", "comments")
RUNS_A_DAY = 8
KILLS_A_DAY = 3
"""So that the other runs of a day get through."""
RUNS_APART = timedelta(minutes=2)
"""So much later the next run of a day begins: a lease that a killed process left behind must be over by then."""
READ_FOR = timedelta(days=365)
TIMEOUT_S = 3.0
HURRIED = {"TIKTOK_ORGANIC_TIMEOUT_S": str(TIMEOUT_S), "TIKTOK_ORGANIC_THROTTLE_WAIT_S": "0.5"}
DEADLINE_S = 600.0
IMAGE = 3
"""Where a row of a comment has the image of its video."""

Todo = set[tuple[str, str]]
"""Accounts by business_id, each with a step, that are still to be read on a day."""


class Kills:
    """Kills a loader in the middle of a call, now and then, as the seed will have it."""

    def __init__(self, seed: int, share: float) -> None:
        self.killed = 0
        self.processes: Sequence[BaseProcess] = ()
        self._draws = Draws("kill", seed)
        self._days: Counter[date] = Counter()
        self._share = share

    def befalls(self, call: Call) -> Effect | None:
        random = self._draws.of(call)
        alive = [each for each in self.processes if each.is_alive()]
        day = call.moment.date()
        if random.random() >= self._share or not alive or self._days[day] == KILLS_A_DAY:
            return None
        random.choice(alive).kill()
        self._days[day] += 1
        self.killed += 1
        return reset()


class Days:
    """Days of a loader's life.

    Args:
        lab: The simulated TikTok, where everything is stored, and the clock.
        seed: Decides which calls fail and how, and when a loader is killed.
        share: Of the calls that fail.
        at_once: How many processes load the same accounts at the same time.
    """

    def __init__(self, lab: Lab, seed: int, share: float, at_once: int) -> None:
        self.runs = 0
        self.reconnected = 0
        self.rows = 0
        self.spent: Counter[str] = Counter()
        self._lab = lab
        self._at_once = at_once
        self._began = lab.clock.now()
        self._faults = RandomFaults(seed, share, TIMEOUT_S)
        self._kills = Kills(seed, share=0.004)
        self._metrics: dict[Table, dict[date, list[truth.Row]]] = {ACCOUNT_METRICS: {}, AUDIENCE_ACTIVITY: {}}
        self._seen: dict[date, dict[str, truth.Row]] = {}

    def __str__(self) -> str:
        return (
            f"{len(self._lab.simulator.calls):,} calls, {self._lab.simulator.faults.struck:,} faults, "
            f"{self.runs} runs, {self.kills} of them killed, "
            f"{self.spent['retries']:,} retries and {self.spent['pauses']:,} pauses in steps that got through, "
            f"{self.reconnected} accounts connected again, {self.rows:,} rows compared"
        )

    @property
    def kills(self) -> int:
        """How many loaders were killed."""
        return self._kills.killed

    def live(self, *, all_comments: bool = False) -> Iterator[str]:
        """Read until every account is whole, then give every difference from the world, in sentences."""
        accounts = [self._lab.business_id(each.index) for each in self._lab.world.accounts]
        todo: Todo = {(account, step) for account in accounts for step in STEPS}
        why: dict[str, str] = {}
        for number in range(RUNS_A_DAY):
            why = self._run(number, todo, all_comments=all_comments)
            if not todo:
                break
            self._connect_again()
        today = self._lab.clock.today
        yield from (f"{today}: {step} of {account} was not read: {why.get(account)}" for account, step in sorted(todo))
        yield from (f"{today}: {difference}" for difference in self._differences(all_comments=all_comments))

    def days_in_between(self) -> Iterator[str]:
        """What became of the days before today: no later run may have touched them."""
        for back in range((self._lab.clock.now() - self._began).days, -1, -1):
            day = self._lab.clock.today - timedelta(days=back)
            yield from (f"{day}, at the end: {difference}" for difference in self._readings(day))

    # Runs.

    def _run(self, number: int, todo: Todo, *, all_comments: bool) -> dict[str, str]:
        """Let loaders run side by side; take away from `todo` what they completed.

        Returns:
            Why accounts failed.
        """
        accounts = sorted({account for account, _ in todo})
        trouble = [self._lab.simulator.faults.add(each) for each in (self._faults, self._kills)]
        folders = [self._lab.settings.home / f"loader{self.runs + place}" for place in range(self._at_once)]
        processes = [
            killing.begin(
                loader.load,
                self._lab.clock.now(),
                number * RUNS_APART,
                accounts,
                all_comments,
                folder=folder,
                variables={**self._lab.variables, **HURRIED},
            )
            for folder in folders
        ]
        self._kills.processes = processes
        for process in processes:
            process.join(DEADLINE_S)
        for each in trouble:
            self._lab.simulator.faults.remove(each)
        why: dict[str, str] = {}
        for process, folder in zip(processes, folders, strict=True):
            self.runs += 1
            lines = killing.said(folder)
            assert process.exitcode in {0, -signal.SIGKILL}, lines
            for line in lines.splitlines():
                if not line.startswith("{"):  # a library's word on standard error
                    continue
                step = json.loads(line)
                why |= step["failed"]
                todo -= {(account, step["step"]) for account in accounts if account not in step["failed"]}
                self.spent.update({name: step[name] for name in figures.NAMES if name in step})
        return why

    def _connect_again(self) -> None:
        """Do what the owners of accounts do whose authorization was lost with an answer of TikTok."""
        lost = {account.business_id for account in self._lab.store.accounts() if account.needs_authorization}
        for each in self._lab.world.accounts:
            if self._lab.business_id(each.index) in lost:
                noon = self._lab.clock.moment
                self._lab.connect(each.index)
                self._lab.clock.moment = noon
                self.reconnected += 1

    # Differences.

    def _differences(self, *, all_comments: bool) -> Iterator[str]:
        yield from self._readings(self._lab.clock.today)
        yield from self._daily_metrics()
        yield from self._comments(all_comments=all_comments)
        self.rows = sum(len(self._lab.rows(table, ["_business_id"])) for table in CATALOGUE)

    def _readings(self, day: date) -> Iterator[str]:
        """The readings of a day, all of which were taken at the same hour."""
        today = self._lab.clock.moment
        self._lab.clock.moment = datetime.combine(day, today.time(), UTC)
        since = None if day == self._began.date() else datetime.combine(day, time(), UTC) - READ_FOR
        for table in (ACCOUNT, *VIDEO_TABLES):
            if table is ACCOUNT:
                wanted = truth.account(self._lab)
            elif table is VIDEOS:
                wanted = truth.videos(self._lab, since)
            else:
                wanted = truth.breakdown(self._lab, table.name.removeprefix(f"{VIDEOS.name}_"), since)
            yield from _compared(table, self._lab.rows(table, where=f"{table.day} = '{day}'"), wanted)
        self._lab.clock.moment = today

    def _daily_metrics(self) -> Iterator[str]:
        """The metrics of each day as they were shown when they were last loaded."""
        for table, shown in ((ACCOUNT_METRICS, truth.metrics), (AUDIENCE_ACTIVITY, truth.activity)):
            anew: dict[date, list[truth.Row]] = {}
            for row in shown(self._lab):
                anew.setdefault(row[1], []).append(row)
            self._metrics[table] |= anew
            wanted = [row for rows in self._metrics[table].values() for row in rows]
            yield from _compared(table, self._lab.rows(table), wanted)

    def _comments(self, *, all_comments: bool) -> Iterator[str]:
        """Every stored comment is as it was shown on the day it was last read; after a full reading none is missing."""
        now = {row[1]: row for row in truth.comments(self._lab, of_all_posts=True)}
        self._seen[self._lab.clock.today] = now
        stored = self._lab.rows(COMMENTS)
        if len({row[1] for row in stored}) != len(stored):
            yield "comments are stored twice"
        images: dict[str, list[tuple[date, str]]] = {}
        for video_id, day, image in self._lab.rows(VIDEOS, ["item_id", str(VIDEOS.day), "thumbnail_url"]):
            images.setdefault(video_id, []).append((day, image))
        for row in stored:
            read_on, gone_since = row[-2:]
            shown = self._seen[read_on].get(row[1], ())
            _, image = max(each for each in images[row[0]] if each[0] <= read_on)  # a video of a year is read no more
            if row[:-2] != (*shown[:IMAGE], image, *shown[IMAGE + 1 : -2]):
                yield f"the comment {row[1]}, read on {read_on}, is {row}; shown was {shown} with the image {image}"
            if (gone_since is not None) and row[1] in now:
                yield f"the comment {row[1]} is there, and marked as not returned since {gone_since}"
            if all_comments and row[1] not in now and gone_since is None:
                yield f"the comment {row[1]} is gone, and not marked"
        if all_comments:
            ids = {row[1] for row in stored}
            yield from (f"the comment {id_} is missing" for id_ in now if id_ not in ids)


def _compared(table: Table, stored: list[truth.Row], wanted: list[truth.Row]) -> Iterator[str]:
    wanted = truth.in_order(wanted)
    if stored != wanted:
        first = next((pair for pair in zip(stored, wanted, strict=False) if pair[0] != pair[1]), None)
        yield f"{table.name} holds {len(stored)} rows, {len(wanted)} are right; the first that differ: {first}"
