"""The syntax tree of formulas: what was written, with its places, before anything is known of shapes.

Every reader of formulas, of text or of LaTeX, makes this tree; `shapes` and `elaboration` read it.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields

SUM, PRODUCT, LARGEST, SMALLEST, LOG_SUM_EXP = "sum", "prod", "max", "min", "logsumexp"
REDUCTIONS = (SUM, PRODUCT, LARGEST, SMALLEST, LOG_SUM_EXP)
SOFTMAX, INVERSE, CHOLESKY, DETERMINANT, LOG_DETERMINANT = "softmax", "inv", "cholesky", "det", "logdet"
OF_MATRICES = (INVERSE, CHOLESKY, DETERMINANT, LOG_DETERMINANT)  # over rows and columns
ENTRIES_OF = (SOFTMAX, INVERSE, CHOLESKY)  # an entry at its indices, which are bound around it

PLUS, MINUS, TIMES, OVER, POWER = "+", "-", "*", "/", "^"
DOT_TIMES, DOT_OVER, DOT_POWER = ".*", "./", ".^"
OPERATORS = (PLUS, MINUS, TIMES, OVER, POWER, DOT_TIMES, DOT_OVER, DOT_POWER)
COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
AND, OR = "&", "|"


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
    """A function of expressions, or of a condition and expressions; `place` is that of its name."""

    function: str
    arguments: tuple["Expression | Condition", ...]
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


@dataclass(frozen=True)
class Reduction:
    """One of the REDUCTIONS over indices, `sum[i,j] body`, or `softmax` or one OF_MATRICES; `place` is of its name."""

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
class Logical:
    """Two conditions with AND or OR between them."""

    operator: str
    left: "Condition"
    right: "Condition"
    at: Span


Condition = Comparison | Logical


@dataclass(frozen=True)
class Constraint:
    """What a problem is subject to, or is assumed: a comparison, for all values of its `indices`."""

    comparison: Comparison
    indices: tuple[Name, ...]


@dataclass(frozen=True)
class Definition:
    """`name = value`, or `name[i,j] = value` for all values of its `indices`, the names in its subscripts but sizes."""

    name: str
    subscripts: tuple[Expression, ...]
    value: Expression
    at: Span
    indices: tuple[Name, ...] = ()

    @property
    def has_plain_subscripts(self) -> bool:
        """Whether each subscript is an index of its own, so that the equation gives all entries."""
        return len(self.subscripts) == len(self.indices) and all(isinstance(one, Name) for one in self.subscripts)


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
    origin : what subscripts count from, 0 or 1, where a line says it; else they are indices only.
    assumptions : what is assumed of symbols.
    """

    source: str
    declarations: tuple[Declaration, ...]
    definitions: tuple[Definition, ...]
    result: Expression
    minimised: bool = False
    constraints: tuple[Constraint, ...] = ()
    origin: int | None = None
    assumptions: tuple[Constraint, ...] = ()

    def expressions(self) -> Iterator[Expression | Comparison]:
        """What is computed: the values of definitions, the result, the constraints; and what is assumed."""
        for definition in self.definitions:
            yield from definition.subscripts
            yield definition.value
        yield self.result
        yield from (constraint.comparison for constraint in (*self.constraints, *self.assumptions))


Node = Expression | Condition | Binder


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


def open_indices(nodes: Iterable[Node], others: Collection[str] = ()) -> tuple[Name, ...]:
    """The names in subscripts, but `others`, that no reduction inside binds, each once, from left to right.

    In `Q[n,action[n]]` that is n: what has subscripts itself is an array.
    """
    found: dict[str, Name] = {}
    stack: list[tuple[Node, frozenset[str], bool]] = [(node, frozenset(others), False) for node in nodes][::-1]
    while stack:
        part, bound, inside = stack.pop()
        if isinstance(part, Name) and inside and part.text not in bound:
            found.setdefault(part.text, part)
        if isinstance(part, Reduction) and part.kind not in ENTRIES_OF:
            bound |= {binder.index for binder in part.binders}
        below = [(one, bound, inside) for one in parts(part)]
        if isinstance(part, Subscripted):
            below = [
                *([] if isinstance(part.base, Name) else below[:1]),
                *((one, bound, True) for one in part.subscripts),
            ]
        stack.extend(reversed(below))
    return tuple(found.values())


def computed_with(node: Node) -> Iterator[str]:
    """The names that subscripts are computed with: t of `x[t+1]`, but not of `x[t]` or `x[at[t]]`."""
    for part in walk(node):
        for subscript in part.subscripts if isinstance(part, Subscripted) else ():
            stack: list[Node] = [] if isinstance(subscript, Name) else [subscript]
            while stack:
                found = stack.pop()
                if isinstance(found, Name):
                    yield found.text
                if not isinstance(found, Subscripted):
                    stack.extend(parts(found))


def depth(node: Node) -> int:
    """The number of nodes on the longest way down."""
    deepest, stack = 0, [(node, 1)]
    while stack:
        found, level = stack.pop()
        deepest = max(deepest, level)
        stack.extend((part, level + 1) for part in parts(found))
    return deepest
