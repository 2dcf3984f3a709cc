"""What is said of symbols: their kinds, sizes and properties, by lines of the text or by options."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from symgrad.errors import FormulaError
from symgrad.text import functions, lengths, tree
from symgrad.text.reading import read
from symgrad.text.tree import Span

SCALAR, VECTOR, ROW, MATRIX, ARRAY = "scalar", "vector", "row", "matrix", "array"
KINDS = (SCALAR, VECTOR, ROW, MATRIX, ARRAY)
SYMMETRIC, DEFINITE, POSITIVE, INTEGER = "symmetric", "definite", "positive", "integer"
PROPERTIES = (SYMMETRIC, DEFINITE, POSITIVE, INTEGER)
AXES = {SCALAR: 0, VECTOR: 1, ROW: 1, MATRIX: 2}


@dataclass(frozen=True)
class Declared:
    """What is said of one symbol.

    Attributes
    ----------
    name, kind : one of the KINDS.
    sizes : names of sizes, whole numbers or sums of products of these, as `lengths` writes them, as many as the kind
        has; none where they are left to be found.
    axes : how many there are; of an array three or more.
    properties : of PROPERTIES; `definite` is symmetric and positive definite, `positive` and `integer` are of all
        entries.
    """

    name: str
    kind: str
    sizes: tuple[str, ...] = ()
    properties: frozenset[str] = frozenset()
    axes: int = 0

    @property
    def text(self) -> str:
        """The line of a formula that says it: `S: symmetric matrix(N, N)`."""
        words = [*sorted(self.properties, key=PROPERTIES.index), self.kind]
        sizes = f"({', '.join(self.sizes)})" if self.sizes else ""
        return f"{self.name}: {' '.join(words)}{sizes}"


def declared(program: tree.Program, shapes: Mapping[str, str] | None = None) -> dict[str, Declared]:
    """What the lines of a text and the choices `{"S": "symmetric matrix"}` say; a choice replaces a line.

    Raises
    ------
    FormulaError : a kind is not known, has another number of sizes, or a name is declared twice.
    """
    found: dict[str, Declared] = {}
    for line in program.declarations:
        for name in line.names:
            if name.text in found:
                raise _wrong(f"{name.text} is declared twice", program, name.at)
            found[name.text] = _one(name.text, line, program)
    used = names_of(program)
    for given, kind in (shapes or {}).items():
        line_text = f"{given}: {kind}"
        if given not in used:
            raise FormulaError(f"{given} does not occur in the formula", line_text, (0, len(given)))
        other = read(f"{line_text}\n0")
        if len(other.declarations) != 1 or [name.text for name in other.declarations[0].names] != [given]:
            raise FormulaError("a shape is given as in X: matrix(N, M)", line_text, (0, len(line_text)))
        found[given] = _one(given, other.declarations[0], other)
    return found


def names_of(program: tree.Program) -> tuple[str, ...]:
    """All names in expressions, in the order of the text."""
    names = [node for part in program.expressions() for node in tree.walk(part) if isinstance(node, tree.Name)]
    names += [name for line in program.declarations for name in line.names]
    return tuple(dict.fromkeys(name.text for name in sorted(names, key=lambda name: name.at.start)))


def _wrong(message: str, program: tree.Program, at: Span) -> FormulaError:
    return FormulaError(message, program.source, (at.start, at.end))


def _one(name: str, line: tree.Declaration, program: tree.Program) -> Declared:
    if functions.signature(name) and name not in functions.NAMES_TOO:
        raise _wrong(f"{name} is the name of a function", program, line.names[0].at)
    made = Declared(name, "")
    for word in line.words:
        if word.text in PROPERTIES and not made.kind:
            made = replace(made, properties=made.properties | {word.text})
        elif word.text in KINDS and not made.kind:
            made = replace(made, kind=word.text)
        else:
            known = ", ".join((*KINDS, *PROPERTIES))
            raise _wrong(f"{word.text} is no shape; shapes are made of the words {known}", program, word.at)
    matrices = made.properties & {SYMMETRIC, DEFINITE}
    if not made.kind and not matrices:
        raise _wrong(f"say of which shape {name} is: positive vector, positive scalar", program, line.words[0].at)
    made = replace(made, kind=made.kind or MATRIX, sizes=tuple(_size(size, program) for size in line.sizes))
    if matrices and made.kind != MATRIX:
        raise _wrong(f"a {made.kind} is not {'symmetric' if SYMMETRIC in matrices else 'definite'}", program, line.at)
    return _with_sizes(made, line, program, bool(matrices))


def _with_sizes(made: Declared, line: tree.Declaration, program: tree.Program, square: bool) -> Declared:
    if square and len(made.sizes) == 1:
        made = replace(made, sizes=made.sizes * 2)
    count = len(made.sizes)
    made = replace(made, axes=AXES.get(made.kind, count))
    wanted = AXES.get(made.kind)
    if made.kind == ARRAY and count < 3:
        raise _wrong("an array has three sizes or more: T: array(N, M, K)", program, line.at)
    if wanted is not None and count not in (0, wanted):
        raise _wrong(f"a {made.kind} has {wanted} size{'s' * (wanted != 1)}, not {count}", program, line.at)
    if square and count and made.sizes[0] != made.sizes[1]:
        raise _wrong("a symmetric matrix is square", program, line.at)
    return made


def _size(size: tree.Expression, program: tree.Program) -> str:
    label = lengths.label(size)
    if label is None or not lengths.is_positive(label):
        raise _wrong("a size is a name, a positive whole number, or made of these by +, - and *", program, size.at)
    return label
