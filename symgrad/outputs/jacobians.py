"""Jacobians of named quantities as terms: by forward or by reverse mode, whichever needs fewer and smaller arrays.

Either mode passes through the names between the quantity and the parameters, and keeps the derivative at each of them
as a sum of products: deltas, and a *cofactor* of the few letters that these leave, such as ∂u[o, b]/∂y[o, i] over b and
i for each observation o. Every cofactor is a quantity of its own. So no formula is put into others, value and
derivatives have what is named in common, and what code computes grows with the number of names, not with that of the
ways through them.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from sympy import Expr

from symgrad.calculus.deltas import delta_seed
from symgrad.calculus.forward import forward
from symgrad.calculus.linear_maps import SEED
from symgrad.calculus.parts import is_large
from symgrad.calculus.reverse import reverse_of_array
from symgrad.calculus.structure import Block, blocks, grouped, total
from symgrad.compiler import Derivation, named_near, operations
from symgrad.graph.build import AUXILIARY, auxiliary, is_zero
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Const, Input, Named, Node, Scan, Shape, Use, postorder
from symgrad.graph.transform import dependents, own, place
from symgrad.rewrite.engine import Trace
from symgrad.rewrite.facts import expand_names
from symgrad.rewrite.pipeline import simplify
from symgrad.schedule.estimate import size_estimate

NARROW = 4
"""Reverse mode of so many times the value's operations is not compared with forward mode, which is hardly less."""

SHORT = 5
"""Cofactors of so many operations may cancel in the next one, as y(1 - y) of a sigmoid does, and are tried there."""

BY = "by"  # what the letters (BY, axis) of a parameter's entries begin with


def jacobian(derivation: Derivation, quantity: Any, q: Any) -> list[Block]:
    """∂quantity/∂q for a name of `where`: blocks over the letters 0 ... of the quantity's axes and then q's."""
    if (quantity, q) not in derivation.second:
        passing, terms = _derived(derivation, quantity, is_backward(derivation, quantity), simplified=True)
        for p, term in terms.items():
            shape = derivation.program.names[quantity].shape + derivation.program.parameters[p].shape
            derivation.second[quantity, p] = passing.finished(term, shape)
    parts: list[Block] = derivation.second[quantity, q]
    return parts


def derived_jacobian(derivation: Derivation, quantity: Any, q: Any) -> Use:
    """∂quantity/∂q straight from differentiation: a term over the quantity's axes and then q's."""
    return _derived(derivation, quantity, is_backward(derivation, quantity), simplified=False)[1][q]


def is_backward(derivation: Derivation, quantity: Any) -> bool:
    """Whether reverse mode is the cheaper one; there is none of all entries of a recurrence at once."""
    program, name = derivation.program, derivation.program.names[quantity]
    nodes = list(postorder([name]))
    active = dependents([name], program.parameters.values())
    if any(isinstance(node, Scan) and node in active for node in nodes):
        return False
    known, parameters = set(nodes), set(program.parameters.values())
    size = size_estimate(program.arguments, program.sizes)
    value = _cost([node for node in nodes if node in active - parameters], size)
    backward = _cost_of(_derived(derivation, quantity, True, simplified=True)[1], known, size)
    if backward <= NARROW * value:  # as of a loss
        return True
    return backward < _cost_of(_derived(derivation, quantity, False, simplified=True)[1], known, size)


def _cost_of(derivatives: Mapping[Any, Use], known: set[Node], size: Callable[[Expr], float]) -> float:
    """What the cofactors of derivatives cost beyond what is known."""
    terms = [use for use in derivatives.values() if not is_zero(use)]
    parts = [block.cofactor.node for use in terms for block in blocks(use, sorted(use.letters))]
    return _cost([node for node in postorder(parts, known) if node not in known], size)


def _cost(nodes: Sequence[Node], size: Callable[[Expr], float]) -> float:
    """About how many operations nodes are."""
    total = 0.0
    for node in nodes:
        if not isinstance(node, Named):
            entries = prod(max(1.0, size(length)) for length in (*node.shape, *getattr(node, "bound", ())))
            total += entries * max(1, len(node.uses()) - 1)
    return total


def _derived(
    derivation: Derivation, quantity: Any, backward: bool, simplified: bool
) -> tuple["Pass", Mapping[Any, Use]]:
    """What was asked on the way, and ∂quantity/∂q for all parameters q, over the quantity's axes and then q's."""
    key = (quantity, "backward" if backward else "forward", simplified)
    if key not in derivation.second:
        passing = Pass(derivation, simplified)
        derivation.second[key] = passing, _terms(derivation, quantity, passing, backward)
    made: tuple[Pass, Mapping[Any, Use]] = derivation.second[key]
    return made


def _terms(derivation: Derivation, quantity: Any, passing: "Pass", backward: bool) -> dict[Any, Use]:
    program = derivation.program
    name, parameters = program.names[quantity], program.parameters
    if backward:
        found = reverse_of_array(name, list(parameters.values()), passing.settle)
        moved = {(SEED, axis): axis for axis in range(name.rank)}
        return {
            q: relabel(found[node], {**moved, **{axis: name.rank + axis for axis in range(node.rank)}})
            for q, node in parameters.items()
        }
    made = {}
    for q, node in parameters.items():
        (term,) = forward([own(name)], {node: delta_seed(node.shape, BY)}, passing.settle, by=node.name)
        made[q] = relabel(term, {(BY, axis): name.rank + axis for axis in range(node.rank)})
    return made


class Pass:
    """What a mode asks for on its way: the derivative to go on with, its cofactors named, and simplified if wanted."""

    def __init__(self, derivation: Derivation, simplified: bool) -> None:
        self._program, self._simplified = derivation.program, simplified
        self._opaque: set[Node] = {*self._program.names.values(), *derivation.blocks.values()}
        self._made: set[Node] = set()

    def settle(self, node: Node, derivative: Use) -> Use:
        """The derivative as a sum of blocks, those at a name of `where` with a name for the cofactor."""
        if is_zero(derivative) or isinstance(node, Input):
            return derivative
        return grouped(derivative, node.shape, lambda cofactor: self._kept(node, cofactor))

    def finished(self, term: Use, shape: Shape) -> list[Block]:
        """The blocks of a derivative that is complete."""
        letters = range(len(shape))
        parts = [(part, self._opened(part.cofactor)) for part in blocks(term, letters)]
        found = [Block(part.ties, part.hits, self._polished(cofactor)) for part, cofactor in parts]
        # what was simplified may have deltas of the model's own in front now, and parts may have become zero or equal
        return blocks(total(found, shape), letters)

    def _opened(self, cofactor: Use) -> Use:
        """What a name that was made stands for: a result needs none."""
        node = cofactor.node
        return place(node.arg, cofactor.letters) if isinstance(node, Named) and node in self._made else cofactor

    def _kept(self, node: Node, cofactor: Use) -> Use:
        if not (isinstance(node, Named) or is_large(cofactor)):
            return cofactor
        simple = self._polished(cofactor)
        if isinstance(simple.node, Input | Named | Const):
            return simple
        label = node.name if isinstance(node, Named) and node.symbol is not AUXILIARY else "part"
        made = auxiliary(f"d_{label}", simple)
        self._opaque.add(made.node)
        self._made.add(made.node)
        return made

    def _polished(self, cofactor: Use) -> Use:
        """Simplified; with what it refers to in place of the name where that is shorter."""
        if not self._simplified:
            return cofactor
        (plain,) = self._simple([cofactor], self._opaque)
        near = {
            node for node in named_near(plain) if node in self._made and operations(node.arg, self._opaque) <= SHORT
        }
        if not near:
            return plain
        (opened,) = expand_names([plain], near, self._opaque - near)
        (opened,) = self._simple([opened], self._opaque - near)
        known = self._opaque
        return plain if operations(opened, known) > operations(plain, known) else opened

    def _simple(self, uses: Sequence[Use], opaque: set[Node]) -> list[Use]:
        names = list(self._program.names.values())
        return simplify(uses, names, self._program.identities, Trace(), opaque)
