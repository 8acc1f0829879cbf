"""State databases of each kind; that of PostgreSQL is for many examples, as it is slower."""

import pytest

from tiktok_organic_dagster import state


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.soak)])
def engine(request, tmp_path):
    if request.param == "sqlite":
        opened = state.engine(f"sqlite:///{tmp_path}/state.db")
    else:
        opened = state.engine(request.getfixturevalue("new_postgres_database")())
    yield opened
    opened.dispose()
