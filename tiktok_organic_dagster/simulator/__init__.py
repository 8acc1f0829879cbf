"""A stand-in for TikTok's Accounts API: a seeded world and the server that answers from it."""

from tiktok_organic_dagster.simulator.accounts import AccountKind, SimulatedAccount
from tiktok_organic_dagster.simulator.calls import Call
from tiktok_organic_dagster.simulator.changes import ABSENT
from tiktok_organic_dagster.simulator.faults import Fault
from tiktok_organic_dagster.simulator.limits import Limits
from tiktok_organic_dagster.simulator.server import Simulator, run
from tiktok_organic_dagster.simulator.world import World

__all__ = ["ABSENT", "AccountKind", "Call", "Fault", "Limits", "SimulatedAccount", "Simulator", "World", "run"]
