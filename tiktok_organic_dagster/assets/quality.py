"""The rules of data quality as asset checks: warnings with their numbers, made from the warehouse alone."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    Failure,
    MetadataValue,
    multi_asset_check,
)

from tiktok_organic_dagster.assets.results import shown_table, with_remedies, without_markup
from tiktok_organic_dagster.assets.specs import FAILING_ACCOUNTS, TROUBLESHOOTING
from tiktok_organic_dagster.errors import TikTokOrganicError
from tiktok_organic_dagster.quality import RULES, Rule, Unusual, Verdict, verdict_of
from tiktok_organic_dagster.readings.progress import counted, warehouse_waits_told
from tiktok_organic_dagster.resources import WarehouseResource


def quality_key(rule: Rule) -> AssetCheckKey:
    """The key of a rule's check."""
    return AssetCheckKey(AssetKey(rule.table.name), rule.name)


QUALITY_CHECKS = tuple(map(quality_key, RULES))
"""The checks of data quality. They need no materialization: a run of the checks alone makes them."""


def quality_checks() -> AssetChecksDefinition:
    """The checks of data quality, made by one op that looks at the warehouse."""

    @multi_asset_check(
        name="data_quality",
        description="Compares what is stored: counts with each other, and the newest reading with the one before. It "
        "calls nobody and writes nothing.",
        specs=[
            AssetCheckSpec(
                rule.name,
                asset=rule.table.name,
                description=f"{rule.meaning} Never more than a warning. What to do: {TROUBLESHOOTING}.",
            )
            for rule in RULES
        ],
        can_subset=True,
    )
    def data_quality(context: AssetCheckExecutionContext, warehouse: WarehouseResource) -> Iterator[AssetCheckResult]:
        rules = [rule for rule in RULES if quality_key(rule) in context.selected_asset_check_keys]
        today = datetime.now(UTC).date()
        try:
            with warehouse.open(warehouse_waits_told(time.sleep, context.log.info)).session() as session:
                verdicts = [verdict_of(rule, session, today) for rule in rules]
        except TikTokOrganicError as error:
            raise Failure(str(error)) from None  # the sentence says it all
        for rule, verdict in zip(rules, verdicts, strict=True):
            result = quality_result(rule, verdict)
            if not result.passed:
                context.log.warning("%s of %s: %s", rule.name, rule.table.name, result.description)
            yield result

    return data_quality


def quality_result(rule: Rule, verdict: Verdict) -> AssetCheckResult:
    """What the UI shows of a verdict, and what alerts read of it."""
    unusual = sorted(verdict.unusual, key=lambda each: (-each.how_far, each.username))
    lines = [f"@{each.username}: {each.why}" for each in unusual]
    return AssetCheckResult(
        passed=not unusual,
        asset_key=rule.table.name,
        check_name=rule.name,
        severity=AssetCheckSeverity.WARN,
        description=" ".join(
            [
                with_remedies(lines, [rule.remedy]) if lines else _fine(rule, verdict),
                *map(without_markup, verdict.notes),
            ]
        ),
        metadata={
            "accounts compared": verdict.accounts,
            f"{rule.unit[1]} compared": verdict.compared,
            "accounts that are unusual": len({each.username for each in unusual}),
            **(_details(unusual) if unusual else {}),
        },
    )


def _fine(rule: Rule, verdict: Verdict) -> str:
    if not verdict.accounts:
        return (
            "Nothing to compare: there is no reading of the last days, or only one where two are compared, or TikTok "
            "gives no account these numbers."
        )
    accounts = counted(verdict.accounts, "account", "accounts")
    return f"{accounts}, {counted(verdict.compared, *rule.unit)} compared: nothing unusual."


def _details(unusual: Sequence[Unusual]) -> dict[str, MetadataValue[Any]]:
    reasons: dict[str, list[str]] = {}
    for each in unusual:
        reasons.setdefault(f"@{each.username}", []).append(each.why)
    return {
        "details": shown_table(
            ("account", *unusual[0].numbers), [(f"@{each.username}", *each.numbers.values()) for each in unusual]
        ),
        FAILING_ACCOUNTS: MetadataValue.json({username: "; ".join(why) for username, why in reasons.items()}),
    }
