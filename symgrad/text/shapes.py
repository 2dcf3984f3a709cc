"""The shapes of all parts of a formula, once the kinds of its symbols are supposed: sizes are unified.

`readings` supposes kinds and chooses among them; here is one supposition. What speaks against it, though it has a
meaning, is counted: a scalar that is transposed was hardly meant to be one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symgrad.errors import FormulaError
from symgrad.text import declared, functions, tree
from symgrad.text.declared import Declared
from symgrad.text.functions import Kind
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
class Shapes:
    """One way to read a program: kinds of symbols, and what follows for all its parts.

    Attributes
    ----------
    kinds : the kind of every symbol, with what is declared of it.
    supposed : the symbols whose kinds are suppositions.
    of : the shape of every node, by its `id`.
    bound : the sizes of bound indices, by the `id` of their binder or, on a left side, of their name.
    doubts : what speaks against the suppositions, by symbol or by text.
    """

    program: tree.Program
    kinds: Mapping[str, Declared]
    supposed: frozenset[str]
    sizes: Sizes = field(default_factory=Sizes)
    symbols: dict[str, tuple[int, ...]] = field(default_factory=dict)
    of: dict[int, Shape] = field(default_factory=dict)
    bound: dict[int, int] = field(default_factory=dict)
    doubts: dict[str, int] = field(default_factory=dict)
    joined: list[tuple[int, tree.Node]] = field(default_factory=list)
    _quantities: dict[str, Part] = field(default_factory=dict)
    _indices: dict[str, int] = field(default_factory=dict)
    _lengths: list[tuple[int, tree.Node]] = field(default_factory=list)

    def find(self) -> Part:
        """Go through the program; what the result is.

        Raises
        ------
        Conflict : the kinds do not fit what is written.
        FormulaError : no kinds would.
        """
        for name, kind in self.kinds.items():
            self.symbols[name] = self._sizes_of(kind)
        for definition in self.program.definitions:
            self._define(definition)
        result = self.part(self.program.result)
        for constraint in self.program.constraints:
            self._constrain(constraint.comparison, constraint.indices)
        self._all_lengths_known()
        return result

    def _sizes_of(self, kind: Declared) -> tuple[int, ...]:
        if kind.sizes:
            return tuple(self.sizes.named(size) for size in kind.sizes)
        if kind.properties & {declared.SYMMETRIC, declared.DEFINITE}:
            return (self.sizes.new(),) * 2
        return tuple(self.sizes.new() for _ in range(kind.axes))

    def shape_of(self, name: str) -> Shape:
        """The shape of a symbol that is no array of three axes or more."""
        sizes, kind = self.symbols[name], self.kinds[name].kind
        if kind == declared.ROW:
            return ONE, sizes[0]
        return (*sizes, ONE, ONE)[:2] if kind != declared.SCALAR else SCALAR  # type: ignore[return-value]

    def _define(self, definition: tree.Definition) -> None:
        if not definition.subscripts:
            self._quantities[definition.name] = self.part(definition.value)
            return
        self._open(definition.subscripts)
        if not (value := self.part(definition.value)).is_scalar:
            raise self.conflict("the value of an entry is a scalar, and this is {}", [value.shape], definition.value.at)
        self._quantities[definition.name] = Part((*self._close(definition.subscripts), ONE)[:2])  # type: ignore[arg-type]

    def _constrain(self, comparison: tree.Comparison, indices: Sequence[tree.Name]) -> None:
        self._open(indices)
        if not (made := self.part(comparison)).is_scalar and indices:
            raise self.conflict("at each index scalars are compared; this is {}", [made.shape], comparison.at)
        self._close(indices)

    def _open(self, indices: Sequence[tree.Name]) -> None:
        """Begin what holds for all values of indices."""
        for index in indices:
            self.bound[id(index)] = self._indices[index.text] = self.sizes.new()

    def _close(self, indices: Sequence[tree.Name]) -> list[int]:
        """End it, and give their sizes."""
        sizes = [self._indices.pop(index.text) for index in indices]
        self._lengths += zip(sizes, indices, strict=True)
        return sizes

    def _all_lengths_known(self) -> None:
        known = {self.sizes.find(size) for sizes in self.symbols.values() for size in sizes}
        for size, node in self._lengths:
            if self.sizes.find(size) not in known and not self.sizes.known(size):
                what = "how far this index goes" if isinstance(node, tree.Binder | tree.Name) else "how large this is"
                raise self.wrong(f"nothing says {what}", node)

    def text(self, node: tree.Node) -> str:
        """A part as it is written, short enough for a message."""
        text = " ".join(self.program.source[node.at.start : node.at.end].split()).replace("{}", "{ }")
        return text if len(text) <= 40 else f"{text[:37]}..."

    def conflict(self, message: str, shapes: list[Shape], at: Span, operator: Span | None = None) -> Conflict:
        """A conflict whose message has `{}` for each of the shapes; no text of a formula has this."""
        return Conflict(message, tuple(("shape", shape) for shape in shapes), at, operator)

    @property
    def quantities(self) -> dict[str, Shape]:
        """The shapes of what is defined."""
        return {name: part.shape for name, part in self._quantities.items()}

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

    # one kind of node after the other

    def _of_number(self, node: tree.Number) -> Part:
        return Part(SCALAR, fixed=True)

    def _of_name(self, node: tree.Name) -> Part:
        name = node.text
        if name in self._indices:
            return Part(SCALAR, fixed=True)
        if name in self._quantities:
            return self._quantities[name]
        if name in self.kinds:
            if self.kinds[name].kind == declared.ARRAY:
                raise self.wrong(f"{name} has {len(self.symbols[name])} axes: write its entries, {name}[i,j,k]", node)
            free = frozenset({name}) & self.supposed
            return Part(self.shape_of(name), free, fixed=not free)
        if name == "eye":
            return self._square_of_its_place(node)
        return Part(SCALAR, fixed=True)  # a size or a constant

    def _square_of_its_place(self, node: tree.Node) -> Part:
        size = self.sizes.new()
        self._lengths.append((size, node))
        return Part((size, size))

    def _of_negative(self, node: tree.Negative) -> Part:
        return self.part(node.operand)

    def _of_transposed(self, node: tree.Transposed) -> Part:
        part = self.part(node.operand)
        self.doubt(part, IS_TRANSPOSED)
        return Part(part.shape[::-1], part.free, part.fixed)

    def _of_comparison(self, node: tree.Comparison) -> Part:
        return self._entry_by_entry(node, (node.left, node.right), node.at, False)

    def _of_binary(self, node: tree.Binary) -> Part:
        if node.operator == tree.TIMES:
            return self._product(node)
        if node.operator == tree.OVER:
            left, right = self.part(node.left), self.part(node.right)
            if not right.is_scalar:
                cure = f"{self.text(node.left)}*inv({self.text(node.right)})" if ONE not in right.shape else ""
                cures = " or ".join(filter(None, (cure, f"{self.text(node.left)} ./ {self.text(node.right)}")))
                message = f"{self.text(node)}: {self.text(node.right)} is {{}}; write {cures}"
                raise self.conflict(message, [right.shape], node.at, node.place)
            return Part(left.shape, left.free | right.free, left.fixed and right.fixed)
        if node.operator == tree.POWER:
            return self._power(node)
        return self._entry_by_entry(node, (node.left, node.right), node.place, node.operator.startswith("."))

    def _product(self, node: tree.Binary) -> Part:
        left, right = self.part(node.left), self.part(node.right)
        free, fixed = left.free | right.free, left.fixed and right.fixed
        if left.is_scalar or right.is_scalar:
            return Part(right.shape if left.is_scalar else left.shape, free, fixed)
        if not self.join(left.shape[1], right.shape[0], node):
            message = f"{self.text(node)}: {self.text(node.left)} has {{}}, {self.text(node.right)} has {{}}"
            counts = (("column", (left.shape[1],)), ("row", (right.shape[0],)))
            raise Conflict(message, counts, node.at, node.place)
        return Part((left.shape[0], right.shape[1]), free, fixed)

    def _power(self, node: tree.Binary) -> Part:
        base, exponent = self.part(node.left), self.part(node.right)
        text = self.text(node.left)
        if not exponent.is_scalar:
            message = f"{self.text(node)}: the exponent {self.text(node.right)} is {{}}; entry by entry write .^"
            raise self.conflict(message, [exponent.shape], node.at, node.place)
        if base.is_scalar:
            return Part(SCALAR, base.free | exponent.free, base.fixed and exponent.fixed)
        if ONE in map(self.sizes.find, base.shape) or not self.join(*base.shape, node):
            square = f"; its square is {text}'*{text}" if base.shape[1] == ONE else ""
            message = f"{self.text(node)}: {text} is {{}}, not a square matrix; entry by entry write .^{square}"
            raise self.conflict(message, [base.shape], node.at, node.place)
        number = node.right.operand if isinstance(node.right, tree.Negative) else node.right
        if not (isinstance(number, tree.Number) and number.text.isdigit()):
            message = f"{self.text(node)}: {text} is {{}}, whose powers are whole numbers; entry by entry write .^"
            raise self.conflict(message, [base.shape], node.at, node.place)
        return Part(base.shape, base.free, base.fixed)

    def _entry_by_entry(self, node: tree.Node, operands: Sequence[tree.Node], place: Span, arrays: bool) -> Part:
        """Of several arrays of one shape, or of arrays and scalars that go with every entry.

        `arrays` says that it is written so that all are expected to be arrays.
        """
        parts = [self.part(operand) for operand in operands]
        if arrays:
            for part in parts:
                self.doubt(part, USED_AS_ARRAY)
        shape, first = next(
            ((p.shape, o) for p, o in zip(parts, operands, strict=True) if not p.is_scalar), (SCALAR, node)
        )
        for part, operand in zip(parts, operands, strict=True):
            if part.is_scalar and shape != SCALAR:
                self._goes_with_every_entry(part, operand)
            elif not all(self.join(a, b, node) for a, b in zip(shape, part.shape, strict=True)):
                message = f"{self.text(node)}: {self.text(first)} is {{}}, {self.text(operand)} is {{}}"
                raise self.conflict(message, [shape, part.shape], node.at, place)
        free = frozenset().union(*(part.free for part in parts))
        return Part(shape, free, all(part.fixed for part in parts))

    def _goes_with_every_entry(self, scalar: Part, written: tree.Node) -> None:
        if scalar.free & self.supposed:
            self.doubt(scalar, USED_AS_ARRAY)
        elif not scalar.fixed:
            self.doubts.setdefault(self.text(written), USED_AS_ARRAY)

    def _of_subscripted(self, node: tree.Subscripted) -> Part:
        axes = self._axes(node)
        if len(axes) != len(node.subscripts):
            raise Conflict(
                f"{self.text(node)}: {self.text(node.base)} has {len(axes)} subscript{'s' * (len(axes) != 1)}, "
                f"not {len(node.subscripts)}",
                (),
                node.at,
            )
        for axis, subscript in zip(axes, node.subscripts, strict=True):
            if isinstance(subscript, tree.Name) and subscript.text in self._indices:
                size = self._indices[subscript.text]
                self.of[id(subscript)] = SCALAR
                if not self.join(axis, size, node):
                    message = f"{self.text(node)}: {subscript.text} has {{}}, and the axis has {{}}"
                    counts = (("value", (size,)), ("entry", (axis,)))
                    raise Conflict(message, counts, node.at, subscript.at)
            elif not self.part(subscript).is_scalar:
                raise self.wrong("a subscript is an index or a whole number", subscript)
        return Part(SCALAR)

    def _axes(self, node: tree.Subscripted) -> tuple[int, ...]:
        if isinstance(node.base, tree.Name) and node.base.text in self.kinds:
            self.of[id(node.base)] = SCALAR
            return self.symbols[node.base.text]
        return tuple(size for size in self.part(node.base).shape if not self.sizes.is_one(size))

    def _of_reduction(self, node: tree.Reduction) -> Part:
        before = dict(self._indices)
        for binder in node.binders:
            if binder.index in self._indices:
                raise self.wrong(f"{binder.index} is bound already, further out", binder)
            size = binder.size
            named = isinstance(size, tree.Name | tree.Number)
            made = self.sizes.named(size.text) if named else self.sizes.new()  # type: ignore[union-attr]
            self.bound[id(binder)] = self._indices[binder.index] = made
            self._lengths.append((self.bound[id(binder)], binder))
        body = self.part(node.body)
        self._indices = before
        if not body.is_scalar:
            message = f"what is reduced over indices is a scalar, and {self.text(node.body)} is {{}}"
            raise self.conflict(message, [body.shape], node.body.at, node.place)
        return Part(SCALAR)

    def _of_call(self, node: tree.Call) -> Part:
        known = functions.signature(node.function)
        if known is None:
            names = (*self.kinds, *self._quantities)
            raise FormulaError(
                functions.unknown(node.function, names), self.program.source, (node.place.start, node.place.end)
            )
        if not known.fewest <= len(node.arguments) <= known.most:
            raise self.wrong(f"write {known.example}", node)
        for number, argument in enumerate(node.arguments):
            if isinstance(argument, tree.Comparison) != (known.kind is Kind.CHOICE and number == 0):
                raise self.wrong(f"write {known.example}", argument)
        return self._called(node, known.kind)

    def _called(self, node: tree.Call, kind: Kind) -> Part:
        if kind in (Kind.CHOICE, Kind.ENTRIES_OF_TWO) or (kind is Kind.NUMBER and len(node.arguments) == 2):
            return self._entry_by_entry(node, node.arguments, node.place, False)
        if kind is Kind.NUMBER_OF_TWO:
            self._entry_by_entry(node, node.arguments, node.place, True)
            return Part(SCALAR)
        if kind is Kind.IDENTITY:
            return self._identity(node)
        parts = [self.part(argument) for argument in node.arguments]
        if kind is Kind.ENTRIES:
            return parts[0]
        if kind in (Kind.VECTOR, Kind.MATRIX):
            return self._equal_entries(node, kind, parts[0])
        for part in parts:
            self.doubt(part, USED_AS_ARRAY)
        if kind in (Kind.SAME, Kind.TRANSPOSED):
            return Part(parts[0].shape if kind is Kind.SAME else parts[0].shape[::-1], parts[0].free)
        if kind is Kind.DIAGONAL and ONE in parts[0].shape:
            (size,) = {size for size in parts[0].shape if size != ONE} or {ONE}
            return Part((size, size), parts[0].free)
        if kind in (Kind.SQUARE_NUMBER, Kind.SQUARE, Kind.DIAGONAL):
            return self._of_square(node, kind, parts[0])
        if kind is Kind.FORM:
            x, A = parts
            if not (
                self.join(A.shape[0], x.shape[0], node)
                and self.join(A.shape[1], x.shape[0], node)
                and self.sizes.is_one(x.shape[1])
            ):
                message = f"{self.text(node)}: quad(x, A) is x'*A*x, and these are {{}} and {{}}"
                raise self.conflict(message, [x.shape, A.shape], node.at, node.place)
        return Part(SCALAR, fixed=kind is Kind.SIZE)

    def _of_square(self, node: tree.Call, kind: Kind, part: Part) -> Part:
        if not self.join(*part.shape, node):
            message = f"{self.text(node)}: {self.text(node.arguments[0])} is {{}}, not a square matrix"
            raise self.conflict(message, [part.shape], node.at, node.place)
        if kind is Kind.SQUARE_NUMBER:
            return Part(SCALAR)
        return Part(part.shape if kind is Kind.SQUARE else (part.shape[0], ONE), part.free)

    def _equal_entries(self, node: tree.Call, kind: Kind, value: Part) -> Part:
        if not value.is_scalar:
            raise self.conflict(f"{self.text(node)}: the entries are scalars, and this is {{}}", [value.shape], node.at)
        shape = (self.sizes.new(), self.sizes.new() if kind is Kind.MATRIX else ONE)
        self._lengths.extend((size, node) for size in shape if size != ONE)
        return Part(shape, fixed=value.fixed)

    def _identity(self, node: tree.Call) -> Part:
        if not node.arguments:
            return self._square_of_its_place(node)
        (argument,) = node.arguments
        if isinstance(argument, tree.Name | tree.Number):
            size = self.sizes.named(argument.text)
            self.of[id(argument)] = SCALAR
            return Part((size, size))
        raise self.wrong("eye is given a size, eye(N), or none", node)
