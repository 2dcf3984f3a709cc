"""Spells functions with rows of data: their parts as functions of their own, and the calls of these one by one.

A part of the function `f` is `_f_before`, `_f_rows` or `_f_after`, with the names of its variables as arguments; one
that computes nothing is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Symbol

from symgrad.codegen.lines import MAX_LINE, Line, indented, lines, wrapped
from symgrad.codegen.speller import Speller
from symgrad.statements.expressions import Buffer, Expression, Operation, Read, buffers_of, parts_of, substituted
from symgrad.statements.seam import AFTER, BEFORE, Seam, Section, seam_of
from symgrad.statements.statements import Body, Define, Once, Release, Rows
from symgrad.statements.workspace import asks_for_arrays

MEMORY = "_memory().get()"  # of what was made of bound data

# the operations that join results of two blocks; rows come in lists, which are added like numbers
_JOINS = {"maximum": "maximum", "minimum": "minimum", "hypot": "hypot", "or": "logical_or"}


@dataclass(frozen=True)
class PrintedParts:
    """The text of a function.

    Attributes
    ----------
    lines : those of its statements, some of which call parts of it.
    result : what it returns.
    functions : the lines of these parts.
    counted : whether it asks how many rows there are before it asks for what is made of them.
    """

    lines: tuple[Line, ...]
    result: str
    functions: tuple[tuple[Line, ...], ...] = ()
    counted: bool = False


def printed_parts(
    body: Body, speller: Speller, returns: str = "Any", in_place: bool = False, asks: bool = False
) -> PrintedParts:
    """A function that returns something of the type `returns`, in parts if it has rows.

    With `in_place`, the only result of rows has no variable where it is returned, if that is short. With `asks`, the
    function asks whoever calls it for what is made of all rows.
    """
    if body.statements and isinstance(body.statements[0], Once):
        once = _PrintedOnce(body.statements[0], speller, MEMORY)
        rest = printed_parts(replace(body, statements=body.statements[1:]), speller, returns, in_place)
        return PrintedParts((*once.lines, *rest.lines), rest.result, (*rest.functions, *once.functions))
    seam = seam_of(body)
    if seam is None:
        return PrintedParts(tuple(speller.lines(body.statements)), _listed(body.results, speller))
    result = _listed(body.results, speller)
    functions: list[tuple[Line, ...]] = []
    count = _Count(body, seam) if asks else None
    made = lines(count.first if count else [])
    for part in seam.parts:
        if isinstance(part, Rows):
            alone = in_place and not any(one.computes for one in seam.sections)
            call = _only_result(part, body.results, speller) if alone else None
            made += (
                lines(count.asking(part, speller), part) if count else [] if call else lines(_rows(part, speller), part)
            )
            result = call or result
            functions += _rows_functions(part, speller)
            continue
        made += speller.lines([Release(part.lets_go)] if part.lets_go else [])
        if not part.computes:
            made += speller.lines(part.body)
            continue
        printed = _PrintedSection(part, speller)
        functions.append(tuple(printed.function(returns)))
        if part.name == AFTER:
            result = printed.call
        else:
            made += lines(wrapped(f"{_listed(part.gives, speller)} = {printed.name}(", printed.taken, ")"))
    return PrintedParts(tuple(made), result, tuple(functions), bool(count and count.first))


class _Count:
    """How a function that asks for what is made of all rows learns how many these are: as soon as it asks first."""

    def __init__(self, body: Body, seam: Seam) -> None:
        self._dimension = seam.rounds[0][0].dimension
        before = Body((*seam.before.body, seam.rounds[0][0]), seam.before.gives).dimensions
        self._left = "_" if self._dimension not in body.dimensions else str(self._dimension)
        self.first: list[str] = []
        if self._dimension in before:
            self.first, self._left = [f"{self._left}, _ = yield None  # how many rows there are"], "_"

    def asking(self, rows: Rows, speller: Speller) -> list[str]:
        """The lines that ask for what is made of all rows."""
        left = f"{self._left}, {_tuple(_together([buffer.name for buffer in rows.results], rows))}"
        self._left = "_"
        kept = _tuple([buffer.name for buffer in rows.kept])
        joins = _joins(rows, speller)
        given = [
            *_given(rows, speller)[:5],
            *([kept] if rows.kept or joins else []),
            *([_tuple(joins)] if joins else []),
        ]
        return wrapped(f"{left} = yield (", given, ")")


class _PrintedSection:
    """A function of what is before the rows, or of what they have made."""

    def __init__(self, section: Section, speller: Speller, of_data: bool = False) -> None:
        self.section, self.outer, self.of_data = section, speller, of_data
        self.name = f"_{section.name}" if of_data else f"_{speller.function}_{section.name}"
        given = [buffer.name for buffer in section.takes]
        arrays = [b.name for b in section.takes if b.kind == "real" and b.shape]
        typed = speller.typed if speller.typed in given else next(iter(arrays), speller.typed)
        inner = speller.inside(typed, _named([*section.takes], typed), self.name[1:])
        parts = printed_parts(Body(section.body, section.gives), inner) if _has_rows(section) else PrintedParts((), "")
        self.functions = parts.functions
        self.lines = [*parts.lines, Line(f"return {parts.result}")] if parts.lines else _with_return(section, inner)
        self.arrays = [*given, *([typed] if inner.asks_for_type and typed and typed not in given else [])]
        self.sizes = sorted(map(str, Body(section.body, section.gives).dimensions))
        self.kept = [
            *(["kept"] if asks_for_arrays(section.body) else []),
            *(["pattern"] if _has_pattern(section) else []),
        ]

    @property
    def taken(self) -> list[str]:
        """What it is called with; the names are those of its arguments."""
        return [*self.arrays, *self.kept, *self.sizes]

    @property
    def call(self) -> str:
        return f"{self.name}({', '.join(self.taken)})"

    def function(self, returns: str) -> list[Line]:
        """Its lines; the last section returns what the whole function does."""
        arguments = [*(f"{name}: Any" for name in (*self.arrays, *self.kept)), *(f"{size}: int" for size in self.sizes)]
        if self.section.name != AFTER:
            returns = "tuple[Any, ...]" if len(self.section.gives) > 1 else "Any"
        what = "is the same for all rows" if self.section.name == BEFORE else "follows from all rows"
        return [
            *lines(wrapped(f"def {self.name}(", arguments, f") -> {returns}:")),
            Line(f'    """What {"follows from data alone" if self.of_data else what}, for `{self.outer.function}`."""'),
            *indented(self.lines),
        ]


class _PrintedOnce:
    """A function of what follows from data alone, and the line that calls it, or takes what it gave before."""

    def __init__(self, once: Once, speller: Speller, memory: str, options: Sequence[str] = ()) -> None:
        section = _PrintedSection(Section(once.name, once.body, once.returned), speller, of_data=True)
        left = ", ".join(buffer.name for buffer in once.results)
        self.lines = lines(wrapped(f"{left} = _once({memory}, ", [section.name, *section.taken, *options], ")"), once)
        self.functions = () if once.told else (tuple(section.function("Any")), *section.functions)


def _with_return(section: Section, speller: Speller) -> list[Line]:
    """The lines of a section with what it returns; a single result is computed there."""
    last = section.body[-1] if section.body else None
    if isinstance(last, Define) and last.out is None and section.gives == (Read(last.buffer),):
        return [*speller.lines(section.body[:-1]), Line(f"return {speller.text(last.expression)}", last)]
    text = f"return {_listed(section.gives, speller)}"
    return [*speller.lines(section.body), Line(text, None, section.name == AFTER)]


def _rows(rows: Rows, speller: Speller) -> list[str]:
    """The call of the function for all rows."""
    results = _together([buffer.name for buffer in rows.results], rows)
    left = _tuple(results) if len(results) == 1 else ", ".join(results)
    return wrapped(f"{left} = _over_rows(", _given(rows, speller), ")")


def _only_result(rows: Rows, results: tuple[Expression, ...], speller: Speller) -> str | None:
    """The results of a function with the call of rows in place of the only one that they have, if that is short."""
    if len(rows.results) > 1:
        return None
    read = [buffer for expression in results for buffer in buffers_of(expression) if buffer in rows.results]
    if len(read) > 1:
        return None
    call = replace(rows.results[0], name=f"_over_rows({', '.join(_given(rows, speller))})[0]")
    text = _listed([substituted(expression, rows.results[0], Read(call)) for expression in results], speller)
    return text if len(text) <= MAX_LINE else None


def _given(rows: Rows, speller: Speller) -> list[str]:
    """What `_over_rows` is called with."""
    arrays, kept = ([buffer.name for buffer in buffers] for buffers in (rows.arguments, rows.kept))
    shared = [*_arrays(rows, speller), *map(str, _sizes(rows)), *_workspace(rows)]
    if _once_in(rows):
        arrays, shared = [*arrays, f"range({arrays[0]}.shape[0])"], [*shared, MEMORY]
    given = [f"_{speller.function}_{rows.name}", _tuple(arrays), _tuple(shared)]
    given += [*map(speller.size, (rows.width, rows.size)), *([f"kept={_tuple(kept)}"] if kept else [])]
    return [*given, *([f"joins={_tuple(joins)}"] if (joins := _joins(rows, speller)) else [])]


def _joins(rows: Rows, speller: Speller) -> list[str]:
    """What makes one of the results of two blocks; nothing where all are added."""
    library = speller.dialect.library
    known = {"largest": "_after_the_larger", **{join: f"{library}.{head}" for join, head in _JOINS.items()}}
    joins = [known.get(join, "iadd") for join in rows.joins if join != "scaled"]
    return [] if set(joins) <= {"iadd"} else joins


def _once_in(rows: Rows) -> Once | None:
    """What a block of rows computes once for the same data."""
    return rows.body[0] if rows.body and isinstance(rows.body[0], Once) else None


def _has_pattern(section: Section) -> bool:
    """Whether it reads the pattern of a sparse matrix, which the whole function may be given."""
    expressions = [expression for one in section.body for expression in one.expressions] + [*section.gives]
    return any(
        isinstance(part, Operation) and part.head == "pattern_of" and part.option("given")
        for expression in expressions
        for part in parts_of(expression)
    )


def _has_rows(section: Section) -> bool:
    return any(isinstance(one, Rows) for one in section.body)


def _rows_functions(rows: Rows, speller: Speller) -> list[tuple[Line, ...]]:
    """The function of a block of rows, and that of what it computes once for the same data."""
    apart, once = asks_for_arrays(rows.body), _once_in(rows)
    assert isinstance(rows.dimension, Symbol)
    length = {rows.dimension: _row_count(rows)}
    typed = _typed(rows) or speller.typed
    inner = speller.inside(typed, _named([*rows.arguments, *rows.kept, *rows.shared], typed), lengths=length)
    printed = None if once is None else _PrintedOnce(once, inner, "memory", ["span=span"])
    returned = _returned(_together([inner.text(one) for one in rows.returned], rows), apart)
    body = [*(printed.lines if printed else []), *inner.lines(rows.body[1 if once else 0 :])]
    body += lines(returned, rows, True)
    if apart:
        body = [Line("with workspace.arrays() as kept:"), *indented(body)]
    blocks = [buffer.name for buffer in rows.arguments] + (["span"] if once else [])
    arguments = [f"{name}: Any" for name in (*blocks, *(b.name for b in rows.kept), *_arrays(rows, speller))]
    arguments += [*(f"{size}: int" for size in _sizes(rows)), *(f"{name}: Workspace" for name in _workspace(rows))]
    arguments += ["memory: Any"] if once else []
    what = "Sums" if set(rows.joins) <= {"add"} else "What is made"
    function = (
        *lines(wrapped(f"def _{speller.function}_{rows.name}(", arguments, ") -> tuple[Any, ...]:")),
        Line(f'    """{what} of a block of rows, for `{speller.function}`."""'),
        *indented(body),
    )
    return [function, *(printed.functions if printed else [])]


def _together(texts: Sequence[str], rows: Rows) -> list[str]:
    """The results of rows, with those in one tuple that are joined together."""
    count = sum(join in ("largest", "scaled") for join in rows.joins)
    return [*([_tuple(texts[:count])] if count else []), *texts[count:]]


def _sizes(rows: Rows) -> list[Symbol]:
    """The dimensions that a block of rows does not know by itself."""
    return sorted(rows.dimensions_inside, key=str)


def _row_count(rows: Rows) -> str:
    """How many rows a block has."""
    first, *_ = (*rows.arguments, *rows.kept)
    axis = 0 if first.shape is None else first.shape.index(rows.dimension)
    return f"{first.name}.shape[{axis}]"


def _typed(rows: Rows) -> str | None:
    """An array of the floating type that a block of rows has anyway."""
    return next((buffer.name for buffer in (*rows.arguments, *rows.kept, *rows.shared) if buffer.kind == "real"), None)


def _arrays(rows: Rows, speller: Speller) -> list[str]:
    """What a block of rows has beside arrays with rows."""
    typed = [] if _typed(rows) or not speller.typed else [speller.typed]
    speller.asks_for_type |= bool(typed)  # a function whose part calls for rows takes it, too
    return [*(buffer.name for buffer in rows.shared), *typed]


def _workspace(rows: Rows) -> list[str]:
    return ["workspace"] if asks_for_arrays(rows.body) else []


def _named(buffers: Sequence[Buffer], typed: str) -> list[str]:
    """The names of arrays among the variables that a function takes, of which one has the floating type at least."""
    names = [buffer.name for buffer in buffers if buffer.kind != "python"]
    return names or [*filter(None, [typed])]


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _returned(texts: Sequence[str], apart: bool) -> list[str]:
    """A return statement of a tuple, over several lines if it is long."""
    together = _tuple(texts) if len(texts) == 1 else ", ".join(texts)
    if len(together) <= MAX_LINE and not apart:
        return [f"return {together}"]
    return ["return (", *(f"    {text}," for text in texts), ")"]


def _listed(expressions: Sequence[Expression], speller: Speller) -> str:
    return ", ".join(map(speller.text, expressions))
