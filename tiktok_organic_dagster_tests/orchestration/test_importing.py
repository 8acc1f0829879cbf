"""Loading the code location touches nothing: no file written, no socket, no database."""

import json
import os
import subprocess
import sys
from pathlib import Path

WATCHER = """
import json, sys
import dagster, urllib3  # they look at this machine when imported: `file` on the interpreter, a socket on ::1

seen = []

def watch(event, args):
    if event == "open":
        path, mode, flags = args
        writes = isinstance(flags, int) and flags & 0o1103  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
        if writes and str(path) != "/dev/null":
            seen.append(f"open {path}")
    elif event.startswith(("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "sqlite3.connect",
                           "os.mkdir", "os.rename", "os.remove", "subprocess.Popen", "os.system", "os.fork")):
        seen.append(f"{event} {args[-1]!r}")

sys.addaudithook(watch)
import tiktok_organic_dagster.definitions as module
module.defs.resolve_all_asset_specs()
for job in ("daily_readings", "account_metrics_refresh"):
    module.defs.resolve_job_def(job)
print(json.dumps(seen))
"""


def test_loading_the_definitions_writes_nothing_and_opens_no_socket_and_no_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    done = subprocess.run(
        [sys.executable, "-c", WATCHER], cwd=home, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert list(home.rglob("*")) == []
