"""Draws the entries of one argument, as its constraints demand."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.arguments import Argument
from symgrad.dimensions import concrete
from symgrad.frontend.facts import Bound, Constraint, Simplex, Structure
from symgrad.verify.arrays import Array, Rng
from symgrad.verify.constraints import limits
from symgrad.verify.sizes import Sizes, concrete_shape

RANGES: dict[str, tuple[float, float] | None] = {
    "any": None,  # standard normal
    "positive": (0.3, 2.0),
    "unit": (0.1, 0.9),
    "above one": (1.2, 3.0),
    "negative": (-2.0, -0.3),
}
"""Where the entries of an argument are drawn: the first of these for which the loss is finite. Logarithms and roots
want positive numbers, inverse sines and probabilities the unit interval, acosh more than one."""

# Uniform draws keep this part of an interval's width from its ends: at an end the loss or its slope may be infinite.
_PAD = 0.05


def draw_entries(
    argument: Argument, sizes: Sizes, constraints: Sequence[Constraint], range_name: str, rng: Rng
) -> Any | None:
    """Draw an argument.

    Parameters
    ----------
    argument : which.
    sizes : an integer for every dimension.
    constraints : those on this argument; ones on others are ignored.
    range_name : a key of `RANGES`; constraints go before it.
    rng : the source of randomness.

    Returns
    -------
    array or scalar, or None
        float64 or int64; a NumPy scalar for the empty shape; None where range and constraints exclude each other.
    """
    own = [c for c in constraints if getattr(c, "name", None) == argument.name]
    kinds: set[str] = {c.kind for c in own if isinstance(c, Structure)}
    integer = argument.integer or "integer" in kinds
    shape = concrete_shape(argument, sizes)
    low, high = entry_limits(shape, own, integer)
    if integer:
        values = _integers(argument, sizes, low, high, range_name, rng)
    else:
        values = _between(low, high, RANGES[range_name], rng)
    for constraint in own:
        if values is not None and isinstance(constraint, Simplex):
            values = _simplex(shape, constraint, argument, range_name, rng)
    if values is None:
        return None
    if len(shape) >= 2 and kinds:
        matrices = [_structured(values[place], kinds, rng) for place in np.ndindex(shape[:-2])]
        values = np.array(matrices).reshape(shape)
    values = np.array(values, dtype=np.int64 if argument.integer else np.float64, order="C")
    return values if shape else values[()]


def entry_limits(shape: tuple[int, ...], constraints: Sequence[Constraint], integer: bool) -> tuple[Array, Array]:
    """The smallest and the largest value of every entry."""
    low, high = np.full(shape, -math.inf), np.full(shape, math.inf)
    for bound in constraints:
        if isinstance(bound, Bound):
            least, most = limits(bound, shape)
            if integer:
                least = np.floor(least) + 1 if bound.strict else np.ceil(least)
                most = np.ceil(most) - 1 if bound.strict else np.floor(most)
            low, high = np.maximum(low, least), np.minimum(high, most)
    return low, high


def _between(low: Array, high: Array, wanted: tuple[float, float] | None, rng: Rng) -> Array | None:
    """Real numbers inside of the limits and, where one is wanted, of an interval; None where there are none."""
    normal, uniform = rng.standard_normal(low.shape), rng.uniform(size=low.shape)
    bounded = np.isfinite(low) | np.isfinite(high)
    if wanted is None and not np.any(bounded):
        return normal
    # An open side ends a unit or the limit's own magnitude away.
    size = np.where(np.isfinite(low), np.abs(low), np.where(np.isfinite(high), np.abs(high), 1.0))
    size = 2.0 * np.maximum(1.0, size)
    first = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high - size, -size))
    last = np.where(np.isfinite(high), high, first + size)
    if wanted is not None:
        free_low = np.where(np.isfinite(low), low, wanted[0])
        free_high = np.where(np.isfinite(high), high, wanted[1])
        first, last = np.maximum(free_low, wanted[0]), np.minimum(free_high, wanted[1])
        fixed = low == high
        first, last = np.where(fixed, low, first), np.where(fixed, high, last)
    if np.any(last < first):
        return None
    pad = _PAD * (last - first)
    inside = first + pad + uniform * (last - first - 2 * pad)
    return np.asarray(np.where(bounded, inside, normal) if wanted is None else inside)


def _integers(argument: Argument, sizes: Sizes, low: Array, high: Array, range_name: str, rng: Rng) -> Array | None:
    """Labels, else small counts."""
    upper = None if argument.upper is None else concrete(argument.upper, sizes)
    span = tuple(concrete(end, sizes) for end in argument.span or ())
    if upper is not None and not span:
        span = (0, upper - 1)
    first, last = map(float, span or (0, 4))
    if not span and range_name in ("positive", "above one"):
        first, last = 1.0, 5.0
    elif not span and range_name == "negative":
        first, last = -4.0, -1.0
    elif range_name != "any":
        return None  # there is but one range for labels, and no integer in the unit interval
    first_entries = np.where(np.isfinite(low), low, np.where(high < first, high - 4, first))
    if upper is not None:
        first_entries = np.maximum(first_entries, first)
    enough = first_entries if span else first_entries + 4
    last_entries = np.where(np.isfinite(high), high, np.maximum(last, enough))
    if upper is not None:
        last_entries = np.minimum(last_entries, last)
    if np.any(last_entries < first_entries):
        return None
    return np.asarray(np.floor(first_entries + rng.uniform(size=low.shape) * (last_entries - first_entries + 1)))


def _simplex(shape: tuple[int, ...], simplex: Simplex, argument: Argument, range_name: str, rng: Rng) -> Array | None:
    """Shares that sum to the total: one-hot ones and mixtures, as labels and as soft labels.

    A parameter gets mixtures only, since at a corner it cannot be moved to both sides. The unit interval asks for
    mixtures, too: x log x of a one-hot row is not a number.
    """
    if range_name not in ("any", "unit"):
        return None
    moved = tuple(shape[axis] for axis in simplex.axes)
    rest = tuple(length for axis, length in enumerate(shape) if axis not in simplex.axes)
    rows, length = math.prod(rest), math.prod(moved)
    shares = 0.1 / max(length, 1) + 0.9 * rng.dirichlet(np.full(max(length, 1), 2.0), size=rows)
    hot = np.eye(max(length, 1))[rng.integers(0, max(length, 1), size=rows)]
    if argument.integer:
        shares = hot
    elif range_name == "any" and argument.role == "data":
        shares = np.where(rng.uniform(size=(rows, 1)) < 0.5, hot, shares)
    shares = simplex.total * shares[:, :length].reshape(rest + moved)
    return np.asarray(np.moveaxis(shares, range(len(rest), len(shape)), simplex.axes))


def _structured(values: Array, kinds: set[str], rng: Rng) -> Array:
    """A matrix of the given kinds, from one of free entries."""
    rows, columns = values.shape
    square = rows == columns
    if "orthogonal" in kinds:
        tall = values if rows >= columns else values.T
        tall = np.linalg.qr(tall + rng.standard_normal(tall.shape))[0]
        return np.asarray(tall if rows >= columns else tall.T)
    if not square:
        return values  # an impossible fact; its test says so
    diagonal = np.diag(values)
    if "diagonal" in kinds:
        return np.diag(np.abs(diagonal) + 0.3 if "positive_definite" in kinds else diagonal)
    if "positive_definite" in kinds:
        # The identity keeps the condition number, and with it the rounding errors of an inverse, small.
        return np.asarray(values @ values.T / max(rows, 1) + 0.5 * np.eye(rows))
    if "symmetric" in kinds:
        values = (values + values.T) / 2
    # A triangular matrix with a small diagonal is nearly singular.
    away = np.diag(np.where(diagonal < 0, -0.5, 0.5))
    if "unit_triangular" in kinds:
        lower = "upper_triangular" not in kinds
        return np.asarray((np.tril(values, -1) if lower else np.triu(values, 1)) + np.eye(rows))
    if "lower_triangular" in kinds:
        return np.asarray(np.tril(values + away))
    if "upper_triangular" in kinds:
        return np.asarray(np.triu(values + away))
    if "invertible" in kinds:
        return np.asarray(values + 2.0 * math.sqrt(rows) * np.diag(np.where(diagonal < 0, -1.0, 1.0)))
    return values
