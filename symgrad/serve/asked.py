"""What the page asks about: a formula, the shapes that were chosen, what to differentiate by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from symgrad.errors import ModelError
from symgrad.model import Model
from symgrad.text.formula import Formula, notation_of, parse


@dataclass(frozen=True)
class Asked:
    """A formula as the page states it.

    Attributes
    ----------
    text : the formula.
    shapes : pairs of a name and the shape that was chosen for it.
    by : the names to differentiate by.
    """

    text: str
    shapes: tuple[tuple[str, str], ...] = ()
    by: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> "Asked":
        """What a request states.

        Raises
        ------
        ModelError : it is not made as requests are.
        """
        text, shapes, by = request.get("text"), request.get("shapes", {}), request.get("by", [])
        if not isinstance(text, str):
            raise ModelError("a request has the formula, a text, as `text`")
        if not isinstance(shapes, dict) or not all(isinstance(part, str) for pair in shapes.items() for part in pair):
            raise ModelError('the shapes of a request are texts by names: {"x": "vector"}')
        if not isinstance(by, list) or not all(isinstance(name, str) for name in by):
            raise ModelError('what to differentiate by is a list of names: ["w"]')
        return cls(text, tuple(sorted(shapes.items())), tuple(dict.fromkeys(by)))


@lru_cache(maxsize=32)
def formula_of(text: str, shapes: tuple[tuple[str, str], ...]) -> Formula:
    """The formula, read in the notation that it is written in."""
    return parse(text, dict(shapes), notation=notation_of(text))


@dataclass(frozen=True, eq=False)
class Stated:
    """A model, and the name of its result where that is no scalar; then it has no loss, but a Jacobian.

    Of a problem, `minimise … subject to …`, the model is that of its Lagrangian.
    """

    model: Model
    result: str | None = None
    problem: Any = None

    @property
    def jacobian(self) -> list[str]:
        """What there is a Jacobian of."""
        return [] if self.result is None else [self.result]


@lru_cache(maxsize=16)
def stated(asked: Asked) -> Stated:
    """The model that is asked about; what it has derived is kept for the next question about it.

    Raises
    ------
    FormulaError : the formula is wrong at some place.
    ModelError : there is nothing to differentiate by.
    """
    formula = formula_of(asked.text, asked.shapes)
    if not formula.reading.symbols:
        raise ModelError("the formula has no symbols, so there is nothing to differentiate by")
    if not asked.by:
        raise ModelError("choose at least one symbol to differentiate by")
    if formula.program.minimised or formula.program.constraints:
        problem = _problem(formula, list(asked.by))
        return Stated(problem.model, problem=problem)
    return Stated(Model.from_text(formula, list(asked.by), name="formula"), formula.quantity)


def _problem(formula: Formula, by: list[str]) -> Any:
    try:
        # with NumPy, which the page may be without
        from symgrad.problem import Problem
    except ImportError:
        raise ModelError("problems are derived with NumPy, which this page does not have") from None
    return Problem.from_text(formula, by, name="problem")
