"""Which integers of a model subscript its arrays, as labels and neighbours do, and the values they may have."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sympy import And, Basic, Expr, Indexed, IndexedBase, Mul, Not, Or, Piecewise, S, Symbol
from sympy.core.relational import Equality, Relational
from sympy.logic.boolalg import BooleanFunction
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from symgrad.arguments import Span
from symgrad.frontend.conditions import beside_deltas, conjuncts
from symgrad.frontend.names import base_symbol
from symgrad.functions import if_else
from symgrad.graph.dimensions import difference
from symgrad.matrix_functions import InverseEntry
from symgrad.walk import Preorder, guarding_first

_Use = tuple[Any, frozenset[Any]]  # an entry, and the conditions around it


def is_declared_integer(symbol: Any) -> bool:
    return bool(getattr(symbol.label if isinstance(symbol, IndexedBase) else symbol, "is_integer", False))


def subscripting_symbols(
    expressions: Sequence[Basic],
    numbers: Collection[Symbol],
    recursive: Collection[Any],
    indices: Collection[Any],
    named: Sequence[Equality] = (),
) -> dict[Any, tuple[Expr | None, Span | None]]:
    """The integers that subscript arrays, entries of others or numbers, with the size of the axis where one does alone.

    Beside it which ones to draw: those whose positions are inside, where they are integers plus a constant. Steps of a
    recurrence may leave some of them out, the parent of a root for instance, and check what they use themselves.
    `named` are the equations of names, those first that others do not use.
    """
    found: dict[Any, Expr | None] = {}
    spans: dict[Any, Span] = {}
    for expression in expressions:
        for part in Preorder(expression):
            if isinstance(part, Indexed) and part.base.shape is not None:
                pairs = list(zip(part.indices, part.base.shape, strict=False))
            elif isinstance(part, MatrixElement) and isinstance(part.parent, MatrixExpr):
                pairs = [(part.i, part.parent.shape[0]), (part.j, part.parent.shape[1])]
            elif isinstance(part, InverseEntry):
                lengths = [limit[2] + 1 if limit[1] == 0 else None for limit in part.limits]
                pairs = list(zip(part.at, lengths, strict=True))
            else:
                continue
            for sub, length in pairs:
                walk = Preorder(sub)
                for inner in walk:
                    if isinstance(inner, Indexed | MatrixElement) or inner in numbers:
                        walk.skip()  # what subscripts it is met by itself
                        base = base_symbol(inner)
                        alone = sub == inner and base_symbol(part) not in recursive
                        found[base] = length if alone else found.get(base)
                        if length is not None:
                            shift = difference(sub, inner)
                            first = -shift if shift.is_Integer else S.Zero
                            spans.setdefault(base, (first, first + length - 1))
    conditions = _Conditions(numbers, indices, named).around_subscripts(expressions)
    guarded = {base for base, common in conditions.items() if common}
    return {base: (None if base in guarded else alone, spans.get(base)) for base, alone in found.items()}


class _Conditions:
    """Under which conditions on data entries of integer data, and numbers, subscript arrays.

    A condition on the base itself counts in either branch, as of a label that may be none; one on other data where it
    is for the indices of the entry, as of a row that may be missing, or for these and others, all of whose columns may
    be. A base may be anything where one leaves it out of all its uses. What all uses of a name stand under counts in
    its equation, too.
    """

    def __init__(self, numbers: Collection[Symbol], indices: Collection[Any], named: Sequence[Equality] = ()) -> None:
        self._numbers, self._indices = numbers, indices
        self._named = [one for one in named if isinstance(one.lhs, Indexed)]
        self._names = {one.lhs.base for one in self._named}

    def around_subscripts(self, expressions: Sequence[Basic]) -> dict[Any, frozenset[Any]]:
        """The conditions that all uses of a base stand under, for the indices of its entry."""
        found: dict[Any, frozenset[Any]] = {}

        def note(uses: Iterable[_Use]) -> None:
            for entry, conditions in uses:
                base = base_symbol(entry)
                found[base] = found.get(base, conditions) & conditions

        equations = {id(one.rhs) for one in self._named}
        for expression in expressions:
            if id(expression) not in equations:
                note(self._uses(expression))
        for one in self._named:
            note(self._inside_name(one.lhs, found.get(one.lhs.base, frozenset()), self._uses(one.rhs)))
        return found

    def _inside_name(self, entry: Indexed, around: Iterable[Any], uses: set[_Use]) -> set[_Use]:
        """Uses in the equation of a name, all uses of which stand under conditions."""
        at = {Symbol(f"place {axis}", integer=True): sub for axis, sub in enumerate(entry.indices)}
        said = [one.xreplace(at) for one in around if isinstance(one, Relational | BooleanFunction)]
        found = set[_Use]()
        for inner, conditions in uses:
            letters = self._letters(inner)
            more = {one.xreplace(_places(inner)) for one in said if self._letters(one) <= letters}
            of_itself = any(base_symbol(inner) == base_symbol(part) for one in said for part in self._entries(one))
            found.add((inner, conditions | more | ({base_symbol(inner)} if of_itself else set())))
        return found

    def _uses(self, expression: Basic) -> set[_Use]:
        known: dict[int, tuple[Any, set[_Use]]] = {}
        stack: list[tuple[Any, Sequence[Any] | None]] = [(expression, None)]
        while stack:
            part, args = stack.pop()
            if args is not None:
                known[id(part)] = part, self._inside(part, args, [known[id(arg)][1] for arg in args])
            elif id(part) not in known:
                args = getattr(part, "args", ())
                if isinstance(part, Piecewise):
                    args = [side for pair in args for side in pair.args]
                stack.append((part, args))
                stack.extend((arg, None) for arg in args)
        return known[id(expression)][1]

    def _inside(self, part: Any, args: Sequence[Any], inside: Sequence[set[_Use]]) -> set[_Use]:
        if isinstance(part, if_else):
            condition, yes, no = inside
            return condition | self._under(args[0], yes, no)
        if isinstance(part, Piecewise):  # each value, and the condition that it is taken on
            found = set[_Use]()
            for at in range(len(args) - 2, -1, -2):
                found = inside[at + 1] | self._under(args[at + 1], inside[at], found)
            return found
        if isinstance(part, And | Or):  # of which the first ones keep subscripts of the others on their axes
            return self._joined(part, dict(zip(args, inside, strict=True)))
        if isinstance(part, Mul):
            inside = [
                self._under(And(*beside, evaluate=False), uses, set()) if beside and uses else uses
                for beside, uses in zip(beside_deltas(args, self._indices), inside, strict=True)
            ]
        made = set[_Use]().union(*inside)
        if isinstance(part, Indexed | MatrixElement):
            made |= {(entry, frozenset()) for sub in part.args[1:] for entry in self._entries(sub)}
        if isinstance(part, Indexed) and part.base in self._names:
            made.add((part, frozenset()))
        return made

    def _joined(self, condition: And | Or, inside: Mapping[Any, set[_Use]]) -> set[_Use]:
        found, before = set[_Use](), list[Basic]()
        for level in guarding_first(condition.args):
            uses = set[_Use]().union(*(inside[part] for part in level))
            found |= self._under(And(*before, evaluate=False), uses, set()) if before else uses
            before += level if isinstance(condition, And) else [Not(part) for part in level]
        return found

    def _under(self, condition: Basic, yes: set[_Use], no: set[_Use]) -> set[_Use]:
        bases = {base_symbol(entry) for entry in self._entries(condition)}
        found = set()
        for uses, parts in ((yes, conjuncts(condition)), (no, conjuncts(Not(condition)))):
            said = [(one, self._letters(one)) for one in parts if any(True for _ in self._entries(one))]
            for entry, conditions in uses:
                own = {base_symbol(entry)} & bases
                letters = self._letters(entry)
                own |= {
                    one.xreplace(_places(entry) | _others(one, letters, self._indices))
                    for one, others in said
                    if others <= letters or has_entry_across(one, letters, self._indices)
                }
                found.add((entry, conditions | own))
        return found

    def _letters(self, expression: Basic) -> frozenset[Any]:
        return frozenset(part for part in Preorder(expression) if part in self._indices)

    def _entries(self, expression: Basic) -> Iterator[Any]:
        """The outermost entries and numbers in an expression; what subscripts an entry has to be a label already."""
        walk = Preorder(expression)
        for part in walk:
            if isinstance(part, Indexed | MatrixElement) or part in self._numbers:
                yield part
                walk.skip()


def _places(entry: Any) -> dict[Any, Symbol]:
    """The subscripts of an entry, by their places, as indices that are called alike in all its uses."""
    return {sub: Symbol(f"place {axis}", integer=True) for axis, sub in enumerate(entry.args[1:]) if sub.is_Symbol}


def _others(condition: Basic, letters: Collection[Any], indices: Collection[Any]) -> dict[Any, Symbol]:
    """The indices of a condition that are none of an entry's, as indices that are called alike everywhere."""
    found = dict.fromkeys(part for part in Preorder(condition) if part in indices and part not in letters)
    return {index: Symbol(f"other {number}", integer=True) for number, index in enumerate(found)}


def has_entry_across(condition: Basic, letters: Collection[Any], indices: Collection[Any]) -> bool:
    """Whether a condition compares an entry that has some of these indices, and others beside them."""
    for part in Preorder(condition):
        if isinstance(part, Indexed | MatrixElement):
            found = {index for index in Preorder(part) if index in indices}
            if any(index in letters for index in found) and any(index not in letters for index in found):
                return True
    return False
