"""Terms with rows as statements: a function of a block of rows for each round over them, and its call for all rows."""

from collections.abc import Collection, Sequence
from typing import Any

from sympy import Or

from symgrad.functions import MaxOver, MinOver, NormOver
from symgrad.functions.reductions import LargestOver
from symgrad.graph.nodes import Add, Apply, Input, Node, Reduce, Use, postorder
from symgrad.lowering.recurrences import Recurrences
from symgrad.schedule.rows import Round, RowPlan
from symgrad.statements.expressions import LIST, Buffer, Expression, Group, Read, buffers_of, substituted
from symgrad.statements.statements import Define, Join, Rows

_JOINS: dict[Any, Join] = {MaxOver: "maximum", LargestOver: "maximum", MinOver: "minimum", NormOver: "hypot", Or: "or"}


class Rounds(Recurrences):
    """Turns terms into statements, of which those with rows are inside of functions of blocks of rows."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._blocks: list[Buffer] = []  # the arrays of data with rows
        self._kept: list[Buffer] = []  # what rounds over the rows have made for later ones
        self._rows: Collection[Node] = ()  # what has an entry or more for each row of the data

    def compute(self, roots: dict[str, Use], plan: RowPlan | None = None) -> None:
        """Emit the assignments that the results need; with a plan, what has rows goes into a function of a block.

        `roots` are the results by the names they should have.
        """
        if plan is None:
            super().compute(roots)
            return
        nodes = list(postorder([use.node for use in roots.values()]))
        self._rows = plan.local
        self._prepare_rows(plan, nodes)
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

    def _prepare_rows(self, plan: RowPlan, nodes: Sequence[Node]) -> None:
        """Ask for the layouts of arrays with rows."""

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
