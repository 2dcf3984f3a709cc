"""Products and quotients of powers, multiplied in an order in which they seldom overflow or vanish on the way.

d²/s² is (d/s)², and a·b/c² is (a/c)·(b/c): what is divided is divided by something of its own size first. Squares leave
the range of float64 beyond 1e154, quotients of what is alike do not. It costs no operation more.

Source: Higham, Accuracy and stability of numerical algorithms (2002), section 27.8, on scaling to avoid overflow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symgrad.statements.arithmetic import number, power, product, quotient
from symgrad.statements.expressions import Expression

# Higher powers than that are written as powers.
_MOST_REPEATED = 3


@dataclass
class Part:
    """A factor of a product, or of what it is divided by, and how often it is one."""

    expression: Expression
    times: int
    bounded: bool = False  # it goes to 0 where others overflow


def in_pairs(
    above: Sequence[Part], below: Sequence[Part], first: Sequence[Expression] = (), last: Sequence[Part] = ()
) -> Expression:
    """The product of scalars divided by others: factors of what is divided over one of its divisors each.

    `first` are numbers in front of it, `last` such numbers that it is divided by.
    """
    bounded = [part for part in above if part.bounded and len(above) > 1]
    top = [replace(part) for part in above if part not in bounded]
    bottom = [replace(part) for part in below]
    pairs: list[Part] = []
    while (over := _largest(top)) is not None and (under := _largest(bottom)) is not None:
        under = next((part for part in bottom if part.times == over.times), under)
        taken = min(over.times, under.times)
        pairs.append(Part(quotient(over.expression, under.expression), taken))
        over.times -= taken
        under.times -= taken
    factors = [*first, *(part.expression for part in bounded for _ in range(part.times))]
    for part in [*pairs, *top]:
        if bounded and part.times <= _MOST_REPEATED:  # 0·x·x is 0 where x² is infinite
            factors += [part.expression] * part.times
        elif part.times:
            factors.append(raised(part.expression, part.times))
    return divided(product(factors) if factors else number(1), [*bottom, *last])


def divided(top: Expression, below: Sequence[Part]) -> Expression:
    """An expression over powers of scalars, over one after the other."""
    for part in below:
        if part.times > _MOST_REPEATED:
            top = quotient(top, raised(part.expression, part.times))
        else:
            for _ in range(part.times):
                top = quotient(top, part.expression)
    return top


def raised(base: Expression, times: int) -> Expression:
    """A power of a scalar."""
    return base if times == 1 else power(base, number(times))


def _largest(parts: Sequence[Part]) -> Part | None:
    left = [part for part in parts if part.times]
    return max(left, key=lambda part: part.times) if left else None
