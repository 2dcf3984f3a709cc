"""A limit of processor time, of which other processes take nothing."""

import contextlib
import signal
from collections.abc import Iterator
from typing import Any


class Limit:
    """Allows so much of the process's time (not the clock's) to all that is done under it.

    Parameters
    ----------
    seconds : of processor time.
    exceeded : what is raised in what goes on for longer.
    """

    def __init__(self, seconds: float, exceeded: Exception) -> None:
        self._left, self._exceeded = seconds, exceeded

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        def stop(number: int, frame: Any) -> None:
            raise self._exceeded

        before = signal.signal(signal.SIGPROF, stop)
        # zero would be no limit; what catches the exception and goes on gets another
        signal.setitimer(signal.ITIMER_PROF, max(self._left, 1e-3), 1)
        try:
            yield
        finally:
            self._left = signal.setitimer(signal.ITIMER_PROF, 0)[0]
            signal.signal(signal.SIGPROF, before)
