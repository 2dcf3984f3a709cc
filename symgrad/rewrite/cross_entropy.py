"""Binary cross-entropy: two softplus of opposite arguments become one, where their weights sum to a number."""

from typing import NamedTuple

from sympy import Abs, Expr, Ge, Number, S, exp
from sympy.codegen.cfunctions import log1p

from symgrad.functions import if_else, softplus
from symgrad.graph.build import ONE, ZERO, add, apply, mul, number, product_of_powers, scale, subtract
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Use
from symgrad.graph.transform import factors_of, opened, place, terms_of
from symgrad.rewrite.record import MAECHLER, record


class _Weighted(NamedTuple):
    """Σ over `bound` of weight · softplus(sign · argument)."""

    weight: Use
    argument: Use
    sign: int
    bound: dict[Letter, Expr]


@record(
    "t·softplus(−u) + (1 − t)·softplus(u) = ([u ≥ 0] − t)·u + log1p(exp(−|u|))",
    "nothing cancels where a confident u is right",
    MAECHLER,
)
def binary_cross_entropy(use: Use) -> Use | None:
    """t·softplus(-z) + (1 - t)·softplus(z) = ([z ≥ 0] - t)·z + log1p(exp(-|z|)), for any weights t.

    The product is exactly zero, or as accurate as 1 - t is, where a confident z is right: nothing cancels.
    """
    if not isinstance(use.node, Add):
        return None
    terms = terms_of(use)
    found = [(n, part) for n, (c, term) in enumerate(terms) if (part := _weighted(c, term)) is not None]
    for n, left in found:
        for m, right in found:
            if (left.sign, right.sign) != (-1, 1) or (left.argument, left.bound) != (right.argument, right.bound):
                continue
            together = number(add([(S.One, left.weight), (S.One, right.weight)]))
            if together is None:
                continue
            merged = mul([_merged(left.weight, together, left.argument)], left.bound)
            return add([(S.One, merged), *(terms[k] for k in range(len(terms)) if k not in (n, m))])
    return None


def _merged(weight: Use, together: Number, argument: Use) -> Use:
    condition = apply(Ge, [argument, ZERO])
    chosen = scale(together, apply(if_else, [condition, ONE, ZERO]))
    linear = mul([subtract(chosen, weight), argument])
    return add([(S.One, linear), (together, apply(log1p, [tail(argument)]))])


def tail(argument: Use) -> Use:
    """exp(-|u|), the same for u and -u: it does not overflow, and softplus and sigmoid of u both follow from it."""
    return apply(exp, [scale(S.NegativeOne, apply(Abs, [argument]))])


def _weighted(coefficient: Number, term: Use) -> _Weighted | None:
    """A term as a weighted softplus, its bound letters called by their places in the argument."""
    node = term.node
    bound: dict[Letter, Expr] = {}
    if isinstance(node, Contract) and node.bound:
        names, bound = opened(term, node.bound)
        factors = [(relabel(factor, names), e) for factor, e in node.factors]
    else:
        factors = factors_of(term)
    logs = [(f, e) for f, e in factors if isinstance(f.node, Apply) and f.node.head is softplus and e == 1]
    if len(logs) != 1:
        return None
    ((log_factor, _),) = logs
    argument = place(log_factor.node.args[0], log_factor.letters)  # type: ignore[attr-defined]
    sign = 1
    if isinstance(argument.node, Add) and all(c.is_negative for c, _ in argument.node.terms):
        sign, argument = -1, scale(S.NegativeOne, argument)
    renamed = {letter: ("at", place_) for place_, letter in enumerate(argument.letters) if letter in bound}
    if len(renamed) < len(bound):
        return None
    weight = scale(coefficient, product_of_powers([pair for pair in factors if pair[0] != log_factor]))
    return _Weighted(
        relabel(weight, renamed),
        relabel(argument, renamed),
        sign,
        {renamed[letter]: length for letter, length in bound.items()},
    )
