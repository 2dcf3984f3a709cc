"""How long the axes are expected to be, for choosing a contraction order before any array is seen."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from sympy import Expr, Symbol

from symgrad.arguments import Argument

# Only the order matters. A dimension that only data have counts samples, and is the longest; one that parameters have
# counts features or units.
SAMPLES, FEATURES = 1000, 50


def size_estimate(arguments: Sequence[Argument], sizes: Mapping[Symbol, int]) -> Callable[[Expr], float]:
    """A function from a symbolic size to the length to plan for; `sizes` are what the user expects."""
    in_parameters = {s for a in arguments if a.role == "parameter" for side in a.shape for s in side.free_symbols}

    @cache
    def estimate(size: Expr) -> float:
        lengths = {s: FEATURES if s in in_parameters else SAMPLES for s in size.free_symbols}
        return float(size.subs({**lengths, **sizes}))

    return estimate
