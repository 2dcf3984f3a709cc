"""Spells statements as lines of JAX code: an array is written to as a new one, a loop carries what it writes to."""

from collections.abc import Callable, Iterable

from sympy import S, Symbol

from symgrad.codegen.speller import Speller
from symgrad.graph.dimensions import is_never_empty
from symgrad.statements.arithmetic import negative
from symgrad.statements.expressions import Buffer, Read, Subscript, Total
from symgrad.statements.statements import Define, Loop, Statement, Store, Unpack, every, root

Fresh = Callable[[str], str]


def lines_of(statements: Iterable[Statement], speller: Speller, fresh: Fresh) -> list[str]:
    """The lines of statements, one after the other; `fresh` makes names that nothing else has."""
    return [line for statement in statements for line in _lines(statement, speller, fresh)]


def _lines(statement: Statement, speller: Speller, fresh: Fresh) -> list[str]:
    match statement:
        case Define(buffer=buffer, expression=expression):
            return [f"{buffer.name} = {speller.text(expression)}"]
        case Unpack(buffers=buffers, expression=expression):
            return [f"{_names(buffers)}{',' if len(buffers) == 1 else ''} = {speller.text(expression)}"]
        case Store():
            return [f"{root(statement.target).name} = {_changed(statement, speller)}"]
        case Loop():
            return _loop(statement, speller, fresh)
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


def _loop(loop: Loop, speller: Speller, fresh: Fresh) -> list[str]:
    carried = list(dict.fromkeys(buffer for statement in every(loop.body) for buffer in statement.writes))
    names = _names(carried)
    states = f"({names})" if len(carried) > 1 else names
    step, first, end = fresh("step"), loop.first, loop.end
    number = fresh("step_number") if loop.descending else loop.clock
    lines = ["", f"def {step}({number}: Any, states: Any) -> Any:", f"    {names} = states"]
    if loop.descending:
        lines.append(f"    {loop.clock} = {speller.size(end - 1 - Symbol(number, integer=True))}")
        first, end = S.Zero, end - first
    lines += [f"    {line}" for line in lines_of(loop.body, speller, fresh)]
    lines += [f"    return {names}", ""]
    call = f"{names} = jax.lax.fori_loop({speller.size(first)}, {speller.size(end)}, {step}, {states})"
    steps = loop.end - loop.first
    if is_never_empty(steps):
        return [*lines, call]
    # of an empty array JAX takes no entry, not even in a step that is never done
    return [*lines, f"if {speller.size(steps)} > 0:", f"    {call}"]
