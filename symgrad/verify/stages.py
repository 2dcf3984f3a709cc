"""A model as the compiler has it: the arrays of every function at each stage, for the check to evaluate and compare."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
from sympy import symbols

from symgrad.compiler import Derivation, expanded, plain_gradient
from symgrad.errors import SymgradError
from symgrad.formula.indexed import IndexNames, IndexWriter
from symgrad.formula.text import text
from symgrad.frontend.program import Program
from symgrad.graph.build import is_zero
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Input, Node, Shape, Use
from symgrad.graph.transform import own
from symgrad.outputs.derivatives import derived_hessian, derived_jacobian, derived_product
from symgrad.outputs.first_order import first_order_phases
from symgrad.outputs.function import Function, Record, Result, phases, term_of, terms_of
from symgrad.outputs.second_order import Request, second_order
from symgrad.verify.arrays import Array, Inputs
from symgrad.verify.calls import BOTH, HESSIAN, PRODUCT, Arrays
from symgrad.verify.directions import beside
from symgrad.verify.draw import Draw
from symgrad.verify.limits import LimitedEvaluator, RoundedEvaluator, TooFar
from symgrad.verify.loss import StatedLoss
from symgrad.verify.numbers import DIGITS, DOUBLE

_LONGEST_OPERATION = 80  # characters of what a report calls one

Scheduled = tuple[tuple[str, tuple[Use, ...]], ...]


@dataclass(frozen=True)
class Staged:
    """One array of a function's result, as each stage of the compiler has it.

    Attributes
    ----------
    function : the function of the module.
    label : what `Calls` and the report call it: "value", "w", "H.w.x".
    of, shape : what is differentiated: the loss as read, a gradient, a named quantity.
    by : the parameters that it is differentiated by; none of the value itself.
    derived : what differentiation makes of it, or the reason why there is none; of the value the loss as read.
    simplified : the same simplified, as code starts from it. It has the axes of `of`, then those of the parameter; of a
        product those of `of` only.
    shown : the same as formulas show it, where that is another.
    scheduled : after each phase of the schedule, by its name, the terms of all functions that have it; the last is what
        the code computes.
    """

    function: str
    label: str
    of: Use
    shape: Shape
    by: tuple[Input, ...]
    derived: Use | str
    simplified: Use
    scheduled: Scheduled
    shown: tuple[Use, ...] = ()

    @property
    def product(self) -> bool:
        """Whether it is the product with a direction in all parameters at once."""
        return self.function == PRODUCT

    @property
    def along(self) -> bool:
        """Whether only its components along the directions in which the parameter may be moved are defined."""
        return self.function == BOTH and bool(self.by)

    @property
    def axes(self) -> Shape:
        """The axes of its terms."""
        return (*self.shape, *(self.by[0].shape if self.by and not self.product else ()))

    @property
    def computed(self) -> Use:
        """What the code computes."""
        return self.scheduled[-1][1][-1]


def first_stages(program: Program, derivation: Derivation) -> list[Staged]:
    """The loss, and its derivative by each parameter."""
    nodes, after = list(program.parameters.values()), list(first_order_phases(derivation))
    try:
        derived: Sequence[Use | str] = plain_gradient(program)
    except SymgradError as problem:
        derived = [str(problem)] * len(nodes)
    loss = program.loss
    both: Scheduled = tuple((name, (alone, together)) for name, (alone, together, *_) in after)
    made = [Staged(BOTH, "value", loss, (), (), loss, derivation.program.loss, both)]
    for number, (node, before, use) in enumerate(zip(nodes, derived, derivation.gradient.values(), strict=True)):
        scheduled: Scheduled = tuple((name, (terms[2 + number],)) for name, terms in after)
        shown = (expanded(use, derivation),)
        made.append(Staged(BOTH, node.name, loss, (), (node,), before, use, scheduled, shown))
    return made


def second_stages(derivation: Derivation, request: Request) -> list[Staged]:
    """All that is requested; of a Hessian H.p.q with p before q, whose transposed H.q.p is made of it."""
    found = {HESSIAN: _hessian(derivation)} if request.hessian else {}
    found |= {PRODUCT: _product(derivation)} if request.hvp else {}
    for name in request.jacobian:
        found[f"jacobian_{derivation.program.names[name].name}"] = _jacobian(derivation, name)
    made = []
    for before in second_order(derivation, request, lambda of, by: None):
        left = dict(_terms(before.result))
        after = [(name, dict(_terms(one.result))) for name, (one,) in phases([before], derivation.program.identities)]
        for path, label, of, shape, by, use in found.get(before.name, ()):
            scheduled: Scheduled = tuple((name, (terms[path],)) for name, terms in after)
            made.append(Staged(before.name, label, of, shape, by, use, left[path], scheduled))
    return made


# The fields that lead to an array of a result, its label, what it is the derivative of, by what, and that.
_Derived = tuple[tuple[str, ...], str, Use, Shape, tuple[Input, ...], Use]


def _terms(result: Result, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Use]]:
    """The arrays of a result as terms, with the fields that lead to them."""
    if isinstance(result, Record):
        for name, part in result.fields.items():
            yield from _terms(part, (*path, name))
    elif not isinstance(result, tuple):
        yield path, term_of(result)


def _hessian(derivation: Derivation) -> Iterator[_Derived]:
    nodes = derivation.program.parameters
    order = list(nodes)
    for number, q in enumerate(order):
        above = order[: number + 1]
        for p, use in zip(above, derived_hessian(derivation, above, q), strict=True):
            names = nodes[p].name, nodes[q].name
            yield names, f"H.{'.'.join(names)}", derivation.gradient[p], nodes[p].shape, (nodes[q],), use


def _product(derivation: Derivation) -> Iterator[_Derived]:
    nodes = derivation.program.parameters
    for (p, node), use in zip(nodes.items(), derived_product(derivation), strict=True):
        yield (node.name,), f"Hv.{node.name}", derivation.gradient[p], node.shape, tuple(nodes.values()), use


def _jacobian(derivation: Derivation, quantity: Any) -> Iterator[_Derived]:
    name = derivation.program.names[quantity]
    for q, node in derivation.program.parameters.items():
        use = derived_jacobian(derivation, quantity, q)
        yield (node.name,), f"J_{name.name}.{node.name}", own(name), name.shape, (node,), use


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model as the compiler has it.

    Attributes
    ----------
    program, derivation : the model as it was read, and its derived gradient.
    functions : value and gradient, as they are generated.
    request : the functions of second order.
    stated : the loss as it was given.
    exact : whether formulas agree to all digits, whatever the rounding of the inputs.
    """

    program: Program
    derivation: Derivation
    functions: Sequence[Function]
    request: Request
    stated: StatedLoss
    exact: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(node.name for node in self.program.parameters.values())

    @cached_property
    def terms(self) -> list[tuple[str, Use, Shape]]:
        """The formulas of loss and gradient with their axes, by the names that `Calls` gives them."""
        pairs = zip(self.program.parameters.values(), self.derivation.gradient.values(), strict=True)
        return [("value", self.derivation.program.loss, ()), *((node.name, use, node.shape) for node, use in pairs)]

    @cached_property
    def second(self) -> list[Staged]:
        """The stages of second derivatives and Jacobians."""
        return second_stages(self.derivation, self.request)

    @cached_property
    def arrays(self) -> list[Staged]:
        """The stages of all functions, those of value and gradient first."""
        return [*first_stages(self.program, self.derivation), *self.second]

    @property
    def computed(self) -> list[Use]:
        """The terms that the code of value and gradient computes."""
        return list(terms_of(self.functions[-1].result))

    def values(self, inputs: Inputs, sizes: Mapping[Any, int], digits: int, second: bool = False) -> Arrays:
        """Loss and gradient by their formulas, or what is of second order; nan where these are not defined."""
        terms = [(one.label, one.simplified, one.axes) for one in self.second] if second else self.terms
        evaluate = (LimitedEvaluator if digits > DOUBLE else RoundedEvaluator)(inputs, sizes, strict=True)

        def value(use: Use, shape: Shape) -> Array:
            try:
                found = evaluate(use, len(shape))
            except (IndexError, TooFar):  # an entry that is not there, or a number that nobody can write down
                found = np.asarray(np.nan)
            return np.broadcast_to(found, evaluate.shape(shape)).astype(np.float64)

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
        directions = beside(draw.inputs, self.names, draw.constraints)
        inputs = {**draw.inputs, **{f"direction_{name}": directions[name] for name in self.names}}
        sizes = []
        for digits in (DIGITS, 2 * DIGITS):
            with mpmath.workdps(digits):
                values = GraphEvaluator(inputs, draw.sizes)(in_order(use), len(use.letters)).ravel()
                sizes.append(max(map(abs, values), default=mpmath.mpf(0)))
        return bool(sizes[1] <= sizes[0] * mpmath.mpf(10) ** (-DIGITS // 2))

    def text(self, node: Node) -> str:
        """What a report calls an operation of the graph."""
        indices = symbols(f"i0:{node.rank}", integer=True)
        line = text(IndexWriter(IndexNames({})).write(own(node), dict(enumerate(indices))))
        return line if len(line) <= _LONGEST_OPERATION else f"{line[:_LONGEST_OPERATION]}…"


def in_order(use: Use) -> Use:
    """A term with its own axes as letters."""
    return relabel(use, {letter: axis for axis, letter in enumerate(use.letters)})
