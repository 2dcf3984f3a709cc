"""Prints nodes of the graph as NumPy expressions and assignments.

A node used more than once, or named by the user, becomes a variable; everything else is written in place.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from symgrad.codegen.integers import whole_nodes
from symgrad.codegen.names import MATRIX_LABELS, MAX_LINE
from symgrad.errors import UnsupportedError
from symgrad.functions import MaxOver, MinOver, if_else
from symgrad.graph.axes import RUNNING, SUM_FROM, SUM_UP_TO
from symgrad.graph.blocks import grid_of
from symgrad.graph.build import number
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
from symgrad.schedule.leading import leading, rows_first
from symgrad.schedule.rows import Round, RowPlan
from symgrad.statements.arithmetic import binary, operation, without_sign
from symgrad.statements.expressions import (
    LIST,
    Buffer,
    Expression,
    FloatingType,
    Group,
    Kind,
    Label,
    Length,
    Number,
    Operation,
    Read,
    Shape,
    Subscript,
    buffers_of,
)
from symgrad.statements.expressions import Size as WholeSize
from symgrad.statements.statements import Comment, Define, Join, Rows
from symgrad.targets.numpy.application import Application
from symgrad.targets.numpy.arithmetic import Arithmetic
from symgrad.targets.numpy.blocks import kronecker_of, kronecker_value
from symgrad.targets.numpy.functions import CONNECTIVES, RELATIONS
from symgrad.targets.numpy.linear_algebra import matrix_function_value, merge_value, split_value
from symgrad.targets.numpy.operands import names_of
from symgrad.targets.numpy.reductions import EXTREMA, Reductions
from symgrad.targets.numpy.speller import ATOM, Speller
from symgrad.targets.numpy.subscripts import gather_value, is_window, scatter_value
from symgrad.targets.numpy.values import Value, is_named, python

# A name made of more labels, such as sum_exp_prod_X, is cut to what it is about: names would grow with the nesting.
MOST_LABELS = 4


# Names for the results of operators and conditions
_RELATION_LABELS = {
    **dict.fromkeys(("less", "less_equal"), "below"),
    **dict.fromkeys(("greater", "greater_equal"), "above"),
    **{"equal": "equal", "not_equal": "unequal"},
}
_LABELS = {
    if_else: "chosen",
    **{head: _RELATION_LABELS[name] for head, name in RELATIONS.items()},
    **dict.fromkeys(CONNECTIVES, "is"),
}


_JOINS: dict[Any, Join] = {MaxOver: "maximum", MinOver: "minimum"}


class Printer(Arithmetic, Application, Reductions):
    """Turns terms into statements; `statements` are those so far, in order."""

    def compute(self, roots: dict[str, Use], plan: RowPlan | None = None) -> None:
        """Emit the assignments that the results need; with a plan, what has rows goes into a function of a block.

        `roots` are the results by the names they should have.
        """
        for name, use in roots.items():
            self._labels.setdefault(use.node, name)
        nodes = list(postorder([use.node for use in roots.values()]))
        if plan is not None:
            self._leading = leading(nodes, plan)
            self._wanted.update(self._leading)
            self._rows = plan.local
            self._wanted.update({node: order for node, order in rows_first(plan).items() if node not in self._leading})
        self._prepare(nodes, list(roots.values()))
        for use in roots.values():
            self._want(use, range(len(use.letters)))
        if plan is None:
            self._emit(nodes)
            return
        read = {use.node for one in plan.rounds for node in (*one.local, *one.totals) for use in node.uses()}
        self._emit(plan.before, named=read.intersection(plan.before))
        inputs = sorted((node for node in plan.local if isinstance(node, Input)), key=lambda node: node.name)
        self._blocks = [buffer for node in inputs if (buffer := self._print(node).buffer) is not None]
        for one in plan.rounds:
            self._emit_rows(one, plan)
            self._emit(one.after, named=read.intersection(one.after))

    def _prepare(self, nodes: Sequence[Node], roots: Sequence[Use]) -> None:
        """Count the uses of every node, and ask for layouts."""
        for use in [*roots, *(use for node in nodes for use in node.uses())]:
            self._counts[use.node] = self._counts.get(use.node, 0) + 1
        for node in nodes:
            if isinstance(node, Contract) and node.bound:
                factors = [use.node for use, _ in node.factors]
                self._twice.update(factor for factor in factors if factors.count(factor) > 1)
                for use, exponent in node.factors:  # a square under a sum is written as two factors
                    self._counts[use.node] += exponent == 2
        self._absorb(nodes)
        self._whole = whole_nodes(nodes, self._positions(nodes))
        for node in nodes:  # a definition that is too long for one line has the name itself
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
                name = self._name(node)
                if node in self._leading and not self._led:
                    text = f"{name} has its rows last: reductions over its other axis are of long vectors"
                    self.statements.append(Comment(text))
                    self._led = True
                value = self._assign(name, value, _shape(node, value))
            self._values[node] = value

    def _emit_rows(self, one: Round, plan: RowPlan) -> None:
        """A function that computes the totals for a block of rows, and its call for all of them."""
        outside, self.statements, speller = self.statements, [], self.speller
        self.speller = Speller(speller.dtype, {plan.dimension: f"{self._blocks[0].name}.shape[0]"})
        totals, before = self._emit_totals(one), list(self._kept)
        kept = self._kept_rows(one)
        inside, self.statements, self.speller = self.statements, outside, speller
        returned = (*totals.values(), *(Group(LIST, (Read(buffer),)) for buffer in kept))
        joins: list[Join] = [_JOINS[node.head] if isinstance(node, Reduce) else "add" for node in one.totals]
        joins += ["rows"] * len(kept)
        read = {buffer for statement in inside for buffer in statement.reads}.union(*map(buffers_of, returned))
        arguments = tuple(buffer for buffer in self._blocks if buffer in read)
        earlier = tuple(buffer for buffer in before if buffer in read)
        name, results = self.fresh("rows"), (*totals, *kept)
        arguments = arguments or (() if earlier else tuple(self._blocks[:1]))
        self.statements.append(
            Rows(
                name, arguments, earlier, plan.dimension, tuple(inside), returned, results, tuple(joins),
                plan.width, plan.size,
            )
        )  # fmt: skip

    def _emit_totals(self, one: Round) -> dict[Buffer, Expression]:
        """Assignments for a block of rows, and the totals that it returns: each is taken as soon as it can be.

        So that the arrays that it is taken of are free sooner. Those that come last are returned as they are.
        """
        for node in one.local:
            self._values.pop(node, None)  # of an earlier round
        self._emit([node for node in one.local if not node.uses()])
        waiting = list(one.totals)
        for node in [node for node in one.local if node.uses()]:
            for ready in [total for total in waiting if all(use.node in self._values for use in total.uses())]:
                self._emit_sum(ready)
                waiting.remove(ready)
            self._emit([node])
        for node in waiting:
            self._emit_sum(node)
        values = [self._values[node] for node in one.totals]
        returned = {value.buffer: value.expression for value in values if value.buffer is not None}
        while self.statements and isinstance(last := self.statements[-1], Define) and last.buffer in returned:
            returned[last.buffer] = last.expression
            self.statements.pop()
        return returned

    def _kept_rows(self, one: Round) -> list[Buffer]:
        """The arrays with rows that later rounds need."""
        here = {buffer for statement in self.statements for buffer in statement.defines}
        kept = []
        for node in one.kept:
            value = self._values[node]
            if here.isdisjoint(buffers_of(value.expression)):
                continue  # part of an argument or of an array that is kept already
            if value.buffer is None:
                value = self._values[node] = self._assign(self._name(node), value, _shape(node, value))
            assert value.buffer is not None
            kept.append(value.buffer)
        kept = list(dict.fromkeys(kept))
        self._kept += kept
        return kept

    def _emit_sum(self, node: Node) -> None:
        value = self._print(node)
        name = self.fresh(self._labels[node]) if node in self._labels else self._name(node)
        self._values[node] = self._assign(name, value, _shape(node, value))

    def _deserves_name(self, node: Node, value: Value) -> bool:
        if isinstance(node, Named):
            return not value.named
        if number(own(node)) is not None:
            return False
        text = self.speller.text(value.expression)
        trivial = (_is_plain(value.expression) and len(text) < 12) or value.kind == "python"
        # positions are computed once where that is more than adding up indices, which windows and slices do not need
        if value.kind == "integer":
            trivial = trivial or not any(isinstance(below, Apply) for below in postorder([node]))
        trivial = trivial and not isinstance(node, MatrixFunction)
        trivial = trivial or is_named(without_sign(value.expression)[0])
        return (self._counts[node] > 1 and not trivial) or len(text) > MAX_LINE

    def _name(self, node: Node) -> str:
        if isinstance(node, Named):
            return self.fresh(node.name)
        if node in self._definitions:
            return self.fresh(self._definitions[node])
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
                label = EXTREMA.get(head, "prod")
            case Apply():
                label = _LABELS.get(head, head.__name__.lower())
            case MatrixFunction():
                label = MATRIX_LABELS[head]
            case Gather() if is_window(node):
                label = "windows"
            case AxisMap() if head in RUNNING:
                label = "sums" if node.weights else "largest"
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
                value = self._full(self._use(node.arg), node, self._wanted.get(node))
                return _by_rows(value) if node in self._twice else value
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
                made = gather_value(node, self._use, self._values[node.base.node], self._wanted.get(node))
                again = node in self._copied and self._counts[node] > 1
                return replace(made, expression=operation("ascontiguousarray", made.expression)) if again else made
            case Scatter():
                return scatter_value(node, self._use, self._real(self._use(node.value)))
        raise UnsupportedError(f"no NumPy spelling of {type(node).__name__}")


def _by_rows(value: Value) -> Value:
    """A product that lies in memory in the order of its axes, whatever the layout of its factors is.

    NumPy would follow these: of 1797×10×64 entries, one factor transposed, the product with itself took 24 ms, by two
    copies, instead of 10.
    """
    step = binary(value.expression)
    if len(value.letters) < 3 or step is None or step[0] != "multiply":
        return value
    return Value(operation("multiply", *step[1], order="C"), value.letters)


def _shape(node: Node, value: Value) -> Shape:
    return tuple(node.shape[axis] for axis in value.letters)


def _is_loose(expression: Expression) -> bool:
    """Whether an expression is made by an operator, rather than a variable, a part of one, or a call."""
    return Speller("").level(expression) != ATOM


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
