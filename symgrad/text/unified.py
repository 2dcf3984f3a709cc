"""What is known of the parts of a formula: shapes, sizes that are unified, and what speaks against them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from symgrad.errors import FormulaError
from symgrad.text import declared, tree
from symgrad.text.declared import Declared
from symgrad.text.sizes import ONE, SCALAR, Shape, Sizes
from symgrad.text.tree import Span

# How much speaks against a scalar that is used as if it were an array.
USED_AS_ARRAY, IS_TRANSPOSED = 1, 2


@dataclass(frozen=True)
class Conflict(Exception):
    """Shapes that do not fit: the message, with `{}` for each of what is shown, and the place.

    Shown are shapes, `("shape", (rows, columns))`, and counts, `("columns", (size,))`.
    """

    message: str
    shown: tuple[tuple[str, tuple[int, ...]], ...]
    at: Span
    operator: Span | None = None


@dataclass(frozen=True)
class Part:
    """What is known of an expression: its shape, the scalar symbols that it is made of, whether it is a constant.

    `free` are the symbols without a declaration outside sums and norms: had one of them another shape, so had the
    expression. A `fixed` scalar goes with every entry of an array beside it, and nothing speaks against it.
    """

    shape: Shape
    free: frozenset[str] = frozenset()
    fixed: bool = False

    @property
    def is_scalar(self) -> bool:
        """Whether it has a single entry."""
        return self.shape == SCALAR


@dataclass
class Unified:
    """One way to read a program: kinds of symbols, and what follows for all its parts.

    Attributes
    ----------
    kinds : the kind of every symbol, with what is declared of it.
    stated : the same of the quantities that are declared, too.
    supposed : the symbols whose kinds are suppositions.
    of : the shape of every node, by its `id`.
    bound : the sizes of bound indices, by the `id` of their binder or, on a left side, of their name.
    computed : the indices that subscripts are computed with, in the statement at hand.
    parts_of_axes : the indices whose range is a part of an axis.
    joined : which nodes made sizes equal.
    quantities : the sizes of what is defined: rows and columns, or of three axes and more all of them.
    doubts : what speaks against the suppositions, by symbol or by text.
    """

    program: tree.Program
    kinds: Mapping[str, Declared]
    supposed: frozenset[str]
    stated: Mapping[str, Declared] = field(default_factory=dict)
    sizes: Sizes = field(default_factory=Sizes)
    symbols: dict[str, tuple[int, ...]] = field(default_factory=dict)
    of: dict[int, Shape] = field(default_factory=dict)
    bound: dict[int, int] = field(default_factory=dict)
    doubts: dict[str, int] = field(default_factory=dict)
    joined: list[tuple[int, tree.Node]] = field(default_factory=list)
    quantities: dict[str, tuple[int, ...]] = field(default_factory=dict)
    defined: dict[str, Part] = field(default_factory=dict)
    indices: dict[str, int] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    parts_of_axes: frozenset[str] = frozenset()
    lengths: list[tuple[int, tree.Node]] = field(default_factory=list)

    def sizes_of(self, kind: Declared) -> tuple[int, ...]:
        if kind.sizes:
            return tuple(self.sizes.named(size) for size in kind.sizes)
        if kind.properties & {declared.SYMMETRIC, declared.DEFINITE}:
            return (self.sizes.new(),) * 2
        return tuple(self.sizes.new() for _ in range(kind.axes))

    def shape_of(self, name: str) -> Shape:
        """The shape of a symbol, or of a quantity that is declared, that is no array of three axes or more."""
        known = self.kinds[name] if name in self.kinds else self.stated[name]
        sizes = self.symbols[name] if name in self.kinds else self.quantities[name]
        if known.kind == declared.ROW:
            return ONE, sizes[0]
        return (*sizes, ONE, ONE)[:2] if known.kind != declared.SCALAR else SCALAR  # type: ignore[return-value]

    def text(self, node: tree.Node) -> str:
        """A part as it is written, short enough for a message."""
        text = " ".join(self.program.source[node.at.start : node.at.end].split()).replace("{}", "{ }")
        return text if len(text) <= 40 else f"{text[:37]}..."

    def conflict(self, message: str, shapes: list[Shape], at: Span, operator: Span | None = None) -> Conflict:
        """A conflict whose message has `{}` for each of the shapes; no text of a formula has this."""
        return Conflict(message, tuple(("shape", shape) for shape in shapes), at, operator)

    def join(self, a: int, b: int, node: tree.Node) -> bool:
        """Make two sizes equal, because a node needs it."""
        if self.sizes.find(a) != self.sizes.find(b):
            self.joined.append((a, node))
        return self.sizes.join(a, b)

    def doubt(self, part: Part, weight: int) -> None:
        """Something speaks against what a scalar is made of being scalars."""
        if part.is_scalar:
            for name in part.free & self.supposed:
                self.doubts[name] = max(self.doubts.get(name, 0), weight)

    def part(self, node: tree.Node) -> Part:
        """What is known of a node."""
        found: Part = getattr(self, f"_of_{type(node).__name__.lower()}")(node)
        self.of[id(node)] = found.shape
        return found

    def wrong(self, message: str, node: tree.Node) -> FormulaError:
        """What is wrong whatever the shapes."""
        return FormulaError(message, self.program.source, (node.at.start, node.at.end))
