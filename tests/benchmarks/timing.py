"""Durations that can be compared: bursts of calls in rotating order."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# A burst has calls for BURST seconds, between FEWEST and MOST. What fills the first WARM_UP seconds of it, and in any
# case the first call, is discarded: it pays for the cold caches and the still spinning threads of whoever was before.
# Identical code seemed up to twelve times apart in single calls by turns.
BURST, FEWEST, MOST, WARM_UP = 0.02, 2, 200, 0.002
ROUNDS = (3, 25)


@dataclass(frozen=True)
class Ratio:
    """The quotient of two durations in one run: the median over the rounds, and the quartiles."""

    median: float
    low: float
    high: float


Clock = Callable[[], float]


def durations(
    calls: Mapping[str, Callable[[], Any]], seconds: float, clock: Clock = time.perf_counter
) -> dict[str, np.ndarray]:
    """The duration of a call by contender, an entry a round: the median of the contender's burst in that round.

    Every round has one burst of each contender, and starts with the next of them. Rounds are added until the seconds
    are over, within the limits of `ROUNDS`.

    Parameters
    ----------
    calls : by contender, called before.
    clock : wall time, or the process's own time on a core.
    """
    names = list(calls)
    found: dict[str, list[float]] = {name: [] for name in names}
    fewest, most = ROUNDS
    began = time.perf_counter()
    for number in range(most):
        if number >= fewest and time.perf_counter() - began > seconds:
            break
        start = number % len(names)
        for name in names[start:] + names[:start]:
            found[name].append(_burst(calls[name], clock))
    return {name: np.array(times) for name, times in found.items()}


def _burst(call: Callable[[], Any], clock: Clock) -> float:
    began = time.perf_counter()
    call()
    while time.perf_counter() - began < WARM_UP:
        call()
    times: list[float] = []
    while len(times) < FEWEST or (sum(times) < BURST and len(times) < MOST):
        before = clock()
        call()
        times.append(clock() - before)
    return float(np.median(times))


def ratio(ours: np.ndarray, theirs: np.ndarray) -> Ratio:
    """Ours by theirs, round by round: what slows a whole round down slows both."""
    low, median, high = np.quantile(ours / theirs, [0.25, 0.5, 0.75])
    return Ratio(float(median), float(low), float(high))
