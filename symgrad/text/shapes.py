"""The shapes of all parts of a formula, once the kinds of its symbols are supposed: sizes are unified.

`readings` supposes kinds and chooses among them; here is one supposition. What speaks against it, though it has a
meaning, is counted: a scalar that is transposed was hardly meant to be one.
"""

from collections.abc import Sequence

from symgrad.errors import FormulaError
from symgrad.text import functions, lengths, tree
from symgrad.text.entries import Entries
from symgrad.text.functions import Kind
from symgrad.text.sizes import ONE, SCALAR
from symgrad.text.tree import Span
from symgrad.text.unified import IS_TRANSPOSED, USED_AS_ARRAY, Conflict, Part

# What is one thing of a vector, and may be two of a matrix.
_OF_NO_MATRIX = {
    functions.BARS: r"an absolute value or a determinant? Write \operatorname{abs}(x) or \det(A)",
    functions.NORM: "the norm of a matrix may be its largest singular value or Frobenius' norm; the latter is norm2(A)",
}


class Shapes(Entries):
    """One way to read a program: kinds of symbols, and what follows for all its parts."""

    def find(self) -> Part:
        """Go through the program; what the result is.

        Raises
        ------
        Conflict : the kinds do not fit what is written.
        FormulaError : no kinds would.
        """
        for name, kind in self.kinds.items():
            self.symbols[name] = self.sizes_of(kind)
        for definition in self.program.definitions:
            self.define(definition)
        self.computed = frozenset(tree.computed_with(self.program.result))
        result = self.part(self.program.result)
        for constraint in (*self.program.constraints, *self.program.assumptions):
            self.constrain(constraint.comparison, constraint.indices)
        self.all_lengths_known()
        return result

    # one kind of node after the other

    def _of_number(self, node: tree.Number) -> Part:
        return Part(SCALAR, fixed=True)

    def _of_name(self, node: tree.Name) -> Part:
        name = node.text
        if name in self.indices:
            return Part(SCALAR, fixed=True)
        if name in self.stated:
            self.of_stated(name)
        axes = len(self.quantities.get(name, ())) or len(self.symbols.get(name, ()))
        if axes > 2:
            raise self.wrong(f"{name} has {axes} axes: write its entries, {name}[i,j,k]", node)
        if name in self.stated:
            return Part(self.shape_of(name), fixed=True)
        if name in self.quantities:
            return self.defined[name]
        if name in self.kinds:
            free = frozenset({name}) & self.supposed
            return Part(self.shape_of(name), free, fixed=not free)
        if name == "eye":
            return self._square_of_its_place(node)
        return Part(SCALAR, fixed=True)  # a size or a constant

    def _square_of_its_place(self, node: tree.Node) -> Part:
        size = self.sizes.new()
        self.lengths.append((size, node))
        return Part((size, size))

    def _of_negative(self, node: tree.Negative) -> Part:
        return self.part(node.operand)

    def _of_transposed(self, node: tree.Transposed) -> Part:
        part = self.part(node.operand)
        self.doubt(part, IS_TRANSPOSED)
        return Part(part.shape[::-1], part.free, part.fixed)

    def _of_comparison(self, node: tree.Comparison) -> Part:
        return self._entry_by_entry(node, (node.left, node.right), node.at, False)

    def _of_logical(self, node: tree.Logical) -> Part:
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
            transposed = f"; the transpose is {text}'" if self.text(node.right) == "T" else ""
            message = f"{self.text(node)}: the exponent {self.text(node.right)} is {{}}; entry by entry write .^"
            message += transposed
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

    def _of_call(self, node: tree.Call) -> Part:
        known = functions.signature(node.function)
        if known is None:
            names = (*self.kinds, *self.quantities)
            raise FormulaError(
                functions.unknown(node.function, names), self.program.source, (node.place.start, node.place.end)
            )
        if not known.fewest <= len(node.arguments) <= known.most:
            by_rows = f"{known.example}; of the rows of a matrix X*vector(1), of its columns X'*vector(1)"
            example = by_rows if node.function in ("sum", "mean") else known.example
            raise self.wrong(f"write {'norm1(x) or norm2(x)' if node.function == functions.NORM else example}", node)
        for number, argument in enumerate(node.arguments):
            if isinstance(argument, tree.Condition) != (known.kind is Kind.CHOICE and number == 0):
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
        if kind is Kind.FILLED:
            rows, columns = (self._size(argument, node) for argument in node.arguments)
            return Part((rows, columns), fixed=True)
        if kind is Kind.INDICES:
            return self._entry_by_entry(node, node.arguments, node.place, False)
        parts = [self.part(argument) for argument in node.arguments]
        if node.function in _OF_NO_MATRIX and ONE not in map(self.sizes.find, parts[0].shape):
            names = (one.text for one in tree.walk(node) if isinstance(one, tree.Name))
            if any(name[0].isupper() and name in self.kinds for name in names):  # matrices by default
                place = node.place.start, node.place.end
                raise FormulaError(_OF_NO_MATRIX[node.function], self.program.source, place)
            raise Conflict(_OF_NO_MATRIX[node.function], (), node.at, node.place)
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
        self.lengths.extend((size, node) for size in shape if size != ONE)
        return Part(shape, fixed=value.fixed)

    def _identity(self, node: tree.Call) -> Part:
        if not node.arguments:
            return self._square_of_its_place(node)
        size = self._size(node.arguments[0], node)
        return Part((size, size))

    def _size(self, argument: tree.Node, node: tree.Call) -> int:
        """The size that an argument says."""
        label = None if isinstance(argument, tree.Condition | tree.Binder) else lengths.label(argument)
        if label is None or not lengths.is_positive(label):
            message = "is given sizes: names, positive whole numbers, or sums and products of these"
            raise self.wrong(f"{node.function} {message}", node)
        for part in tree.walk(argument):
            self.of[id(part)] = SCALAR
        return self.sizes.named(label)
