"""Full disks: of the warehouse, of the temporary folder, of the state. The thing is named, and what was there stays."""

import json
from collections.abc import Callable

import psycopg2
import pytest

from tiktok_organic_dagster.tables import STEPS
from tiktok_organic_dagster_tests.faults import killing, kills, works
from tiktok_organic_dagster_tests.lab import Lab

SIZE_OF_A_LOG = 20_000
NO_ROOM = """
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file "base/5/1259": No space left on device' USING ERRCODE = 'disk_full';
    END $$;
    CREATE CONSTRAINT TRIGGER no_room AFTER INSERT ON tiktok_organic_videos_audience_genders
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no_room();
"""


def test_a_full_disk_is_named_and_leaves_what_was_there(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_account()
    lab.read_videos()
    home = lab.settings.home
    file = lab.settings.warehouse_url.removeprefix("duckdb:///")
    for step, what, size, said in (
        ("videos", "warehouse", SIZE_OF_A_LOG, (f"The warehouse {file} refused: ", "File too large", "has room")),
        ("videos", "spool", 4_000, (f"temporary folder {home / 'tmp'}: File too large", "set TMPDIR")),
        ("account", "state", 0, (f"The state database {home / 'state.db'} failed: disk I/O error",)),
    ):
        kills.change_the_world(lab)
        before = kills.units(lab, step)
        arguments = (lab.settings, lab.clock.now(), step, what, size, home / "said.json")

        assert not killing.run(works.read_on_a_full_disk, *arguments, folder=home)

        (error,) = json.loads((home / "said.json").read_text())
        for part in said:
            assert part in error
        assert kills.units(lab, step) == before
        assert [outcome.error for outcome in works.STEPS[step](lab)] == [None]
        kills.assert_exact(lab, STEPS[step])


@pytest.mark.parametrize("warehouse_url", ["postgres"], indirect=True)
def test_a_disk_of_postgresql_that_is_full_at_the_commit_undoes_the_whole_reading(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    """A constraint that fails when the transaction is committed stands in for the disk: nobody can fill one by wish."""
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    lab.read_videos()
    kills.change_the_world(lab)
    before = kills.units(lab, "videos")
    _carry_out(warehouse_url, NO_ROOM)

    (outcome,) = lab.read_videos()

    assert "refused: could not extend file" in (outcome.error or "")
    assert "No space left on device. What it held before is still there" in (outcome.error or "")
    assert kills.units(lab, "videos") == before
    _carry_out(warehouse_url, "DROP TRIGGER no_room ON tiktok_organic_videos_audience_genders")
    assert lab.read_videos()[0].error is None
    kills.assert_exact(lab, STEPS["videos"])


def _carry_out(url: str, statements: str) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statements)
    connection.close()
