"""What the conditions around an expression say about the integers in it: where a branch is taken, its indices have less
range than their sums give them."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sympy import Add, And, Basic, Eq, Expr, Ge, Gt, Indexed, KroneckerDelta, Le, Lt, Ne, Not, Or, S
from sympy.core.relational import Relational
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.frontend.bounds import Indices, is_positive, scaled_to_integer
from symgrad.walk import guarding_first

# Expressions that are not negative where a condition holds. A condition is a choice of such cases: i != 0 is i >= 1 or
# i <= -1.
Guards = tuple[Expr, ...]
_MOST_CASES = 16  # a condition that would make more of them is left out, so that less is known


def conjuncts(condition: Basic) -> tuple[Basic, ...]:
    """The parts of a condition that all hold where it does, those first that keep others' subscripts on their axes."""
    return tuple(part for level in guarding_first(_conjuncts(condition)) for part in level)


def _conjuncts(condition: Basic) -> tuple[Basic, ...]:
    if isinstance(condition, Not):
        inner = condition.args[0]
        if isinstance(inner, Or):
            return tuple(part for arg in inner.args for part in _conjuncts(Not(arg)))
        negated = getattr(inner, "negated", None)
        return (condition,) if negated is None else _conjuncts(negated)
    return (
        tuple(part for arg in condition.args for part in _conjuncts(arg))
        if isinstance(condition, And)
        else (condition,)
    )


def guards_of(condition: Basic) -> Guards:
    """Expressions that are not negative where a comparison of integers holds."""
    if not isinstance(condition, Eq | Ge | Gt | Le | Lt):
        return ()
    gap = scaled_to_integer(condition.lhs - condition.rhs)
    match condition:
        case Ge():
            return (gap,)
        case Gt():
            return (gap - 1,)
        case Le():
            return (-gap,)
        case Lt():
            return (-gap - 1,)
    return (gap, -gap)


def are_positive(
    ends: Sequence[Expr],
    indices: Indices,
    conditions: Sequence[Basic],
    compares_integers: Callable[[Relational], bool],
    known: Guards = (),
) -> bool:
    """Whether expressions are proved to be positive wherever the conditions hold and `known` are not negative.

    Every case of the conditions that is not empty has to prove it.
    """
    cases = [known]
    for condition in conditions:
        more = [(*case, *one) for case in cases for one in _cases(condition, compares_integers)]
        if len(more) <= _MOST_CASES:
            cases = more
    return all(
        all(is_positive(end, indices, case) for end in ends) or _is_empty(case, indices)
        for case in dict.fromkeys(cases)
    )


def _cases(condition: Basic, compares_integers: Callable[[Relational], bool]) -> list[Guards]:
    """The guards of each way in which a condition holds; no guards where it says nothing about integers."""
    match condition:
        case Not() if isinstance(condition.args[0], And | Or):
            (inner,) = condition.args
            other = Or if isinstance(inner, And) else And
            return _cases(other(*(Not(arg) for arg in inner.args), evaluate=False), compares_integers)
        case And():
            cases: list[Guards] = [()]
            for part in condition.args:
                more = [(*case, *one) for case in cases for one in _cases(part, compares_integers)]
                cases = more if len(more) <= _MOST_CASES else cases
            return cases
        case Or():
            found = [case for part in condition.args for case in _cases(part, compares_integers)]
            return found if len(found) <= _MOST_CASES else [()]
        case Relational() if not compares_integers(condition):
            return [()]
        case Ne():
            gap = scaled_to_integer(condition.lhs - condition.rhs)
            return [(gap - 1,), (-gap - 1,)]
    return [guards_of(condition)]


def _is_empty(case: Guards, indices: Indices) -> bool:
    """Whether the guards of a case contradict one another or the ranges of the indices."""
    return any(is_positive(-guard, indices, case[:number] + case[number + 1 :]) for number, guard in enumerate(case))


def narrowed(condition: Ne, indices: Indices) -> Guards:
    """The guard that i != c amounts to where c is an end of the range of i: i >= 1 for i != 0."""
    gap = scaled_to_integer(condition.lhs - condition.rhs)
    for sign in (1, -1):
        if is_positive(sign * gap + 1, indices):
            return (sign * gap - 1,)
    return ()


def pinned(conditions: Sequence[Basic], indices: Indices) -> dict[Basic, Expr]:
    """The indices that a condition sets to a number or a size: i of Eq(i, 0)."""
    found: dict[Basic, Expr] = {}
    for condition in conditions:
        if isinstance(condition, Eq):
            for index, value in (condition.args, condition.args[::-1]):
                if index in indices and not value.has(*indices) and value.is_integer:
                    found[index] = value
    return found


def beside_deltas(factors: Sequence[Basic], indices: Collection[Any]) -> list[tuple[Basic, ...]]:
    """Where the other factors of a product are not 0, for each factor: a = b beside δ(a, b), a ≠ b beside 1 - δ(a, b).

    Of deltas that compare data; one with an index by itself says which of several entries is meant.
    """
    said = [_unless_zero(factor, indices) for factor in factors]
    return [tuple(c for m, c in enumerate(said) if c is not None and m != n) for n in range(len(said))]


def _unless_zero(factor: Basic, indices: Collection[Any]) -> Basic | None:
    head: Any = Eq
    if isinstance(factor, Add) and len(factor.args) == 2 and factor.args[0] is S.One:
        factor, head = -factor.args[1], Ne
    if not isinstance(factor, KroneckerDelta) or len(factor.args) != 2:
        return None
    if any(side in indices for side in factor.args) or not factor.has(Indexed, MatrixElement):
        return None
    condition: Basic = head(*factor.args)
    return condition if isinstance(condition, head) else None
