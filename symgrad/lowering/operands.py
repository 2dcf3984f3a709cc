"""The nodes so far as operands: in the letters of their consumer, the layout it wants, and floating."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from symgrad.errors import UnsupportedError
from symgrad.functions import if_else
from symgrad.graph.blocks import Grid
from symgrad.graph.kinds.names import natural_order
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Named, Node, Use
from symgrad.graph.symmetry import symmetric
from symgrad.graph.transform import own
from symgrad.lowering.values import Value, broadcast, transpose
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import (
    Buffer,
    Expression,
    FloatingType,
    Kind,
    Length,
    Operation,
    Read,
    Shape,
    Sides,
    Size,
    parts_of,
)
from symgrad.statements.operations import memory_of
from symgrad.statements.statements import Define, Statement


class Operands:
    """The values of nodes so far, with the `statements` that compute them, in order.

    Attributes
    ----------
    target : its name, for errors.
    lacks : the operations of `functions` that the target does not have.
    doubles : the functions whose results are in double precision, whatever goes in.
    strided : whether windows of an array are views of it, rather than picked entry by entry.
    integers : larger numbers than these are computed with beforehand.
    counting : whether a condition among numbers counts as 0 or 1 by itself.
    places : nodes that are places along axes, and are computed in integers.
    """

    target: ClassVar[str]
    lacks: ClassVar[frozenset[str]] = frozenset()
    doubles: ClassVar[frozenset[Any]] = frozenset()
    strided: ClassVar[bool] = False
    integers: ClassVar[int] = 2**63
    counting: ClassVar[bool] = True

    def __init__(self, arguments: Sequence[str], taken: Sequence[str]) -> None:
        self.statements: list[Statement] = []
        self._taken = {*arguments, *taken}
        self._numbers: dict[str, int] = {}  # the last number that a name was given to set it apart
        self._roots: dict[str, tuple[str, int]] = {}  # of a made-up name, what it is about and how many labels it has
        self._variables = set(arguments)
        self._values: dict[Node, Value] = {}
        self._counts: dict[Node, int] = {}
        self._wanted: dict[Node, tuple[int, ...]] = {}
        self._labels: dict[Node, str] = {}
        self._definitions: dict[Node, str] = {}  # what names stand for
        self._grids: dict[Node, Grid] = {}
        self._kroneckers: dict[Node, tuple[Use, Use]] = {}
        self._absorbed: set[Node] = set()  # nodes that are written as part of a grid or a Kronecker product only
        self._whole: set[Node] = set()
        self.places: list[Node] = []

    def missing(self, what: str) -> UnsupportedError:
        """The error that the target has no spelling of something."""
        return UnsupportedError(f"the target {self.target} has no spelling of {what}")

    def fresh(self, wanted: str) -> str:
        """A variable name that nothing else has."""
        name, n = wanted, self._numbers.get(wanted, 1)
        while name in self._taken:
            n += 1
            name = f"{wanted}_{n}"
        self._taken.add(name)
        self._numbers[wanted] = n
        return name

    def assign(self, name: str, value: Value) -> Value:
        """Assign a value to a variable of which nothing is known."""
        return self._assign(name, value, None)

    def _assign(self, name: str, value: Value, shape: Shape | None) -> Value:
        """Assign a value to a variable; of which the shape is known, if it is given."""
        buffer = self._buffer(name, shape, value.kind, is_view(value.expression))
        self.statements.append(Define(buffer, value.expression))
        return Value(Read(buffer), value.letters, value.kind)

    def _buffer(self, name: str, shape: Shape | None, kind: Kind = "real", view: bool = False) -> Buffer:
        """A new variable."""
        self._variables.add(name)
        return Buffer(name, shape, kind, "view" if view else "local")

    def is_private(self, use: Use) -> bool:
        """Whether the term's value is an array of its own that nothing else is computed from."""
        expression = self._values[use.node].expression
        return self._counts[use.node] == 1 and not isinstance(use.node, Named) and not is_view(expression)

    def result(self, variable: str, value: Value, shaped: Buffer | None = None) -> Expression:
        """Keep a result under a name, unless it has one or is short, but for the end that gives it its shape."""
        expression = value.expression
        if shaped is not None:
            assert isinstance(expression, Operation)
            expression = expression.parts[0]
        if isinstance(without_transpose(expression), Read):
            return value.expression
        return self.assign(self.fresh(variable), value).expression

    def _use(self, use: Use) -> Value:
        """A node's value in the letters of its consumer; a repeated letter takes the diagonal."""
        value = self._values[use.node]
        letters = tuple(use.letters[k] for k in value.letters)
        if value.inverse_of is not None and self._counts[use.node] == 1 and len(set(letters)) == len(letters):
            matrix = value.inverse_of
            return replace(
                value,
                letters=letters,
                inverse_of=replace(matrix, letters=tuple(use.letters[k] for k in matrix.letters)),
            )
        while len(set(letters)) < len(letters):
            twice = next(letter for letter in letters if letters.count(letter) > 1)
            first, second, *_ = (k for k, letter in enumerate(letters) if letter == twice)  # a third one comes next
            rest = [letter for k, letter in enumerate(letters) if k not in (first, second)]
            axes = {} if (first, second, len(letters)) == (0, 1, 2) else {"axis1": first, "axis2": second}
            value = Value(operation("diagonal", value.expression, **axes), value.letters, value.kind)
            letters = (*rest, twice)
        whole = use.node.rank == 2 == len(letters) and symmetric(use.node)
        return Value(value.expression, letters, value.kind, symmetric=whole)

    def full(self, use: Use, node: Node) -> Value:
        """A term over the axes of `node` as an array of the node's shape."""
        return self._full(self._real(self._use(use)), node)

    def _full(self, value: Value, node: Node, order: Sequence[int] | None = None) -> Value:
        """A value with every axis of the node, in this order or their own."""
        value = self._real(value) if value.kind == "boolean" else value
        order = tuple(range(node.rank) if order is None else order)
        if set(value.letters) == set(order):
            return transpose(value, order)
        shape = Sides(tuple(node.shape[axis] for axis in order))
        shaped = broadcast(value, order)
        if shaped.kind == "python":
            return Value(operation("full", shape, shaped.expression, dtype=FloatingType()), order)
        return Value(operation("broadcast_to", shaped.expression, shape), order, shaped.kind)

    def aligned(self, use: Use, letters: Sequence[Letter], real: bool = True) -> Value:
        """A term as an array that broadcasts along the given letters."""
        value = self._use(use)
        return broadcast(self._real(value) if real else value, letters)

    def _real(self, value: Value) -> Value:
        """The value in the floating type of the arguments; Python numbers take that of what they meet."""
        if value.kind in ("real", "python"):
            return value
        found = value.expression
        head = found.head if isinstance(found, Operation) and found.head == "arange" else "asarray"
        parts = found.operands if head == "arange" else (found,)
        return Value(operation(head, *parts, dtype=FloatingType()), value.letters)

    def _layout(self, node: Node) -> tuple[Letter, ...]:
        """The order of axes: the one asked for, else that of the largest operand, which needs the fewest transposes."""
        if node in self._wanted:
            return self._wanted[node]
        uses = node.uses()
        if isinstance(node, Apply) and node.head is if_else:
            uses = (*uses[1:], uses[0])  # a condition is the cheapest to transpose
        orders = [self._use(use).letters for use in uses]
        longest = max(orders, key=len, default=())
        return distinct([x for x in (*longest, *range(node.rank)) if x < node.rank])

    def _lay_out(self, node: Node) -> None:
        """Ask for the operands' layouts that a node of fixed layout, or beside an operand of fixed layout, wants."""
        if isinstance(node, Named):
            self._want(node.arg, range(node.rank))
        elif isinstance(node, Add) or (isinstance(node, Contract) and not node.bound):
            order = natural_order(own(node))
            if order is not None:
                self._wanted.setdefault(node, order)
                for use in node.uses():
                    self._want(use, order)

    def _want(self, use: Use, order: Sequence[Letter]) -> None:
        """Ask for the layout in which the operand's letters come in this order, unless another was asked for."""
        letters = use.letters
        if len(letters) < 2 or sorted(letters) != sorted(order):
            return
        node, axes = use.node, tuple(letters.index(letter) for letter in order)
        self._wanted.setdefault(node, axes)
        whole = [use for use in node.uses() if len(use.letters) == node.rank]
        if len(whole) == 1 and (isinstance(node, Add) or (isinstance(node, Contract) and not node.bound)):
            self._want(whole[0], axes)


def without_transpose(expression: Expression) -> Expression:
    """What an expression transposes, or itself."""
    match expression:
        case Operation(head="transpose", parts=(array,)):
            return array
    return expression


def is_view(expression: Expression) -> bool:
    """Whether an array may share its memory with an argument or another result."""
    match without_transpose(expression):
        case Read(buffer=buffer):
            return buffer.owner != "local"
    return memory_of(expression) == "view"


def names_of(expression: Expression) -> list[str]:
    """The variables and dimensions that an expression mentions, in the order of reading."""
    found: list[str] = []
    for part in parts_of(expression):
        if isinstance(part, Read):
            found.append(part.buffer.name)
        elif isinstance(part, Size | Length):
            found += sorted(map(str, part.value.free_symbols))
    return found
