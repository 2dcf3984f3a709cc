"""What the checker has to know of a model, as functions of inputs: its loss at 50 digits, its kinks, its stages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
from sympy import Basic, Float, symbols

from symgrad.codegen.environment import environment
from symgrad.codegen.module import GeneratedFunction, Plan, module_source
from symgrad.compiler import (
    Derivation,
    conditioning_plan,
    expanded,
    held_plan,
    kink_plan,
    kink_terms,
    plain_gradient,
    plan,
)
from symgrad.formula.indexed import IndexNames, IndexWriter
from symgrad.formula.text import text
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Node, Shape, Use
from symgrad.graph.transform import own
from symgrad.requests import Request, factors, quantity
from symgrad.second_stages import second_stages
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
    """

    name: str
    loss: Any
    where: tuple[Any, ...]
    facts: tuple[Any, ...]
    program: Program
    derivation: Derivation
    _losses: dict[Any, Any] = field(default_factory=dict)

    def links(self, module: Any, request: Request) -> Callable[[Draw, np.random.Generator], tuple[Link, ...]]:
        """The comparison of the compiler's stages with each other at given inputs."""
        parts = [part for part in (self.loss, *self.where) if isinstance(part, Basic)]
        planned = plan(self.derivation)
        stages = Stages(
            tuple(self.program.parameters.values()),
            (self.program.loss, self.derivation.program.loss, planned.loss),
            stages_or_reason(lambda: plain_gradient(self.program)),
            tuple(self.derivation.gradient.values()),
            tuple(expanded(use, self.derivation) for use in self.derivation.gradient.values()),
            planned.gradient,
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
        found, copies = kink_terms(self.derivation)
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
        planned = plan(self.derivation)
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
            (planned.loss, *planned.gradient),
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
        module = self._module(plan(self.derivation), f"quantities of {self.name}", made)

        def values(function: str, needed: Sequence[str]) -> Any:
            return lambda inputs: getattr(module, function)(**{name: inputs[name] for name in needed})[0]

        quantities = {f.name.removeprefix("quantity_"): values(f.name, [a.name for a in f.arguments]) for f in made}
        found = factors(self.derivation) if request.hessian else {}
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
            "kink_distance": self._compiled(kink_plan(self.derivation), "kinks", held_plan(self.derivation)[1]),
            "conditioning": self._compiled(conditioning_plan(self.derivation), "conditioning"),
        }

    def _compiled(
        self, found: Plan | None, what: str, copies: Mapping[str, str] | None = None
    ) -> Callable[[dict[str, Any]], float] | None:
        """What a plan says of the inputs, such as the distance from the nearest kink, as a generated function.

        `copies` are further arguments of the plan by the inputs that they are equal to.
        """
        if found is None:
            return None
        module = self._module(found, f"{what} of {self.name}")

        def value(inputs: dict[str, Any]) -> float:
            held = {copy: inputs[name] for name, copy in (copies or {}).items()}
            try:
                with np.errstate(all="ignore"):
                    return float(module.value(**inputs, **held))
            except np.linalg.LinAlgError:  # a singular matrix
                return 0.0

        return value

    def complex_step(self) -> ComplexStep:
        """The loss that is differentiated, on complex numbers."""
        found, copies = held_plan(self.derivation)
        planned, title = (found, "held") if copies else (plan(self.derivation), "value")
        text = module_source(planned, title, (), __version__, environment())
        return ComplexStep(text, copies)

    def _held_gradient(self) -> HeldGradient | None:
        """The gradient in the same way; its differences are second derivatives of the loss that is differentiated."""
        found, copies = held_plan(self.derivation, gradient=True)
        if not copies:
            return None
        module = self._module(found, f"{self.name}, gradient held")
        return lambda inputs, at: module.gradient(**inputs, **{copies[name]: at[name] for name in copies})

    def held(self) -> Held | None:
        """The loss at inputs with what is inside `constant` held as it is at others; None if no parameter is inside."""
        found, copies = held_plan(self.derivation)
        if not copies:
            return None
        module = self._module(found, f"{self.name}, held")
        return lambda inputs, at: float(module.value(**inputs, **{copies[name]: at[name] for name in copies}))

    def _module(self, planned: Plan, title: str, functions: Sequence[GeneratedFunction] = ()) -> ModuleType:
        return imported(module_source(planned, self.name, (), __version__, environment(), functions), title)


def imported(text: str, name: str) -> ModuleType:
    """The module of this text."""
    module = ModuleType(name)
    exec(compile(text, f"<generated {name}>", "exec"), module.__dict__)
    return module
