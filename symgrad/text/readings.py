"""Which shapes the symbols of a formula have: the readings with the least against them, and why.

A symbol has the shape that is declared, that its subscripts say, or by default that of its letter: a to g are scalars,
h to z vectors, capitals matrices, longer names scalars. Where the formula has no meaning so, or where something speaks
against it, other shapes are tried, as few as possible. Against a reading counts

* 1 for a symbol that is a vector where a scalar is the default, or the other way round; 2 for a capital that is a
  vector and a small letter h to z that is a matrix,
* 1 for a result that is no scalar, 2 for a row,
* 1 for a scalar symbol that is used as if it were an array (added to one, in `.*`, in a norm), 2 for one transposed.

Several readings with equally little against them are an ambiguity, which is asked about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations, product

from symgrad.errors import FormulaError
from symgrad.text import declared, tree
from symgrad.text.declared import Declared
from symgrad.text.names import names
from symgrad.text.shapes import Shapes
from symgrad.text.sizes import ONE, Shape
from symgrad.text.unified import Conflict

FARTHEST = 6  # steps away from the defaults that are tried, and at most one of two steps
MOST = 40_000  # parts of readings that are looked at, less than a second's worth
LISTED = 4  # readings that a message lists

# How far other kinds are from the default; capitals are scalars, and a to g matrices, where it is declared only.
_STEPS = {
    declared.SCALAR: {declared.VECTOR: 1},
    declared.VECTOR: {declared.SCALAR: 1, declared.MATRIX: 2},
    declared.MATRIX: {declared.VECTOR: 2},
}
_NONE = Declared("", "")
_PLURALS = {"column": "columns", "row": "rows", "value": "values", "entry": "entries"}


@dataclass(frozen=True)
class SymbolShape:
    """The shape of a symbol or a defined quantity in a reading, and why it has it.

    Attributes
    ----------
    declared : name, kind, sizes and properties, all of them known.
    default : the kind that its letter would have.
    given : whether it was declared, or given as a choice.
    reason : in words.
    """

    declared: Declared
    default: str
    given: bool
    reason: str

    @property
    def name(self) -> str:
        """The symbol's name."""
        return self.declared.name

    @property
    def text(self) -> str:
        """As a line of a formula: `X: matrix(N, M)`."""
        return self.declared.text


@dataclass(frozen=True)
class Reading:
    """One way to read a formula.

    Attributes
    ----------
    program : the syntax tree.
    symbols : the shapes of its symbols, in the order of the text.
    quantities : those of what it defines.
    result : rows and columns of the result, as names or numbers.
    against : how much speaks against it.
    """

    program: tree.Program
    symbols: tuple[SymbolShape, ...]
    quantities: tuple[SymbolShape, ...]
    result: tuple[str, str]
    against: int
    _of: Mapping[int, tuple[str, str]] = field(repr=False)
    _bound: Mapping[int, str] = field(repr=False)

    @property
    def is_scalar(self) -> bool:
        """Whether the result is a number, which has a gradient."""
        return self.result == ("1", "1")

    def shape(self, node: tree.Node) -> tuple[str, str]:
        """Rows and columns of a part of the tree, as names or numbers."""
        return self._of[id(node)]

    def length(self, node: tree.Binder | tree.Name) -> str:
        """How many values a bound index has, by its binder, or by its name on a left side."""
        return self._bound[id(node)]

    def text(self) -> str:
        """The shapes as lines of a formula."""
        return "\n".join(symbol.text for symbol in self.symbols)


def readings(program: tree.Program, shapes: Mapping[str, str] | None = None) -> tuple[Reading, ...]:
    """The readings of a formula that have the least against them: one, unless it is ambiguous.

    Parameters
    ----------
    program : the syntax tree.
    shapes : choices, as in `{"x": "vector", "S": "symmetric matrix"}`; they replace what the text declares.

    Raises
    ------
    FormulaError : it has no meaning, with the operator whose operands do not fit.

    Examples
    --------
    >>> from symgrad.text.reading import read
    >>> print(readings(read("norm2(X*w - y)^2"))[0].text())
    X: matrix(N, M)
    w: vector(M)
    y: vector(N)
    """
    return _Search(program, declared.declared(program, shapes)).best()


def reading(program: tree.Program, shapes: Mapping[str, str] | None = None) -> Reading:
    """The one reading of a formula.

    Raises
    ------
    FormulaError : it has no meaning, or several readings are as good; `choices` has these.
    """
    search = _Search(program, declared.declared(program, shapes))
    found = search.best()
    if len(found) > 1:
        raise _ambiguity(found, search.conflict)
    return found[0]


def default_kind(name: str) -> str:
    """The kind of a symbol by its letter: x, x1 and x_1 are vectors, X a matrix, c and theta scalars."""
    letter = name.rstrip("0123456789").removesuffix("_") or name
    if letter[0].isupper():
        return declared.MATRIX
    return declared.VECTOR if len(letter) == 1 and "h" <= letter <= "z" else declared.SCALAR


class _Search:
    """The search for the readings of a program."""

    def __init__(self, program: tree.Program, given: dict[str, Declared]) -> None:
        self.program, self.given = program, given
        self.names = names(program, given)
        self.stated = {name: kind for name, kind in given.items() if name in self.names.defined}
        self.fixed = {name: kind for name, kind in given.items() if name not in self.stated}
        for name in self.names.symbols:
            count = self.names.subscripts.get(name)
            if count and name not in given:
                kind = {1: declared.VECTOR, 2: declared.MATRIX}.get(count, declared.ARRAY)
                self.fixed[name] = Declared(name, kind, axes=count)
        self.defaults = {name: default_kind(name) for name in self.names.symbols if name not in self.fixed}
        self.looked_at = 0
        self.conflict: FormulaError | None = None  # of the default shapes

    def best(self) -> tuple[Reading, ...]:
        """The readings with the least against them, the nearest to the defaults first."""
        found: list[tuple[int, Shapes]] = []
        for steps in range(FARTHEST + 1):
            if found and steps > min(against for against, _ in found):
                break
            for changed in self._changes(steps):
                try:
                    made = self._try(changed, steps)
                    found += [made] if made else []
                except Conflict as conflict:
                    if not steps:
                        self.conflict = self._in_words(conflict)
                self.looked_at += len(self.shapes.of) + 5 * len(self.names.symbols)
                if self.looked_at > MOST:
                    raise self.conflict or self._too_many()
        if not found:
            assert self.conflict is not None
            raise self.conflict
        least = min(against for against, _ in found)
        return tuple(self._reading(shapes, against) for against, shapes in found if against == least)

    def _try(self, changed: Mapping[str, str], steps: int) -> tuple[int, Shapes] | None:
        """What speaks against a reading in which some symbols have other kinds than by default; None if too much."""
        kinds = dict(self.fixed)
        for name, default in self.defaults.items():
            kind = changed.get(name, default)
            kinds[name] = Declared(name, kind, axes=declared.AXES[kind])
        ordered = {name: kinds[name] for name in self.names.symbols}
        self.shapes = Shapes(self.program, ordered, frozenset(self.defaults), self.stated)
        result = self.shapes.find()
        if changed.keys() & {name for name in self.shapes.doubts if kinds.get(name, _NONE).kind == declared.SCALAR}:
            return None  # a vector by default, and used as one
        against = steps + sum(self.shapes.doubts.values())
        if not result.is_scalar:
            against += 2 if result.shape[0] == ONE else 1
        return against, self.shapes

    def _changes(self, steps: int) -> Iterator[dict[str, str]]:
        """The ways to take so many steps away from the defaults."""
        names = list(self.defaults)
        for count in range(min(steps, len(names)) + 1):
            for chosen in combinations(names, count):
                for kinds in product(*(_STEPS[self.defaults[name]].items() for name in chosen)):
                    distances = [distance for _, distance in kinds]
                    if sum(distances) == steps and distances.count(2) < 2:
                        yield dict(zip(chosen, (kind for kind, _ in kinds), strict=True))

    def _too_many(self) -> FormulaError:
        at = self.program.result.at
        return FormulaError("so many shapes cannot be found: declare some", self.program.source, (at.start, at.end))

    def _size_names(self, shapes: Shapes) -> dict[int, str]:
        in_order = [size for sizes in shapes.symbols.values() for size in sizes]
        others = [*shapes.bound.values(), *(size for shape in shapes.of.values() for size in shape)]
        return shapes.sizes.names([*in_order, *others], declared.names_of(self.program))

    def _in_words(self, conflict: Conflict) -> FormulaError:
        """The error of the default shapes."""
        shapes = self.shapes
        in_order = [*(size for sizes in shapes.symbols.values() for size in sizes)]
        in_order += [size for _, sizes in conflict.shown for size in sizes]
        called = shapes.sizes.names(in_order, declared.names_of(self.program))
        shown = [_shown(what, [called[shapes.sizes.find(size)] for size in sizes]) for what, sizes in conflict.shown]
        operator = (conflict.operator.start, conflict.operator.end) if conflict.operator else None
        return FormulaError(
            _filled(conflict.message, shown), self.program.source, (conflict.at.start, conflict.at.end), operator
        )

    def _reading(self, shapes: Shapes, against: int) -> Reading:
        called = self._size_names(shapes)

        def name(size: int) -> str:
            return called[shapes.sizes.find(size)]

        def pair(shape: Shape) -> tuple[str, str]:
            return name(shape[0]), name(shape[1])

        symbols = []
        for symbol, kind in shapes.kinds.items():
            sizes = tuple(name(size) for size in shapes.symbols[symbol])
            known = replace(kind, sizes=sizes, axes=len(sizes))
            reason = "; ".join([self._why(symbol, kind.kind), *_why_equal(shapes, symbol)])
            symbols.append(SymbolShape(known, default_kind(symbol), symbol in self.given, reason))
        return Reading(
            self.program,
            tuple(symbols),
            tuple(self._quantity(symbol, [*map(name, sizes)]) for symbol, sizes in shapes.quantities.items()),
            pair(shapes.of[id(self.program.result)]),
            against,
            {node: pair(shape) for node, shape in shapes.of.items()},
            {node: name(size) for node, size in shapes.bound.items()},
        )

    def _quantity(self, name: str, sizes: list[str]) -> SymbolShape:
        """A quantity by its declaration or definition."""
        if name in self.stated:
            known = replace(self.stated[name], sizes=tuple(sizes), axes=len(sizes))
            return SymbolShape(known, known.kind, True, "declared")
        if len(sizes) > 2:
            array = Declared(name, declared.ARRAY, tuple(sizes), axes=len(sizes))
            return SymbolShape(array, array.kind, False, "by its definition")
        return _quantity(name, (sizes[0], sizes[1]))

    def _why(self, symbol: str, kind: str) -> str:
        """Why a symbol has its kind, in words."""
        if symbol in self.given:
            return "declared"
        if symbol in self.fixed:
            count = self.names.subscripts[symbol]
            return f"written with {count} subscript{'s' * (count > 1)}"
        if kind != self.defaults[symbol]:
            return f"as a {self.defaults[symbol]}, the default of its letter, it does not fit"
        letters = {declared.SCALAR: "a to g and longer names", declared.VECTOR: "h to z", declared.MATRIX: "capitals"}
        return f"{letters[kind]} are {'matrices' if kind == declared.MATRIX else f'{kind}s'}"


def _why_equal(shapes: Shapes, symbol: str) -> list[str]:
    """Which parts of the formula made the sizes of a symbol equal to others."""
    sizes = {shapes.sizes.find(size) for size in shapes.symbols[symbol]}
    texts = dict.fromkeys(shapes.text(node) for size, node in shapes.joined if shapes.sizes.find(size) in sizes)
    return [f"its sizes follow from {', '.join(texts)}"] if texts else []


def _quantity(name: str, shape: tuple[str, str]) -> SymbolShape:
    rows, columns = shape
    if shape == ("1", "1"):
        kind = Declared(name, declared.SCALAR)
    elif columns == "1":
        kind = Declared(name, declared.VECTOR, (rows,), axes=1)
    elif rows == "1":
        kind = Declared(name, declared.ROW, (columns,), axes=1)
    else:
        kind = Declared(name, declared.MATRIX, shape, axes=2)
    return SymbolShape(kind, kind.kind, False, "by its definition")


def _filled(message: str, shown: list[str]) -> str:
    """A message with shapes in its places `{}`; what it quotes of LaTeX has other braces."""
    first, *parts = message.split("{}")
    return first + "".join(shape + part for shape, part in zip(shown, parts, strict=True))


def _shown(what: str, sizes: list[str]) -> str:
    """A shape or a count in words."""
    if what != "shape":
        return f"{sizes[0]} {what if sizes[0] == '1' else _PLURALS[what]}"
    kind = _quantity("", (sizes[0], sizes[1])).declared
    if kind.kind == declared.SCALAR:
        return "a scalar"
    return (
        f"a {kind.kind} of {sizes[0]}×{sizes[1]}"
        if kind.kind == declared.MATRIX
        else f"a {kind.kind} of {kind.sizes[0]}"
    )


def _ambiguity(found: tuple[Reading, ...], conflict: FormulaError | None) -> FormulaError:
    """The question which of several readings is meant; the conflict is that of the default shapes."""
    program = found[0].program
    differing = [
        symbols[0].name
        for symbols in zip(*(reading.symbols for reading in found), strict=True)
        if len({symbol.declared.kind for symbol in symbols}) > 1
    ]
    lines = []
    for one in found[:LISTED]:
        shapes = [symbol for symbol in one.symbols if symbol.name in differing]
        options = " ".join(f"--{symbol.declared.kind} {symbol.name}" for symbol in shapes)
        lines.append(f"  {'; '.join(symbol.text for symbol in shapes)}    ({options})")
    more = f"\n  and {len(found) - LISTED} more" if len(found) > LISTED else ""
    what = f"the shape{'s' * (len(differing) > 1)} of {' and '.join(differing)}"
    message = f"{what} can be read in {len(found)} ways; say which, by a line of the text or an option:"
    if conflict is not None:
        message = f"{conflict.message}\n{message}"
        place, operator = (conflict.start, conflict.end), conflict.operator
    else:
        nodes = [node for part in program.expressions() for node in tree.walk(part)]
        at = next(node.at for node in nodes if isinstance(node, tree.Name) and node.text in differing)
        place, operator = (at.start, at.end), None
    return FormulaError("\n".join([message, *lines]) + more, program.source, place, operator, choices=found)
