"""Numbers before and after a link of the chain, and the verdict on them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from symgrad.verify.report import Link, Verdict

DIGITS = 50  # of what is exact
DOUBLE = 15  # digits of float64


@dataclass(frozen=True)
class Number:
    """One number to compare: what it is called, what it should be, what it is, and how far off it may be.

    `scale` is the size of what it stands beside, whose last place counts where zero is expected.
    """

    label: str
    expected: Any
    got: Any
    allowed: Any
    scale: Any
    single: bool = False

    @property
    def error(self) -> Any:
        difference = abs(mpf(self.got) - mpf(self.expected))
        return mpf("inf") if mpmath.isnan(difference) else difference

    @property
    def size(self) -> Any:
        """The size of the number, or of what it stands beside where that is larger."""
        return max(mpf(self.scale), abs(mpf(self.expected)))

    @property
    def ulps(self) -> float:
        """The error in units of the last place of what is expected."""
        if self.error == 0:
            return 0.0
        size = float(self.expected or self.scale or 1)
        number = np.float32(size) if self.single else np.float64(size)
        with np.errstate(all="ignore"):
            return float(self.error / mpf(float(np.spacing(np.abs(number))))) if np.isfinite(number) else math.inf

    @property
    def ratio(self) -> float:
        """The error in units of what is allowed."""
        if self.error == 0:
            return 0.0
        return float(self.error / self.allowed) if self.allowed else math.inf


def link_of(name: str, numbers: Sequence[Number]) -> Link:
    """The verdict on numbers; the worst of them stands for all."""
    worst = max(numbers, key=lambda number: (number.ratio, number.ulps))
    verdict: Verdict = "pass" if worst.ratio <= 1 else "fail"
    ulps = max(number.ulps for number in numbers if number.ratio <= 1) if verdict == "pass" else worst.ulps
    digits = 17 if verdict == "pass" else 25
    before, after = (mpmath.nstr(mpf(x), digits) for x in (worst.expected, worst.got))
    return Link(name, verdict, ulps, worst.label, before, after)


def scale_of(numbers: Iterable[Any]) -> Any:
    """The size of the largest number that is finite."""
    return max((abs(number) for number in numbers if mpmath.isfinite(number)), default=mpf(0))
