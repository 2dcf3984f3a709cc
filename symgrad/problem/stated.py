"""A problem as it is stated: objective, variables, constraints and bounds, and the model that they make."""

from collections.abc import Iterable, Mapping, Sequence, Set
from types import MappingProxyType
from typing import Any

from sympy import Basic, IndexedBase, MatrixSymbol, S, Symbol
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from symgrad.calls import checked
from symgrad.errors import ModelError
from symgrad.frontend import given
from symgrad.frontend.names import base_symbol, name_of, occurring
from symgrad.frontend.scope import place_of
from symgrad.problem.bounds import Bounds, bounds
from symgrad.problem.constraints import PLACE, Constraint, constraints
from symgrad.problem.lagrangian import FACTOR, lagrangian, multiplier_of
from symgrad.problem.ranges import free_indices
from symgrad.problem.words import in_words_of_problems

_OWN = {FACTOR: "what the Lagrangian multiplies the objective by", "objective": "the function of the objective"}


class StatedProblem:
    """An objective with variables, constraints and bounds; see `Problem`."""

    @checked("Problem(x**2 + y**2, [x, y], subject_to=[Eq(x + y, 1)])")
    def __init__(
        self,
        objective: Any,
        variables: Sequence[Any],
        *,
        subject_to: Any = (),
        bounds: Mapping[Any, Any] = MappingProxyType({}),
        where: Sequence[Any] | Mapping[Any, Any] = (),
        facts: Sequence[Any] = (),
        sizes: Mapping[Any, int] = MappingProxyType({}),
        name: str | None = None,
    ) -> None:
        with in_words_of_problems():
            self._state(objective, variables, subject_to, bounds, where, {"facts": facts, "sizes": sizes, "name": name})

    def _state(
        self,
        objective: Any,
        variables: Sequence[Any],
        subject_to: Any,
        bounds: Any,
        where: Any,
        options: dict[str, Any],
    ) -> None:
        """What the problem consists of, and the model that it stands on."""
        self.objective = _scalar(objective)
        self.where = given.equations(where, self.objective)
        relations = [part for part in _relations(subject_to) if isinstance(part, Basic)]
        parts = [part for part in (self.objective, *self.where, *relations) if isinstance(part, Basic)]
        self.variables = given.parameters(variables, parts)
        if not self.variables:
            raise ModelError("there are no variables to minimise by; give at least one symbol of the objective")
        taken = {name_of(one) for one in occurring(parts) if hasattr(one, "name") or hasattr(one, "label")}
        for name, meant in _OWN.items():
            if name in taken:
                raise ModelError(f"{name} is the name of {meant}; give the symbol {name} another name")
        taken |= {*_OWN, *map(name_of, self.variables)}
        arrays = (part for part in occurring([*parts, *self.variables]) if isinstance(part, IndexedBase | MatrixSymbol))
        lengths = {symbol for one in arrays for side in one.shape or () for symbol in S(side).free_symbols}
        self.constraints: tuple[Constraint, ...] = constraints(subject_to, taken, lengths)
        self._refuse_unused()
        _refuse_indices(self.objective, lengths)
        self.bounds: dict[str, Bounds] = _bounds(bounds, self.variables)
        self._objective_name = Symbol("objective", real=True)
        options["name"] = given.model_name(options["name"]) if options["name"] else "problem"
        stated = self.objective, self._objective_name, self.variables, self.constraints, self.where, options
        self.model = lagrangian(*stated)
        self.name: str = self.model.name

    def __repr__(self) -> str:
        count = f"{len(self.constraints)} constraint{'s' * (len(self.constraints) != 1)}"
        return f"Problem({self.name}: by {', '.join(map(name_of, self.variables))} under {count})"

    @property
    def multipliers(self) -> tuple[str, ...]:
        """The arguments that only the Lagrangian has: the objective's factor, an array for each constraint."""
        return (FACTOR, *(name_of(multiplier_of(one)) for one in self.constraints))

    def _refuse_unused(self) -> None:
        """An error about a variable that no function contains, or a constraint that contains no variable."""
        definitions: dict[Any, set[Any]] = {}
        for equation in self.where:
            if isinstance(equation, Relational):
                definitions.setdefault(base_symbol(equation.lhs), set()).update(occurring([equation.rhs]))
        reached = {one.name: _reached([one.gap], definitions) for one in self.constraints}
        for one in self.constraints:
            if not reached[one.name] & {*self.variables}:
                names = ", ".join(map(name_of, self.variables))
                raise ModelError(f"{one.said}: no variable occurs in it; the variables are {names}")
        everything = _reached([self.objective], definitions).union(*reached.values())
        for variable in self.variables:
            if variable not in everything:
                raise ModelError(
                    f"the variable {name_of(variable)} occurs neither in the objective nor in a constraint"
                )


_bounds = bounds  # whose name the argument hides


def _scalar(objective: Any) -> Any:
    """The objective as a scalar expression.

    Raises
    ------
    ModelError : it is none.
    """
    if objective is None:
        raise ModelError(
            "there is no objective; 0 stands for that of a problem which is to find a point that is allowed"
        )
    found = given.expression(objective)
    if isinstance(found, Relational | Boolean) and not isinstance(found, Symbol):
        raise ModelError(f"the objective is {place_of(found)}, a statement; relations belong into {PLACE}=[...]")
    if isinstance(found, list | tuple) or (getattr(found, "is_Matrix", False) and tuple(found.shape) != (1, 1)):
        shape = f" of shape {tuple(found.shape)}" if hasattr(found, "shape") else ""
        raise ModelError(
            f"the objective {place_of(found) if isinstance(found, Basic) else found}{shape} is not a scalar; what is "
            "minimised is one number, such as sumsq(r) or total(x)"
        )
    return found[0, 0] if getattr(found, "is_Matrix", False) else found


def _refuse_indices(objective: Any, lengths: Set[Any]) -> None:
    """An error about an index of the objective that no sum binds; in a constraint it would mean "for all"."""
    free = [index for index in free_indices(objective) if index not in lengths]
    if free:
        raise ModelError(
            f"the objective {place_of(objective)} is not a scalar: its index {free[0]} is bound by no sum; write "
            f"Sum(..., ({free[0]}, 0, N - 1)), or, where one entry is meant whose number is data, x[k[0]] "
            'with k = IndexedBase("k", (1,), integer=True)'
        )


def _relations(subject_to: Any) -> Iterable[Any]:
    """What is stated, with the parts of pairs by themselves."""
    parts = list(subject_to.items()) if isinstance(subject_to, Mapping) else subject_to
    if not isinstance(parts, tuple | list):
        parts = [parts]
    for part in parts:
        yield from _relations(part) if isinstance(part, tuple | list) else [part]


def _reached(expressions: Iterable[Any], definitions: Mapping[Any, set[Any]]) -> set[Any]:
    """The symbols that expressions are made of, through the names of `where`."""
    found: set[Any] = set()
    waiting = list(occurring(expressions))
    while waiting:
        symbol = waiting.pop()
        if symbol not in found:
            found.add(symbol)
            waiting += definitions.get(symbol, ())
            definition = getattr(symbol, "definition", None)
            waiting += occurring([definition]) if isinstance(definition, Basic) else ()
    return found
