"""Steps of a recurrence that are logarithms of sums of exponentials, in the form in which these are computed.

m + log(max(Σ_i exp(x[i, j] − m[j]), 1)) with m[j] the largest x[i, j], as `schedule.maxima` leaves them.
"""

from collections.abc import Callable
from typing import NamedTuple

from sympy import S

from symgrad.statements.arithmetic import number, total
from symgrad.statements.expressions import (
    NEW_AXIS,
    WHOLE_AXIS,
    Expression,
    Number,
    Operation,
    Subscript,
    Total,
    parts_of,
)

_LARGEST = (("axis", 0), ("initial", Number(-S.Infinity)))
_OVER_THE_FIRST = (("axis", 0),)


class LogSum(NamedTuple):
    """log Σ_i exp(h[i] + scores[i, j]) + rest[j]; None is zero."""

    scores: Expression
    rest: Expression | None


def log_sum(expression: Expression, is_last: Callable[[Expression], bool]) -> LogSum | None:
    """An expression as a logarithm of such a sum, by what says which part of it is h; None of any other."""
    terms = expression.terms if isinstance(expression, Total) else ()
    for sign, term in terms:
        x = _summed(term)
        largest = None if x is None else Operation("max", (x,), _LARGEST)
        if x is None or sign or (False, largest) not in terms:
            continue
        rest = [(minus, other) for minus, other in terms if other not in (term, largest)]
        scores = _scores(x, is_last)
        if scores is None or len(rest) != len(terms) - 2 or any(is_last(p) for _, one in rest for p in parts_of(one)):
            return None
        return LogSum(scores, total(rest) if rest else None)
    return None


def _summed(term: Expression) -> Expression | None:
    """x of log(max(Σ exp(x − max(x)), 1))."""
    match term:
        case Operation(
            head="log",
            parts=(
                Operation(
                    head="maximum",
                    parts=(
                        Operation(
                            head="sum",
                            parts=(Operation(head="exp", parts=(Total(terms=((False, x), (True, shift))),)),),
                            options=over,
                        ),
                        one,
                    ),
                ),
            ),
        ):
            shifted = Operation("maximum", (Operation("max", (x,), _LARGEST), Operation("least_number")))
            return x if (over, one, shift) == (_OVER_THE_FIRST, number(1), shifted) else None
    return None


def _scores(x: Expression, is_last: Callable[[Expression], bool]) -> Expression | None:
    """x[i, j] without h[i]."""
    terms = x.terms if isinstance(x, Total) else ()
    left = [(sign, term) for sign, term in terms if sign or not _is_column(term, is_last)]
    if len(left) != len(terms) - 1 or not left or any(is_last(part) for _, term in left for part in parts_of(term)):
        return None
    return total(left)


def _is_column(term: Expression, is_last: Callable[[Expression], bool]) -> bool:
    return isinstance(term, Subscript) and term.places == (WHOLE_AXIS, NEW_AXIS) and is_last(term.array)
