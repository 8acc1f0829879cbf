"""The DuckDB file: who holds it, what is wrong with it, where it lies."""

from pathlib import Path

import pytest

from tiktok_organic_dagster.tables import VIDEOS
from tiktok_organic_dagster.warehouse import WarehouseBusyError, WarehouseError
from tiktok_organic_dagster.warehouse.duckdb import DuckDBWarehouse
from tiktok_organic_dagster_tests.databases_that_refuse import held_by_another_program
from tiktok_organic_dagster_tests.unit.warehouse.rows import warehouse_at


@pytest.fixture
def held_file(tmp_path):
    """A DuckDB file that another process has open; with the process."""
    file = tmp_path / "held.duckdb"
    with held_by_another_program(file) as holder:
        yield file, holder


def test_a_file_that_another_process_holds_is_waited_for(held_file):
    file, holder = held_file
    waits = []

    def let_go(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            holder.communicate()

    with DuckDBWarehouse(file, lock_wait_s=60, sleep=let_go).session() as session:
        assert session.query("SELECT 1") == [(1,)]
    assert len(waits) == 3


def test_a_file_that_is_not_let_go_names_its_holder_and_the_way_out(held_file):
    file, holder = held_file
    with pytest.raises(WarehouseError) as caught, DuckDBWarehouse(file, lock_wait_s=0).session():
        pass
    for part in (str(file), f"PID {holder.pid}", "python", "PostgreSQL"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_glance_at_a_file_that_another_process_holds_waits_for_nothing(held_file):
    file, holder = held_file
    with pytest.raises(WarehouseBusyError) as caught, DuckDBWarehouse(file, sleep=_never).glance():
        pass
    assert f"PID {holder.pid}" in str(caught.value)


@pytest.mark.parametrize("way", ["look", "glance"])
def test_to_read_where_no_file_is_makes_none(tmp_path, way):
    with getattr(DuckDBWarehouse(tmp_path / "home/w.duckdb", "tiktok"), way)() as session:
        assert not session.holds(VIDEOS)
    assert list(tmp_path.iterdir()) == []


def test_the_wait_for_a_file_is_two_minutes_unless_told_otherwise(tmp_path):
    assert DuckDBWarehouse(tmp_path / "w.duckdb")._lock_wait_s == 120  # noqa: SLF001


def _never(_seconds):
    raise AssertionError("there is nothing to wait for")


@pytest.mark.parametrize("folder", ["home", "locked", "with space", "änderung"])
@pytest.mark.parametrize("content", [b"this is a text, and no database" * 50, b"x", b"\0" * 20_000])
def test_a_file_that_is_no_database_is_a_clear_error_at_once(tmp_path, folder, content):
    file = tmp_path / folder / "warehouse.duckdb"
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(WarehouseError) as caught, DuckDBWarehouse(file, sleep=_never).session():
        pass
    assert str(file) in str(caught.value)
    assert "DuckDB file" in str(caught.value)
    assert file.read_bytes() == content


@pytest.mark.parametrize("damage", ["header", "cut"])
def test_a_damaged_file_is_a_clear_error(tmp_path, damage):
    file = tmp_path / "warehouse.duckdb"
    with DuckDBWarehouse(file).session() as session:
        session.prepare([VIDEOS])
    content = bytearray(file.read_bytes())
    content[4096:8192] = bytes(4096)
    content[8192:12288] = bytes(4096)
    file.write_bytes(content if damage == "header" else content[:5000])
    with pytest.raises(WarehouseError, match=r"warehouse\.duckdb"), DuckDBWarehouse(file, sleep=_never).session():
        pass


def test_a_folder_in_place_of_the_file_is_a_clear_error(tmp_path):
    with pytest.raises(WarehouseError) as caught, DuckDBWarehouse(tmp_path, sleep=_never).session():
        pass
    assert str(tmp_path) in str(caught.value)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(WarehouseError, match="TIKTOK_ORGANIC_HOME") as caught,
        DuckDBWarehouse(tmp_path / "file/below/w.duckdb", sleep=_never).session(),
    ):
        pass
    assert str(tmp_path / "file") in str(caught.value)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_to_is_a_clear_error():
    with pytest.raises(WarehouseError, match=r"/proc/w\.duckdb"), DuckDBWarehouse(Path("/proc/w.duckdb")).session():
        pass


def test_the_folder_is_made_and_private(tmp_path):
    with DuckDBWarehouse(tmp_path / "home/w.duckdb").session():
        pass
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_naming_a_warehouse_writes_nothing(tmp_path):
    warehouse_at(f"duckdb:///{tmp_path}/home/w.duckdb")
    warehouse_at("postgresql://nobody@127.0.0.1:9/x")
    assert list(tmp_path.iterdir()) == []
