"""Products in a step of a recurrence with matrices that no step changes: those of one operand are one product.

The matrices are laid out before the loop as the products walk along them, those of one operand as a stack:
`f, i, o, g = h[t - 1] @ stack_U`. On one core, for 32×64 entries by 64×64, four products take 20.5 µs with parts of a
larger matrix and 13.3 with the stack, and 31.4 µs with transposed matrices and 15.9 with copies of these; for 1×16 by
16×16, 3.7 µs and 0.9.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sympy import S

from symgrad.graph.kinds.loops import Entry
from symgrad.graph.nodes import Contract, Input, Node, Use
from symgrad.lowering.operands import is_view
from symgrad.lowering.solutions import Equations
from symgrad.lowering.values import Value, transpose
from symgrad.statements.arithmetic import matrix_product, operation
from symgrad.statements.expressions import LIST, Buffer, Group, Read
from symgrad.statements.statements import Define, Unpack


@dataclass(frozen=True)
class Stack:
    """operand @ matrix for each of some matrices of one shape.

    Attributes
    ----------
    products : the nodes that are these products.
    operands : the operand in the letters of each product.
    matrices : the matrices, in the letters of each product.
    """

    products: tuple[Contract, ...]
    operands: tuple[Use, ...]
    matrices: tuple[Use, ...]

    def inner(self, n: int) -> int:
        """The axis of the n-th matrix over which its product sums."""
        return self.matrices[n].letters.index(self.products[n].rank)


def stacks(nodes: Sequence[Node]) -> list[Stack]:
    """The products of a step by operand, those with matrices that are summed over one axis only."""
    found = [stack for node in nodes if isinstance(node, Contract) and (stack := _product(node)) is not None]
    known: dict[Node, list[Stack]] = {}
    for one in found:
        known.setdefault(one.matrices[0].node, []).append(one)
    groups: dict[object, list[Stack]] = {}
    for one in found:
        (matrix,) = one.matrices
        if len({other.inner(0) for other in known[matrix.node]}) == 1:
            sides = matrix.node.shape[one.inner(0)], matrix.node.shape[1 - one.inner(0)]
            place = one.operands[0].letters.index(one.products[0].rank)
            groups.setdefault((one.operands[0].node, place, sides), []).append(one)
    return [
        Stack(
            tuple(one.products[0] for one in group),
            tuple(one.operands[0] for one in group),
            tuple(one.matrices[0] for one in group),
        )
        for group in groups.values()
    ]


def _product(node: Contract) -> Stack | None:
    """A product of a vector or matrix of a step with a matrix from outside."""
    if len(node.bound) != 1 or len(node.factors) != 2 or any(exponent != S.One for _, exponent in node.factors):
        return None
    uses = [use for use, _ in node.factors]
    matrices = [use for use in uses if _is_matrix(use)]
    if len(matrices) != 1:
        return None
    (matrix,) = matrices
    operand = uses[1 - uses.index(matrix)]
    letters = [*operand.letters, *matrix.letters]
    plain = len(set(operand.letters)) == len(operand.letters) <= 2 and letters.count(node.rank) == 2
    return Stack((node,), (operand,), (matrix,)) if plain and len(set(letters)) == node.rank + 1 else None


def _is_matrix(use: Use) -> bool:
    """Whether a term is a whole matrix that no step changes."""
    node = use.node
    whole = isinstance(node, Entry) and all(offset is None for offset in node.offsets)
    return whole and len(set(use.letters)) == 2 == node.rank


class Stacks(Equations):
    """Turns terms into statements, in which products in steps are laid out before their loops."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._stacks: dict[Node, tuple[Stack, Buffer]] = {}  # the products of a step, and their matrices in one array

    def _print(self, node: Node) -> Value:
        if isinstance(node, Contract) and node in self._stacks:
            return self._from_stack(node)
        return super()._print(node)

    def _before_steps(self, nodes: Sequence[Node]) -> None:
        for stack in stacks(nodes):
            self._lay_out_matrices(stack)

    def _lay_out_matrices(self, stack: Stack) -> None:
        """Before the loop, the matrices as its products walk along them."""
        values = []
        for n, matrix in enumerate(stack.matrices):
            assert isinstance(matrix.node, Entry)
            inner = stack.inner(n)
            values.append(transpose(self._real(self._values[matrix.node.source]), (inner, 1 - inner)))
        parts = [value.expression for value in values]
        about = self._first_variable(*parts) or "1"
        if len(values) > 1:
            buffer = self._buffer(self.fresh(f"stack_{about}"), None)
            self._before.append(Define(buffer, operation("stack", Group(LIST, tuple(parts)))))
            self._stacks |= dict.fromkeys(stack.products, (stack, buffer))
            return
        (matrix,), (value,) = stack.matrices, values
        assert isinstance(matrix.node, Entry)
        if not value.named or (is_view(value.expression) and not isinstance(matrix.node.source, Input)):
            shape = tuple(matrix.node.shape[axis] for axis in value.letters)
            buffer = self._buffer(self.fresh(f"copy_{about}"), shape)
            self._before.append(Define(buffer, operation("ascontiguousarray", value.expression)))
            value = Value(Read(buffer), value.letters)
        self._values[matrix.node] = Value(value.expression, value.letters)

    def _from_stack(self, node: Contract) -> Value:
        """The products of one operand as one, at the first of them."""
        stack, name = self._stacks[node]
        if node not in self._values:
            operand = self._use(stack.operands[0])
            inner = stack.products[0].rank
            rows = transpose(operand, [*(letter for letter in operand.letters if letter != inner), inner])
            made = [self.fresh(f"prod_{self._first_variable(rows.expression) or 1}") for _ in stack.products]
            shapes = []
            for product, uses, matrix in zip(stack.products, stack.operands, stack.matrices, strict=True):
                column = next(letter for letter in matrix.letters if letter != product.rank)
                place = [uses.letters[k] for k in (stack.operands[0].letters.index(x) for x in rows.letters)]
                shapes.append((*place[:-1], column))
            buffers = [
                self._buffer(name, tuple(product.shape[axis] for axis in letters))
                for name, product, letters in zip(made, stack.products, shapes, strict=True)
            ]
            self.statements.append(Unpack(tuple(buffers), matrix_product(rows.expression, Read(name))))
            for product, buffer, letters in zip(stack.products, buffers, shapes, strict=True):
                self._values[product] = Value(Read(buffer), letters)
        return self._values[node]
