"""Differences of one function at neighbours: cosh x − cosh y, (q + x)⁻² − q⁻², log(q + x) − log q."""

from collections.abc import Callable
from typing import Any

from sympy import Abs, Number, S, StrictGreaterThan, StrictLessThan, cos, cosh, log, sin, sinh, tanh
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.functions import if_else, sigmoid, softplus
from symgrad.graph.build import ONE, add, apply, auxiliary, const, number, product_of_powers, scale, subtract
from symgrad.graph.facts import is_positive
from symgrad.graph.nodes import Apply, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.record import HIGHAM, record
from symgrad.rewrite.summands import opposite_terms

# Higher powers are of no textbook formula.
_HIGHEST_POWER = 6


@record(
    "uᵏ − vᵏ = (u − v)·Σ uⁱ·vᵏ⁻¹⁻ⁱ, log u − log v = log(1 + (u − v)/v), cosh x − cosh y = 2·sinh((x + y)/2)·…",
    "u and v = u − w cancel where w is small, functions of x and y where these are near each other, or near 0",
    HIGHAM,
)
def difference_of_neighbours(use: Use) -> Use | None:
    """Two terms that are one function of two arguments, beside others, also as summands."""
    for one, other, instead in opposite_terms(use):
        made = _difference(one, other)
        if made is not None:
            return instead(made)
    return None


def _difference(first: Use, second: Use) -> Use | None:
    """first − second without cancellation, where they differ by one factor."""
    one, other = (dict(factors_of(term)) if term != ONE else {} for term in (first, second))
    common = {f: e for f, e in one.items() if other.get(f) == e}
    left = [[(f, e) for f, e in part.items() if f not in common] for part in (one, other)]
    if any(len(part) != 1 for part in left):
        return None
    ((u, k),), ((v, e),) = left
    made = _of_powers(u, v, k) if k == e else None
    made = made or (_of_functions(see_through(u), see_through(v)) if k == e == 1 else None)
    return None if made is None else product_of_powers([*common.items(), (made, S.One)])


def _gap(u: Use, v: Use) -> Use | None:
    """u − v of two sums, or a sum and a part of it, where terms cancel by their form."""
    whole = [see_through(part) for part in (u, v)]
    gap = subtract(*whole)
    longest = max(len(terms_of(part)) for part in whole)
    return gap if number(gap) != 0 and longest > 1 and len(terms_of(gap)) < longest else None


def _of_powers(u: Use, v: Use, k: Number) -> Use | None:
    """uᵏ − vᵏ for whole k."""
    gap = _gap(u, v) if k.is_Integer and k not in (0, 1) and abs(k) <= _HIGHEST_POWER else None
    if gap is None:
        return None
    count, sign = abs(int(k)), S.One if k > 0 else S.NegativeOne
    total = [(S.One, product_of_powers([(u, sign * i), (v, sign * (count - 1 - i))])) for i in range(count)]
    if k > 0:
        return product_of_powers([(gap, S.One), (add(total), S.One)])
    part, whole = sorted((u, v), key=lambda use: len(terms_of(see_through(use))))
    ratio = auxiliary("ratio", product_of_powers([(gap, S.One), (whole, S.NegativeOne)]))  # does not overflow
    return scale(S.NegativeOne, product_of_powers([(ratio, S.One), (part, S.NegativeOne), (add(total), S.One)]))


def _of_functions(u: Use, v: Use) -> Use | None:
    head = getattr(u.node, "head", None)
    if head is not getattr(v.node, "head", None) or not isinstance(u.node, Apply):
        return None
    x, y = (place(function.node.uses()[0], function.letters) for function in (u, v))
    if head is log:
        return _of_logarithms(x, y, subtract(u, v))
    scalars = not (x.letters or y.letters)  # arrays keep what values and derivatives share, but for near arguments
    return _OF_FUNCTIONS[head](x, y) if head in _OF_FUNCTIONS and (scalars or _gap(x, y) is not None) else None


def _of_logarithms(x: Use, y: Use, plain: Use) -> Use | None:
    gap = _gap(x, y)
    if gap is None:
        return None
    growth = product_of_powers([(gap, S.One), (y, S.NegativeOne)])
    if is_positive(y):
        return apply(log1p, [growth])
    if plain.letters:
        return None
    near = apply(StrictGreaterThan, [growth, const(-S.Half)])
    return apply(if_else, [near, apply(log1p, [growth]), plain])


def _half(x: Use, y: Use, sign: int) -> Use:
    return add([(S.Half, x), (sign * S.Half, y)])


def _of_softplus(x: Use, y: Use) -> Use:
    gap = subtract(x, y)
    near = apply(StrictLessThan, [apply(Abs, [gap]), ONE])
    plain = add([(S.One, apply(softplus, [x])), (S.NegativeOne, apply(softplus, [y]))])
    tails = [apply(softplus, [scale(S.NegativeOne, part)]) for part in (x, y)]
    large = apply(StrictGreaterThan, [add([(S.One, x), (S.One, y)]), const(S.Zero)])
    by_tails = add([(S.One, gap), (S.One, tails[0]), (S.NegativeOne, tails[1])])  # softplus u = u + softplus(−u)
    growth = product_of_powers([(apply(sigmoid, [y]), S.One), (apply(expm1, [gap]), S.One)])
    return apply(if_else, [near, apply(log1p, [growth]), apply(if_else, [large, by_tails, plain])])


def _of_sigmoid(x: Use, y: Use) -> Use:
    """Both tails are exact."""
    tails = [[apply(sigmoid, [scale(S(sign), part)]) for part in (x, y)] for sign in (1, -1)]
    products = [product_of_powers([(tails[0][n], S.One), (tails[1][1 - n], S.One)]) for n in range(2)]
    slope = add([(S.One, product) for product in products])
    return product_of_powers([(apply(tanh, [scale(S.Half, subtract(x, y))]), S.One), (slope, S.One)])


def _of_tanh(x: Use, y: Use) -> Use:
    return scale(S(2), _of_sigmoid(scale(S(2), x), scale(S(2), y)))


_OF_FUNCTIONS: dict[Any, Callable[[Use, Use], Use]] = {
    cosh: lambda x, y: scale(
        S(2), product_of_powers([(apply(sinh, [_half(x, y, 1)]), S.One), (apply(sinh, [_half(x, y, -1)]), S.One)])
    ),
    cos: lambda x, y: scale(
        S(-2), product_of_powers([(apply(sin, [_half(x, y, 1)]), S.One), (apply(sin, [_half(x, y, -1)]), S.One)])
    ),
    sigmoid: _of_sigmoid,
    softplus: _of_softplus,
    tanh: _of_tanh,
}
"""f(x) − f(y)."""
