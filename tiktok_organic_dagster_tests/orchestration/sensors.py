"""Ticks of the sensors that tell people, over runs of small assets with the tables' checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    Config,
    DagsterInstance,
    Definitions,
    Failure,
    MaterializeResult,
    MetadataValue,
    SensorDefinition,
    asset,
    build_sensor_context,
    define_asset_job,
)
from pydantic import Field

from tiktok_organic_dagster import state
from tiktok_organic_dagster.automation.alerts import CHECKS, JOBS, alerts

VIDEOS, COMMENTS = TABLES = "tiktok_organic_videos", "tiktok_organic_videos_comments"


@dataclass(frozen=True)
class Tick:
    """One evaluation of a sensor: what it says, and the cursor that it leaves."""

    says: str
    cursor: str | None


def tick(sensor: SensorDefinition, instance: DagsterInstance, cursor: str | None = None, **resources: Any) -> Tick:
    """Evaluate a sensor as Dagster's daemon does."""
    with build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
        data = sensor.evaluate_tick(context)
    assert data.run_requests == []
    return Tick(str(data.skip_message), data.cursor)


@dataclass
class Watch:
    """The sensor `alerts`, tick after tick."""

    instance: DagsterInstance
    cursor: str | None = None

    def tick(self) -> str:
        found = tick(alerts(), self.instance, self.cursor)
        self.cursor = found.cursor
        return found.says


class Restricted(Config):
    """As the steps take it."""

    accounts: list[str] = Field(default=[])


@dataclass
class Loader:
    """Runs of two small tables with the checks of the real ones.

    Attributes:
        instance: Dagster's storage.
        results: What the next run's checks say, by table and check; the others pass.
        failure: What the next run fails with.
    """

    instance: DagsterInstance
    results: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    failure: Exception | None = None

    def fails(
        self,
        table: str,
        check: str,
        failing: Mapping[str, str] | None = None,
        of: Sequence[str] | None = None,
        severity: AssetCheckSeverity = AssetCheckSeverity.ERROR,
    ) -> None:
        """Let a check fail."""
        self.results[table, check] = {
            "passed": False,
            "severity": severity,
            "description": "What the description says.",
            "metadata": self._metadata(failing, of),
        }

    def passes(self, table: str, check: str, of: Sequence[str] | None = None) -> None:
        """Let a check pass, for some accounts."""
        self.results[table, check] = {"passed": True, "metadata": self._metadata(None, of)}

    def run(self, job: str = "daily_readings", accounts: Sequence[str] = (), failure: Exception | None = None) -> str:
        """Run a job; gives the run's id."""
        self.failure = failure
        configured = {"ops": {table: {"config": {"accounts": [*accounts]}} for table in TABLES}} if accounts else {}
        found = self._definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config={**configured, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        assert found.success is (failure is None)
        self.results = {}
        return found.run_id

    @cached_property
    def _definitions(self) -> Definitions:
        jobs = [define_asset_job(job) for job in (*sorted(JOBS), "an_experiment")]
        return Definitions(assets=[self._asset(table) for table in TABLES], jobs=jobs)

    def _metadata(self, failing: Mapping[str, str] | None, of: Sequence[str] | None) -> dict[str, Any]:
        return {
            **({} if failing is None else {"failing accounts": MetadataValue.json(dict(failing))}),
            **({} if of is None else {"accounts of this run": MetadataValue.json([*of])}),
        }

    def _asset(self, table: str) -> Any:
        @asset(name=table, check_specs=[AssetCheckSpec(check, asset=table) for check in CHECKS])
        def made(config: Restricted) -> MaterializeResult:  # noqa: ARG001 -- the run's config names it
            if self.failure is not None:
                raise self.failure
            return MaterializeResult(
                check_results=[
                    AssetCheckResult(check_name=check, **self.results.get((table, check), {"passed": True}))
                    for check in CHECKS
                ]
            )

        return made


def failure(text: str) -> Failure:
    """A step's own failure, as ours are."""
    return Failure(text, allow_retries=False)


def connect(home: Path, **accounts: str) -> None:
    """Let accounts be connected: id by name."""
    engine = state.engine(f"sqlite:///{home / 'state.db'}")
    with state.writing(engine) as connection:
        for username, business_id in accounts.items():
            connection.execute(
                state.accounts.insert().values(
                    business_id=business_id, username=username, client_id="c", api_url="u", scopes="", token_version=1,
                    connected_at=0.0, authorized_at=0.0, access_token="x", refresh_token="x", lease_until=0.0,
                )
            )  # fmt: skip
    engine.dispose()
