"""What is checked, all that the checker knows of it beside its text, and what the caller of the check wants."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Basic, Expr, Symbol

from symgrad.arguments import Argument
from symgrad.frontend.facts import Constraint
from symgrad.reference import evaluate
from symgrad.verify.arrays import Inputs
from symgrad.verify.calls import Arrays, SecondOrder
from symgrad.verify.compiled import Compiled
from symgrad.verify.complex_step import ComplexStep
from symgrad.verify.draw import ORDINARY, Draw, Kind
from symgrad.verify.inequalities import domain_demands
from symgrad.verify.kink_points import Kinks
from symgrad.verify.loss import StatedLoss
from symgrad.verify.numbers import DIGITS
from symgrad.verify.sizes import is_legal

SINGULAR = 1e-10
"""A matrix so near to singular has no digit right in an inverse; rounding leaves 1e-17 of a singular one."""

Reference = Callable[[dict[str, Any], Mapping[Basic, int]], float]


@dataclass(frozen=True)
class Held:
    """Loss and gradient with what the model holds constant as arguments of its own: copies of those that move."""

    module: Any
    copies: Mapping[str, str]

    def __call__(self, function: str, inputs: Inputs, at: Inputs) -> Any:
        """What a function gives at inputs where what is held constant is as it is at others."""
        return getattr(self.module, function)(**inputs, **{copy: at[name] for name, copy in self.copies.items()})


@dataclass(frozen=True)
class Subject:
    """A generated module with the model that it is of. Of one written by hand there may be less to know.

    Attributes
    ----------
    module : an object with the functions `value`, `gradient` and `value_and_gradient`, which take arguments by name.
    arguments : the module's arguments; those with the role "parameter" are differentiated by, in this order.
    facts : SymPy statements that the inputs satisfy.
    where : the model's named intermediates, which facts may be about.
    name : the model's name, for the report.
    dimensions : the model's dimensions.
    minimum_sizes : the least size of a dimension, where it is not 1.
    lengths, margins : expressions of dimensions: at sizes where one is negative there is no model to check.
    reference : computes the loss independently, from inputs and sizes; `value` has to agree with it. Where the loss is
        no real number it is nan.
    stated : the loss as it is stated, all of whose branches are to be seen.
    kinks : where the loss is not smooth.
    conditioning : how far the matrices that the loss inverts are from singular: inputs are drawn where it is positive.
    held : what is differentiated, where that is another; None if the model holds nothing constant.
    complex_step : the loss that is differentiated, on complex numbers.
    second : the second derivatives and Jacobians to check as well.
    compiled : the formulas of all functions, and how the compiler came to them.
    compared : the names of data that conditions of the loss are about.
    """

    module: Any
    arguments: Sequence[Argument]
    facts: Sequence[Basic] = ()
    where: Sequence[Basic] = ()
    name: str = ""
    dimensions: Sequence[Symbol] = ()
    minimum_sizes: Mapping[Any, int] = field(default_factory=dict)
    lengths: Sequence[Expr] = ()
    margins: Sequence[Expr] = ()
    reference: Reference | None = None
    stated: StatedLoss | None = None
    kinks: Kinks | None = None
    conditioning: Callable[[dict[str, Any]], float] | None = None
    held: Held | None = None
    complex_step: ComplexStep | None = None
    second: SecondOrder = field(default_factory=SecondOrder)
    compiled: Compiled | None = None
    compared: frozenset[str] = frozenset()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what is differentiated by."""
        return tuple(argument.name for argument in self.arguments if argument.role == "parameter")

    @cached_property
    def demands(self) -> Sequence[Basic]:
        """Statements under which the loss has a value."""
        return () if self.stated is None else domain_demands(self.stated.expressions)

    def fits(self, sizes: Mapping[Basic, int]) -> bool:
        """Whether there is a model at these sizes."""
        margins = (evaluate(margin, {}, sizes) for margin in self.margins)
        return is_legal(self.arguments, sizes, self.lengths) and all(margin >= 0 for margin in margins)

    def distance(self, inputs: dict[str, Any], constraints: Sequence[Constraint]) -> float:
        """How far inputs are from the nearest kink; inf for a smooth model."""
        return math.inf if self.kinks is None else self.kinks.nearest(inputs, constraints)

    def moved(self, draw: Draw, inputs: dict[str, Any], where: str, kind: Kind = ORDINARY) -> Draw:
        """A draw with other inputs, and what is special about them."""
        distance = self.distance(inputs, draw.constraints)
        return replace(draw, inputs=inputs, distance=distance, where=where, kind=kind, notes=())

    def exactly(self, draw: Draw) -> Arrays:
        """Loss and gradient at a draw by their formulas; nothing where these are not known."""
        found = {} if self.compiled is None else self.compiled.values(draw.inputs, draw.sizes, DIGITS)
        return {label: array.astype(np.float64) for label, array in found.items()}

    def has_gradient(self, draw: Draw) -> bool:
        """Whether the formulas of loss and gradient are numbers, as far as that is known."""
        return all(bool(np.isfinite(part).all()) for part in self.exactly(draw).values())

    def is_regular(self, inputs: dict[str, Any]) -> bool:
        """Whether the matrices that the loss inverts are far enough from singular ones."""
        return self.conditioning is None or self.conditioning(inputs) > SINGULAR


@dataclass(frozen=True)
class Settings:
    """What the caller wants of a check.

    Attributes
    ----------
    seed : of the random inputs; the same seed gives the same report.
    sizes : sizes to use, by dimension or its name: one set or several; by default several are chosen (`size_sets`).
    inputs : values for some or all arguments, by name; the others are drawn.
    chain : whether the stages of the compiler are compared with each other.
    accuracy : whether the digits are audited on a grid of magnitudes.
    """

    seed: int = 0
    sizes: Mapping[Any, int] | Sequence[Mapping[Any, int]] | None = None
    inputs: Mapping[str, Any] | None = None
    chain: bool = True
    accuracy: bool = False
