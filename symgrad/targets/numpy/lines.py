"""Spells statements as lines of NumPy code."""

from collections.abc import Iterable
from dataclasses import replace

from symgrad.codegen.lines import MAX_LINE, Line, indented, lines, wrapped
from symgrad.codegen.sizes import tuple_text
from symgrad.codegen.speller import Speller
from symgrad.statements.expressions import Buffer, Expression, Operation, Read
from symgrad.statements.operations import REDUCTIONS, elementwise
from symgrad.statements.statements import (
    Comment,
    Define,
    Kernel,
    Loop,
    Release,
    Solve,
    Statement,
    Store,
    Unpack,
)

# whose options, such as axes, are more than their operands
_TOLD = REDUCTIONS | {"einsum", "place", "add_windows", "balanced", "centred"}
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


def lines_of(statements: Iterable[Statement], speller: Speller) -> list[Line]:
    """The lines of statements, one after the other."""
    return [line for statement in statements for line in _lines(statement, speller)]


def _lines(statement: Statement, speller: Speller) -> list[Line]:
    match statement:
        case Define(buffer=buffer, expression=expression, out=out):
            text = speller.text(expression) if out is None else _with_out(expression, out, speller)
            return [Line(f"{buffer.name} = {text}", statement)]
        case Unpack(buffers=buffers, expression=expression):
            return [Line(f"{_names(buffers)} = {speller.text(expression)}", statement)]
        case Store():
            return [Line(_store(statement, speller), statement)]
        case Kernel():
            return _called(statement, speller)
        case Loop():
            return _loop(statement, speller)
        case Solve():
            return _solved(statement, speller)
        case Release(buffers=buffers):
            return [Line(f"del {_names(buffers)}", statement)]
        case Comment(text=text):
            return [Line(f"# {text}", statement)]
    raise TypeError(type(statement))


def _called(kernel: Kernel, speller: Speller) -> list[Line]:
    numbers = [tuple_text([buffer.name for buffer in group]) for group in kernel.numbers]
    left = ", ".join([*numbers, *(buffer.name for buffer in kernel.arrays)])
    call = f"{left} = {kernel.name}(" if left else f"{kernel.name}("
    return lines(wrapped(call, [speller.text(one) for one in kernel.given], ")"), kernel)


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
    if statement.accumulate == "append":
        return f"{target}.append({text})"
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
    steps = f"reversed({steps})" if loop.descending else steps
    entries = [(loop.clock, steps)] if loop.counts or not loop.streams else []
    entries += [(entry.name, listed.name) for entry, listed in loop.streams]
    names, lists = ([part[n] for part in entries] for n in (0, 1))
    if len(entries) == 1:
        head = [f"for {names[0]} in {lists[0]}:"]
    else:
        short = wrapped("for ", names, " in zip(")
        *before, last = short if len(short) == 1 else wrapped("for (", names, ") in zip(")
        head = [*before, *wrapped(last, lists, "):")]
    return [*lines(head, loop), *indented(lines_of(loop.body, speller))]


def _solved(solve: Solve, speller: Speller) -> list[Line]:
    """The function of a step, and the call of Newton's method."""
    returned = list(map(speller.text, solve.returned))
    together = f"return {', '.join(returned)}"
    last = [together] if len(together) <= MAX_LINE else ["return (", *(f"    {text}," for text in returned), ")"]
    body = [*lines_of(solve.body, speller), *lines(last, solve)]
    ((result,), tried) = solve.results, solve.tried.name
    given = [solve.name, speller.text(solve.start), str(solve.coupled), f'"{solve.of}"']
    given += [] if solve.minimum is None else [speller.size(solve.minimum)]
    return [
        Line(""),
        Line(f"def {solve.name}({tried}: Any) -> tuple[Any, Any]:", solve),
        *indented(body),
        Line(""),
        *lines(wrapped(f"{result.name} = _solution(", given, ")"), solve),
    ]
