"""Several callers of one process, of which a test says who goes on next: they stop wherever they wait."""

from collections.abc import Callable
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet


class Caller:
    """A function that runs until it waits, and goes on when it is told to.

    Attributes:
        result: What it returned, once it has.
        error: What it raised, once it has.
    """

    def __init__(self, run: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: Exception | None = None
        self._run = run
        self._greenlet = greenlet(self._to_the_end)

    def _to_the_end(self) -> None:
        try:
            self.result = self._run()
        except Exception as error:  # noqa: BLE001 -- the test judges it
            self.error = error

    def go_on(self) -> None:
        """Run until it waits again, or to its end."""
        self._greenlet.switch()

    def end(self) -> None:
        """End it where it waits."""
        if not self.is_over:
            self._greenlet.throw(GreenletExit)

    @property
    def is_over(self) -> bool:
        """Whether it returned or raised."""
        return self._greenlet.dead


def wait() -> None:
    """Let the test go on; what a caller does in place of sleeping, or while a call is on its way."""
    test = getcurrent().parent
    if test is not None:
        test.switch()
