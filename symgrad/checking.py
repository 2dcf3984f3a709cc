"""What the checker has to know of a model, as functions of inputs: its loss at 50 digits, its kinks, its stages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
from sympy import Basic, Float, symbols

from symgrad.compiler import Derivation
from symgrad.formula.indexed import IndexNames, IndexWriter
from symgrad.formula.text import text
from symgrad.frontend.program import Program
from symgrad.generated import imported
from symgrad.graph.build import is_zero
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Apply, Node, Shape, Use, postorder
from symgrad.graph.transform import own
from symgrad.outputs.first_order import GRADIENT, VALUE, loss_and_gradient
from symgrad.outputs.function import Function, terms_of
from symgrad.outputs.probes import (
    CONDITIONING,
    KINK_GAPS,
    HeldProgram,
    distance_from_singular,
    held,
    kink_gaps,
    kinks_of,
    quantity,
)
from symgrad.outputs.second_order import Request, factors_of_hessian
from symgrad.targets import NUMPY, target
from symgrad.verify.accuracy import Audited, LimitedEvaluator, RoundedEvaluator, TooFar, audit, point_findings
from symgrad.verify.arrays import Array, Inputs
from symgrad.verify.calls import Arrays, Calls, HeldGradient, SecondOrder, called
from symgrad.verify.chain import Stages, check_chain
from symgrad.verify.complex_step import ComplexStep
from symgrad.verify.directions import beside
from symgrad.verify.graph_eval import GraphEvaluator
from symgrad.verify.kink_points import Kinks
from symgrad.verify.loss import StatedLoss
from symgrad.verify.numbers import DIGITS, DOUBLE
from symgrad.verify.report import Finding, Link, Run
from symgrad.verify.sampling import Draw
from symgrad.verify.stages import Staged, first_stages, second_stages
from symgrad.verify.subject import Held, Subject
from symgrad.version import __version__

_LONGEST_OPERATION = 80  # characters of what a report calls an operation


@dataclass(frozen=True)
class Checking:
    """A model as the checker sees it.

    Attributes
    ----------
    name, loss, where, facts : the model as it was given.
    program : the model as it was read.
    derivation : the derived gradient.
    first : value and gradient, as they are generated.
    """

    name: str
    loss: Any
    where: tuple[Any, ...]
    facts: tuple[Any, ...]
    program: Program
    derivation: Derivation
    first: Sequence[Function]

    @cached_property
    def stated(self) -> StatedLoss:
        """The loss as it was given."""
        terms = [self.derivation.program.loss, *self.derivation.gradient.values()]
        nodes = postorder([use.node for use in terms])
        heads = frozenset(node.head for node in nodes if isinstance(node, Apply))
        return StatedLoss(self.loss, self.where, self.program.arguments, heads)

    def subject(self, module: Any, request: Request | None = None, chain: bool = True) -> Subject:
        """A generated module, with all that the checker has to know of it.

        Parameters
        ----------
        module : the module.
        request : its functions of second order.
        chain : whether the stages of the compiler are compared, too.
        """
        program, request = self.program, request or Request()
        return Subject(
            module,
            program.arguments,
            self.facts,
            self.where,
            self.name,
            program.dimensions,
            program.minimum_sizes,
            # drawn lengths are at least 1, those of edges at least 0; what is promised may be 0 everywhere
            (*program.lengths, *(2 * gap + 1 for gap in program.promises)),
            program.margins,
            self.stated,
            self.stated,
            self.kinks,
            self._conditioning,
            self.formula,
            partial(self.second_formula, request) if request else None,
            self._vanishing(request),
            self.held(),
            self.complex_step(),
            self.second_order(request) if request else None,
            self.links(module, request) if chain else None,
            lambda draw: self.digits(module, draw),
        )

    def links(self, module: Any, request: Request) -> Callable[[Draw, np.random.Generator], tuple[Link, ...]]:
        """The comparison of the compiler's stages with each other at given inputs."""
        parts = [part for part in (self.loss, *self.where) if isinstance(part, Basic)]
        arrays = [*first_stages(self.program, self.derivation), *self._second(request)]
        exact = not self.facts and not any(part.has(Float) for part in parts)
        stages = Stages(arrays, self._exact_loss, self.derivation.trace.steps, exact)
        second = self.second_order(request) if request else None

        def compared(draw: Draw, rng: np.random.Generator) -> tuple[Link, ...]:
            return check_chain(stages, Calls(module, self._names, draw.sizes, second), draw, rng)

        return compared

    def _exact_loss(self, inputs: Mapping[str, Any], sizes: Mapping[Any, int]) -> Any:
        """The SymPy loss at 50 digits."""
        return self.stated.at(inputs, sizes).value

    @cached_property
    def kinks(self) -> Kinks | None:
        """The kinks of the loss; None for a smooth model."""
        found = kinks_of(self._held)
        if not found:
            return None
        module = self._module(self._held.program, [kink_gaps(self._held, found)])
        terms = [[kink.gaps] if kink.ties is None else [kink.gaps, kink.ties] for kink in found]

        def gaps(inputs: Inputs, at: Inputs) -> Sequence[Array]:
            try:
                with np.errstate(all="ignore"):
                    return list(getattr(module, KINK_GAPS)(**inputs, **self._copies(at)))
            except np.linalg.LinAlgError:  # a singular matrix
                return [np.zeros(())]

        def exact(inputs: Inputs, at: Inputs, sizes: Mapping[Any, int]) -> Sequence[Sequence[Array]]:
            evaluate = GraphEvaluator({**inputs, **self._copies(at)}, sizes)
            return [[evaluate(_in_order(use), len(use.letters)) for use in parts] for parts in terms]

        return Kinks([kink.label for kink in found], self._names, gaps, exact)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.program.parameters.values())

    def _vanishing(self, request: Request) -> Callable[[str, Sequence[Draw]], bool]:
        """Whether a derivative is zero by its formula: as it is written, or at all draws, to any number of digits."""

        def vanishes(label: str, draws: Sequence[Draw]) -> bool:
            terms = dict(zip(self._names, self.derivation.gradient.values(), strict=True))
            if label not in terms:
                terms |= {one.label: one.simplified for one in self._second(request)}
            use = terms[label] if label in terms else terms[_mirrored(label)]
            return is_zero(use) or all(self._is_rounding(use, draw) for draw in draws)

        return vanishes

    def _is_rounding(self, use: Use, draw: Draw) -> bool:
        """Whether what a term is at a draw becomes smaller with every digit that is added."""
        directions = beside(draw.inputs, self._names, draw.constraints)
        inputs = {**draw.inputs, **{f"direction_{name}": directions[name] for name in self._names}}
        sizes = []
        for digits in (DIGITS, 2 * DIGITS):
            with mpmath.workdps(digits):
                values = GraphEvaluator(inputs, draw.sizes)(_in_order(use), len(use.letters)).ravel()
                sizes.append(max(map(abs, values), default=mpmath.mpf(0)))
        return bool(sizes[1] <= sizes[0] * mpmath.mpf(10) ** (-DIGITS // 2))

    def formula(self, inputs: Inputs, sizes: Mapping[Any, int], digits: int) -> Arrays:
        """Loss and gradient, nan where their formulas are not defined."""
        nodes = self.program.parameters.values()
        terms = [("value", self.derivation.program.loss, ())]
        terms += [(n.name, use, n.shape) for n, use in zip(nodes, self.derivation.gradient.values(), strict=True)]
        return self._exactly(terms, inputs, sizes, digits)

    def second_formula(self, request: Request, inputs: Inputs, sizes: Mapping[Any, int], digits: int) -> Arrays:
        """The same of second derivatives and Jacobians."""
        terms = [(one.label, one.simplified, one.axes) for one in self._second(request)]
        return self._exactly(terms, inputs, sizes, digits)

    @cached_property
    def _stages(self) -> dict[Request, list[Staged]]:
        return {}

    def _second(self, request: Request) -> list[Staged]:
        """The stages of all functions of second order that are requested, derived once."""
        if request not in self._stages:
            self._stages[request] = second_stages(self.derivation, request)
        return self._stages[request]

    def _exactly(
        self, terms: Sequence[tuple[str, Use, Shape]], inputs: Inputs, sizes: Mapping[Any, int], digits: int
    ) -> Arrays:
        evaluator = LimitedEvaluator if digits > DOUBLE else RoundedEvaluator
        evaluate = evaluator(inputs, sizes, strict=True)

        def exact(use: Use, shape: Shape) -> Array:
            try:
                found = evaluate(use, len(shape))
            except (IndexError, TooFar):  # an entry that is not there, or a number that nobody can write down
                found = np.asarray(np.nan)
            return np.broadcast_to(found, evaluate.shape(shape)).astype(np.float64)

        with mpmath.workdps(digits):
            return {label: exact(use, shape) for label, use, shape in terms}

    def audit(self, module: Any, draw: Draw, allowed: Callable[[dict[str, Any]], bool]) -> Run:
        """What an audit of the digits of value and gradient finds."""
        return audit(self._audited(module, draw, allowed), draw)

    def digits(self, module: Any, draw: Draw) -> list[Finding]:
        """The entries of value and gradient whose digits are wrong at a draw."""
        return point_findings(self._audited(module, draw, lambda inputs: True), draw)

    def _audited(self, module: Any, draw: Draw, allowed: Callable[[dict[str, Any]], bool]) -> Audited:
        writer = IndexWriter(IndexNames({}))

        def call(inputs: Mapping[str, Any]) -> tuple[Any, Sequence[Any]]:
            return called(module, "value_and_gradient", inputs, draw.sizes)  # type: ignore[no-any-return]

        def written(node: Node) -> str:
            indices = symbols(f"i0:{node.rank}", integer=True)
            line = text(writer.write(own(node), dict(enumerate(indices))))
            return line if len(line) <= _LONGEST_OPERATION else f"{line[:_LONGEST_OPERATION]}…"

        return Audited(
            self.derivation.program.loss,
            tuple(self.derivation.gradient.values()),
            tuple(terms_of(self.first[-1].result)),
            tuple(self.program.parameters.values()),
            call,
            [a.name for a in self.program.arguments if not a.integer],
            allowed,
            written,
        )

    def second_order(self, request: Request) -> SecondOrder:
        """What the checker has to know of the functions of second order."""
        made = [quantity(self.derivation, name) for name in request.jacobian]
        module = self._module(self.derivation.program, made) if made else None

        def values(function: str) -> Any:
            return lambda inputs: getattr(module, function)(**inputs)

        quantities = {function.name.removeprefix("quantity_"): values(function.name) for function in made}
        found = factors_of_hessian(self.derivation) if request.hessian else {}
        return SecondOrder(request.hessian, request.hvp, quantities, found, self._held_gradient())

    @cached_property
    def _conditioning(self) -> Callable[[dict[str, Any]], float] | None:
        """How far matrices are from singular; None where none has to be regular."""
        function = distance_from_singular(self._held)
        if function is None:
            return None
        module = self._module(self._held.program, [function])

        def value(inputs: dict[str, Any]) -> float:
            try:
                with np.errstate(all="ignore"):
                    return float(getattr(module, CONDITIONING)(**inputs, **self._copies(inputs)))
            except np.linalg.LinAlgError:  # a singular matrix
                return 0.0

        return value

    @cached_property
    def _held(self) -> HeldProgram:
        return held(self.derivation)

    @cached_property
    def _held_text(self) -> str:
        """A module whose value and gradient hold what is inside `constant`."""
        found = self._held
        functions = loss_and_gradient(found.program, found.gradient) if found.copies else self.first
        return self._text(found.program, [one for one in functions if one.name in (VALUE, GRADIENT)])

    def _copies(self, at: Mapping[str, Any]) -> dict[str, Any]:
        """What is held, as it is at these inputs, by the names of its arguments."""
        return {copy: at[name] for name, copy in self._held.copies.items()}

    def complex_step(self) -> ComplexStep:
        """The loss that is differentiated, on complex numbers."""
        return ComplexStep(self._held_text, self._held.copies)

    def _held_gradient(self) -> HeldGradient | None:
        """The gradient in the same way; its differences are second derivatives of the loss that is differentiated."""
        if not self._held.copies:
            return None
        module = imported(self._held_text, f"{self.name}, gradient held")
        return lambda inputs, at: module.gradient(**inputs, **self._copies(at))

    def held(self) -> Held | None:
        """The loss at inputs with what is inside `constant` held as it is at others; None if no parameter is inside."""
        if not self._held.copies:
            return None
        module = imported(self._held_text, f"{self.name}, held")
        return lambda inputs, at: float(module.value(**inputs, **self._copies(at)))

    def _module(self, program: Program, functions: Sequence[Function]) -> ModuleType:
        names = " and ".join(function.name for function in functions)
        return imported(self._text(program, functions), f"{names} of {self.name}")

    def _text(self, program: Program, functions: Sequence[Function]) -> str:
        return target(NUMPY).module_source(program, functions, self.name, (), __version__)


def _in_order(use: Use) -> Use:
    """A term with its own axes as letters."""
    return relabel(use, {letter: axis for axis, letter in enumerate(use.letters)})


def _mirrored(label: str) -> str:
    """H.q.p of H.p.q; any other label as it is."""
    kind, *names = label.split(".")
    return ".".join([kind, *reversed(names)]) if kind == "H" else label
