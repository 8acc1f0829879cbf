"""No secret reaches Dagster or a terminal: no storage, no file, no output, no alert, and no field of its GraphQL."""

import json
import os
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
import time_machine
import yaml
from click.testing import CliRunner
from cryptography.fernet import Fernet

from tiktok_organic_dagster.cli import main
from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import http_status, revoke_token
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.canaries import files, leaked, rows
from tiktok_organic_dagster_tests.orchestration.conftest import (
    DAGSTER_PASSWORD,
    STATE_PASSWORD,
    WAREHOUSE_PASSWORD,
)
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import LOCATION, Dagster, dagster_in_process
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.graphql_walk import Name, Walk
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, ALL_TABLES
from tiktok_organic_dagster_tests.receivers import (
    PASSWORD,
    USER,
    MailReceiver,
    WebReceiver,
    mail_receiver,
    web_receiver,
)

WEBHOOK = "secret-of-the-webhook"
BROKER_PASSWORD = "password-of-the-broker"
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION}
OF_THEIR_OWN = frozenset({
    "Asset", "AssetNode", "Instance", "Job", "Pipeline", "Repository", "Run", "Schedule", "Sensor", "Workspace",
    "WorkspaceLocationEntry",
})  # fmt: skip
# Long lists of days, once for each job, and a second name of `runOrError`: they take most of the time and add nothing.
LEFT_OUT = frozenset({"Repository.partitionSets", "Query.partitionSetsOrError", "Query.pipelineRunOrError"})
MOST_TELLING = frozenset({
    "AssetCheckEvaluation.description", "ConfiguredValue.value", "EnvVarConsumer.name", "Instance.info",
    "ExecutionStepFailureEvent.failureMetadata", "InstigationTick.error", "InstigationTick.skipReason",
    "JsonMetadataEntry.jsonString", "LogMessageEvent.message", "MarkdownMetadataEntry.mdStr", "PipelineTag.value",
    "PythonError.stack", "ResourceDetails.configuredValues", "Run.runConfigYaml", "RunConfigSchema.rootDefaultYaml",
    "RunFailureEvent.error", "Table.records", "TextMetadataEntry.text",
})  # fmt: skip


@pytest.fixture
def receivers() -> Iterator[tuple[WebReceiver, MailReceiver]]:
    with web_receiver(f"/services/{WEBHOOK}") as web, mail_receiver(login=True) as mail:
        yield web, mail


@pytest.fixture
def guarded(
    new_deployment: Callable[..., Deployment],
    in_postgres: dict[str, str],
    receivers: tuple[WebReceiver, MailReceiver],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Deployment:
    """A deployment in which every setting that is a secret is set; no account is connected yet."""
    web, mail = receivers
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    return new_deployment(
        **in_postgres,
        TIKTOK_ORGANIC_START_DATE="2026-11-01",  # few partitions, as the walk asks for each of them again and again
        TIKTOK_ORGANIC_ALERT_WEBHOOK=web.url,
        TIKTOK_ORGANIC_ALERT_EMAIL="ada@example.com",
        TIKTOK_ORGANIC_SMTP=f"smtp://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{mail.port}",
        TIKTOK_ORGANIC_CELERY_BROKER=f"redis://:{BROKER_PASSWORD}@127.0.0.1:1/0",
    )


class Owner:
    """The owner of the first account, in the place of standard input: opens what is printed, pastes what comes.

    Attributes:
        secrets: What stands in the two addresses.
    """

    def __init__(self, printed: Callable[[], str]) -> None:
        self.secrets: set[str] = set()
        self._printed = printed

    def readline(self) -> str:
        (address,) = [line for line in self._printed().splitlines() if line.startswith("http")]
        led_to = requests.get(f"{address}&as=0", allow_redirects=False, timeout=20).headers["Location"]
        query = parse_qs(urlsplit(led_to).query)
        self.secrets = {*query["state"], *query["code"]}
        return f"{led_to}\n"


@pytest.mark.timeout(600)
def test_no_secret_is_in_dagsters_storage_its_files_its_answers_an_output_or_an_alert(
    guarded: Deployment,
    receivers: tuple[WebReceiver, MailReceiver],
    dagster_postgres_home: Path,
    tmp_path: Path,
    noon: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    secrets = of_settings(guarded)
    owner = Owner(lambda: capfd.readouterr().out)
    monkeypatch.setattr(sys, "stdin", owner)
    with pytest.raises(SystemExit) as ended:
        main(["connect"])
    assert ended.value.code == 0
    secrets |= owner.secrets | tokens(guarded)
    guarded.connect_all()
    secrets |= tokens(guarded)
    # One account's token is refused and refreshed on the way; the other one ends in an error that echoes its call.
    faults = guarded.simulator.faults
    faults.add(Fault(revoke_token(), account=1, path="business/video/list", times=1))
    echo = Fault(http_status(404, f"No {' '.join(tokens(guarded))}"), account=0, path="business/get")
    faults.add(echo)
    storage = yaml.safe_load((dagster_postgres_home / "dagster.yaml").read_text())["storage"]
    outputs = [command("check"), command("accounts"), command("gaps")]

    with dagster_in_process(dagster_postgres_home, storage=storage) as dagster:
        dagster.start_daemon()
        loaded = ui.materialize(dagster, ALL_TABLES, guarded.today)
        secrets |= tokens(guarded)
        nowhere = f"postgresql://loader:{WAREHOUSE_PASSWORD}@127.0.0.1:1/nowhere"
        monkeypatch.setenv("TIKTOK_ORGANIC_WAREHOUSE", nowhere)
        failed = ui.materialize(dagster, [ACCOUNT], guarded.today)
        daemon = dagster.start_daemon()
        daemon.tick()  # with its alerts of the failed run
        monkeypatch.setenv("TIKTOK_ORGANIC_STATE", nowhere)
        ui.materialize(dagster, [ACCOUNT], guarded.today)
        noon.shift(3600)
        assert daemon.tick(), "ticks that fail, with what is kept of their errors"
        outputs.append(command("accounts"))
        monkeypatch.setenv("TIKTOK_ORGANIC_STATE", guarded.variables["TIKTOK_ORGANIC_STATE"])
        outputs += [command("gaps"), *new_key(guarded, secrets, monkeypatch)]
        faults.remove(echo)
        outputs.append(command("disconnect", guarded.store.accounts()[0].business_id))

        assert {"SUCCESS", "FAILURE"} <= {run["status"] for run in ui.runs(dagster)}
        answers, walk = answers_of(dagster, loaded, failed)

    web, mail = receivers
    assert web.got
    assert mail.texts
    captured = capfd.readouterr()
    databases = [guarded.variables[f"TIKTOK_ORGANIC_{name}"] for name in ("WAREHOUSE", "STATE")]
    told = [
        *answers,
        *files(tmp_path),
        *(text for database in [*databases, dagsters_database()] for text in rows(database)),
        *outputs,
        captured.out,
        captured.err,
        *map(json.dumps, web.got),
        *mail.texts,
    ]
    # Settings, one of them twice; two addresses; two tokens of the first connection, of each account, and refreshed.
    assert len(secrets) == 8 + 1 + 2 + 2 + 2 * 2 + 2
    assert guarded.username(1) in "".join(answers)
    assert "127.0.0.1" in "".join(answers)
    assert walk.asked >= MOST_TELLING
    assert len(walk.asked) > 1_500
    assert leaked(secrets, told) == set()


def test_what_is_looked_for_would_be_found() -> None:
    secret = "act.Ab1!/+ c?"
    for before in range(4):
        for text in (secret, quote(secret, safe=""), b64encode(b"x" * before + secret.encode() + b"yz").decode()):
            assert leaked({secret, "another"}, ["nothing", f"some {text} there"]) == {secret}


def command(*arguments: str) -> str:
    """What a command says, on both ways."""
    return CliRunner().invoke(main, list(arguments)).output


def new_key(deployment: Deployment, secrets: set[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Another key for the tokens; a key that was taken away too early first."""
    old, new = deployment.variables["TIKTOK_ORGANIC_KEY"], Fernet.generate_key().decode()
    secrets.add(new)
    monkeypatch.setenv("TIKTOK_ORGANIC_KEY", new)
    too_early = command("accounts")
    assert "is not the one that the stored tokens were encrypted with" in too_early
    monkeypatch.setenv("TIKTOK_ORGANIC_KEY", f"{new},{old}")
    rotated = command("rotate-key")
    assert "are encrypted with the first key" in rotated
    return [too_early, rotated]


def tokens(deployment: Deployment) -> set[str]:
    """The tokens that the accounts have now."""
    pairs = [deployment.store.pair(account.business_id) for account in deployment.store.accounts()]
    return {token for pair in pairs for token in (pair.access_token, pair.refresh_token)}


def of_settings(deployment: Deployment) -> set[str]:
    """The secrets in the environment."""
    return {
        deployment.variables["TIKTOK_CLIENT_SECRET"],
        deployment.variables["TIKTOK_ORGANIC_KEY"],
        WAREHOUSE_PASSWORD,
        STATE_PASSWORD,
        DAGSTER_PASSWORD,
        WEBHOOK,
        PASSWORD,
        BROKER_PASSWORD,
    }


def dagsters_database() -> str:
    """Dagster's own database, as the environment names it."""
    return f"dbname={os.environ['DAGSTER_PG_DB']} user={os.environ['DAGSTER_PG_USERNAME']}"


def answers_of(dagster: Dagster, run: str, failed: str) -> tuple[list[str], Walk]:
    """What the web server tells: each field of its schema, in full of a run that loaded and of one that failed."""
    walk = Walk(
        dagster.post,
        {
            "RepositorySelector": REPOSITORY,
            "PipelineSelector": {**REPOSITORY, "pipelineName": "daily_readings"},
            "GraphSelector": {**REPOSITORY, "graphName": "daily_readings"},
            "ScheduleSelector": {**REPOSITORY, "scheduleName": "daily_readings"},
            "SensorSelector": {**REPOSITORY, "sensorName": "alerts"},
            "ResourceSelector": {**REPOSITORY, "resourceName": "tiktok"},
            "InstigationSelector": {**REPOSITORY, "name": "new_account"},
            "AssetKeyInput": {"path": [ACCOUNT]},
            "RunsFeedView": Name("ROOTS"),
            "runId": run,
            "name": LOCATION,
            "locationName": LOCATION,
            "mode": "default",
            "pipelineName": "daily_readings",
            "checkName": "schema",
            "logKey": [run, "compute_logs", "account"],
            "limit": 1_000,
        },
        OF_THEIR_OWN,
        LEFT_OUT,
    )
    answers = [*walk.answers(), *walk.answer("runOrError", runId=failed)]
    for kind, field in (("schedules", "Schedule"), ("sensors", "Sensor")):
        for each in ui.definitions(dagster)[kind]:
            name = field.lower()
            answers += walk.answer(
                f"{name}OrError", **{f"{field}Selector": {**REPOSITORY, f"{name}Name": each["name"]}}
            )
    return answers, walk
