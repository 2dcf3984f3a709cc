"""The syntax tree of formulas: what was written, with its places, before anything is known of shapes.

Every reader of formulas, of text or of LaTeX, makes this tree; `shapes` and `elaboration` read it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

SUM, PRODUCT, LARGEST, SMALLEST, LOG_SUM_EXP = "sum", "prod", "max", "min", "logsumexp"
REDUCTIONS = (SUM, PRODUCT, LARGEST, SMALLEST, LOG_SUM_EXP)

PLUS, MINUS, TIMES, OVER, POWER = "+", "-", "*", "/", "^"
DOT_TIMES, DOT_OVER, DOT_POWER = ".*", "./", ".^"
OPERATORS = (PLUS, MINUS, TIMES, OVER, POWER, DOT_TIMES, DOT_OVER, DOT_POWER)
COMPARISONS = ("<=", ">=", "==", "<", ">")


@dataclass(frozen=True)
class Span:
    """A place in the source: from the character `start` up to, but without, `end`."""

    start: int
    end: int

    def to(self, other: "Span") -> "Span":
        """From the start of this to the end of another."""
        return Span(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True)
class Number:
    """A number as it is written, such as `0.5`: an integer or a decimal fraction."""

    text: str
    at: Span


@dataclass(frozen=True)
class Name:
    """A name: a symbol, a quantity that is defined, a bound index, a size or a constant."""

    text: str
    at: Span


@dataclass(frozen=True)
class Negative:
    """−operand."""

    operand: "Expression"
    at: Span


@dataclass(frozen=True)
class Transposed:
    """operand′."""

    operand: "Expression"
    at: Span


@dataclass(frozen=True)
class Binary:
    """Two expressions with one of the OPERATORS between them; `place` is that of the operator."""

    operator: str
    left: "Expression"
    right: "Expression"
    at: Span
    place: Span


@dataclass(frozen=True)
class Call:
    """A function of expressions, or of a comparison and expressions; `place` is that of its name."""

    function: str
    arguments: tuple["Expression | Comparison", ...]
    at: Span
    place: Span


@dataclass(frozen=True)
class Subscripted:
    """An entry, `A[i,j]`."""

    base: "Expression"
    subscripts: tuple["Expression", ...]
    at: Span


@dataclass(frozen=True)
class Binder:
    """An index that is bound: over a whole axis, or from `lower` to `upper`, both included."""

    index: str
    lower: "Expression | None"
    upper: "Expression | None"
    at: Span

    @property
    def first(self) -> int | None:
        """What it counts from, where that is written."""
        return int(self.lower.text) if isinstance(self.lower, Number) and self.lower.text in ("0", "1") else None

    @property
    def size(self) -> "Expression | None":
        """How many values it has: N of `1:N`, of `0:N-1`; None of another range, or where the axis says it."""
        first = self.lower.text if isinstance(self.lower, Number) else ""
        if first == "1":
            return self.upper
        last = self.upper
        one_less = isinstance(last, Binary) and last.operator == MINUS
        if first == "0" and isinstance(last, Binary) and one_less:
            return last.left if isinstance(last.right, Number) and last.right.text == "1" else None
        return None


@dataclass(frozen=True)
class Reduction:
    """One of the REDUCTIONS over indices, `sum[i,j] body`; `place` is that of its name."""

    kind: str
    binders: tuple[Binder, ...]
    body: "Expression"
    at: Span
    place: Span


Expression = Number | Name | Negative | Transposed | Binary | Call | Subscripted | Reduction


@dataclass(frozen=True)
class Comparison:
    """Two expressions with one of the COMPARISONS between them."""

    operator: str
    left: Expression
    right: Expression
    at: Span


@dataclass(frozen=True)
class Constraint:
    """What a problem is subject to: a comparison, for all values of its `indices`."""

    comparison: Comparison
    indices: tuple[Name, ...]


@dataclass(frozen=True)
class Definition:
    """`name = value`, or `name[i,j] = value` for all i and j."""

    name: str
    subscripts: tuple[Name, ...]
    value: Expression
    at: Span


@dataclass(frozen=True)
class Declaration:
    """`name: kind(sizes)`; `words` are those of the kind, such as `("symmetric", "matrix")`."""

    names: tuple[Name, ...]
    words: tuple[Name, ...]
    sizes: tuple[Expression, ...]
    at: Span


@dataclass(frozen=True)
class Program:
    """All statements: declarations, definitions in their order, the result, what a problem is subject to.

    Attributes
    ----------
    source : the text that the places refer to.
    result : what is differentiated: the last expression, or what is minimised.
    minimised : whether the result is the objective of a problem.
    """

    source: str
    declarations: tuple[Declaration, ...]
    definitions: tuple[Definition, ...]
    result: Expression
    minimised: bool = False
    constraints: tuple[Constraint, ...] = ()

    def expressions(self) -> Iterator[Expression | Comparison]:
        """What is computed: the values of definitions, the result, the constraints."""
        yield from (definition.value for definition in self.definitions)
        yield self.result
        yield from (constraint.comparison for constraint in self.constraints)


Node = Expression | Comparison | Binder


def parts(node: Node) -> Iterator[Node]:
    """The nodes right below a node, from left to right."""
    for field in fields(node):
        value = getattr(node, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Node):
                yield part


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, from left to right; without recursion, for deep trees."""
    stack = [node]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(reversed(list(parts(found))))


def whole_names(program: Program) -> set[str]:
    """The names that somewhere stand for a whole array; the others are arrays with subscripts."""
    nodes = [node for part in program.expressions() for node in walk(part)]
    bases = {id(node.base) for node in nodes if isinstance(node, Subscripted)}
    return {node.text for node in nodes if isinstance(node, Name) and id(node) not in bases}


def open_indices(node: Node) -> tuple[Name, ...]:
    """The names that stand as subscripts and that no reduction inside binds, each once, from left to right."""
    found: dict[str, Name] = {}
    stack: list[tuple[Node, frozenset[str]]] = [(node, frozenset())]
    while stack:
        part, bound = stack.pop()
        if isinstance(part, Reduction):
            bound |= {binder.index for binder in part.binders}
        if isinstance(part, Subscripted):
            for one in part.subscripts:
                if isinstance(one, Name) and one.text not in bound:
                    found.setdefault(one.text, one)
        stack.extend((below, bound) for below in reversed(list(parts(part))))
    return tuple(found.values())


def depth(node: Node) -> int:
    """The number of nodes on the longest way down."""
    deepest, stack = 0, [(node, 1)]
    while stack:
        found, level = stack.pop()
        deepest = max(deepest, level)
        stack.extend((part, level + 1) for part in parts(found))
    return deepest
