"""Nothing that goes wrong inside a check ends it: a probe that raises becomes a finding that names the place."""

import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from symgrad.verify.report import Finding

_T = TypeVar("_T")


@contextmanager
def quietly() -> Iterator[None]:
    """While this lasts, no warning of a generated module reaches the terminal."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def guarded(place: str, probe: Callable[[], _T], found: Callable[[Any], None]) -> _T | None:
    """What a probe finds; if it raises, None, and that it did is found.

    Parameters
    ----------
    place : what the probe looks at, for the report.
    probe : may raise anything.
    found : is told of it.
    """
    try:
        return probe()
    except Exception as problem:  # by design: whatever it is, the rest of the check says more than a traceback
        frames = traceback.extract_tb(problem.__traceback__)
        said = f"it raised {type(problem).__name__}: {problem}"
        frame = next((frame for frame in reversed(frames) if "symgrad" in frame.filename), None)
        if any(frame.filename.startswith("<generated") for frame in frames):
            found(Finding(f"the module computes, for {place}", "fail", said))
        else:
            where = f" in {frame.name}" if frame is not None else ""
            found(Finding(f"{place} could be checked", "inconclusive", said + where))
        return None
