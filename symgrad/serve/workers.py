"""Answers from processes of their own, which are ended and replaced when one takes too long.

A process computes one answer at a time. There are three lanes of them, so that what is slow does not keep what is
quick waiting; each process keeps the models that it was asked about last.
"""

import multiprocessing
import signal
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from symgrad.serve.answers import answer, warm
from symgrad.serve.home import LANES

STARTING = 60.0  # seconds that a process may take to start, which do not count for an answer
MEMORY = 4 * 2**30  # bytes of address space that a process may have, where the system can limit it


class Workers:
    """The lanes, each with its process.

    Parameters
    ----------
    seconds : after how many an answer is given up, for all lanes; by default those of LANES.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._lanes: dict[str, _Lane] = {}
        for questions, limit in LANES.values():
            lane = _Lane(questions, limit if seconds is None else seconds)
            self._lanes.update(dict.fromkeys(questions, lane))

    def start(self) -> None:
        """Start all processes; one that is asked before starts by itself."""
        for lane in self._lanes.values():
            lane.start()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request, from a process; an `error` where there is none in time."""
        lane = self._lanes.get(str(request.get("ask")))
        if lane is None:
            return {"error": {"message": f"a request asks for one of {', '.join(self._lanes)}"}}
        return lane.answer(request)

    def close(self) -> None:
        """End all processes."""
        for lane in self._lanes.values():
            lane.close()


class _Lane:
    """A process, and whose turn it is to ask it."""

    def __init__(self, questions: tuple[str, ...], seconds: float) -> None:
        self._questions, self._seconds = questions, seconds
        self._turn = threading.Lock()
        self._process: Any = None

    def start(self) -> None:
        with self._turn:
            if self._process is None:
                self._start()

    def _start(self) -> None:
        # the threads of a server do not survive a fork; a process that is spawned has none of them
        context = multiprocessing.get_context("spawn")
        self._end, other = context.Pipe()
        self._ready = False
        self._process = context.Process(target=_work, args=(other, self._questions), daemon=True)
        self._process.start()
        other.close()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if not self._turn.acquire(timeout=STARTING + self._seconds):
            return _error("other formulas are still being computed; try again")
        try:
            if self._process is None:
                self._start()
            if not self._ready:
                if not self._end.poll(STARTING):
                    return self._replaced("the process that computes did not start; try again")
                self._ready = bool(self._end.recv())
            self._end.send(dict(request))
            if not self._end.poll(self._seconds):
                return self._replaced(f"this took longer than {self._seconds:g} s, and was ended")
            made: dict[str, Any] = self._end.recv()
            return made
        except (EOFError, OSError):
            return self._replaced("the process that computes has ended, perhaps for want of memory; try again")
        finally:
            self._turn.release()

    def _replaced(self, message: str) -> dict[str, Any]:
        """An error, with another process in the place of this one."""
        self.close()
        self._end.close()
        self._start()
        return _error(message)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message}}


def _work(end: Connection, questions: tuple[str, ...]) -> None:
    """What a process does: answer, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server is told to end, and ends its processes
    _limit_memory()
    warm(questions)
    try:
        end.send(True)
        while True:
            end.send(answer(end.recv()))
    except (EOFError, OSError):
        return


def _limit_memory() -> None:
    try:
        # not on Windows
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
