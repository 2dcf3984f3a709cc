"""Terms as statements that NumPy is fast with: the order of axes in memory, blocks of rows, strided windows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from sympy import Expr, Or

from symgrad.functions import MaxOver, MinOver, NormOver
from symgrad.functions.reductions import LargestOver
from symgrad.graph.nodes import Add, Apply, Contract, Gather, Input, Letter, Named, Node, Reduce, Use, postorder
from symgrad.lowering.functions import DOUBLES
from symgrad.lowering.values import Value, transpose
from symgrad.lowering.windows import Windows
from symgrad.schedule.leading import is_picked, leading, long_last, pairs_last, rows_first
from symgrad.schedule.rows import Round, RowPlan
from symgrad.statements.arithmetic import binary, operation
from symgrad.statements.expressions import LIST, Buffer, Expression, Group, Length, Read, buffers_of, substituted
from symgrad.statements.statements import Comment, Define, Join, Rows
from symgrad.targets.numpy.contraction import contract
from symgrad.targets.numpy.increased import Increased
from symgrad.targets.numpy.rolled import rolls

_JOINS: dict[Any, Join] = {MaxOver: "maximum", LargestOver: "maximum", MinOver: "minimum", NormOver: "hypot", Or: "or"}


class NumpyTerms(Increased, Windows):
    """Turns terms into statements.

    Parameters
    ----------
    arguments, taken : the names of the function's arguments, and others that no variable may have.
    estimate : about how long an axis is.
    leads : whether rows may come last in memory, for reductions of whole arrays.
    """

    target, strided, doubles = "numpy", True, DOUBLES

    def __init__(
        self, arguments: Sequence[str], taken: Sequence[str], estimate: Callable[[Expr], float], leads: bool = True
    ) -> None:
        super().__init__(arguments, taken)
        self._estimate, self._leads = estimate, leads
        self._blocks: list[Buffer] = []  # the arrays of data with rows
        self._kept: list[Buffer] = []  # what rounds over the rows have made for later ones
        self._leading: dict[Node, tuple[int, ...]] = {}  # the layouts for fast reductions
        self._led = False  # whether a comment says so
        self._rows: Collection[Node] = ()  # what has an entry or more for each row of the data
        self._twice: set[Node] = set()  # what a product has twice
        self._pairs: dict[Node, tuple[int, ...]] = {}  # the layouts of a few numbers for each pair

    def _another(self) -> Self:
        return type(self)((), (), self._estimate, self._leads)

    def compute(self, roots: dict[str, Use], plan: RowPlan | None = None) -> None:
        """Emit the assignments that the results need; with a plan, what has rows goes into a function of a block.

        `roots` are the results by the names they should have.
        """
        if plan is None:
            super().compute(roots)
            return
        nodes = list(postorder([use.node for use in roots.values()]))
        self._leading = leading(nodes, plan) if self._leads else {}
        self._wanted.update(self._leading)
        self._rows = plan.local
        self._apart = {*plan.local, *(node for one in plan.rounds for node in (*one.local, *one.parts, *one.totals))}
        self._wanted.update({node: order for node, order in rows_first(plan).items() if node not in self._leading})
        self._prepared(roots)
        read = {
            use.node for one in plan.rounds for node in (*one.local, *one.parts, *one.totals) for use in node.uses()
        }
        self._emit(plan.before, named=read.intersection(plan.before))
        inputs = sorted((node for node in plan.local if isinstance(node, Input)), key=lambda node: node.name)
        self._blocks = [buffer for node in inputs if (buffer := self._print(node).buffer) is not None]
        for one in plan.rounds:
            self._emit_rows(one, plan)
            self._emit(one.after, named=read.intersection(one.after))

    def _prepare(self, nodes: Sequence[Node], roots: Sequence[Use]) -> None:
        outside = [node for node in nodes if node not in self._rows]
        returned = {root.node for root in roots}
        self._pairs |= {node: order for node, order in pairs_last(outside).items() if node not in returned}
        self._wanted.update(self._pairs | long_last(outside))
        for node in nodes:
            if isinstance(node, Contract) and node.bound:
                factors = [use.node for use, _ in node.factors]
                self._twice.update(factor for factor in factors if factors.count(factor) > 1)
        super()._prepare(nodes, roots)

    def _named(self, name: str, node: Node, value: Value) -> Value:
        if node in self._leading and not self._led:
            text = f"{name} has its rows last: reductions over its other axis are of long vectors"
            self.statements.append(Comment(text))
            self._led = True
        return super()._named(name, node, value)

    def _print(self, node: Node) -> Value:
        if isinstance(node, Gather) and self._leads and (shifts := rolls(node)) is not None:
            return self._rolled(node, shifts)
        value = self._outer(node) if isinstance(node, Add) and node in self._pairs else super()._print(node)
        if is_picked(node) and (order := self._wanted.get(node, value.letters)) != value.letters:
            moved = transpose(value, order)
            return replace(moved, expression=operation("ascontiguousarray", moved.expression))
        return _by_rows(value) if isinstance(node, Named) and node in self._twice else value

    def _outer(self, node: Add) -> Value:
        """A sum over pairs, whose operands lie in memory as it does: NumPy's results follow the layout of operands."""
        order, before = self._pairs[node], {use.node: self._values[use.node] for use in node.uses()}
        for use in node.uses():
            axes = tuple(use.letters.index(letter) for letter in order if letter in use.letters)
            value = before[use.node]
            if len(use.letters) < node.rank and value.letters != axes and sorted(value.letters) == sorted(axes):
                found = operation("ascontiguousarray", transpose(value, axes).expression)
                name = self.fresh(f"{self._first_variable(found) or 'copy'}_T")
                self._values[use.node] = self._assign(
                    name, replace(value, expression=found, letters=axes), tuple(use.node.shape[axis] for axis in axes)
                )
        made = super()._print(node)
        self._values |= before
        return made

    def _rolled(self, node: Gather, shifts: Mapping[int, Expr]) -> Value:
        """An array with its entries moved along axes."""
        value = self._values[node.base.node]
        found = value.expression
        for axis, shift in shifts.items():
            found = operation("rolled", found, Length(shift), axis=value.letters.index(axis))
        return Value(found, tuple(node.subs[axis].letters[0] for axis in value.letters), value.kind)

    def _contract(self, node: Contract, factors: Sequence[Value], out: Sequence[Letter]) -> Value:
        sizes = {x: length for use in node.uses() for x, length in zip(use.letters, use.node.shape, strict=True)}
        return contract(factors, out, sizes, self._estimate, node in self._rows)

    # --- blocks of rows -----------------------------------------------------------------------------------------------

    def _emit_rows(self, one: Round, plan: RowPlan) -> None:
        """A function that computes the totals for a block of rows, and its call for all of them."""
        outside, self.statements = self.statements, []
        totals, before = self._emit_totals(one), list(self._kept)
        kept = self._kept_rows(one)
        inside, self.statements = self.statements, outside
        returned = (*totals.values(), *(Group(LIST, (Read(buffer),)) for buffer in kept))
        joins: list[Join] = [_JOINS[node.head] if isinstance(node, Reduce) else "add" for node in one.totals]
        for n in range(len(one.scaled)):  # the first of the totals
            joins[n] = "scaled" if n else "largest"
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
        waiting = dict.fromkeys([*one.parts, *one.totals])
        users: dict[Node, list[Node]] = {}
        for total in waiting:
            for use in total.uses():
                users.setdefault(use.node, []).append(total)
        ready = [total for total in waiting if self._is_ready(total)]
        for node in [node for node in one.local if node.uses()]:
            while ready:
                for total in ready:
                    self._emit_sum(total)
                    del waiting[total]
                next_ones = dict.fromkeys(total for done in ready for total in users.get(done, ()) if total in waiting)
                ready = [total for total in next_ones if self._is_ready(total)]  # one may wait for another
            self._emit([node])
            ready = [total for total in dict.fromkeys(users.get(node, ())) if self._is_ready(total)]
        for node in waiting:  # a total comes after its parts
            self._emit_sum(node)
        values = [self._values[node] for node in one.totals]
        returned = {value.buffer: value.expression for value in values if value.buffer is not None}
        parts = {self._values[node].buffer for node in one.parts}
        while self.statements and isinstance(last := self.statements[-1], Define):
            if last.buffer in parts:
                made = last.buffer, last.expression
                returned = {buffer: substituted(whole, *made) for buffer, whole in returned.items()}
            elif last.buffer in returned and not any(
                last.buffer in buffers_of(whole) for buffer, whole in returned.items() if buffer != last.buffer
            ):
                returned[last.buffer] = last.expression
            else:
                break
            self.statements.pop()
        return returned

    def _is_ready(self, total: Node) -> bool:
        """Whether a total can be taken, and arrays are free then: numbers are added up at the end."""
        return not isinstance(total, Add) and all(use.node in self._values for use in total.uses())

    def _kept_rows(self, one: Round) -> list[Buffer]:
        """The arrays with rows that later rounds need."""
        here = {buffer for statement in self.statements for buffer in statement.defines}
        kept = []
        for node in one.kept:
            value = self._values[node]
            if here.isdisjoint(buffers_of(value.expression)):
                continue  # part of an argument or of an array that is kept already
            if value.buffer is None:
                value = self._values[node] = self._named(self._name(node), node, value)
            assert value.buffer is not None
            kept.append(value.buffer)
        kept = list(dict.fromkeys(kept))
        self._kept += kept
        return kept

    def _emit_sum(self, node: Node) -> None:
        if isinstance(node, Apply):  # no sum, but a number that is made of one
            self._emit([node])
            return
        value = self._print(node)
        name = self.fresh(self._labels[node]) if node in self._labels else self._name(node)
        self._values[node] = self._named(name, node, value)


def _by_rows(value: Value) -> Value:
    """A product that lies in memory in the order of its axes, whatever the layout of its factors is.

    NumPy would follow these: of 1797×10×64 entries, one factor transposed, the product with itself took 24 ms, by two
    copies, instead of 10.
    """
    step = binary(value.expression)
    if len(value.letters) < 3 or step is None or step[0] != "multiply":
        return value
    return Value(operation("multiply", *step[1], order="C"), value.letters)
