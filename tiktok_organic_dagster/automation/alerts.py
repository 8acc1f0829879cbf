"""The sensor `alerts`: tells people of failed runs, failing checks and failing ticks, and when they are over."""

from datetime import UTC, datetime

from dagster import DefaultSensorStatus, Failure, SensorDefinition, SensorEvaluationContext, SkipReason, sensor

from tiktok_organic_dagster.alerts.channels import channels_of, secrets_of
from tiktok_organic_dagster.alerts.memory import Memory
from tiktok_organic_dagster.alerts.telling import judge_and_tell
from tiktok_organic_dagster.assets.specs import (
    ACCOUNTS_CHECK,
    FRESHNESS_CHECK,
    NO_MISSING_DAYS_CHECK,
    SCHEMA_CHECK,
)
from tiktok_organic_dagster.automation.evidence import Place, Watched, look
from tiktok_organic_dagster.automation.failing_ticks import verdicts_on_ticks
from tiktok_organic_dagster.automation.purge import JOBS
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.settings import Settings
from tiktok_organic_dagster.state import engine
from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster.tiktok.errors import printable, without_secrets

INTERVAL_S = 60
CHECKS = (SCHEMA_CHECK, ACCOUNTS_CHECK, FRESHNESS_CHECK, NO_MISSING_DAYS_CHECK)
"""The checks that can be errors; the others never say more than a warning, and nobody is woken for one."""


def alerts() -> SensorDefinition:
    """The sensor; its tick says what is wrong, also while nobody is told."""

    @sensor(
        name="alerts",
        minimum_interval_seconds=INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="Tells people of failed runs, failing checks, and schedules and sensors that fail, once when they "
        "begin and once when they are over: by TIKTOK_ORGANIC_ALERT_WEBHOOK and TIKTOK_ORGANIC_ALERT_EMAIL. Each tick "
        "says what is wrong, also while neither is set.",
    )
    def told(context: SensorEvaluationContext) -> SkipReason:
        try:
            return SkipReason(_look_and_tell(context, datetime.now(UTC)))
        except TikTokOrganicError as error:
            raise Failure(str(error)) from None  # the sentence says it all

    return told


def _look_and_tell(context: SensorEvaluationContext, now: datetime) -> str:
    """One tick. It needs the state database alone: a key that is lost or wrong is told of as well."""
    settings = Settings.load()
    channels = channels_of(settings)
    opened = engine(settings.state_url)
    try:
        memory = Memory(opened, "alerts")
        connected = memory.connected()
        hidden = secrets_of(settings)
        location = context.code_location_origin.location_name if context.code_location_origin else None

        def tidy(text: str) -> str:
            return printable(without_secrets(text, hidden))

        watched = Watched(
            JOBS,
            tuple(table.name for table in CATALOGUE),
            CHECKS,
            {name.casefold(): number for number, name in connected.items()} | {number: number for number in connected},
            tidy,
            location,
        )
        verdicts, place = look(context.instance, watched, Place.of(context.cursor))
        verdicts += verdicts_on_ticks(context.instance, location, tidy)
        see = "Dagster shows all of them, at the checks of the tables."
        told = judge_and_tell(memory, channels, verdicts, connected, now, see)
        context.update_cursor(place.text())
        return told
    finally:
        opened.dispose()
