"""The Chromium that the tests drive: the one that is installed, as Playwright's own is a download of its own."""

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REMEDY = "Install one (apt-get install chromium), or set CHROMIUM to the path of yours."
FLAGS = (
    "--no-sandbox",  # it does not start as root otherwise, and only pages of ours are opened
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing but this machine is asked
)


class NoChromiumError(Exception):
    """There is no Chromium; the text says what to do."""


def installed() -> str:
    """The path of the installed Chromium.

    Raises:
        NoChromiumError: There is none.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        path = shutil.which(named)
        if path is None:
            raise NoChromiumError(f"CHROMIUM is {named}, which is no program. {REMEDY}")
        return path
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    raise NoChromiumError(f"The tests in the browser need Chromium, and none is installed. {REMEDY}")


if __name__ == "__main__":
    try:
        installed()
    except NoChromiumError as error:
        sys.exit(str(error))
