"""The gradient of a program, in the order of the data's way from a model to its formulas.

Program --rewrite--> Program with recognised functions --calculus--> adjoints --rewrite--> formulas
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard, cast

from symgrad.calculus.implicit import completed
from symgrad.calculus.parts import in_parts, is_large
from symgrad.calculus.projection import project
from symgrad.calculus.recurrence import adjoint_symbol
from symgrad.calculus.reverse import reverse
from symgrad.frontend.program import Program
from symgrad.graph.build import AUXILIARY, ZERO, auxiliary, named
from symgrad.graph.nodes import (
    Const,
    Contract,
    Gather,
    Input,
    Named,
    Node,
    Past,
    Previous,
    Scatter,
    Trajectory,
    Use,
    intern,
    postorder,
)
from symgrad.graph.transform import own, substitute
from symgrad.rewrite.association import flatten_products
from symgrad.rewrite.engine import Trace
from symgrad.rewrite.facts import expand_names, fold_names
from symgrad.rewrite.linear_algebra import use_diagonals
from symgrad.rewrite.logarithms import stand_in
from symgrad.rewrite.pipeline import recognise, simplify, without_vanishing_sums


@dataclass(frozen=True)
class Backward:
    """How ∂loss/∂node came about: one step of the backward pass.

    Attributes
    ----------
    node : a parameter, a name of `where` or an operation.
    contributions : what each of its consumers adds, by the chain rule.
    total : their sum.
    adjoint : the sum simplified.
    rewrites : the trace's steps from the one to the other.
    known : the forward pass, and the adjoints with names.
    """

    node: Node
    contributions: tuple[tuple[Node, Use], ...]
    total: Use
    adjoint: Use
    rewrites: tuple[tuple[str, Use, Use], ...]
    known: Collection[Node]

    @property
    def operations(self) -> tuple[int, int]:
        """How many operations the sum and the adjoint need beyond what is known."""
        return operations(self.total, self.known), operations(self.adjoint, self.known)


@dataclass(frozen=True)
class Derivation:
    """A model's derived and simplified adjoints.

    Attributes
    ----------
    program : the model with plain spellings recognised.
    gradient : ∂loss/∂parameter by parameter, in the graph's axes of the parameter.
    blocks : the named adjoint of each quantity of `where` that has a formula of its own.
    trace : the rewrites that fired, in order.
    backward : the steps of the backward pass, in order; the trace's steps before them made the model's program.
    second : the second derivatives found so far, by pair of parameters; Jacobians by name and parameter; by nothing the
        products with a direction.
    scheduled : loss and gradient after each phase of the schedule, as soon as code was asked for.
    expansions : what terms have been `expanded` to, with the blocks that were opened.
    """

    program: Program
    gradient: dict[Any, Use]
    blocks: dict[Any, Named]
    trace: Trace
    backward: tuple[Backward, ...] = ()
    second: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    scheduled: list[tuple[str, Any]] = field(default_factory=list)
    expansions: dict[tuple[Use, frozenset[Node]], Use] = field(default_factory=dict)


def derive(program: Program) -> Derivation:
    """Program -> Program with recognised functions -> adjoints -> simplified adjoints.

    The adjoint of every name of `where` is simplified as soon as it is known and gets a name itself, so that the
    backward pass reads as the chain of blocks that the forward pass is, and its size grows with the number of blocks.
    """
    trace = Trace()
    program = _recognised(program, trace)
    run = _BackwardPass(program, trace, _absorbed(trace))
    adjoints = reverse(program.loss, list(program.parameters.values()), run.settle, run.observe, program.loss_name)
    by_name = {block.name: block for block in run.blocks if isinstance(block, Named)}
    found = {base: by_name[f"d_{name.name}"] for base, name in program.names.items() if f"d_{name.name}" in by_name}
    gradient = dict(zip(program.parameters, adjoints.values(), strict=True))
    return Derivation(program, gradient, found, trace, tuple(run.steps))


def with_jacobians(program: Program) -> Program:
    """The program with the Jacobians of equations that define names."""
    names = list(program.names.values())

    def recognised(use: Use) -> Use:
        (made,) = recognise([use], program.identities, Trace())
        return made

    def simplified(use: Use) -> Use:
        (made,) = simplify([use], names, program.identities, Trace())
        return made

    loss, *made = completed([program.loss, *map(own, names)], recognised, simplified)
    known = {base: cast(Named, use.node) for base, use in zip(program.names, made, strict=True)}
    return replace(program, loss=loss, names=known)


class _BackwardPass:
    """What reverse mode asks for on its way: the adjoint to go on with, simplified and named.

    Attributes
    ----------
    blocks : the named adjoints, with what they stand for.
    steps : what was done, in order.
    """

    def __init__(self, program: Program, trace: Trace, absorbed: Collection[str]) -> None:
        names = list(program.names.values())
        self._program, self._names, self._trace, self._absorbed = program, names, trace, absorbed
        self.blocks: dict[Node, Use] = {}
        self.steps: list[Backward] = []
        self._opaque: set[Node] = set(names)
        self._settled: set[Node] = set(names)  # what to simplify again would not change, with all below it
        self._known = set(postorder([program.loss.node, *names]))
        self._contributions: dict[Node, list[tuple[Node, Use]]] = {}

    def observe(self, node: Node, operand: Node, contribution: Use) -> None:
        """Note what a consumer adds to the adjoint of its operand."""
        self._contributions.setdefault(operand, []).append((node, contribution))

    def settle(self, node: Node, total: Use) -> Use:
        """What to go on with for the sum of all contributions to a node."""
        given = total.node
        if isinstance(given, Named) and given.arg.node is node:  # a recurrence's, which comes with a name
            return self._kept(given)
        before = len(self._trace.steps)
        adjoint = total
        if isinstance(node, Input):
            adjoint = self._polished(project(node, total))
        elif isinstance(node, Past | Previous | Trajectory) or (is_given(node) and not is_recursive(node)):
            adjoint = self._polished(total)
        rewrites = tuple(self._trace.steps[before:])
        contributions = tuple(self._contributions.pop(node, ()))
        self.steps.append(Backward(node, contributions, total, adjoint, rewrites, self._known))
        if not is_given(node):
            return adjoint if isinstance(node, Input) else self._in_part(adjoint)
        if is_recursive(node):
            return adjoint
        if isinstance(adjoint.node, Input | Named | Const) or node.name in self._absorbed:
            return adjoint
        symbol = adjoint_symbol(node.symbol, node.shape, self._program.loss_name)
        return self._kept(named(f"d_{node.name}", symbol, node.shape, adjoint))

    def _polished(self, adjoint: Use) -> Use:
        simple = self._simplified(adjoint)
        self._settled.update(postorder([simple.node], self._settled))
        return simple

    def _simplified(self, adjoint: Use) -> Use:
        """The adjoint simplified; with the blocks that it refers to in place of their names where that is shorter."""
        identities = self._program.identities
        (plain,) = simplify([adjoint], self._names, identities, self._trace, self._settled)
        near: dict[Node, Use] = {
            node: node.arg for node in named_near(plain) if node in self.blocks and not is_recursive(node)
        }
        if not near:
            return plain
        (opened,) = expand_names([plain], near, self._opaque - near.keys())
        attempt = Trace([(expand_names.name, plain, opened)])
        (opened,) = simplify([opened], self._names, identities, attempt, self._settled - near.keys())
        if operations(opened, self._known) > operations(plain, self._known):
            return plain
        self._trace.steps.extend(attempt.steps)
        return opened

    def _in_part(self, adjoint: Use) -> Use:
        """A large adjoint of an operation as a quantity of its own, which is simplified and opened no more."""
        if not is_large(adjoint):
            return adjoint
        part = auxiliary("delta", self._polished(adjoint))
        for those in (self._opaque, self._settled, self._known):
            those.add(part.node)
        return part

    def _kept(self, block: Named) -> Use:
        self.blocks[block] = block.arg
        for those in (self._opaque, self._settled, self._known):
            those.add(block)
        return own(block)


def plain_gradient(program: Program) -> tuple[Use, ...]:
    """The adjoints of the parameters straight from reverse mode: nothing recognised before, nothing simplified."""
    parameters = list(program.parameters.values())

    def settle(node: Node, adjoint: Use) -> Use:
        return auxiliary("delta", adjoint) if is_large(adjoint) and not isinstance(node, Input) else adjoint

    adjoints = reverse(program.loss, parameters, settle)
    return tuple(project(node, adjoints[node]) for node in parameters)


def is_given(node: Node) -> TypeGuard[Named]:
    """Whether a node is a quantity of `where`, rather than one that the compiler named."""
    return isinstance(node, Named) and node.symbol is not AUXILIARY


def is_recursive(name: Node) -> bool:
    """Whether a named quantity is a state of a recurrence, whose definition cannot be put in its place."""
    return isinstance(name, Named) and isinstance(name.arg.node, Trajectory)


def _absorbed(trace: Trace) -> set[str]:
    """The names that a rewrite looked through and left out: some of their uses have gone into a larger function."""
    gone: set[str] = set()
    for _, before, after in trace.steps:
        gone |= {name.name for name in named_near(before)} - {name.name for name in named_near(after)}
    return gone


def named_near(use: Use) -> list[Named]:
    """The names that a term refers to directly."""
    if isinstance(use.node, Named):
        return [use.node]
    found: dict[Named, None] = {}
    seen: set[Node] = set()
    stack = [use.node]
    while stack:
        for part in stack.pop().uses():
            if isinstance(part.node, Named):
                found[part.node] = None
            elif part.node not in seen:
                seen.add(part.node)
                stack.append(part.node)
    return list(found)


def operations(use: Use, opaque: Collection[Node]) -> int:
    """How much a term computes beyond what is there already."""
    total = 0
    for node in postorder([use.node], opaque):
        if isinstance(node, Gather | Scatter):
            total += 1  # wherever the positions are
        else:
            total += max(1, len(node.uses()) - 1) if node.uses() and not isinstance(node, Named) else 0
        if isinstance(node, Contract):
            total += sum(exponent.is_negative for _, exponent in node.factors)
    return total


def expanded(use: Use, derivation: Derivation, blocks: Collection[Named] | None = None) -> Use:
    """A derived term with named adjoints (all, or the given ones) replaced by their formulas, simplified again."""
    names = list(derivation.program.names.values())
    every = set(derivation.blocks.values())
    opened_up = frozenset(block for block in (every if blocks is None else blocks) if not is_recursive(block))
    if (use, opened_up) in derivation.expansions:
        return derivation.expansions[use, opened_up]
    opaque = {*names, *(every - opened_up)}
    auxiliary = {n for n in postorder([use.node], opaque) if isinstance(n, Named) and n.symbol is AUXILIARY}
    (opened,) = expand_names([use], opened_up | auxiliary, opaque)
    (simple,) = simplify([opened], names, derivation.program.identities, Trace(), opaque)
    derivation.expansions[use, opened_up] = simple
    return simple


def recursion(derivation: Derivation, quantity: Any, blocks: Collection[Named] | None = None) -> Use:
    """The adjoint of a state of a recurrence as a backward recurrence whose terms are `expanded`; zero if it is."""
    block = derivation.blocks.get(quantity)
    if block is None:
        return ZERO
    node = block.arg.node
    assert isinstance(node, Trajectory)
    terms = [expanded(use, derivation, blocks) for use in node.scan.node.uses()]
    return node.rebuild([node.scan.node.rebuild(terms)])


def short_blocks(derivation: Derivation, largest: int) -> set[Named]:
    """The named adjoints whose formula has at most so many operations beyond what is named.

    Written out, that is: with the short ones that it refers to in place of their names.
    """
    program = derivation.program
    every = set(derivation.blocks.values())
    opaque: set[Node] = every | set(program.names.values())
    short: set[Named] = set()
    for block in postorder(list(derivation.blocks.values())):  # those that it refers to come first, opened if short
        if isinstance(block, Named) and block in every and not is_recursive(block):
            hidden = block.arg.node in opaque
            opaque.discard(block.arg.node)
            if operations(block.arg, opaque) <= largest and not _is_outer(block.arg.node):
                short.add(block)
                opaque.discard(block)
            if hidden:
                opaque.add(block.arg.node)
    return short


def _is_outer(node: Node) -> bool:
    """Whether a node is a product u vᵀ, which flows apart into u and v where it stands in another product."""
    return (
        isinstance(node, Contract) and not node.bound and all(len(set(f.letters)) < node.rank for f, _ in node.factors)
    )


def _recognised(program: Program, trace: Trace) -> Program:
    roots = flatten_products(use_diagonals([program.loss, *(own(name) for name in program.names.values())]))
    loss, *names = recognise(roots, program.identities, trace)
    known = {base: cast(Named, use.node) for base, use in zip(program.names, names, strict=True)}
    (loss,) = fold_names([loss], list(known.values()), parts=False)  # the adjoints of names are by what is written
    loss, *names = in_parts([loss, *(own(name) for name in known.values())])
    known = {base: cast(Named, use.node) for base, use in zip(known, names, strict=True)}
    return replace(program, loss=loss, names=known)


def adjoint(program: Program, quantity: Any) -> Use:
    """∂loss/∂quantity for a parameter or a name of `where`, in its own axes.

    The quantity is cut out of the graph and made a variable before anything is recognised: log(σ(z)) is one function of
    z, but the adjoint of y = σ(z) is still that of log(y).
    """
    if quantity in program.parameters:
        derived = derive(program)
        return expanded(derived.gradient[quantity], derived)
    cut = with_variable(program, quantity)
    derived = derive(cut)
    variable = cut.parameters[quantity]
    (restored,) = substitute(
        [expanded(derived.gradient[quantity], derived)], {own(variable): own(program.names[quantity])}
    )
    return without_vanishing_sums(restored)


def with_variable(program: Program, quantity: Any) -> Program:
    """The program with a name of `where` cut out of the graph and made its only parameter."""
    old = program.names[quantity]
    (definition,) = recognise([old.arg], program.identities, Trace())
    variable = intern(Input, old.shape, old.name, stand_in(old.name, old.symbol, definition), False)
    kept = {base: name for base, name in program.names.items() if base != quantity}
    loss, *names = substitute([program.loss, *(own(name) for name in kept.values())], {own(old): own(variable)})
    return replace(
        program,
        loss=loss,
        parameters={quantity: variable},
        names={base: use.node for base, use in zip(kept, names, strict=True)},  # type: ignore[misc]
    )
