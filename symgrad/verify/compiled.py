"""A model as the compiler has it: its formulas, for the check to evaluate and compare."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
from sympy import symbols

from symgrad.calls import shortened
from symgrad.compiler import Derivation
from symgrad.errors import SymgradError
from symgrad.formula.indexed import IndexNames, IndexWriter
from symgrad.formula.text import text
from symgrad.frontend.program import Program
from symgrad.graph.build import AUXILIARY, is_zero
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.letters import relabel
from symgrad.graph.limited_evaluation import LimitedEvaluator, RoundedEvaluator, TooFar
from symgrad.graph.nodes import Named, Node, Shape, Use
from symgrad.graph.transform import own, transform
from symgrad.outputs.function import Array as Made
from symgrad.outputs.function import Function, arrays_of, term_of
from symgrad.outputs.request import Request
from symgrad.outputs.stages import Staged, first_stages, second_stages
from symgrad.verify.arrays import Array, Inputs
from symgrad.verify.calls import Arrays
from symgrad.verify.directions import beside
from symgrad.verify.draw import Draw
from symgrad.verify.numbers import DIGITS, DOUBLE

UNDEFINED = (IndexError, ValueError, ArithmeticError, TooFar)
"""What evaluation raises of an entry that is not there, no real number, or one that nobody can write down."""

_LONGEST_OPERATION = 80  # characters of what a report calls one


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model as the compiler has it.

    Attributes
    ----------
    program, derivation : the model as it was read, and its derived gradient.
    functions : value and gradient, as they are generated.
    request : the functions of second order.
    exact : whether formulas agree to all digits, whatever the rounding of the inputs.
    """

    program: Program
    derivation: Derivation
    functions: Sequence[Function]
    request: Request
    exact: bool

    @cached_property
    def terms(self) -> list[tuple[str, Use, Shape]]:
        """The formulas of loss and gradient with their axes, by the names that `Calls` gives them."""
        pairs = zip(self.program.parameters.values(), self.derivation.gradient.values(), strict=True)
        return [("value", self.derivation.program.loss, ()), *((node.name, use, node.shape) for node, use in pairs)]

    @cached_property
    def second(self) -> list[Staged]:
        """The stages of second derivatives and Jacobians."""
        return second_stages(self.program, self.derivation, self.request)

    @cached_property
    def arrays(self) -> list[Staged]:
        """The stages of all functions, those of value and gradient first."""
        return [*first_stages(self.program, self.derivation), *self.second]

    @property
    def computed(self) -> list[tuple[Use, Shape]]:
        """The terms that the code of value and gradient computes, with their axes."""
        arrays = arrays_of(self.functions[-1].result)
        return [(term_of(array), array.shape) for array in arrays if isinstance(array, Made)]

    def values(
        self, inputs: Inputs, sizes: Mapping[Any, int], digits: int, second: bool = False, strict: bool = True
    ) -> Arrays:
        """Loss and gradient by their formulas, or what is of second order, as mpf; nan where these are not defined.

        To the digits of float64 it is rounded after every operation. `strict` is that of the evaluator.
        """
        terms = [(one.label, one.simplified, one.axes) for one in self.second] if second else self.terms
        evaluate = (LimitedEvaluator if digits > DOUBLE else RoundedEvaluator)(inputs, sizes, strict=strict)

        def value(use: Use, shape: Shape) -> Array:
            try:
                found = evaluate(use, len(shape))
            except UNDEFINED:
                found = np.asarray(mpmath.nan)
            return np.array(np.broadcast_to(found, evaluate.shape(shape)), dtype=object)

        with mpmath.workdps(digits):
            return {label: value(use, shape) for label, use, shape in terms}

    def vanishes(self, label: str, draws: Sequence[Draw]) -> bool:
        """Whether a derivative is zero by its formula: as it is written, or at all draws, to any number of digits."""
        known = {name: use for name, use, _ in self.terms}
        if label not in known:
            known |= {one.label: one.simplified for one in self.second}
        kind, *names = label.split(".")
        use = known[label] if label in known else known[".".join([kind, *reversed(names)])]  # H.q.p of H.p.q
        return is_zero(use) or all(self._is_rounding(use, draw) for draw in draws)

    def _is_rounding(self, use: Use, draw: Draw) -> bool:
        """Whether what a term is at a draw becomes smaller with every digit that is added."""
        names = [node.name for node in self.program.parameters.values()]
        directions = beside(draw.inputs, names, draw.constraints)
        inputs = {**draw.inputs, **{f"direction_{name}": directions[name] for name in names}}
        sizes = []
        for digits in (DIGITS, 2 * DIGITS):
            with mpmath.workdps(digits):
                values = GraphEvaluator(inputs, draw.sizes)(in_order(use), len(use.letters)).ravel()
                sizes.append(max(map(abs, values), default=mpmath.mpf(0)))
        return bool(sizes[1] <= sizes[0] * mpmath.mpf(10) ** (-DIGITS // 2))

    def text(self, node: Node) -> str:
        """What a report calls an operation of the graph."""
        indices = symbols(f"i0:{node.rank}", integer=True)
        (plain,) = transform([own(node)], _without_auxiliary)
        for use in (plain, own(node)):
            with contextlib.suppress(SymgradError):  # formulas lack what only code has
                written = IndexWriter(IndexNames({})).write(use, dict(enumerate(indices)))
                return shortened(text(written), _LONGEST_OPERATION)
        return "an operation that formulas have no sign for"


def _without_auxiliary(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """What a name that only code has stands for."""
    return uses[0] if isinstance(node, Named) and node.symbol is AUXILIARY else None


def in_order(use: Use) -> Use:
    """A term with its own axes as letters."""
    return relabel(use, {letter: axis for axis, letter in enumerate(use.letters)})
