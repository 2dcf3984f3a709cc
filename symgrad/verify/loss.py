"""The loss as the model states it: its value, the branches that it takes, and what of the inputs it reads."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from mpmath import mpf
from sympy import Basic, Heaviside, KroneckerDelta, MatrixSymbol, Piecewise, ceiling, floor, sign

from symgrad.arguments import Argument
from symgrad.frontend.names import base_symbol, label_of
from symgrad.functions import if_else, step
from symgrad.reference import Place, Trace, branches_of, evaluate, shortfall

_KEPT = 16  # evaluations: both the check of the value and that of the chain ask for it, and that of branches

_CHOOSING = (if_else, Piecewise, KroneckerDelta, Heaviside, step, sign, floor, ceiling)  # that jump

Sizes = Mapping[Any, int]


class Evaluation(NamedTuple):
    """The loss somewhere: its value at 50 digits, nan where it is no real number; what was seen."""

    value: Any
    trace: Trace


@dataclass(frozen=True)
class StatedLoss:
    """A SymPy loss, evaluated as it is written.

    Attributes
    ----------
    loss, where : the model's.
    arguments : those of the generated module.
    heads : the functions that the compiler applies in loss and gradient; None where that is not known.
    """

    loss: Any
    where: Sequence[Basic]
    arguments: Sequence[Argument]
    heads: frozenset[Any] | None = None
    _known: dict[Any, Evaluation] = field(default_factory=dict)

    def at(self, inputs: Mapping[str, Any], sizes: Sizes) -> Evaluation:
        """Everything there is to know at some inputs."""
        values = self.values(inputs)
        key = tuple((str(symbol), value.shape, value.tobytes()) for symbol, value in values.items()), str(sizes)
        if key not in self._known:
            trace = Trace()
            try:
                found = Evaluation(evaluate(self.loss, values, dict(sizes), self.where, trace=trace), trace)
            except (ValueError, ArithmeticError):
                found = Evaluation(mpf("nan"), trace)
            while len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = found
        return self._known[key]

    def __call__(self, inputs: Mapping[str, Any], sizes: Sizes) -> float:
        """The value; nan where the loss is no real number."""
        return float(self.at(inputs, sizes).value)

    def entry(self, name: Any, place: tuple[int, ...], inputs: Mapping[str, Any], sizes: Sizes) -> Any:
        """An entry of a name of `where` at 50 digits, by its subscripts along the axes; nan where it is no number."""
        subs = list(place)
        if isinstance(name, MatrixSymbol):  # sides of one have no axis
            found = iter(place)
            subs = [0 if side == 1 else next(found) for side in name.shape]
        expression = name[tuple(subs)] if subs else name
        try:
            return evaluate(expression, self.values(inputs), dict(sizes), self.where)
        except (ValueError, ArithmeticError, IndexError):
            return mpf("nan")

    def shortfall(self, condition: Basic, holds: bool, place: Place, inputs: Mapping[str, Any], sizes: Sizes) -> float:
        """How far a condition is from holding (or not) at a place of the loss."""
        return shortfall(condition, holds, place, self.values(inputs), dict(sizes), self.where)

    @property
    def expressions(self) -> list[Basic]:
        """The loss, and what its names stand for."""
        return [part for part in (self.loss, *(equation.args[1] for equation in self.where)) if isinstance(part, Basic)]

    @property
    def compared(self) -> frozenset[str]:
        """The names of the data that conditions are about, of those that are about no parameter."""
        sites = {site for expression in self.expressions for site in expression.atoms(*_CHOOSING)}
        parts = {part for site in sites for part in (branches_of(site).values() or site.args)}
        data = {a.name for a in self.arguments if a.role == "data"}
        parameters = {a.name for a in self.arguments if a.role == "parameter"}
        about = [self.names_in([part]) for part in parts]
        return frozenset(name for names in about if not names & parameters for name in names & data)

    def names_in(self, expressions: Iterable[Basic], closed: Collection[str] = ()) -> set[str]:
        """The names that expressions are made of, with those that named quantities among them are made of.

        What the `closed` ones are made of is not looked at.
        """
        definitions: dict[str, list[Basic]] = {}
        for equation in self.where:
            definitions.setdefault(label_of(base_symbol(equation.args[0])), []).append(equation.args[1])
        names, waiting = {*closed}, list(expressions)
        while waiting:
            for name in {label_of(base_symbol(symbol)) for symbol in waiting.pop().free_symbols} - names:
                names.add(name)
                waiting += definitions.get(name, [])
        return names

    def values(self, inputs: Mapping[str, Any]) -> dict[Basic, np.ndarray[Any, Any]]:
        """The inputs by symbol."""
        by_name = {a.name: a.symbol for a in self.arguments if a.role != "dimension"}
        return {by_name[name]: np.asarray(value) for name, value in inputs.items() if name in by_name}
