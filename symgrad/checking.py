"""What the checker has to know of a model, as functions of inputs: its loss at 50 digits, its kinks, its stages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from sympy import Float, sign

from symgrad.compiler import Derivation
from symgrad.frontend.program import Program
from symgrad.generated import imported
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.nodes import Apply, postorder
from symgrad.outputs.first_order import GRADIENT, VALUE, loss_and_gradient
from symgrad.outputs.function import Function
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
from symgrad.outputs.request import Request
from symgrad.outputs.second_order import factors_of_hessian
from symgrad.targets import NUMPY, target
from symgrad.verify.arrays import Array, Inputs
from symgrad.verify.calls import SecondOrder
from symgrad.verify.compiled import Compiled, in_order
from symgrad.verify.complex_step import ComplexStep
from symgrad.verify.kink_points import Kinks
from symgrad.verify.loss import StatedLoss
from symgrad.verify.subject import Held, Subject
from symgrad.version import __version__


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

    def subject(self, module: Any, request: Request | None = None) -> Subject:
        """A generated module, with all that the checker has to know of it.

        Parameters
        ----------
        module : the module.
        request : its functions of second order.
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
            # drawn lengths are at least 1, those of edges at least 0; what is promised may be 0, a divisor not
            (*program.lengths, *(2 * gap + 1 for gap in program.promises), *(sign(d) ** 2 for d in program.divisors)),
            program.margins,
            self.stated,
            self.stated,
            self.kinks,
            self._conditioning,
            self.held(),
            self.complex_step(),
            self.second_order(request),
            self._compiled(request),
            self._compared,
        )

    @cached_property
    def _compared(self) -> frozenset[str]:
        return frozenset() if self.stated is None else self.stated.compared

    def _compiled(self, request: Request) -> Compiled:
        if request not in self._known:
            exact = not self.facts and not any(part.has(Float) for part in self.stated.expressions)
            self._known[request] = Compiled(self.program, self.derivation, self.first, request, exact)
        return self._known[request]

    @cached_property
    def _known(self) -> dict[Request, Compiled]:
        return {}

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

        def exact(inputs: Inputs, at: Inputs, sizes: Mapping[Any, int]) -> Sequence[Array]:
            evaluate = GraphEvaluator({**inputs, **self._copies(at)}, sizes)
            return [
                np.concatenate([np.ravel(evaluate(in_order(use), len(use.letters))) for use in parts])
                for parts in terms
            ]

        return Kinks([kink.label for kink in found], self._names, gaps, exact)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.program.parameters.values())

    def second_order(self, request: Request) -> SecondOrder:
        """What the checker has to know of the functions of second order."""
        made = [quantity(self.derivation, name) for name in request.jacobian]
        module = self._module(self.derivation.program, made) if made else None

        def values(function: str) -> Any:
            return lambda inputs: getattr(module, function)(**inputs)

        quantities = {function.name.removeprefix("quantity_"): values(function.name) for function in made}
        found = factors_of_hessian(self.derivation) if request.hessian else {}
        named = {self.program.names[name].name: name for name in request.quantities}
        return SecondOrder(request, quantities, named, found)

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
        """A module whose value, and gradient where that is another, hold what is inside `constant`."""
        found = self._held
        functions = loss_and_gradient(found.program, found.gradient) if found.copies else self.first
        wanted = (VALUE, GRADIENT) if found.copies else (VALUE,)
        return self._text(found.program, [one for one in functions if one.name in wanted])

    def _copies(self, at: Mapping[str, Any]) -> dict[str, Any]:
        """What is held, as it is at these inputs, by the names of its arguments."""
        return {copy: at[name] for name, copy in self._held.copies.items()}

    def complex_step(self) -> ComplexStep:
        """The loss that is differentiated, on complex numbers."""
        return ComplexStep(self._held_text, self._held.copies)

    def held(self) -> Held | None:
        """Loss and gradient with what is inside `constant` held; None if no parameter is inside."""
        copies = self._held.copies
        return Held(imported(self._held_text, f"{self.name}, held"), copies) if copies else None

    def _module(self, program: Program, functions: Sequence[Function]) -> ModuleType:
        names = " and ".join(function.name for function in functions)
        return imported(self._text(program, functions), f"{names} of {self.name}")

    def _text(self, program: Program, functions: Sequence[Function]) -> str:
        return target(NUMPY).module_source(program, functions, self.name, (), __version__)
