"""Prints nodes of the graph as expressions of arrays and assignments.

A node used more than once, or named by the user, becomes a variable; everything else is written in place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sympy import (
    And,
    Eq,
    Expr,
    GreaterThan,
    LessThan,
    Ne,
    Not,
    Or,
    Pow,
    Product,
    S,
    StrictGreaterThan,
    StrictLessThan,
)

from symgrad.codegen.arithmetic import Arithmetic
from symgrad.codegen.integers import whole_nodes
from symgrad.codegen.names import MATRIX_LABELS, MAX_LINE
from symgrad.codegen.positions import integer_value, reads
from symgrad.codegen.subscripts import gathered
from symgrad.codegen.values import (
    ADD,
    ATOM,
    COMPARE,
    POWER,
    UNARY,
    Value,
    broadcast,
    number_text,
    size_text,
    transpose,
)
from symgrad.errors import UnsupportedError
from symgrad.functions import LargestOver, MaxOver, MinOver, has_no_sign, if_else, step
from symgrad.graph.build import number
from symgrad.graph.dimensions import is_never_empty
from symgrad.graph.letters import distinct
from symgrad.graph.linear_algebra import (
    CHOLESKY,
    INVERSE,
    KEEPS_SHAPE,
    sides_of,
)
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
from symgrad.graph.transform import own

RELATIONS: dict[Any, str] = {
    StrictLessThan: "<",
    LessThan: "<=",
    StrictGreaterThan: ">",
    GreaterThan: ">=",
    Eq: "==",
    Ne: "!=",
}
CONNECTIVES: dict[Any, str] = {And: "&", Or: "|"}

_EXTREMA = {MaxOver: "max", LargestOver: "max", MinOver: "min", Or: "any", Product: "prod"}


class Expressions(Arithmetic):
    """Turns terms into assignments; a target says how functions, scatters and recurrences are written.

    Attributes
    ----------
    target : its name, for errors.
    """

    target: str

    def compute(self, roots: dict[str, Use]) -> None:
        """Emit the assignments that the results need; `roots` are these by the names they should have."""
        self._labels = {use.node: name for name, use in reversed(roots.items())}
        self._emit(self._prepare(list(roots.values())))

    def _prepare(self, roots: Sequence[Use]) -> list[Node]:
        """The nodes to print, in order, with how often each is read."""
        nodes = list(postorder([use.node for use in roots], set(self._values)))
        self._whole = whole_nodes(nodes, self._positions(nodes))
        needed, stack = set[Node](), [use.node for use in roots]
        self._counts |= dict.fromkeys(stack, 1)
        while stack:
            node = stack.pop()
            if node in needed or node in self._values:
                continue
            needed.add(node)
            for use in reads(node, self._whole):
                self._counts[use.node] = self._counts.get(use.node, 0) + 1
                stack.append(use.node)
        self._definitions: dict[Node, str] = {}  # a definition that is too long for one line has the name itself
        for node in nodes:
            if isinstance(node, Named) and node.arg.letters == tuple(range(node.rank)):
                self._definitions.setdefault(node.arg.node, node.name)
        for use in roots:
            self._want(use, sorted(use.letters))
        for node in reversed(nodes):  # what is read in this order asks its operands for it
            if isinstance(node, Named):
                self._want(node.arg, range(node.rank))
            elif isinstance(node, Add | Apply) or (isinstance(node, Contract) and not node.bound):
                for use in node.uses():
                    self._want(use, self._wanted.get(node, range(node.rank)))
        return [node for node in nodes if node in needed]

    def _positions(self, nodes: Sequence[Node]) -> Iterable[Node]:
        """What becomes subscripts further in."""
        return ()

    def _emit(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            before = len(self.checks)
            value = self._print(node)
            self.lines += self.checks[before:]
            if not isinstance(node, Input | Const | Size) and self._deserves_name(node, value):
                value = self.assign(self._name(node), value)
            self._values[node] = value

    def _deserves_name(self, node: Node, value: Value) -> bool:
        if isinstance(node, Named):
            return not value.text.isidentifier()
        if number(own(node)) is not None:
            return False
        short = value.text.lstrip("-").isidentifier() or isinstance(node, Range) or value.kind == "python"
        return (self._counts[node] > 1 and not short) or len(value.text) > MAX_LINE

    def _name(self, node: Node) -> str:
        if isinstance(node, Named):
            return self.fresh(node.name)
        known = self._definitions.get(node) or self._labels.get(node)
        if known is not None:
            return self.fresh(known)
        match node:
            case Add(terms=terms):
                label = "diff" if any(c.is_negative for c, _ in terms) else "sum"
            case Contract(factors=factors):
                label = "sum" if node.bound and len(factors) == 1 else "prod"
            case Reduce(head=head):
                label = _EXTREMA.get(head, "reduced")
            case Apply(head=head):
                label = "chosen" if head is if_else else "is" if head in RELATIONS else head.__name__.lower()
            case MatrixFunction(head=head):
                label = MATRIX_LABELS[head]
            case _:
                label = type(node).__name__.lower()
        return self.labelled(label, node)

    def _print(self, node: Node) -> Value:
        if node in self._whole:
            whole = integer_value(node, self._use, self._layout(node), self.checks, self.library)
            if whole is not None:
                return whole
        match node:
            case Input(name=name):
                kind = "integer" if node.integer else "real"
                return Value(name, ATOM, tuple(range(node.rank)), kind, name)  # type: ignore[arg-type]
            case Const(value=value):
                if value in (S.true, S.false):
                    return Value(str(bool(value)), ATOM, (), "python")
                text = (
                    repr(str(value)) if value.is_Symbol else number_text(value, self.library)
                )  # a symbol labels a message
                text = {S.Pi: f"{self.library}.pi", S.Exp1: f"{self.library}.e"}.get(value, text)
                return Value(text, UNARY if text.startswith("-") else ATOM, (), "python")
            case Size(value=value):
                short = value.is_Add and all(part.is_Symbol or part.is_Number for part in value.args)
                level = ATOM if value.is_Symbol else ADD if short else COMPARE
                return Value(size_text(value), level, (), "python", whole=True)
            case Range(shape=(length,)):
                return Value(f"{self.library}.arange({size_text(length)})", ATOM, (0,), "integer")
            case Delta(shape=(length, _)):
                return Value(f"{self.library}.eye({size_text(length)}, dtype={self.dtype})", ATOM, (0, 1))
            case Named(arg=arg, shape=shape):
                return self._full(self._use(arg), tuple(range(node.rank)), shape)
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
                return self._matrix_function(node)
            case Merge():
                return self._merge(node)
            case Split():
                return self._split(node)
            case Gather():
                return gathered(node, self._values[node.base.node], self.position)
            case Scatter():
                return self._scatter(node)
        raise self._missing(type(node).__name__)

    # --- functions of entries -----------------------------------------------------------------------------------------

    def _apply(self, node: Apply) -> Value:
        letters, head = self._layout(node), node.head
        plain = [broadcast(self._use(use), letters) for use in node.args]
        about = next((arg.about for arg in plain if arg.about), "")
        if head in RELATIONS:
            text = f"{plain[0].at(ADD)} {RELATIONS[head]} {plain[1].at(ADD)}"
            return Value(text, COMPARE, letters, "boolean", about)
        if head in CONNECTIVES:
            joined = f" {CONNECTIVES[head]} ".join(arg.at(ATOM) for arg in plain)
            return Value(joined, COMPARE, letters, "boolean", about)
        if head is Not:
            return Value(f"{self.library}.logical_not({plain[0].text})", ATOM, letters, "boolean", about)
        if head is if_else:
            return replace(self._choice(plain), letters=letters, about=about)
        args = [self._real(arg) for arg in plain]
        if head is has_no_sign:
            return Value(f"~{self.library}.signbit({args[0].text})", UNARY, letters, "boolean", about)
        if head is step:
            return Value(f"{args[0].at(ADD)} > 0", COMPARE, letters, "boolean", about)
        kind = "python" if all(arg.kind == "python" for arg in args) else "real"
        if head is Pow:
            return Value(f"{args[0].at(ATOM)} ** {args[1].at(POWER)}", POWER, letters, kind, about)  # type: ignore[arg-type]
        numbers = [number(arg) for arg in node.args]
        if None not in numbers and (value := head(*numbers).evalf(17)).is_Float:
            return Value(number_text(value, self.library), ATOM if value >= 0 else UNARY, letters, "python")
        return Value(self._function(head, args), ATOM, letters, kind, about)  # type: ignore[arg-type]

    def _function(self, head: Any, args: Sequence[Value]) -> str:
        """A scalar function."""
        raise self._missing(f"the function {head.__name__}")

    def _scatter(self, node: Scatter) -> Value:
        """Zeros with values added at positions."""
        raise self._missing("Scatter")

    def _missing(self, what: str) -> UnsupportedError:
        return UnsupportedError(f"the target {self.target} has no spelling of {what}")

    def _choice(self, args: Sequence[Value]) -> Value:
        condition, yes, no = args
        if (yes.text, no.text) == ("1", "0"):
            return replace(condition, kind="boolean")
        yes, no = self._real(yes), self._real(no)
        text = f"{self.library}.where({condition.text}, {yes.text}, {no.text})"
        if yes.kind == no.kind == "python":
            text += f".astype({self.dtype})"
        return Value(text, ATOM, ())

    # --- functions of axes --------------------------------------------------------------------------------------------

    def _reduce(self, node: Reduce) -> Value:
        value = self._use(node.arg) if node.head is Or else self._real(self._use(node.arg))
        if node.head not in _EXTREMA:
            raise self._missing(f"the reduction {node.head.__name__}")
        axes = [axis for axis, letter in enumerate(value.letters) if letter >= node.rank]
        kept = tuple(letter for letter in value.letters if letter < node.rank)
        options = [f"axis={axes[0] if len(axes) == 1 else tuple(axes)}"] if kept else []
        largest = node.head is LargestOver and not all(length.is_Integer for length in node.bound)
        if largest or (node.head in (MaxOver, MinOver) and not all(map(is_never_empty, node.bound))):
            options.append(f"initial={'' if node.head is MinOver else '-'}{self.library}.inf")
        text = f"{value.at(ATOM)}.{_EXTREMA[node.head]}({', '.join(options)})"
        return Value(text, ATOM, kept, "boolean" if node.head is Or else "real", value.about)

    def _axis_map(self, node: AxisMap) -> Value:
        values = [self._real(self._use(use)) for use in node.uses()]
        letters = tuple(distinct(letter for value in values for letter in value.letters))
        text = ", ".join((broadcast(value, letters) if node.weights else value).text for value in values)
        axes = tuple(letters.index(letter) for letter in node.over)
        made = self._along(node.head, text, axes)
        return replace(values[0], text=made, level=ATOM, letters=letters, inverse_of=None)

    def _along(self, head: Any, text: str, axes: tuple[int, ...]) -> str:
        """A function of whole axes."""
        raise self._missing(str(head))

    def _matrix_function(self, node: MatrixFunction) -> Value:
        row, column, _ = sides_of(node)
        value, *known = (self._real(self._use(use)) for use in node.uses())
        batch = [letter for letter in value.letters if letter not in (row, column)]
        # the inverse of a transposed matrix is that of the matrix, transposed
        turned = node.head != CHOLESKY and value.letters.index(row) > value.letters.index(column)
        matrix = transpose(value, [*batch, column, row] if turned else [*batch, row, column])
        text = self._of_matrices(node.head, matrix.text, *(transpose(part, batch).text for part in known))
        letters = matrix.letters if node.head in KEEPS_SHAPE else tuple(batch)
        return Value(text, ATOM, letters, "real", value.about, matrix if node.head == INVERSE else None)

    def _of_matrices(self, head: str, *texts: str) -> str:
        """A function of a stack of matrices, and of what else is known of them."""
        raise self._missing(head)

    def _merge(self, node: Merge) -> Value:
        outer, inner = node.rank, node.rank + 1
        axes = [axis for axis in range(node.rank) if axis != node.axis]
        order = (*axes[: node.axis], outer, inner, *axes[node.axis :])
        lengths = {**dict(enumerate(node.shape)), outer: node.lengths[0], inner: node.lengths[1]}
        value = self._full(self._real(self._use(node.arg)), order, tuple(lengths[x] for x in order))
        return self._reshaped(value, node.shape, tuple(range(node.rank)))

    def _split(self, node: Split) -> Value:
        apart = [axis for axis in range(node.rank) if axis not in node.axes]
        first, second = node.axes
        order = (*apart[:first], node.rank, *apart[first:]) if second == first + 1 else (*apart, node.rank)
        lengths = {x: node.shape[x] for x in apart} | {node.rank: node.shape[first] * node.shape[second]}
        value = self._full(self._real(self._use(node.arg)), order, tuple(lengths[x] for x in order))
        letters = tuple(y for x in order for y in ((first, second) if x == node.rank else (x,)))
        return self._reshaped(value, [node.shape[x] for x in letters], letters)

    def _reshaped(self, value: Value, shape: Sequence[Expr], letters: tuple[int, ...]) -> Value:
        text = f"{value.at(ATOM)}.reshape({', '.join(map(size_text, shape))})"
        return Value(text, ATOM, letters, value.kind, value.about)
