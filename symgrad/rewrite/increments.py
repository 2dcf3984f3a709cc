"""What powers are more or less than 1: (1 + x)ʸ − 1, 1 − (1 − p)ⁿ, 1 − σ(u)², and the logarithms of these."""

from collections.abc import Iterator

from sympy import Number, Pow, S, StrictGreaterThan, exp, log
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.functions import if_else, log_ndtr, ndtr, sigmoid, softplus
from symgrad.graph.build import ONE, ZERO, add, apply, const, mul, number, product_of_powers, scale, subtract
from symgrad.graph.facts import is_positive
from symgrad.graph.nodes import Add, Apply, Use
from symgrad.graph.transform import place, see_through, terms_of
from symgrad.rewrite.readings import lift_at
from symgrad.rewrite.record import HIGHAM, record
from symgrad.rewrite.summands import opened_summands
from symgrad.univariate import X, log1mexp, stable

# bⁿ − 1 is a product of b − 1 and as many terms for a small whole number n.
_MOST_TERMS = 4


@record("bʸ − 1 = exp(y·log b) − 1 for b > 0", "bʸ is near 1 where b is, or y is small", HIGHAM)
def increment_of_power(use: Use) -> Use | None:
    """c·bʸ − c, beside other terms and factors, also as summands."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    for n, (c, term) in enumerate(terms):
        for factors, bound in opened_summands(term):
            for k, (factor, e) in enumerate(factors):
                for base, exponent in _powers(factor, e):
                    others = [*factors[:k], *factors[k + 1 :]]
                    taken = product_of_powers(others, bound)
                    rest = [pair for m, pair in enumerate(terms) if m != n and pair != (-c, taken)]
                    if len(rest) == len(terms) - 2:
                        increment = _increment(base, exponent, product_of_powers([(factor, e)]))
                        return add([(c, product_of_powers([*others, (increment, S.One)], bound)), *rest])
    return None


def _powers(factor: Use, e: Number) -> Iterator[tuple[Use, Use]]:
    """A factor as a power that may be near 1, since its base or its exponent says so."""
    target = see_through(factor)
    if isinstance(target.node, Apply) and target.node.head is Pow and e == 1:
        base, exponent = (place(arg, target.letters) for arg in target.node.args)
        yield base, exponent
    elif e not in (0, 1) and _logarithm(target) is not None:
        yield target, const(e)


def _logarithm(base: Use) -> Use | None:
    """The logarithm of what may be near 1, without its difference from that; None of anything else."""
    target = see_through(base)
    node = target.node
    terms = terms_of(target)
    if isinstance(node, Add) and (S.One, ONE) in terms:
        return apply(log1p, [add([pair for pair in terms if pair[1] != ONE])])
    if len(terms) == 1 and terms[0][0] == -1 and getattr(terms[0][1].node, "head", None) is expm1:
        return apply(log1mexp, [scale(S.NegativeOne, _argument(terms[0][1]))])
    if getattr(node, "head", None) is sigmoid:
        return scale(S.NegativeOne, apply(softplus, [scale(S.NegativeOne, _argument(target))]))
    if getattr(node, "head", None) is ndtr:
        return apply(log_ndtr, [_argument(target)])
    return None


def _argument(function: Use) -> Use:
    return place(function.node.uses()[0], function.letters)


def _increment(base: Use, exponent: Use, power: Use) -> Use:
    """bʸ − 1; where b is not positive, as it says."""
    times = number(exponent)
    target = see_through(base)
    if times is not None and times.is_Integer and abs(times) <= _MOST_TERMS and isinstance(target.node, Add):
        count = abs(int(times))
        total = add([(S.One, product_of_powers([(target, S(k))])) for k in range(count)])
        sign, divisor = (S.One, []) if times > 0 else (S.NegativeOne, [(target, times)])
        return scale(sign, product_of_powers([(subtract(target, ONE), S.One), (total, S.One), *divisor]))
    increment = apply(expm1, [mul([exponent, _logarithm(base) or apply(log, [base])])])
    if is_positive(base):
        return increment
    return apply(if_else, [apply(StrictGreaterThan, [base, ZERO]), increment, subtract(power, ONE)])


@record(
    "log(1 − bʸ) = log1mexp(−y·log b), log(bʸ − 1) = log(exp(y·log b) − 1) for b > 0",
    "the logarithm of what is near 0, or near 1",
    HIGHAM,
)
def log_of_increment(use: Use) -> Use | None:
    """The logarithm of an increment by cases, case by case."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    inner = see_through(place(use.node.args[0], use.letters))
    ((c, choice), *more) = terms_of(inner) or [(S.Zero, inner)]
    if more or abs(c) != 1 or getattr(choice.node, "head", None) is not if_else:
        return None
    condition, increment, other = (place(arg, choice.letters) for arg in choice.node.uses())
    if getattr(increment.node, "head", None) is not expm1 or (-S.One, ONE) not in terms_of(other):
        return None
    exponent = _argument(increment)
    near = apply(log1mexp, [scale(S.NegativeOne, exponent)]) if c == -1 else lift_at(stable(log(exp(X) - 1)), exponent)
    power = add([(c, other), (c, ONE)])  # ±bʸ
    far = apply(log1p, [power]) if c == -1 else apply(log, [subtract(power, ONE)])
    return apply(if_else, [condition, near, far])
