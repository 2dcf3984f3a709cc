"""Nothing that goes wrong inside a check ends it: a probe that raises becomes a finding that names the place."""

import traceback
from collections.abc import Iterable, Iterator
from typing import TypeVar

from symgrad.verify.report import Finding

_T = TypeVar("_T")


def guarded(place: str, found: Iterable[_T]) -> Iterator[_T | Finding]:
    """What is found, one after the other; where looking for it raises, at last that it did, and at which place."""
    try:
        yield from found
    except Exception as problem:  # by design: whatever it is, the rest of the check says more than a traceback
        frames = traceback.extract_tb(problem.__traceback__)
        said = f"it raised {type(problem).__name__}: {problem}"
        if any(frame.filename.startswith("<generated") for frame in frames):
            yield Finding(f"the module computes, for {place}", "fail", said)
        else:
            inside = [f" in {frame.name}" for frame in frames if "symgrad" in frame.filename]
            yield Finding(f"{place} could be checked", "inconclusive", "".join([said, *inside[-1:]]))
