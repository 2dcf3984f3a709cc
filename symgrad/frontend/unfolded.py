"""Sums of cases as they were before SymPy has folded them: (a + b)², a² where b does not count, b² where a does not, as
(a where it counts + b where it counts)².

SymPy folds every `Piecewise` out of the expression that a `Sum` is over, so that the two ends of a stencil become four
cases, each of which would have arrays and masks of its own.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations, product

from sympy import Add, And, Basic, Expr, Function, Indexed, Mul, Not, Or, Piecewise, Pow, S
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom

from symgrad.functions import if_else

_MOST_CONDITIONS = 4  # every combination of their truth values is looked at

Truths = tuple[bool, ...]  # of every condition
Cases = Mapping[Truths, Expr]  # the value for every combination of these


def unfolded(cases: Piecewise, integers: Collection[Basic]) -> Expr | None:
    """Cases by conditions on indices as one expression with conditions around single terms of it.

    None if the conditions are about more than these integers, or say it otherwise than by comparisons, or the values
    are no such expression. A term is not used where it stands in no value.
    """
    if not all(_is_of_comparisons(condition) for _, condition in cases.args):
        return None
    said = {part for _, condition in cases.args for part in condition.atoms(Relational)}
    atoms = sorted({min(part, part.negated, key=str) for part in said}, key=str)
    if len(atoms) > _MOST_CONDITIONS or any(
        part.has(Indexed) or not part.free_symbols <= {*integers} for part in atoms
    ):
        return None
    found: dict[Truths, Expr] = {}
    for truths in product((False, True), repeat=len(atoms)):
        known = dict(zip(atoms, truths, strict=True))
        known |= {part.negated: not holds for part, holds in known.items()}
        taken = next((value for value, condition in cases.args if _holds(condition, known)), None)
        if taken is None:
            return None
        found[truths] = taken
    return _joined(found, atoms)


def _is_of_comparisons(condition: Basic) -> bool:
    """Whether a condition is made of comparisons by and, or and not, of which `_holds` knows what they say."""
    if isinstance(condition, And | Or | Not):
        return all(map(_is_of_comparisons, condition.args))
    return isinstance(condition, Relational | BooleanAtom)


def _holds(condition: Basic, known: Mapping[Basic, bool]) -> bool:
    """Whether a condition holds."""
    match condition:
        case And():
            return all(_holds(part, known) for part in condition.args)
        case Or():
            return any(_holds(part, known) for part in condition.args)
        case Not():
            return not _holds(condition.args[0], known)
    return known[condition] if isinstance(condition, Relational) else condition is S.true


def _joined(cases: Cases, atoms: Sequence[Relational]) -> Expr | None:
    """The cases as one expression; None if they differ in more than terms of sums."""
    first, *others = dict.fromkeys(cases.values())
    if not others:
        return first
    if any(isinstance(value, Add) for value in (first, *others)):
        return _added(cases, atoms)
    if any(value.func is not first.func for value in others):
        return None
    if isinstance(first, Mul):
        common = set.intersection(*(set(value.args) for value in (first, *others)))
        rest = {truths: Mul(*(f for f in value.args if f not in common)) for truths, value in cases.items()}
        inner = _joined(rest, atoms) if common else None
        return None if inner is None else Mul(*common, inner)
    if isinstance(first, Pow | Function) and all(value.args[1:] == first.args[1:] for value in others):
        inner = _joined(_of_one_sign({truths: value.args[0] for truths, value in cases.items()}, first), atoms)
        return None if inner is None else first.func(inner, *first.args[1:])
    return None


def _of_one_sign(bases: Cases, power: Expr) -> Cases:
    """Bases of even powers, of which SymPy makes z² of (−z)², with the signs of the longest of them."""
    if not (isinstance(power, Pow) and power.args[1].is_even):
        return bases
    longest = max((_terms(base) for base in bases.values()), key=len)
    return {t: -base if _terms(-base) & longest > _terms(base) & longest else base for t, base in bases.items()}


def _terms(value: Expr) -> set[Expr]:
    return {*Add.make_args(value)} - {S.Zero}


def _added(cases: Cases, atoms: Sequence[Relational]) -> Expr | None:
    """Sums as one, in which what not all of them have stands under the condition of those that do."""
    terms = dict.fromkeys(term for value in cases.values() for term in Add.make_args(value) if term != 0)
    found = {term: frozenset(t for t, value in cases.items() if term in _terms(value)) for term in terms}
    made = [term for term, where in found.items() if len(where) == len(cases)]
    left = {term: where for term, where in found.items() if len(where) < len(cases)}
    for term, where in left.items():
        conditions = _conditions(where, cases, atoms)
        if conditions is None:
            return None
        for condition in conditions:
            term = if_else(condition, term, S.Zero)
        made.append(term)
    return Add(*made)


def _conditions(where: frozenset[Truths], cases: Cases, atoms: Sequence[Relational]) -> list[Basic] | None:
    """The one or two conditions that hold together for these combinations alone; None if it takes more."""
    literals = [(n, wanted) for n in range(len(atoms)) for wanted in (True, False)]
    for count in (1, 2):
        for chosen in combinations(literals, count):
            if where == {truths for truths in cases if all(truths[n] == wanted for n, wanted in chosen)}:
                return [atoms[n] if wanted else atoms[n].negated for n, wanted in chosen]
    return None
