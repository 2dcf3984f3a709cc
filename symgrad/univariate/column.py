"""Numbers in float64 along a grid, as NumPy computes them, without it: what is chosen for code needs no NumPy."""

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

_Function = Callable[[float], float]


class Column:
    """Numbers that are computed with entry by entry.

    Parameters
    ----------
    values : the numbers.
    strict : what overflows, is divided by zero or is no number is a `FloatingPointError`, rather than inf or nan.

    Examples
    --------
    >>> 1 / Column([2.0, 0.0])
    Column([0.5, inf])
    """

    def __init__(self, values: Iterable[float], strict: bool = False) -> None:
        self.values, self.strict = list(values), strict

    def __repr__(self) -> str:
        return f"Column({self.values})"

    def __iter__(self) -> Iterator[float]:
        return iter(self.values)

    def along(self, value: Any) -> "Column":
        """A result for these numbers, which may be the same number for all of them."""
        return value if isinstance(value, Column) else Column([float(value)] * len(self.values), self.strict)

    def mapped(self, function: Callable[..., float], *others: "Column") -> "Column":
        """The function of each number, and of those beside it in other columns.

        Raises
        ------
        FloatingPointError : in a strict column, the result is not finite where the numbers are, or is none.
        """
        rows = list(zip(self, *others, strict=True))
        made = Column([function(*row) for row in rows], self.strict)
        if self.strict:
            for row, value in zip(rows, made, strict=True):
                if not math.isfinite(value) and (math.isnan(value) or all(map(math.isfinite, row))):
                    raise FloatingPointError(f"{function} of {row} is {value}")
        return made

    def __neg__(self) -> "Column":
        return self.mapped(operator.neg)

    def __add__(self, other: Any) -> "Column":
        return self.mapped(operator.add, self.along(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Column":
        return self.mapped(operator.sub, self.along(other))

    def __rsub__(self, other: Any) -> "Column":
        return self.along(other) - self

    def __mul__(self, other: Any) -> "Column":
        return self.mapped(operator.mul, self.along(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Column":
        return self.mapped(_quotient, self.along(other))

    def __rtruediv__(self, other: Any) -> "Column":
        return self.along(other) / self

    def __pow__(self, other: Any) -> "Column":
        return self.mapped(_power, self.along(other))

    def __rpow__(self, other: Any) -> "Column":
        return self.along(other) ** self


def _quotient(over: float, under: float) -> float:
    if under:
        return over / under
    return math.nan if not over or math.isnan(over) else math.copysign(math.inf, over) * math.copysign(1, under)


def _power(base: float, exponent: float) -> float:
    try:
        if exponent == 0.5:  # NumPy takes the root, of -inf, too
            return math.sqrt(base)
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:  # a negative power of 0, a root of a negative number
        if base:
            return math.nan
        return math.copysign(math.inf, base) if exponent % 2 == 1 else math.inf


def _everywhere(function: _Function, infinite: float | None = None) -> Callable[[Any], Any]:
    """A function of `math` of numbers and columns; `infinite` is where it is -inf, or has the sign of the number."""

    def value(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return math.inf if function is not math.sinh else math.copysign(math.inf, x)
        except ValueError:
            if infinite is None or abs(x) != abs(infinite):
                return math.nan
            return math.copysign(math.inf, x) if infinite > 0 else -math.inf

    return lambda x: x.mapped(value) if isinstance(x, Column) else value(x)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _sigmoid(x: float) -> float:
    return (1.0 if x >= 0 else math.exp(-abs(x))) / (1 + math.exp(-abs(x)))


exp, expm1, sinh, cosh, tanh = map(_everywhere, (math.exp, math.expm1, math.sinh, math.cosh, math.tanh))
sin, cos, tan, arcsin, arccos, arctan = map(
    _everywhere, (math.sin, math.cos, math.tan, math.asin, math.acos, math.atan)
)
log, log1p, arctanh = _everywhere(math.log, -0.0), _everywhere(math.log1p, -1.0), _everywhere(math.atanh, 1.0)
arcsinh, arccosh, sqrt = map(_everywhere, (math.asinh, math.acosh, math.sqrt))
absolute = _everywhere(abs)
softplus, sigmoid = _everywhere(_softplus), _everywhere(_sigmoid)


def minimum(x: Column, bound: float) -> Column:
    """The smaller of each number and the bound."""
    return x.mapped(lambda one: min(one, bound))


def in_pieces(x: Column, radius: float, near: Any, above: Any, below: Any) -> Column:
    """The same as `runtime.pieces` does with arrays: near(x) inside the radius, above(x) and below(-x) beyond it."""
    found = list(x)
    for piece, sign, places in (
        (near, 1, [n for n, one in enumerate(x) if abs(one) < radius]),
        (above, 1, [n for n, one in enumerate(x) if one >= radius]),
        (below, -1, [n for n, one in enumerate(x) if one <= -radius]),
    ):
        if places:
            part = Column([sign * x.values[n] for n in places], x.strict)
            for n, value in zip(places, part.along(piece(part)), strict=True):
                found[n] = value
    return Column(found, x.strict)


def series(x: Column, terms: Sequence[float]) -> Any:
    """terms[0] + terms[1]*x + terms[2]*x**2 + ... by Horner's scheme."""
    total: Any = terms[-1]
    for term in terms[-2::-1]:
        total = term + x * total
    return total


# What the text of a function calls.
CALLED = {
    "np": SimpleNamespace(
        **{"abs": absolute, "exp": exp, "log": log, "log1p": log1p, "minimum": minimum, "sqrt": sqrt},
        **{"sin": sin, "cos": cos, "tan": tan, "arcsin": arcsin, "arccos": arccos, "arctan": arctan},
        **{"arcsinh": arcsinh, "arccosh": arccosh, "arctanh": arctanh, "pi": math.pi, "e": math.e},
    ),
    "_in_pieces": in_pieces,
    "_series": series,
    "Any": Any,
}
