"""Conditions in formulas: what is known where a part of a formula counts is not asked again.

Inside if_else(m ≥ 1, …) the condition m ≥ 1 holds, and so does m + 2 ≥ 3; in a product with if_else(c, …, 0) what is
not c does not count, nor does a ≠ b in one with δ(a, b). A condition inside another one that says nothing else joins
it.
"""

from typing import Any

from sympy import Add, And, Basic, Eq, Expr, Ge, Gt, KroneckerDelta, Le, Lt, Mul, Ne, Not, Piecewise, expand
from sympy.logic.boolalg import Boolean

from symgrad.functions import IndexedSoftmax, if_else
from symgrad.graph.comparisons import says

Known = frozenset[Boolean]


def implied(expr: Any, known: Known = frozenset()) -> Any:
    """The expression without the conditions that hold, or fail, by those around them."""
    if not isinstance(expr, Basic) or not expr.has(if_else, Piecewise):
        return expr
    if isinstance(expr, if_else):
        return _choice(expr, known)
    if isinstance(expr, Mul):
        conditions = [condition for factor in expr.args for condition in _needed(factor)]
        inside = [known.union(c for c in conditions if c not in _needed(factor)) for factor in expr.args]
        return expr.func(*(implied(factor, around) for factor, around in zip(expr.args, inside, strict=True)))
    limits = [expr.limit] if isinstance(expr, IndexedSoftmax) else getattr(expr, "limits", ())
    bound = {limit[0] for limit in limits} | set(getattr(expr, "bound_symbols", ()))
    around = frozenset(condition for condition in known if not condition.free_symbols & bound)
    if not expr.args:
        return expr
    return expr.func(*(implied(arg, around) for arg in expr.args))


def merged(expr: Any) -> Any:
    """The expression with what parts of a sum choose by the same condition as one choice, where that is shorter."""
    if not isinstance(expr, Basic) or not expr.args or not expr.has(if_else):
        return expr
    made = expr.func(*map(merged, expr.args))
    if not isinstance(made, Add):
        return made
    for condition in dict.fromkeys(part.args[0] for part in _choices(made)):
        asking = [term for term in made.args if any(part.args[0] == condition for part in _choices(term))]
        if len(asking) < 2:
            continue
        yes, no = (implied(made.func(*asking), frozenset([given])) for given in (condition, Not(condition)))
        together = made.func(*(term for term in made.args if term not in asking), if_else(condition, yes, no))
        if together.count_ops() < made.count_ops():
            return merged(together)
    return made


def _choices(expr: Any) -> list[Any]:
    """The choices in an expression, of those outside what binds an index."""
    if getattr(expr, "bound_symbols", ()) or getattr(expr, "limits", ()) or isinstance(expr, IndexedSoftmax):
        return []
    own = [expr] if isinstance(expr, if_else) else []
    return own + [part for arg in expr.args for part in _choices(arg)]


def _choice(expr: if_else, known: Known) -> Any:
    condition, yes, no = expr.args
    left = [part for part in _parts(condition) if not any(_follows(part, fact) for fact in known)]
    if not left:
        return implied(yes, known)
    if any(_follows(Not(part), fact) for part in left for fact in known):
        return implied(no, known)
    inner = implied(yes, known.union(left))
    other = implied(no, known.union([Not(left[0])]) if len(left) == 1 else known)
    if isinstance(inner, if_else) and inner.args[2] == other:  # if c and if d, or else
        left, inner = [*left, *_parts(inner.args[0])], inner.args[1]
    return inner if inner == other else if_else(And(*map(_plain, _fewest(left))), inner, other)


def _fewest(parts: list[Any]) -> list[Any]:
    """Conditions without those that others of them imply; of two that imply each other the first stays."""
    kept: list[Any] = []
    for n, part in enumerate(parts):
        others = [*kept, *parts[n + 1 :]]
        if not any(_follows(part, other) and other != part for other in others) and part not in kept:
            kept.append(part)
    return kept


def _plain(condition: Any) -> Any:
    """An inequality of integers with its number on the right side: m ≥ 2 for m − 1 ≥ 1."""
    if _margin(condition) is None or condition.lhs.is_number:
        return condition
    number, _ = condition.lhs.as_coeff_Add()
    return condition.func(condition.lhs - number, condition.rhs - number)


def _needed(factor: Any) -> list[Any]:
    """The conditions without which a factor is 0."""
    if isinstance(factor, if_else) and factor.args[2] == 0:
        return _parts(factor.args[0])
    if isinstance(factor, KroneckerDelta) and len(factor.args) == 2:
        return [Eq(*factor.args)]
    if isinstance(factor, Add) and len(factor.args) == 2 and factor.args[0] == 1:  # 1 - δ
        other = -factor.args[1]
        if isinstance(other, if_else) and other.args[1:] == (1, 0):
            return [Not(other.args[0])]
        if isinstance(other, KroneckerDelta) and len(other.args) == 2:
            return [Ne(*other.args)]
    return []


def _parts(condition: Any) -> list[Any]:
    return list(condition.args) if isinstance(condition, And) else [condition]


def _follows(condition: Any, fact: Any) -> bool:
    """Whether a condition holds where a fact does."""
    if condition == fact:
        return True
    wanted, given = _margin(condition), _margin(fact)
    if wanted is None or given is None:
        pairs = ((False, condition.args), (True, condition.args[::-1]))
        return any(fact.args == each and says(fact.func, condition.func, swapped=swapped) for swapped, each in pairs)
    gap = expand(wanted - given)
    return bool(gap.is_nonnegative) if gap.is_number else False


def _margin(condition: Any) -> Expr | None:
    """What is not negative where an inequality of integers holds; None for any other condition."""
    if not isinstance(condition, Ge | Gt | Le | Lt):
        return None
    above = condition.lhs - condition.rhs if isinstance(condition, Ge | Gt) else condition.rhs - condition.lhs
    if not above.is_integer:
        return None
    return above - 1 if isinstance(condition, Gt | Lt) else above
