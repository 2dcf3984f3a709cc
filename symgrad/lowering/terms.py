"""Terms as statements: assignments of expressions to variables.

A node used more than once, or named by the user, becomes a variable; everything else is written in place.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from symgrad.functions import LogTotalOver, if_else
from symgrad.graph.blocks import grid_of
from symgrad.graph.build import BALANCED, CENTRED, RUNNING, SUM_FROM, SUM_UP_TO, number
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Gather,
    Input,
    MatrixFunction,
    Merge,
    Named,
    Node,
    Range,
    Reduce,
    Scatter,
    Size,
    Split,
    Use,
    postorder,
)
from symgrad.graph.symmetry import symmetric
from symgrad.graph.transform import own
from symgrad.lowering.application import Application
from symgrad.lowering.arithmetic import Arithmetic
from symgrad.lowering.blocks import kronecker_of, kronecker_value
from symgrad.lowering.functions import CONNECTIVES, RELATIONS
from symgrad.lowering.linear_algebra import matrix_function_value, merge_value, split_value
from symgrad.lowering.names import HEAVIEST, LIGHTEST, MATRIX_LABELS, MOST_LABELS, RELATION_LABELS
from symgrad.lowering.operands import names_of
from symgrad.lowering.reductions import REDUCTIONS, Reductions
from symgrad.lowering.subscripts import gather_value, is_window, scatter_value
from symgrad.lowering.values import Value, is_named, python
from symgrad.lowering.whole import whole_nodes
from symgrad.statements.arithmetic import operation, without_sign
from symgrad.statements.expressions import (
    Buffer,
    Expression,
    FloatingType,
    Kind,
    Label,
    Length,
    Number,
    Operation,
    Read,
    Subscript,
    Total,
)
from symgrad.statements.expressions import Size as WholeSize
from symgrad.statements.operations import OPERATORS, memory_of, weight

# Names for the results of operators and conditions
_LABELS = {
    if_else: "chosen",
    **{head: RELATION_LABELS[name] for head, name in RELATIONS.items()},
    **dict.fromkeys(CONNECTIVES, "is"),
}


class Terms(Arithmetic, Application, Reductions):
    """Turns terms into statements; `statements` are those so far, in order."""

    def compute(self, roots: dict[str, Use]) -> None:
        """Emit the assignments that the results need; `roots` are these by the names they should have."""
        self._emit(self._prepared(roots))

    def _prepared(self, roots: dict[str, Use]) -> list[Node]:
        """The nodes of the results, in order, with what has to be known of each."""
        for name, use in roots.items():
            self._labels.setdefault(use.node, name)
        nodes = list(postorder([use.node for use in roots.values()]))
        self._prepare(nodes, list(roots.values()))
        for use in roots.values():
            self._want(use, range(len(use.letters)))
        return nodes

    def _prepare(self, nodes: Sequence[Node], roots: Sequence[Use]) -> None:
        """Count the uses of every node, and ask for layouts."""
        for use in [*roots, *(use for node in nodes for use in node.uses())]:
            self._counts[use.node] = self._counts.get(use.node, 0) + 1
        for node in nodes:
            if isinstance(node, Contract) and node.bound:
                for use, exponent in node.factors:  # a square under a sum is written as two factors
                    self._counts[use.node] += exponent == 2
        self._absorb(nodes)
        self._whole = whole_nodes(nodes, [*self._positions(nodes), *self.places])
        for node in nodes:  # a definition that deserves a name has that itself
            if isinstance(node, Named) and node.arg.letters == tuple(range(node.rank)):
                self._definitions.setdefault(node.arg.node, node.name)
        for node in nodes:
            self._lay_out(node)

    def _positions(self, nodes: Sequence[Node]) -> Iterable[Node]:
        """What becomes subscripts further in."""
        return ()

    def _absorb(self, nodes: Sequence[Node]) -> None:
        """Find sums of blocks and Kronecker products, which are one expression over several nodes."""
        for node in nodes:
            if isinstance(node, Add):
                found = grid_of(node)
                parts = [use.node for use in node.uses() if isinstance(use.node, Scatter)]
                if found is not None and all(self._counts[part] == 1 for part in parts):
                    self._grids[node] = found
                    self._absorbed.update(parts)
            elif isinstance(node, Merge):
                halves = kronecker_of(node, set(nodes))
                inner = node.arg.node
                between = {inner, *(use.node for use in inner.uses())}
                if halves is not None and all(self._counts[part] == 1 for part in between):
                    self._kroneckers[node] = halves
                    self._absorbed |= between

    def _emit(self, nodes: Iterable[Node], named: Collection[Node] = ()) -> None:
        """Assignments for nodes that deserve a variable, and for the `named` ones that are no single word."""
        for node in nodes:
            if node in self._absorbed:
                continue
            value = self._print(node)
            if node.rank == 2 and symmetric(node) and value.letters == (1, 0):
                value = replace(value, letters=(0, 1))  # a symmetric matrix need not be transposed
            wanted = (
                node in named
                and value.kind != "python"
                and (_is_loose(value.expression) or isinstance(node, MatrixFunction))
            )
            if not isinstance(node, Input | Const | Size) and (self._deserves_name(node, value) or wanted):
                value = self._named(self._name(node), node, value)
            self._values[node] = value

    def _named(self, name: str, node: Node, value: Value) -> Value:
        """A node's value as a variable."""
        return self._assign(name, value, tuple(node.shape[axis] for axis in value.letters))

    def _deserves_name(self, node: Node, value: Value) -> bool:
        if isinstance(node, Named):
            return not value.named
        if number(own(node)) is not None:
            return False
        short = weight(value.expression) <= LIGHTEST and memory_of(value.expression) != "new"
        trivial = (short and _is_plain(value.expression)) or value.kind == "python"
        # positions are computed once where that is more than adding up indices, which windows and slices do not need
        if value.kind == "integer":
            trivial = trivial or not any(isinstance(below, Apply) for below in postorder([node]))
        trivial = trivial and not isinstance(node, MatrixFunction)
        trivial = trivial or is_named(without_sign(value.expression)[0])
        return (self._counts[node] > 1 and not trivial) or weight(value.expression) > HEAVIEST

    def _name(self, node: Node) -> str:
        if isinstance(node, Named):
            return self.fresh(node.name)
        if node in self._definitions:
            return self.fresh(self._definitions[node])
        if node in self._labels and self._counts[node] == 1:
            return self.fresh(self._labels[node])
        parts = [self._values[use.node].expression for use in node.uses() if use.node not in self._absorbed]
        about = self._first_variable(*parts) or self._first_name(node)
        head: Any = getattr(node, "head", None)
        match node:
            case Add() if node in self._grids:
                label = "blocks"
            case Add(terms=terms):
                label = "diff" if any(c.is_negative for c, _ in terms) else "sum"
            case Contract(factors=factors):
                label = "sum" if node.bound and len(factors) == 1 else "prod"
            case Reduce():
                label = "log" if head is LogTotalOver else REDUCTIONS[head]
            case Apply():
                label = _LABELS.get(head, head.__name__.lower())
            case MatrixFunction():
                label = MATRIX_LABELS[head]
            case Gather() if is_window(node):
                label = "windows"
            case AxisMap() if head in RUNNING:
                label = "sums" if node.weights else "largest"
            case AxisMap() if head in (BALANCED, CENTRED):
                label = str(head)
            case AxisMap() if head in (SUM_UP_TO, SUM_FROM):
                label = "cumsum"
            case _:
                label = type(node).__name__.lower()
        if about is None:
            return self.fresh(f"{label}_1")
        root, labels = self._roots.get(about, (about, 0))
        if labels >= MOST_LABELS:
            about, labels = root, 0
        name = self.fresh(f"{label}_{about}")
        self._roots[name] = root, labels + 1
        return name

    def _first_variable(self, *expressions: Expression) -> str | None:
        """The first variable that expressions read."""
        names = (name for expression in expressions for name in names_of(expression))
        return next((name for name in names if name in self._variables), None)

    def _first_name(self, node: Node) -> str | None:
        return next((below.name for below in postorder([node]) if isinstance(below, Input | Named)), None)

    def _print(self, node: Node) -> Value:
        match node:
            case Input():
                kind: Kind = "integer" if node.integer else "real"
                return Value(Read(Buffer(node.name, node.shape, kind, "argument")), tuple(range(node.rank)), kind)
            case Const(value=value):
                label = value.is_Symbol  # for an error message
                return Value(Label(str(value)), (), "python") if label else python(value)
            case Size(value=value):
                return Value(WholeSize(value), (), "python")
            case Range():
                return Value(operation("arange", Length(node.shape[0])), (0,), "integer")
            case Delta():
                return Value(operation("eye", Length(node.shape[0]), dtype=FloatingType()), (0, 1))
            case Named():
                return self._full(self._use(node.arg), node, self._wanted.get(node))
            case Add():
                return self._sum(node)
            case Contract():
                return self._product(node)
            case Apply():
                return self._apply(node)
            case Reduce():
                return self._reduce(node)
            case AxisMap():
                return self._axis_map(node)
            case MatrixFunction():
                return matrix_function_value(node, *(self._real(self._use(use)) for use in node.uses()))
            case Merge() if node in self._kroneckers:
                left, right = (self._real(self._use(half)) for half in self._kroneckers[node])
                return kronecker_value(left, right)
            case Merge():
                return merge_value(node, self._real(self._use(node.arg)))
            case Split():
                return split_value(node, self._real(self._use(node.arg)))
            case Gather():
                base = self._values[node.base.node]
                return gather_value(node, self._use, base, self._wanted.get(node), self.strided)
            case Scatter():
                value = self._real(self._use(node.value))
                return scatter_value(node, self._use, value, self._wanted.get(node), self.strided)
        raise self.missing(type(node).__name__)


def _is_loose(expression: Expression) -> bool:
    """Whether an expression is made by an operator, rather than a variable, a part of one, or a call."""
    match expression:
        case Total():
            return True
        case Number(value=value):
            return bool(value.is_number and value.is_negative)
        case WholeSize(value=value) | Length(value=value):
            return not (value.is_Symbol or (value.is_Integer and value >= 0))
        case Operation(head=head, options=()):
            return head in OPERATORS
    return False


def _is_plain(expression: Expression) -> bool:
    """Whether an expression is a number, a variable or a part of one."""
    match expression:
        case Read() | Label() | Number() | WholeSize():
            return not _is_loose(expression)
        case Subscript(array=array, places=places):
            return _is_plain(array) and all(not isinstance(place, Expression) or _is_single(place) for place in places)
        case Operation(head="transpose", parts=(array,), options=(("axes", (1, 0)),)):
            return _is_plain(array)
    return False


def _is_single(place: Expression) -> bool:
    return isinstance(place, Length) or _is_plain(place)
