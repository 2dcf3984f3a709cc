"""One array of a function's result after the other, as each stage of the compiler has it: what the check compares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from symgrad.compiler import Derivation, expanded, plain_gradient
from symgrad.errors import SymgradError
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Input, Shape, Use
from symgrad.graph.transform import own
from symgrad.outputs.derivatives import derived_hessian, derived_product
from symgrad.outputs.first_order import BOTH, first_order_phases
from symgrad.outputs.function import Array, Record, Result, Sparse, blocks_of, phases, term_of
from symgrad.outputs.jacobians import derived_jacobian
from symgrad.outputs.quantities import function_of, together
from symgrad.outputs.request import Request
from symgrad.outputs.second_order import HESSIAN, PRODUCT, SPARSE, second_order

Scheduled = tuple[tuple[str, tuple[Use, ...]], ...]


@dataclass(frozen=True)
class Staged:
    """One array of a function's result, as each stage of the compiler has it.

    Attributes
    ----------
    function : the function of the module.
    label : what the check calls it: "value", "w", "H.w.x".
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


def second_stages(program: Program, derivation: Derivation, request: Request) -> list[Staged]:
    """All that is requested; of a Hessian H.p.q with p before q, whose transposed H.q.p is made of it."""
    found = {HESSIAN: _hessian(derivation)} if request.hessian else {}
    found |= {SPARSE: _hessian(derivation)} if request.sparse else {}
    found |= {PRODUCT: _product(derivation)} if request.hvp else {}
    for name in request.jacobian:
        found[f"jacobian_{derivation.program.names[name].name}"] = _jacobian(derivation, name)
    for name in request.quantities:
        found[function_of(name)] = _quantity(program, name)
        if name in request.jacobian:
            value, slopes = _quantity(program, name, ("0",)), _jacobian(derivation, name, ("1",))
            found[together(name)] = chain(value, slopes)
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
    elif isinstance(result, tuple):
        for number, part in enumerate(result):
            yield from _terms(part, (*path, str(number)))
    elif isinstance(result, Sparse):
        for row, column, use in blocks_of(result):
            yield path or (row, column), use
    elif isinstance(result, Array):
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


def _quantity(program: Program, name: Any, path: tuple[str, ...] = ()) -> Iterator[_Derived]:
    """A named quantity as it was read; it is the derivative of nothing."""
    node = program.names[name]
    yield path, node.name, own(node), node.shape, (), own(node)


def _jacobian(derivation: Derivation, quantity: Any, path: tuple[str, ...] = ()) -> Iterator[_Derived]:
    name = derivation.program.names[quantity]
    for q, node in derivation.program.parameters.items():
        use = derived_jacobian(derivation, quantity, q)
        yield (*path, node.name), f"J_{name.name}.{node.name}", own(name), name.shape, (node,), use
