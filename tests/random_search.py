"""Looking for failures with new random numbers: what was found is made smaller for a while, and told shortly."""

import time
import traceback
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import seed

SHRINKING_SECONDS = 60.0
FRAMES = 3  # of a traceback: where it happened


class Memory:
    """What became of the models of one test, so that hypothesis sees a failure fail again whatever the time.

    A model that was too slow is faster when SymPy has seen it before; and when the time for making a failure smaller is
    over, all models that did not fail before pass, which ends it.
    """

    def __init__(self) -> None:
        self._failed: dict[Hashable, Exception] = {}
        self._end = float("inf")

    def run(self, key: Hashable, work: Callable[[], None]) -> None:
        if key in self._failed:
            raise self._failed[key]
        if time.monotonic() > self._end:
            return
        try:
            work()
        except Exception as problem:
            self._failed[key] = problem
            self._end = min(self._end, time.monotonic() + SHRINKING_SECONDS)
            raise


@dataclass(frozen=True)
class Finding:
    """A failure: where it was found, what it is, the model's text, and where its program is."""

    seed: int
    test: str
    problem: Exception
    folder: Path

    @property
    def headline(self) -> str:
        return f"{type(self.problem).__name__}: {' '.join(str(self.problem).split())[:150]}"

    @property
    def text(self) -> str:
        return next(iter(getattr(self.problem, "__notes__", [])), "")

    @property
    def program(self) -> Path:
        return self.folder / f"{self.seed}_{type(self.problem).__name__.lower()}.py"

    def __str__(self) -> str:
        _, program, *_ = [*getattr(self.problem, "__notes__", []), "", ""]
        frames = traceback.extract_tb(self.problem.__traceback__)[-FRAMES:]
        lines = [f"--- seed {self.seed}, {self.test}", *self.text.splitlines()]
        lines += [*str(self.problem).splitlines()[:40], f"({type(self.problem).__name__})"]
        lines += [f"at {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        if program:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.program.write_text(program, encoding="utf-8")
            lines.append(f"program: {self.program}")
        return "\n    ".join(lines)


def findings(test: Callable[[], None], number: int, folder: Path) -> list[Finding]:
    """The failures of a test with a seed."""
    try:
        seed(number)(test)()
    except Exception as problem:
        name = test.__name__.removeprefix("test_").replace("_", " ")
        found = [Finding(number, name, single, folder) for single in _single(problem)]
        # SymPy itself cannot build some expressions: no model was drawn
        return [finding for finding in found if not finding.text.startswith("while generating")]
    return []


def _single(problem: Any) -> Iterator[Exception]:
    """The exceptions of a group."""
    for part in getattr(problem, "exceptions", ()):
        yield from _single(part)
    if not hasattr(problem, "exceptions"):
        yield problem


def summary(found: list[Finding]) -> str:
    """A line for each finding."""
    if not found:
        return "no findings"
    width = max(len(finding.test) for finding in found)
    return "\n".join([f"{len(found)} findings", *(f"{f.seed:>8}  {f.test:<{width}}  {f.headline}" for f in found)])
