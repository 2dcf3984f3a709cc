"""Products of hyperbolic functions and exponentials of several arguments, of which some grow and others vanish.

cosh x/cosh y overflows beyond 710 where the quotient does not. With cosh u = exp|u|·(1 + exp(−2|u|))/2, and sinh u
likewise, the exponentials of a product are one, and what is left of each factor is bounded.
"""

from typing import NamedTuple

from sympy import Abs, Add, Expr, Mul, Number, S, StrictLessThan, cosh, coth, csch, exp, expand, sech, sinh, tanh

from symgrad.functions import if_else
from symgrad.graph.build import ONE, ZERO, add, apply, const, product_of_powers, scale
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.nodes import Apply, Contract, Use
from symgrad.graph.transform import place, see_through
from symgrad.rewrite.readings import lift_at
from symgrad.rewrite.record import HIGHAM, record
from symgrad.rewrite.summands import opened_factors
from symgrad.univariate import Univariate, X, stable

_DECAY = exp(-2 * X)


class _Growth(NamedTuple):
    """A function of X as sⁿ·exp(k·|X|)·g(|X|), s the sign of X."""

    order: Expr
    parity: Expr
    rest: Expr


@record(
    "cosh x/cosh y = exp(|x| − |y|)·(1 + exp(−2|x|))/(1 + exp(−2|y|)), likewise with sinh and exp",
    "cosh overflows beyond 710 where the quotient does not",
    HIGHAM,
)
def product_of_growths(use: Use) -> Use | None:
    """A product of hyperbolic functions of several arguments, or with exponentials, that grow against each other."""
    if not isinstance(use.node, Contract):
        return None
    factors, bound = opened_factors(use)
    found = [_growth(factor, e) for factor, e in factors]
    grown = [growth for growth in found if growth is not None]
    exponents = [_exponent(factor, e) for factor, e in factors]
    inside = [exponent for exponent in exponents if exponent is not None]
    signs = {growth.order > 0 for _, growth in grown}
    arguments = {*inside, *(argument for argument, _ in grown)}
    if not grown or (len(signs) < 2 and not inside) or len(arguments) < 2:
        return None
    made = [
        pair
        for pair, growth, exponent in zip(factors, found, exponents, strict=True)
        if growth is None and exponent is None
    ]
    total = [(S.One, exponent) for exponent in inside]
    for argument, growth in grown:
        positive = is_nonnegative(argument)
        size = argument if positive else apply(Abs, [argument])
        total.append((growth.order, size))
        made.append((lift_at(stable(growth.rest, True), size), S.One))
        if growth.parity.is_odd and not positive:
            negative = apply(StrictLessThan, [argument, ZERO])
            made.append((apply(if_else, [negative, const(S.NegativeOne), ONE]), S.One))
    return product_of_powers([*made, (apply(exp, [add(total)]), S.One)], bound)


def _exponent(factor: Use, e: Number) -> Use | None:
    target = see_through(factor)
    if not (isinstance(target.node, Apply) and target.node.head is exp):
        return None
    return scale(e, place(target.node.uses()[0], target.letters))


def _growth(factor: Use, e: Number) -> tuple[Use, _Growth] | None:
    """The argument of a whole power of a function that grows or vanishes exponentially at both ends, and that."""
    target = see_through(factor)
    head = getattr(target.node, "head", None)
    if head in (sinh, cosh, sech, csch):
        expr = target.node.head(X)  # type: ignore[attr-defined]
    elif isinstance(head, type) and issubclass(head, Univariate):
        expr = head.expression
    else:
        return None
    found = _far_out(expr**e) if e.is_Integer else None
    return (place(target.node.uses()[0], target.letters), found) if found is not None and found.order else None


def _far_out(expr: Expr) -> _Growth | None:
    """A function of X that is made of hyperbolic functions of X, even or odd."""
    if expr.is_Number:
        return _Growth(S.Zero, S.Zero, expr)
    if expr in _KNOWN:
        return _KNOWN[expr]
    if not (expr.is_Add or expr.is_Mul or (expr.is_Pow and expr.exp.is_Integer)):
        return None
    found = [_far_out(part) for part in ((expr.base,) if expr.is_Pow else expr.args)]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        return None
    if expr.is_Pow:
        return _Growth(expr.exp * parts[0].order, expr.exp * parts[0].parity, parts[0].rest ** expr.exp)
    if expr.is_Mul:
        orders, parities, rests = zip(*parts, strict=True)
        return _Growth(Add(*orders), Add(*parities), Mul(*rests))
    if len({part.parity % 2 for part in parts}) > 1:
        return None
    order = max(part.order for part in parts)
    leading = Add(*(part.rest for part in parts if part.order == order)).subs({tanh(X): S.One, _DECAY: S.Zero})
    if expand(leading) == 0:  # the sum is of a smaller order than its terms
        return None
    return _Growth(order, parts[0].parity, Add(*(part.rest * exp((part.order - order) * X) for part in parts)))


_KNOWN: dict[Expr, _Growth] = {
    X: _Growth(S.Zero, S.One, X),
    cosh(X): _Growth(S.One, S.Zero, (1 + _DECAY) / 2),
    sinh(X): _Growth(S.One, S.One, (1 - _DECAY) / 2),
    tanh(X): _Growth(S.Zero, S.One, tanh(X)),
    sech(X): _Growth(S.NegativeOne, S.Zero, 2 / (1 + _DECAY)),
    csch(X): _Growth(S.NegativeOne, S.One, 2 / (1 - _DECAY)),
    coth(X): _Growth(S.Zero, S.One, 1 / tanh(X)),
}
