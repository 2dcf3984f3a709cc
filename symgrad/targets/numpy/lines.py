"""Spells statements as lines of NumPy code."""

from collections.abc import Iterable, Sequence

from sympy import Symbol

from symgrad.codegen.names import MAX_LINE
from symgrad.statements.expressions import Buffer, Expression, Kept, Operation
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
from symgrad.targets.numpy.speller import Speller, function_name

_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


def lines_of(statements: Iterable[Statement], speller: Speller) -> list[str]:
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


def _lines(statement: Statement, speller: Speller) -> list[str]:
    match statement:
        case Define(buffer=buffer, expression=expression, out=out):
            text = speller.text(expression) if out is None else _with_out(expression, out, speller)
            return [f"{buffer.name} = {text}"]
        case Unpack(buffers=buffers, expression=expression):
            return [f"{_names(buffers)} = {speller.text(expression)}"]
        case Store():
            return [_store(statement, speller)]
        case Loop():
            return _loop(statement, speller)
        case Rows():
            return _rows(statement, speller)
        case Release(buffers=buffers):
            return [f"del {_names(buffers)}"]
        case Comment(text=text):
            return [f"# {text}"]
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
    into = out.name if isinstance(out, Buffer) else speller.text(out)
    assert isinstance(expression, Operation) or elementwise(expression) is not None
    if isinstance(expression, Operation) and expression.head in REDUCTIONS:
        options = ", ".join([*speller.options(expression), f"out={into}"])
        return f"{speller.at(expression.parts[0], 5)}.{expression.head}({options})"
    step = elementwise(expression)
    if step is None:
        assert isinstance(expression, Operation)
        if expression.head in ("where", "tensordot"):
            head, text = f"_{expression.head}_into", speller.text(expression)
            return f"{head}({into}, {text[text.index('(') + 1 :]}"
        step = expression.head, expression.parts
    if step[0] in ("einsum", "place", "add_windows"):
        return f"{speller.text(expression)[:-1]}, out={into})"
    return f"{function_name(step[0])}({', '.join([*map(speller.text, step[1]), f'out={into}'])})"


def _loop(loop: Loop, speller: Speller) -> list[str]:
    ends = [speller.size(end) for end in (loop.first, loop.end)]
    steps = f"range({', '.join(ends if loop.first != 0 else ends[1:])})"
    head = f"for {loop.clock} in {f'reversed({steps})' if loop.descending else steps}:"
    return [head, *_indented(lines_of(loop.body, speller))]


def _rows(rows: Rows, speller: Speller) -> list[str]:
    first = rows.arguments[0].name
    assert isinstance(rows.dimension, Symbol)
    inner = Speller(speller.dtype, {rows.dimension: f"{first}.shape[0]"})
    body = [
        *lines_of(rows.body, inner),
        *_returned([inner.text(one) for one in rows.returned], asks_for_arrays(rows.body)),
    ]
    if asks_for_arrays(rows.body):
        body = ["with workspace.arrays() as kept:", *_indented(body)]
    arguments = ", ".join(f"{buffer.name}: Any" for buffer in rows.arguments)
    left = f"({rows.results[0].name},)" if len(rows.results) == 1 else _names(rows.results)
    given = ", ".join([rows.name, speller.size(rows.width), speller.size(rows.size), _names(rows.arguments)])
    return [
        "",
        f"def {rows.name}({arguments}) -> tuple[Any, ...]:",
        *_indented(body),
        "",
        f"{left} = _over_rows({given})",
    ]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _returned(texts: Sequence[str], apart: bool) -> list[str]:
    """A return statement of a tuple, over several lines if it is long."""
    together = ", ".join(texts) + ("," if len(texts) == 1 else "")
    if len(together) <= MAX_LINE and not apart:
        return [f"return {together}"]
    return ["return (", *(f"    {text}," for text in texts), ")"]
