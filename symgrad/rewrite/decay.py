"""Products of what vanishes as exp(−exp(v)) does and of what grows as exp(v): 0 where exp(v) is no number any more."""

from sympy import Min, Ne, Number, S, exp, log
from sympy.codegen.cfunctions import expm1

from symgrad.functions import if_else, sigmoid
from symgrad.graph.build import ZERO, add, apply, is_zero, number, product_of_powers, scale, subtract
from symgrad.graph.facts import is_positive
from symgrad.graph.nodes import Apply, Contract, Use, postorder
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.divided import DERIVED
from symgrad.rewrite.readings import lift_at, primitive_of
from symgrad.rewrite.record import HIGHAM, record
from symgrad.rewrite.summands import opened_factors
from symgrad.univariate import Univariate, X, ends, stable


@record("exp(v)·exp(−exp(v)) = 0 where exp(−exp(v)) is", "0·∞ is not a number where v is beyond 709", HIGHAM)
def decay_of_exponential(use: Use) -> Use | None:
    """A product with factors that a double exponential among them outweighs, as derivatives of exp(−exp(v)) are."""
    if not isinstance(use.node, Contract):
        return None
    factors, bound = opened_factors(use)
    for n, (small, e) in enumerate(factors):
        grown = _decays_with(small) if e.is_positive else None
        if grown is None:
            continue
        there = apply(Ne, [small, ZERO])
        made = [
            (apply(if_else, [there, factor, ZERO]), power)
            if m != n and power.is_positive and _grows_with(factor, grown)
            else (factor, power)
            for m, (factor, power) in enumerate(factors)
        ]
        if made != factors:
            return product_of_powers(made, bound)
    return None


@record(
    "qᵏ·exp(v)ᵏ·f(q·exp(v)) = g(q·exp(v)) with g(X) = Xᵏ·f(X)",
    "0·∞ is not a number where exp(v) is 0, or no number",
    DERIVED,
)
def function_beside_exponential(use: Use) -> Use | None:
    """A function of an exponential that vanishes with it or as it grows, and a power of that as one function."""
    if not isinstance(use.node, Contract):
        return None
    factors, bound = opened_factors(use)
    for n, (function, e) in enumerate(factors):
        target = see_through(function)
        if e != 1 or not _is_univariate(target):
            continue
        argument = place(target.node.uses()[0], target.letters)
        whole = _exponent(argument)
        for m, (factor, power) in enumerate(factors):
            part = _exponent(factor) if power == 1 else None
            if whole is None or part is None:
                continue
            for times in (1, 2):
                rest = _over_power(part, whole, S(times))
                if rest is not None:
                    joined = lift_at(stable(X**times * target.node.head.expression), argument)  # type: ignore[attr-defined]
                    others = [pair for k, pair in enumerate(factors) if k not in (n, m)]
                    return product_of_powers([*others, (joined, S.One), *rest], bound)
    return None


def _over_power(part: Use, whole: Use, times: Number) -> list[tuple[Use, Number]] | None:
    """exp(part) over that power of exp(whole), where no term is left of that but logarithms."""
    left = [] if is_zero(rest := subtract(part, scale(times, whole))) else terms_of(rest)
    logs = [(c, term) for c, term in left if isinstance(term.node, Apply) and term.node.head is log]
    others = [pair for pair in left if pair not in logs]
    if {term for _, term in others} & {term for _, term in terms_of(whole)}:
        return None
    powers = [(place(term.node.uses()[0], term.letters), c) for c, term in logs]
    return [*powers, (apply(exp, [add(others)]), S.One)] if others else powers


def _is_univariate(use: Use) -> bool:
    head = getattr(use.node, "head", None)
    return isinstance(head, type) and issubclass(head, Univariate)


def _decays_with(use: Use) -> Use | None:
    """v of exp(−c·exp(v) + w) and of σ(−c·exp(v) + w), c > 0, and of functions of exp(v) that vanish as fast."""
    target = see_through(use)
    if not isinstance(target.node, Apply):
        return None
    argument = place(target.node.uses()[0], target.letters)
    if _is_univariate(target):
        return _exponent(argument) if ends(target.node.head.expression)[1] else None
    if target.node.head in (exp, sigmoid):
        for c, term in terms_of(see_through(argument)):
            if c.is_negative and is_positive(term):
                found = [_exponent(factor) for factor, e in factors_of(see_through(term)) if e == 1]
                return next((exponent for exponent in found if exponent is not None), None)
    return None


def _exponent(use: Use) -> Use | None:
    """v of exp(v), and of exp(min(v, c)) for a number c."""
    target = see_through(use)
    if not (isinstance(target.node, Apply) and target.node.head is exp):
        return None
    inner = place(target.node.uses()[0], target.letters)
    if isinstance(inner.node, Apply) and inner.node.head is Min:
        bounded = [part for part in (place(arg, inner.letters) for arg in inner.node.uses()) if number(part) is None]
        return bounded[0] if len(bounded) == 1 else None
    return inner


def _grows_with(use: Use, exponent: Use) -> bool:
    """Whether an exponential of a positive multiple of the exponent is a part of a factor."""
    coefficient, primitive = primitive_of(exponent)
    for node in postorder([use.node]):
        if isinstance(node, Apply) and node.head in (exp, expm1):
            times, part = primitive_of(node.args[0])
            if part.node is primitive.node and (times * coefficient).is_positive:
                return True
    return False
