"""What the checker has to know of a model, as functions of inputs: its loss at 50 digits, its kinks, its stages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
from sympy import Basic, Float, symbols

from symgrad.codegen.environment import environment
from symgrad.codegen.module import module_source
from symgrad.compiler import Derivation, expanded, plain_gradient
from symgrad.formula.indexed import IndexNames, IndexWriter
from symgrad.formula.text import text
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Node, Shape, Use
from symgrad.graph.transform import own
from symgrad.outputs.first_order import GRADIENT, VALUE, loss_and_gradient
from symgrad.outputs.function import Function, terms_of
from symgrad.outputs.probes import (
    CONDITIONING,
    KINK_DISTANCE,
    HeldProgram,
    distance_from_kinks,
    distance_from_singular,
    held,
    kink_terms,
    quantity,
)
from symgrad.outputs.second_order import Request, factors_of_hessian
from symgrad.verify.accuracy import Subject, audit
from symgrad.verify.chain import DIGITS, Stages, check_chain, stages_or_reason
from symgrad.verify.complex_step import ComplexStep
from symgrad.verify.graph_eval import GraphEvaluator
from symgrad.verify.kink_points import Kinks
from symgrad.verify.point import Held
from symgrad.verify.reference import evaluate
from symgrad.verify.report import Link, Run
from symgrad.verify.sampling import Draw
from symgrad.verify.second_chain import check_second_chain
from symgrad.verify.second_order import HeldGradient, SecondOrder, called
from symgrad.verify.second_stages import second_stages
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
    _losses: dict[Any, Any] = field(default_factory=dict)

    def links(self, module: Any, request: Request) -> Callable[[Draw, np.random.Generator], tuple[Link, ...]]:
        """The comparison of the compiler's stages with each other at given inputs."""
        parts = [part for part in (self.loss, *self.where) if isinstance(part, Basic)]
        loss, *gradient = terms_of(self.first[-1].result)
        stages = Stages(
            tuple(self.program.parameters.values()),
            (self.program.loss, self.derivation.program.loss, loss),
            stages_or_reason(lambda: plain_gradient(self.program)),
            tuple(self.derivation.gradient.values()),
            tuple(expanded(use, self.derivation) for use in self.derivation.gradient.values()),
            tuple(gradient),
            not self.facts and not any(part.has(Float) for part in parts),
        )
        second = second_stages(self.derivation, request)

        def compared(draw: Draw, rng: np.random.Generator) -> tuple[Link, ...]:
            def call(function: str, inputs: Mapping[str, Any], *first: Any) -> Any:
                return called(module, function, inputs, draw.sizes, *first)

            links = check_chain(stages, module, draw, self._exact_loss, rng)
            return (*links, *check_second_chain(second, call, draw, rng, stages.exact))

        return compared

    def _exact_loss(self, inputs: Mapping[str, Any], sizes: Mapping[Any, int]) -> Any:
        """The SymPy loss at 50 digits."""
        by_name = {a.name: a.symbol for a in self.program.arguments if a.role != "dimension"}
        values = {by_name[name]: np.asarray(value) for name, value in inputs.items() if name in by_name}
        key = tuple((str(symbol), value.shape, value.tobytes()) for symbol, value in values.items()), str(sizes)
        if key not in self._losses:  # both the check of the value and that of the chain ask for it
            self._losses.clear()
            self._losses[key] = evaluate(self.loss, values, dict(sizes), where=self.where)
        return self._losses[key]

    def kinks(self) -> Kinks | None:
        """The kinks of the loss, each with its distance at 50 digits; None for a smooth model."""
        found, copies = kink_terms(self._held), self._held.copies
        if not found:
            return None

        def distances(inputs: Mapping[str, Any], sizes: Mapping[Any, int]) -> list[Any]:
            evaluate = GraphEvaluator({**inputs, **{copies[name]: inputs[name] for name in copies}}, sizes)
            return [evaluate(distance).item() for _, distance in found]

        return Kinks([label for label, _ in found], distances)

    def formula(self, draw: Draw) -> list[np.ndarray[Any, Any]]:
        """Loss and gradient at 50 digits, nan where their formulas are not defined."""
        evaluate = GraphEvaluator(draw.inputs, draw.sizes, strict=True)
        shapes = [(), *(node.shape for node in self.program.parameters.values())]
        terms = [self.derivation.program.loss, *self.derivation.gradient.values()]

        def exact(use: Use, shape: Shape) -> np.ndarray[Any, Any]:
            try:
                found = evaluate(use, len(shape))
            except IndexError:  # an entry that is not there
                found = np.asarray(np.nan)
            return np.broadcast_to(found, evaluate.shape(shape)).astype(np.float64)

        with mpmath.workdps(DIGITS):
            return [exact(use, shape) for use, shape in zip(terms, shapes, strict=True)]

    def audit(self, module: Any, draw: Draw, allowed: Callable[[dict[str, Any]], bool]) -> Run:
        """What an audit of the digits of value and gradient finds."""
        writer = IndexWriter(IndexNames({}))

        def call(inputs: Mapping[str, Any]) -> tuple[Any, Sequence[Any]]:
            return called(module, "value_and_gradient", inputs, draw.sizes)  # type: ignore[no-any-return]

        def written(node: Node) -> str:
            indices = symbols(f"i0:{node.rank}", integer=True)
            line = text(writer.write(own(node), dict(enumerate(indices))))
            return line if len(line) <= _LONGEST_OPERATION else f"{line[:_LONGEST_OPERATION]}…"

        subject = Subject(
            self.derivation.program.loss,
            tuple(self.derivation.gradient.values()),
            tuple(terms_of(self.first[-1].result)),
            tuple(self.program.parameters.values()),
            call,
            [a.name for a in self.program.arguments if not a.integer],
            allowed,
            written,
        )
        return audit(subject, draw)

    def second_order(self, request: Request) -> SecondOrder:
        """What the checker has to know of the functions of second order."""
        made = [quantity(self.derivation, name) for name in request.jacobian]
        module = self._module(self.derivation.program, made) if made else None

        def values(function: str) -> Any:
            return lambda inputs: getattr(module, function)(**inputs)

        quantities = {function.name.removeprefix("quantity_"): values(function.name) for function in made}
        found = factors_of_hessian(self.derivation) if request.hessian else {}
        return SecondOrder(request.hessian, request.hvp, quantities, found, self._held_gradient())

    def options(self) -> dict[str, Any]:
        """What the checker is told of the model beside its arguments and facts."""

        def reference(inputs: Mapping[str, Any], sizes: Mapping[Any, int]) -> float:
            try:
                return float(self._exact_loss(inputs, sizes))
            except (ValueError, ZeroDivisionError, OverflowError):  # the loss is not a real number there
                return float("nan")

        return {
            "dimensions": self.program.dimensions,
            "minimum_sizes": self.program.minimum_sizes,
            # drawn lengths are at least 1, those of edges at least 0; what is promised may be 0 everywhere
            "lengths": (*self.program.lengths, *(2 * gap + 1 for gap in self.program.promises)),
            "margins": self.program.margins,
            "reference": reference,
            "where": self.where,
            **self._distances,
        }

    @cached_property
    def _distances(self) -> dict[str, Callable[[dict[str, Any]], float] | None]:
        """The distances from the nearest kink and from singular matrices; None where there are none."""
        made = [distance_from_kinks(self._held), distance_from_singular(self._held)]
        functions = [function for function in made if function is not None]
        names = [function.name for function in functions]
        module = self._module(self._held.program, functions) if functions else None

        def distance(name: str) -> Callable[[dict[str, Any]], float]:
            def value(inputs: dict[str, Any]) -> float:
                try:
                    with np.errstate(all="ignore"):
                        return float(getattr(module, name)(**inputs, **self._copies(inputs)))
                except np.linalg.LinAlgError:  # a singular matrix
                    return 0.0

            return value

        return {name: distance(name) if name in names else None for name in (KINK_DISTANCE, CONDITIONING)}

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
        return module_source(program, functions, self.name, (), __version__, environment())


def imported(text: str, name: str) -> ModuleType:
    """The module of this text."""
    module = ModuleType(name)
    exec(compile(text, f"<generated {name}>", "exec"), module.__dict__)
    return module
