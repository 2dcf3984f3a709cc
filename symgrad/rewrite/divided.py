"""f(a·t)/a as t·(f(u)/u), u = a·t: functions that vanish with a factor of their argument, over that factor."""

from typing import NamedTuple

from sympy import Expr, Number, S, exp

from symgrad.graph.build import product_of_powers, scale, subtract
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Apply, Contract, Use
from symgrad.graph.transform import factors_of, opened, place, see_through, terms_of
from symgrad.rewrite.power_means import over_exponent
from symgrad.rewrite.readings import Reading, lift_at, near_one, primitive_of, reading
from symgrad.rewrite.record import record
from symgrad.univariate import X, order_at_zero, stable

DERIVED = "derived from the definition; Higham, Accuracy and Stability of Numerical Algorithms (2002), section 1.14"

Factors = list[tuple[Use, Number]]


@record("f(a·t)/a = t·(f(u)/u) with u = a·t, where f(0) = 0", "0/0 for a = 0, and derivatives by a cancel", DERIVED)
def quotient(use: Use) -> Use | None:
    """(1 − exp(−a·t))/a, (xᵃ − 1)/a: a function that vanishes with its argument, over a factor of the argument."""
    node = use.node
    if not isinstance(node, Contract):
        return None
    names, bound = opened(use, node.bound)
    factors = [(relabel(factor, names), e) for factor, e in node.factors]
    made = divided(factors)
    return None if made is None else product_of_powers(made, bound)


def divided(factors: Factors) -> Factors | None:
    """The factors with one of them over another, which divides its argument."""
    for n, (divisor, e) in enumerate(factors):
        if not (e.is_Integer and e.is_negative):
            continue
        for m, (factor, power) in enumerate(factors):
            if m == n or not (power.is_Integer and power.is_positive):
                continue
            made = _over(factor, divisor, int(-e // power))
            if made is not None:
                taken, quotient_of = made
                rest = [pair for k, pair in enumerate(factors) if k not in (n, m)]
                return [*rest, (quotient_of, power), (divisor, e + taken * power)]
    return None


def _over(factor: Use, divisor: Use, most: int) -> tuple[int, Use] | None:
    """How often a function, or functions under a sum, is divided by a factor of its argument, and the quotient."""
    node = factor.node
    if isinstance(node, Contract) and node.bound:
        names, bound = opened(factor, node.bound, divisor.letters)
        inner = [(relabel(part, names), e) for part, e in node.factors]
        for n, (part, e) in enumerate(inner):
            made = _over(part, divisor, most) if e == 1 else None
            if made is not None:
                taken, quotient_of = made
                return taken, product_of_powers([*inner[:n], (quotient_of, S.One), *inner[n + 1 :]], bound)
        return None
    made = _over_argument(factor, divisor, most)
    if made is None and most and not _is_single(factor):
        made = None if (over := over_exponent(factor, divisor)) is None else (1, over)
    return made


def _is_single(use: Use) -> bool:
    """Whether a term is a function of one argument."""
    return reading(use) is not None


def _over_argument(factor: Use, divisor: Use, most: int) -> tuple[int, Use] | None:
    """The same of a function of one argument, which the divisor is a factor of."""
    found = reading(factor) or near_one(factor) or of_exponentials(factor)
    if found is None:
        return None
    (sign, left), (coefficient, argument) = primitive_of(divisor), primitive_of(found.argument)
    powers = dict(factors_of(argument))
    if powers.get(left) != 1:
        return None
    taken = min(most, order_at_zero(found.expr) or 0)
    if taken < 1:
        return None
    inside = lift_at(stable(found.expr / X**taken, is_nonnegative(found.argument)), found.argument)
    rest = product_of_powers([(f, e * taken) for f, e in powers.items() if f != left])
    outside = (coefficient / sign) ** taken
    return taken, scale(outside, product_of_powers([(inside, S.One), (rest, S.One), *_scale_of(found)]))


class _Scaled(NamedTuple):
    """A function of one argument times a term."""

    expr: Expr
    argument: Use
    scale: Use


def _scale_of(found: "Reading | _Scaled") -> Factors:
    return [(found.scale, S.One)] if isinstance(found, _Scaled) else []


def of_exponentials(use: Use) -> _Scaled | None:
    """exp(a) − exp(b) = exp(b)·(exp(a − b) − 1)."""
    terms = terms_of(use)
    if len(terms) != 2 or terms[0][0] != -terms[1][0]:
        return None
    parts = [see_through(term) for _, term in terms]
    if not all(isinstance(part.node, Apply) and part.node.head is exp for part in parts):
        return None
    first, second = (place(part.node.uses()[0], part.letters) for part in parts)
    return _Scaled(terms[0][0] * (exp(X) - 1), subtract(first, second), parts[1])
