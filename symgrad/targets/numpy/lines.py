"""Spells statements as lines of NumPy code."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sympy import Symbol

from symgrad.codegen.lines import Line, indented, lines, wrapped
from symgrad.codegen.speller import Speller
from symgrad.statements.expressions import Buffer, Expression, Kept, Operation, Read
from symgrad.statements.lengths import dimensions_in
from symgrad.statements.operations import REDUCTIONS, elementwise
from symgrad.statements.statements import (
    Comment,
    Define,
    Loop,
    Release,
    Rows,
    Statement,
    Store,
    Unpack,
    every,
)

MAX_LINE = 100  # a longer tuple is written one part a line

_TOLD = REDUCTIONS | {"einsum", "place", "add_windows"}  # whose options, such as axes, are more than their operands
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_JOINS = {"maximum": "np.maximum", "minimum": "np.minimum"}  # rows come in lists, which are added like numbers


def lines_of(statements: Iterable[Statement], speller: Speller) -> list[Line]:
    """The lines of statements, one after the other."""
    return [line for statement in statements for line in _lines(statement, speller)]


def asks_for_arrays(statements: Iterable[Statement]) -> bool:
    """Whether statements themselves, not those of a block of rows, ask for arrays of a workspace."""
    return any(_is_kept(statement) for statement in every([s for s in statements if not isinstance(s, Rows)]))


def _is_kept(statement: Statement) -> bool:
    if isinstance(statement, Define):
        parts = (statement.expression, *statement.expression.operands)
        head = statement.expression.head if isinstance(statement.expression, Operation) else ""
        return isinstance(statement.out, Kept) or head == "contiguous_into" or any(isinstance(p, Kept) for p in parts)
    return False


def _lines(statement: Statement, speller: Speller) -> list[Line]:
    match statement:
        case Define(buffer=buffer, expression=expression, out=out):
            text = speller.text(expression) if out is None else _with_out(expression, out, speller)
            return [Line(f"{buffer.name} = {text}", statement)]
        case Unpack(buffers=buffers, expression=expression):
            return [Line(f"{_names(buffers)} = {speller.text(expression)}", statement)]
        case Store():
            return [Line(_store(statement, speller), statement)]
        case Loop():
            return _loop(statement, speller)
        case Rows():
            return lines(_rows(statement, speller), statement)
        case Release(buffers=buffers):
            return [Line(f"del {_names(buffers)}", statement)]
        case Comment(text=text):
            return [Line(f"# {text}", statement)]
    raise TypeError(type(statement))


def _names(buffers: Iterable[Buffer]) -> str:
    return ", ".join(buffer.name for buffer in buffers)


def _store(statement: Store, speller: Speller) -> str:
    target, text = speller.text(statement.target), speller.text(statement.expression)
    if statement.direct:
        return _with_out(statement.expression, statement.target, speller)
    if statement.repeated:
        assert statement.accumulate == "add"
        places = statement.target.places  # type: ignore[attr-defined]
        return f"np.add.at({speller.text(statement.target.operands[0])}, np.s_[{speller.places(places)}], {text})"
    sign = _SIGNS[statement.accumulate] if statement.accumulate else ""
    return f"{target} {sign}= {text}"


def _with_out(expression: Expression, out: Expression | Buffer, speller: Speller) -> str:
    """An operation that writes its result into an array."""
    into = Read(out) if isinstance(out, Buffer) else out
    if isinstance(expression, Operation) and expression.head in ("where", "tensordot"):
        parts = (into, *expression.parts)
        return speller.text(Operation(f"{expression.head}_into", parts, expression.options))
    if isinstance(expression, Operation) and expression.head in _TOLD:
        return speller.text(replace(expression, options=(*expression.options, ("out", into))))
    step = elementwise(expression)
    if step is None:
        assert isinstance(expression, Operation)
        step = expression.head, expression.parts
    given = ", ".join([*map(speller.text, step[1]), f"out={speller.text(into)}"])
    return f"{speller.dialect.function_name(step[0])}({given})"


def _loop(loop: Loop, speller: Speller) -> list[Line]:
    ends = [speller.size(end) for end in (loop.first, loop.end)]
    steps = f"range({', '.join(ends if loop.first != 0 else ends[1:])})"
    head = f"for {loop.clock} in {f'reversed({steps})' if loop.descending else steps}:"
    return [Line(head, loop), *indented(lines_of(loop.body, speller))]


def _rows(rows: Rows, speller: Speller) -> list[str]:
    """The call of the function for all rows."""
    left = f"({rows.results[0].name},)" if len(rows.results) == 1 else _names(rows.results)
    arrays, kept = ([buffer.name for buffer in buffers] for buffers in (rows.arguments, rows.kept))
    shared = [*_arrays(rows, speller), *map(str, _sizes(rows)), *_workspace(rows), *(["known"] if rows.once else [])]
    given = [_tuple(arrays), _tuple(shared), *map(speller.size, (rows.width, rows.size))]
    given += [f"kept={_tuple(kept)}"] if kept else []
    joins = [_JOINS.get(join, "iadd") for join in rows.joins]
    given += [] if set(joins) <= {"iadd"} else [f"joins={_tuple(joins)}"]
    called = wrapped(f"{left} = _over_rows(", [f"_{speller.function}_{rows.name}", *given], ")")
    if not rows.once:
        return called
    key, totals = f'("{rows.name}", {speller.dtype})', _tuple([buffer.name for buffer in rows.once])
    return [
        f"known = None if _once is None else _once.get({key})",
        *called,
        "if _once is not None:",
        f"    {totals} = _once.setdefault({key}, {totals})",
    ]


def rows_functions(statements: Iterable[Statement], speller: Speller) -> list[list[Line]]:
    """The lines of the functions of a block of rows that statements call."""
    return [_rows_function(one, speller) for one in every(list(statements)) if isinstance(one, Rows)]


def _rows_function(rows: Rows, speller: Speller) -> list[Line]:
    apart = asks_for_arrays(rows.body)
    assert isinstance(rows.dimension, Symbol)
    length = {rows.dimension: _row_count(rows)}
    typed = _typed(rows) or speller.typed
    inner = Speller(speller.dialect, f"{typed}.dtype" if typed else speller.dtype, length)
    returned = _returned([inner.text(one) for one in rows.returned], apart)
    body = [*lines_of(rows.body, inner), *lines(returned, rows, True)]
    if apart:
        body = [Line("with workspace.arrays() as kept:"), *indented(body)]
    arguments = [f"{name}: Any" for name in (*(b.name for b in (*rows.arguments, *rows.kept)), *_arrays(rows, speller))]
    arguments += [*(f"{size}: int" for size in _sizes(rows)), *(f"{name}: Workspace" for name in _workspace(rows))]
    arguments += ["known: Any"] if rows.once else []
    what = "Sums" if set(rows.joins) <= {"add"} else "What is made"
    return [
        *lines(wrapped(f"def _{speller.function}_{rows.name}(", arguments, ") -> tuple[Any, ...]:")),
        Line(f'    """{what} of a block of rows, for `{speller.function}`."""'),
        *indented(body),
    ]


def _sizes(rows: Rows) -> list[Symbol]:
    """The dimensions that a block of rows does not know by itself."""
    return sorted(dimensions_in(rows), key=str)


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
    return [*(buffer.name for buffer in rows.shared), *typed]


def _workspace(rows: Rows) -> list[str]:
    return ["workspace"] if asks_for_arrays(rows.body) else []


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _returned(texts: Sequence[str], apart: bool) -> list[str]:
    """A return statement of a tuple, over several lines if it is long."""
    together = _tuple(texts) if len(texts) == 1 else ", ".join(texts)
    if len(together) <= MAX_LINE and not apart:
        return [f"return {together}"]
    return ["return (", *(f"    {text}," for text in texts), ")"]
