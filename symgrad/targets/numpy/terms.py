"""Terms as statements that NumPy is fast with: the order of axes in memory, blocks of rows, strided windows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self

from sympy import Expr

from symgrad.graph.nodes import Add, Contract, Letter, Named, Node, Use
from symgrad.lowering.functions import DOUBLES
from symgrad.lowering.rolled import Rolled
from symgrad.lowering.rounds import Rounds
from symgrad.lowering.values import Value, transpose
from symgrad.lowering.windows import Windows
from symgrad.schedule.leading import is_picked, leading, long_last, pairs_last, rows_first
from symgrad.schedule.rows import RowPlan
from symgrad.statements.arithmetic import binary, operation
from symgrad.statements.statements import Comment
from symgrad.targets.numpy.contraction import contract
from symgrad.targets.numpy.increased import Increased


class NumpyTerms(Increased, Rolled, Windows, Rounds):
    """Turns terms into statements.

    Parameters
    ----------
    arguments, taken : the names of the function's arguments, and others that no variable may have.
    estimate : about how long an axis is.
    alone : whether NumPy does all of it, and no kernels: rows may come last in memory then, for reductions.
    """

    target, strided, doubles = "numpy", True, DOUBLES

    def __init__(
        self, arguments: Sequence[str], taken: Sequence[str], estimate: Callable[[Expr], float], alone: bool = True
    ) -> None:
        super().__init__(arguments, taken)
        self._estimate, self._alone = estimate, alone
        self._leading: dict[Node, tuple[int, ...]] = {}  # the layouts for fast reductions
        self._led = False  # whether a comment says so
        self._twice: set[Node] = set()  # what a product has twice
        self._pairs: dict[Node, tuple[int, ...]] = {}  # the layouts of a few numbers for each pair

    def _another(self) -> Self:
        return type(self)((), (), self._estimate, self._alone)

    def _prepare_rows(self, plan: RowPlan, nodes: Sequence[Node]) -> None:
        self._apart = {*plan.local, *(node for one in plan.rounds for node in (*one.local, *one.parts, *one.totals))}
        self._leading = leading(nodes, plan) if self._alone else {}
        self._wanted.update(self._leading)
        self._wanted.update({node: order for node, order in rows_first(plan).items() if node not in self._leading})

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

    def _contract(self, node: Contract, factors: Sequence[Value], out: Sequence[Letter]) -> Value:
        sizes = {x: length for use in node.uses() for x, length in zip(use.letters, use.node.shape, strict=True)}
        return contract(factors, out, sizes, self._estimate, node in self._rows)


def _by_rows(value: Value) -> Value:
    """A product that lies in memory in the order of its axes, whatever the layout of its factors is.

    NumPy would follow these: of 1797×10×64 entries, one factor transposed, the product with itself took 24 ms, by two
    copies, instead of 10.
    """
    step = binary(value.expression)
    if len(value.letters) < 3 or step is None or step[0] != "multiply":
        return value
    return Value(operation("multiply", *step[1], order="C"), value.letters)
