"""A derivation step by step, from its trace: the rewrites, the forward pass, and the chain rule node by node.

Operations without a name of their own are called v₁, v₂, ..., as in the evaluation traces of Griewank and Walther,
Evaluating Derivatives (2008), section 2.2; ∂C/∂v₁ is then the adjoint of one. What a recurrence computes step by step
has no such name: its states do, in a step each, as a recurrence forward and a recurrence backward.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sympy import IndexedBase, MatrixSymbol, Symbol
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from symgrad.calculus.linear_maps import pull
from symgrad.calculus.local import partial
from symgrad.compiler import Backward, Derivation, derive, is_recursive, operations, recursion, with_variable
from symgrad.errors import UnsupportedError
from symgrad.formula.boxes import Box, derivative_box, name_box
from symgrad.formula.layout import layout
from symgrad.formula.text import TOO_LONG, text
from symgrad.functions import if_else
from symgrad.graph.build import delta, is_zero, mul
from symgrad.graph.kinds.scans import placeholders, within
from symgrad.graph.nodes import (
    Apply,
    Input,
    Named,
    Node,
    Past,
    Previous,
    Scan,
    Trajectory,
    Use,
    intern,
    postorder,
)
from symgrad.graph.transform import dependents, own
from symgrad.inspect.story import Equation, Rewrite, Section, Shown, Step
from symgrad.inspect.writing import Side, Writer, Written, entry_of, sides_of
from symgrad.rewrite.reasons import REASONS


def steps(model: Any) -> list[Section]:
    """The whole derivation of a model's gradient, and of the names that a rewrite has left out of it."""
    derivation = model.derivation
    made = list(_Narrator(model, derivation, model.program).sections(""))
    seen = {node.name for step in derivation.backward if isinstance(node := step.node, Named)}
    active = dependents([model.program.loss.node], model.program.parameters.values())
    for base, name in model.program.names.items():
        if name.name not in seen and name in active and not is_recursive(name):
            program = with_variable(model.program, base)
            narrator = _Narrator(model, derive(program), program)
            made += narrator.sections(f" of {name.name}, taken as a variable")
    return [section for section in made if section.steps]


def _is_condition(node: Node) -> bool:
    """Whether a node is true or false, which is written out where it is used and has no derivative."""
    head = getattr(node, "head", None)
    return isinstance(node, Apply) and isinstance(head, type) and issubclass(head, Relational | BooleanFunction)


def _is_fed_by(record: Backward, scan: Scan) -> bool:
    """Whether a record is of what a recurrence passes its adjoints on to: its own earlier entries, or operands."""
    return getattr(record.node, "key", None) == scan.key or any(source is scan for source, _ in record.contributions)


def _state_of(node: Node) -> str | None:
    """The state of which a node is an earlier entry."""
    return node.state.name if isinstance(node, Past | Previous) else None


class _Narrator:
    """Tells one derivation."""

    def __init__(self, model: Any, derivation: Derivation, written: Any) -> None:
        self._derivation = derivation
        self._written = written
        self._loss = model.program.loss_name
        self._writer = Writer(model)
        self._in_matrices = any(isinstance(argument.symbol, MatrixSymbol) for argument in model.arguments)
        program = derivation.program
        self._root = program.loss.node
        self._active = dependents([self._root], list(program.parameters.values()))
        # a variable that a name was made is written as the user wrote the name
        for base, variable in program.parameters.items():
            if base in model.program.names:
                plain = intern(Input, variable.shape, variable.name, base, False)
                self._writer.name({variable: own(plain)})
        self._order: dict[Node, tuple[int, ...]] = {}  # of the axes, where they are written in another
        self._defined: dict[Node, Use] = {}  # what is the definition of a name, as that
        self._scans = [node for node in postorder([self._root]) if isinstance(node, Scan)]
        self._inside = {part for scan in self._scans for part in (scan, *within(scan))}
        self._labels = self._labelled({argument.name for argument in model.arguments})

    def _labelled(self, taken: set[str]) -> dict[Node, str]:
        """v1, v2, ... for the operations; what a name of `where` is defined as is called by that name."""
        labels: dict[Node, str] = {}
        nodes = [node for node in postorder([self._root]) if node in self._active and node not in self._inside]
        for node in nodes:
            if isinstance(node, Named):
                taken = taken | {node.name}
                letters, definition = node.arg.letters, node.arg.node
                if sorted(letters) == list(range(definition.rank)) and not isinstance(definition, Input | Named):
                    order = tuple(map(letters.index, range(node.rank)))
                    labels[definition] = node.name
                    self._defined[definition] = Use(node, order)
                    self._order[definition] = order
        prefix = next(p for p in ("v", "u", "q", "node") if not any(name.startswith(p) for name in taken))
        count = 0
        for node in nodes:
            is_operation = not isinstance(node, Input | Named) and not _is_condition(node)
            if node not in labels and is_operation and node is not self._root:
                count += 1
                labels[node] = f"{prefix}{count}"
        return labels

    def sections(self, whose: str) -> Iterator[Section]:
        yield self._recognition(whose)
        for node, label in self._labels.items():
            if not self._is_named(node):
                self._turn(node)
            self._writer.name({node: self._defined.get(node) or self._stand_in(node, label)})
        yield self._forward(whose)
        yield self._backward(whose)

    def _turn(self, node: Node) -> None:
        """Write a matrix of the graph, whose axes have an order of their own, so that it has fewer transposes."""
        if self._in_matrices and node.rank == 2:
            straight, turned = (self._shown(own(node), sides_of(node, t), node)[1].text for t in ((0, 1), (1, 0)))
            if turned.count("ᵀ") < straight.count("ᵀ"):
                self._order[node] = (1, 0)

    # --- before the derivative ----------------------------------------------------------------------------------------

    def _recognition(self, whose: str) -> Section:
        fired = len(self._derivation.trace.steps) - sum(len(step.rewrites) for step in self._derivation.backward)
        rewrites = self._rewrites(self._derivation.trace.steps[:fired])
        before, after = operations(self._written.loss, ()), operations(self._derivation.program.loss, ())
        words = "Plain spellings get their proper names before anything is differentiated."
        old, new = (self._equation(loss.node, loss, loss.node, adjoint=False) for loss in
                    (self._written.loss, self._derivation.program.loss))  # fmt: skip
        outcome = Equation("", *new) if new != old else None
        step = Step(Shown(self._loss, name_box(self._loss)), (), tuple(rewrites), (before, after), outcome)
        return Section(f"Rewrites before the derivative{whose}", words, (step,) if rewrites else ())

    def _rewrites(self, steps: Sequence[tuple[str, Use, Use]], of: Node | None = None) -> list[Rewrite]:
        """The rewrites that changed something; a whole adjoint is written over the axes of the node that it is `of`."""
        found: dict[Rewrite, None] = {}
        for name, before, after in steps:
            lengths: dict[Any, Any] = dict(zip(before.letters, before.node.shape, strict=True))
            whole = of is not None and lengths == dict(enumerate(of.shape))
            sides = self._sides(of) if of is not None and whole else list(lengths.items())
            old, new = self._shown(before, sides, before.node)[1], self._shown(after, sides, after.node)[1]
            counts = (operations(before, self._opaque(before)), operations(after, self._opaque(after)))
            if old != new:
                found[Rewrite(name, REASONS[name], old, new, counts)] = None
        return list(found)

    def _opaque(self, use: Use) -> set[Node]:
        return {node for node in postorder([use.node]) if isinstance(node, Named) and node is not use.node}

    # --- forward ------------------------------------------------------------------------------------------------------

    def _forward(self, whose: str) -> Section:
        made: list[Step] = []
        for node in postorder([self._root]):
            if isinstance(node, Scan):
                made += [self._computed(state, state.arg) for _, state in self._states(node)]
            hidden = isinstance(node, Input) or self._is_named(node) or _is_condition(node) or node in self._inside
            if node in self._active and not hidden and not is_recursive(node):
                made.append(self._computed(node, node.arg if isinstance(node, Named) else own(node)))
        words = "What depends on the parameters, one operation at a time."
        return Section(f"Forward pass{whose}", words, tuple(made))

    def _computed(self, node: Node, definition: Use) -> Step:
        left, right = self._equation(node, definition, definition.node, adjoint=False)
        return Step(left, (Equation("", left, right),))

    def _states(self, scan: Scan) -> Iterator[tuple[Any, Named]]:
        """The names of the states of a recurrence, in the order of the model."""
        for base, node in self._derivation.program.names.items():
            if isinstance(node.arg.node, Trajectory) and node.arg.node.scan.node is scan:
                yield base, node

    def _is_named(self, node: Node) -> bool:
        """Whether a node is the definition of a name, which is shown instead."""
        return not isinstance(node, Named) and self._labels.get(node) in {
            name.name for name in self._derivation.program.names.values()
        }

    # --- backward -----------------------------------------------------------------------------------------------------

    def _backward(self, whose: str) -> Section:
        words = "The chain rule: every operation passes its adjoint on to its operands, times its own derivative."
        return Section(f"Backward pass{whose}", words, tuple(self._backward_steps()))

    def _backward_steps(self) -> Iterator[Step]:
        """The steps of the backward pass; a recurrence has its own before those of what it gets from outside."""
        told: set[Node] = set()
        for record in self._derivation.backward:
            for scan in self._scans:
                if scan not in told and _is_fed_by(record, scan):
                    told.add(scan)
                    yield from self._recurrence(scan)
            if not (
                self._is_named(record.node) or is_recursive(record.node) or isinstance(record.node, Past | Previous)
            ):
                yield self._step(record)

    def _recurrence(self, scan: Scan) -> Iterator[Step]:
        """The adjoints of the states, each as its recurrence backward, with what comes from outside as its start."""
        records = self._derivation.backward
        for base, node in self._states(scan):
            if base not in self._derivation.blocks:
                continue
            parts = [r for r in records if r.node is node or _state_of(r.node) == node.name]
            rewrites = [rewrite for r in parts for rewrite in self._rewrites(r.rewrites, r.node)]
            words = "recurrence backward" if any(placeholders(scan)) else "from all that it is used in"
            equation = self._derived(words, node, recursion(self._derivation, base, ()))
            yield Step(self._title(node), (equation,), tuple(rewrites), outcome=equation)

    def _title(self, node: Node) -> Shown:
        return Shown(f"∂{self._loss}/∂{self._label(node)}", derivative_box(name_box(self._loss), self._name(node)))

    def _step(self, record: Backward) -> Step:
        node = record.node
        equations: list[Equation] = []
        for consumer in dict.fromkeys(consumer for consumer, _ in record.contributions):
            terms = [term for other, term in record.contributions if other is consumer]
            words = f"chain rule, through {self._label(consumer)}"
            if consumer is self._root or isinstance(consumer, Scan):
                equations += [self._derived(words, node, term) for term in terms]
                continue
            equations += self._local(consumer, node)
            symbolic = [term for operand, term in self._pulled(consumer) if operand is node]
            for rule, term in zip(symbolic, terms, strict=False):
                by_rule, value = self._derived(words, node, rule), self._derived("with that known", node, term)
                equations += [by_rule] if by_rule.right.text == value.right.text else [by_rule, value]
        total, result = self._derived("sum", node, record.total), self._derived("simplified", node, record.adjoint)
        if len(record.contributions) > 1:
            equations.append(total)
        elif not record.contributions:
            equations.append(self._derived("start", node, record.total))
        if result.right.text != total.right.text:
            equations.append(result)
        rewrites = tuple(self._rewrites(record.rewrites, node))
        return Step(self._title(node), tuple(equations), rewrites, record.operations, result)

    def _pulled(self, consumer: Node) -> list[tuple[Node, Use]]:
        """The rule of the consumer, applied to the name of its adjoint, or to a symbol for it."""
        known = self._defined.get(consumer) or own(consumer)
        block = next((b for b in self._derivation.blocks.values() if b.name == f"d_{self._label(known.node)}"), None)
        seed = self._stand_in(consumer, f"∂{self._loss}/∂{self._label(consumer)}")
        if block is not None and isinstance(known.node, Named):
            seed = Use(block, known.letters)
        return [pair for pair in pull(consumer, seed, self._active) if not is_zero(pair[1])]

    def _local(self, consumer: Node, operand: Node) -> Iterator[Equation]:
        """∂consumer/∂operand: of an entrywise function its derivative, else entry by entry."""
        if isinstance(consumer, Apply):
            for n, use in enumerate(consumer.args):
                if use.node is operand and consumer.head is not if_else:
                    slope = partial(consumer.head, consumer.args, own(consumer), n)
                    left = derivative_box(self._name(consumer), self._name(operand))
                    shown = Shown(f"∂{self._label(consumer)}/∂{self._label(operand)}", left)
                    yield Equation("local derivative", shown, self._shown(slope, self._sides(consumer))[1])
            return
        seed = mul([delta(axis, ("entry", axis), size) for axis, size in enumerate(consumer.shape)])
        try:
            terms = [term for node, term in pull(consumer, seed, self._active) if node is operand]
        except (UnsupportedError, KeyError, ValueError):  # a rule that needs the adjoint as a whole
            return
        if len(terms) == 1 and not is_zero(terms[0]):
            yield from self._jacobian(consumer, operand, terms[0])

    def _jacobian(self, consumer: Node, operand: Node, term: Use) -> Iterator[Equation]:
        above = [(("entry", axis), size) for axis, size in enumerate(consumer.shape)]
        below = list(enumerate(operand.shape))
        found = self._writer.entry(term, [*above, *below])
        if found is None or found.indices is None:
            return
        top = self._entry(consumer, [found.indices[letter] for letter, _ in above])
        bottom = self._entry(operand, [found.indices[letter] for letter, _ in below])
        left = Shown(f"∂{text(top)}/∂{text(bottom)}", derivative_box(layout(top), layout(bottom)))
        yield Equation("local derivative", left, Shown(text(found.formula), layout(found.formula)))

    # --- formulas -----------------------------------------------------------------------------------------------------

    def _derived(self, words: str, node: Node, term: Use) -> Equation:
        """∂C/∂node = term."""
        return Equation(words, *self._equation(node, term, None, adjoint=True))

    def _equation(self, node: Node, term: Use, inside: Node | None, *, adjoint: bool) -> tuple[Shown, Shown]:
        """Both sides; on the left the indices that the right side has."""
        written, right = self._shown(term, self._sides(node), inside)
        left, box = self._label(node), self._name(node)
        if written is not None and written.indices is not None and node.rank:
            at = self._entry(node, [written.indices[axis] for axis in range(node.rank)])
            left, box = text(at), layout(at)
        if not adjoint:
            return Shown(left, box), right
        return Shown(f"∂{self._loss}/∂{left}", derivative_box(name_box(self._loss), box)), right

    def _shown(self, use: Use, sides: Sequence[Side], inside: Node | None = None) -> tuple[Written | None, Shown]:
        found = self._writer.write(use, sides, inside=inside)
        formula = None if found is None else found.formula
        return found, Shown(text(formula), None if text(formula) == TOO_LONG else layout(formula))

    def _sides(self, node: Node) -> list[Side]:
        return sides_of(node, self._axes(node))

    def _axes(self, node: Node) -> tuple[int, ...]:
        """The axes of a node in the order in which they are written."""
        return self._order.get(node, tuple(range(node.rank)))

    # --- names --------------------------------------------------------------------------------------------------------

    def _label(self, node: Node) -> str:
        if isinstance(node, Scan):
            return ", ".join(state.name for state in node.states)
        return self._labels.get(node) or getattr(node, "name", None) or self._loss

    def _name(self, node: Node) -> Box:
        return name_box(self._label(node))

    def _entry(self, node: Node, indices: Sequence[Any]) -> Any:
        """The entry of a node at an index for each of its axes."""
        symbol = self._symbol(node, self._label(node))
        return entry_of(symbol, [indices[axis] for axis in self._axes(node)])

    def _symbol(self, node: Node, label: str) -> Any:
        """What stands for a node, or for its adjoint, in formulas."""
        own_symbol = getattr(node, "symbol", None)
        if isinstance(own_symbol, MatrixSymbol):
            return MatrixSymbol(label, *own_symbol.shape)
        if node.rank == 0:
            return Symbol(label, real=True)
        sizes = [node.shape[axis] for axis in self._axes(node)]
        if self._in_matrices and node.rank <= 2:
            return MatrixSymbol(label, *[*sizes, 1][:2])
        return IndexedBase(label, shape=sizes)

    def _stand_in(self, node: Node, label: str) -> Use:
        """A quantity of that name over the axes of the node."""
        axes = self._axes(node)
        shape = tuple(node.shape[axis] for axis in axes)
        return Use(intern(Input, shape, label, self._symbol(node, label), False), axes)
