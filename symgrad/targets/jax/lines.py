"""Spells statements as lines of JAX code: an array is written to as a new one, a loop carries what it writes to."""

from collections.abc import Iterable

from sympy import S, Symbol

from symgrad.codegen.lines import Line, indented, lines
from symgrad.codegen.speller import Speller
from symgrad.graph.dimensions import is_never_empty
from symgrad.statements.arithmetic import negative
from symgrad.statements.expressions import Buffer, Read, Subscript, Total
from symgrad.statements.statements import Define, Loop, Statement, Store, Unpack, every, root


def lines_of(statements: Iterable[Statement], speller: Speller) -> list[Line]:
    """The lines of statements, one after the other."""
    return [line for statement in statements for line in _lines(statement, speller)]


def _lines(statement: Statement, speller: Speller) -> list[Line]:
    match statement:
        case Define(buffer=buffer, expression=expression):
            return [Line(f"{buffer.name} = {speller.text(expression)}", statement)]
        case Unpack(buffers=buffers, expression=expression):
            left = f"{_names(buffers)}{',' if len(buffers) == 1 else ''}"
            return [Line(f"{left} = {speller.text(expression)}", statement)]
        case Store():
            return [Line(f"{root(statement.target).name} = {_changed(statement, speller)}", statement)]
        case Loop():
            return _loop(statement, speller)
    raise TypeError(type(statement))


def _names(buffers: Iterable[Buffer]) -> str:
    return ", ".join(buffer.name for buffer in buffers)


def _changed(store: Store, speller: Speller) -> str:
    """An array after something has been stored in it."""
    minus = store.accumulate == "subtract"
    match store.target:
        case Read():
            assert store.accumulate in ("add", "subtract")
            return speller.text(Total(((False, store.target), (minus, store.expression))))
        case Subscript(array=array, places=places):
            change = "add" if store.accumulate else "set"
            stored = negative(store.expression) if minus else store.expression
            return f"{speller.text(array)}.at[{speller.places(places)}].{change}({speller.text(stored)})"
    raise TypeError(type(store.target))


def _loop(loop: Loop, speller: Speller) -> list[Line]:
    carried = list(dict.fromkeys(buffer for statement in every(loop.body) for buffer in statement.writes))
    names = _names(carried)
    states = f"({names})" if len(carried) > 1 else names
    step, first, end = speller.fresh("step"), loop.first, loop.end
    number = speller.fresh("step_number") if loop.descending else loop.clock
    inner = [f"{names} = states"]
    if loop.descending:
        inner.append(f"{loop.clock} = {speller.size(end - 1 - Symbol(number, integer=True))}")
        first, end = S.Zero, end - first
    body = [*lines(inner, loop), *lines_of(loop.body, speller), Line(f"return {names}", loop)]
    made = [*lines(["", f"def {step}({number}: Any, states: Any) -> Any:"], loop), *indented(body), Line("")]
    call = f"{names} = jax.lax.fori_loop({speller.size(first)}, {speller.size(end)}, {step}, {states})"
    steps = loop.end - loop.first
    if is_never_empty(steps):
        return [*made, Line(call, loop)]
    # of an empty array JAX takes no entry, not even in a step that is never done
    return [*made, *lines([f"if {speller.size(steps)} > 0:", f"    {call}"], loop)]
