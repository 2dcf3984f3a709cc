"""The parts of a function of one argument: a series near 0, beyond it a form for each side that cancels nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from sympy import Expr

from symgrad.univariate.far import Far, far
from symgrad.univariate.roots import OfRoot, of_root
from symgrad.univariate.series import Expansion, NoSeries, Series, expansion

# Radii that are tried. Inside 1 the series of exp and sin need 18 terms, and outside nothing cancels much; a function
# with a pole nearby, such as tanh, needs a smaller one.
RADII = (1.0, 0.5, 0.25, 0.125)

# A term is left out where it is smaller than this, half a unit of the last place, beside the first.
_ROUNDING = 2.0**-55

# More terms than this cost more than they gain: a smaller radius then needs fewer.
_MOST_TERMS = 24


@dataclass(frozen=True)
class Pieces:
    """The parts of a function: near 0 inside the radius, above it and below it; None where it has no such form there.

    A part that is None is computed as the expression says. A function of a root of 1 + X is one part.
    """

    expression: Expr
    radius: float
    near: Expansion | None
    above: Far | None
    below: Far | None
    root: OfRoot | None = None


@cache
def candidates(expr: Expr) -> tuple[Pieces, ...]:
    """Ways to compute the function, the first to be tried first."""
    root = of_root(expr)
    whole = [] if root is None else [Pieces(expr, 0.0, None, None, None, root)]
    above, below = far(expr, 1), far(expr, -1)
    try:
        near = expansion(expr)
    except NoSeries:
        return (*whole, Pieces(expr, 0.0, None, above, below))
    fitting = []
    for radius in RADII:
        count = _count(near.series.coefficients, radius)
        if count is not None:
            short = replace(near, series=Series(near.series.low, near.series.coefficients[:count]))
            fitting.append(Pieces(expr, radius, short, above, below))
    return (*whole, *fitting, Pieces(expr, 0.0, None, above, below))


def _count(coefficients: Sequence[Fraction], radius: float) -> int | None:
    """How many terms the series needs inside the radius; None if these are too many, or not enough are known."""
    size = [abs(float(c)) * radius**n for n, c in enumerate(coefficients)]
    last = max((n for n, value in enumerate(size) if value > _ROUNDING * size[0]), default=0)
    used = sum(1 for value in size[: last + 1] if value)
    return None if used > _MOST_TERMS or last > len(size) - 8 else last + 1
