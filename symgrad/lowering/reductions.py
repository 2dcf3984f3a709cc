"""Reductions over axes, and running sums and maxima along them."""

from typing import Any

from sympy import Integer, Or, Product, oo

from symgrad.functions import LargestOver, LogTotalOver, MaxOver, MinOver, NormOver
from symgrad.graph.build import BALANCED, CENTRED, EXPONENTIALS_FROM, LARGEST_FROM, RUNNING, SUM_FROM, SUM_UP_TO
from symgrad.graph.dimensions import is_never_empty
from symgrad.graph.letters import distinct
from symgrad.graph.masks import NEUTRAL
from symgrad.graph.nodes import AxisMap, Reduce
from symgrad.lowering.operands import Operands
from symgrad.lowering.values import Value, broadcast
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import WHOLE_AXIS, Kind, Number, Place, Slice, Subscript

REDUCTIONS = {MaxOver: "max", LargestOver: "max", MinOver: "min", NormOver: "norm", Or: "any", Product: "prod"}


class Reductions(Operands):
    """Writes what goes along axes."""

    def _reduce(self, node: Reduce) -> Value:
        value = self._use(node.arg) if node.head is Or else self._real(self._use(node.arg))
        if node.head is LogTotalOver:
            kept = tuple(letter for letter in value.letters if letter < node.rank)
            total = broadcast(self._real(self._use(node.known[0])), kept).expression
            return Value(operation("log_total", value.expression, total, axis=value.letters.index(node.rank)), kept)
        name = REDUCTIONS.get(node.head)
        if name is None:
            raise self.missing(f"the reduction {node.head.__name__}")
        axes = [value.letters.index(letter) for letter in value.letters if letter >= node.rank]
        kept = tuple(letter for letter in value.letters if letter < node.rank)
        options: dict[str, Any] = {"axis": axes[0] if len(axes) == 1 else tuple(axes)} if kept else {}
        if node.head is LargestOver and not all(length.is_Integer for length in node.bound):
            options["initial"] = Number(-oo)
        elif node.head in NEUTRAL and not all(is_never_empty(length) for length in node.bound):
            options["initial"] = Number(-oo if node.head is MaxOver else oo)
        kind: Kind = "boolean" if node.head is Or else "real"
        return Value(operation(name, value.expression, **options), kept, kind)

    def _axis_map(self, node: AxisMap) -> Value:
        value = self._real(self._use(node.arg))
        axes = tuple(value.letters.index(letter) for letter in node.over)
        if node.head in (SUM_UP_TO, SUM_FROM):
            along = {"axis": axes[0]} if node.rank > 1 else {}
            if node.head == SUM_UP_TO:
                return Value(operation("cumsum", value.expression, **along), value.letters)
            backwards: tuple[Place, ...] = (*[WHOLE_AXIS] * axes[0], Slice(step=Integer(-1)))
            turned = operation("cumsum", Subscript(value.expression, backwards), **along)
            return Value(Subscript(turned, backwards), value.letters)
        if node.head == CENTRED:
            letters = tuple(distinct((*value.letters, *self._use(node.weights[0]).letters)))
            parts = [broadcast(self._real(self._use(use)), letters).expression for use in node.uses()]
            return Value(operation("centred", *parts, axis=letters.index(node.over[0])), letters)
        if node.head == BALANCED:
            taken, total = (self._real(self._use(use)) for use in node.weights)
            letters = tuple(distinct((*value.letters, *taken.letters)))
            axis = letters.index(node.over[0])
            rest = tuple(letter for letter in letters if letter != node.over[0])
            parts = [broadcast(part, letters).expression for part in (value, taken)]
            return Value(operation("balanced", *parts, broadcast(total, rest).expression, axis=axis), letters)
        if node.head in RUNNING:
            down = node.head in (LARGEST_FROM, EXPONENTIALS_FROM)
            if not node.weights:
                made = operation("largest_so_far", value.expression, axis=axes[0], backwards=down)
                return Value(made, value.letters)
            letters = tuple(distinct((*value.letters, *self._use(node.weights[0]).letters)))
            parts = [broadcast(self._real(self._use(use)), letters).expression for use in node.uses()]
            axis = letters.index(node.over[0])
            return Value(operation("sums_of_exponentials", *parts, axis=axis, backwards=down), letters)
        return Value(operation("product_of_others", value.expression, axes=axes), value.letters)
