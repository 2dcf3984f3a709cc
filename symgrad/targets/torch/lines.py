"""Spells statements as lines of PyTorch code: what recurrences set is written into tensors, in loops of Python."""

from collections.abc import Iterator, Sequence

from symgrad.codegen.lines import Line
from symgrad.codegen.speller import Speller
from symgrad.statements.arithmetic import negative
from symgrad.statements.expressions import Places, Read, Subscript
from symgrad.statements.statements import Define, Loop, Statement, Store, Unpack, every, root


def lines_of(statements: Sequence[Statement], speller: Speller) -> list[Line]:
    """The lines of statements, one after the other."""
    first = []
    if any(isinstance(one, Store) for one in every(statements)):
        # what is written to is made like all arguments together: of a batch under vmap where one of them is
        speller.calls.add("_like")
        speller.typed = "like"
        first = [Line(f"like = _like({', '.join(speller.arrays)})", statements[0])]
    return [*first, *(line for statement in statements for line in _lines(statement, speller))]


def _lines(statement: Statement, speller: Speller) -> Iterator[Line]:
    match statement:
        case Define(buffer=buffer, expression=expression):
            yield Line(f"{buffer.name} = {speller.text(expression)}", statement)
        case Unpack(buffers=buffers, expression=expression):
            left = ", ".join(buffer.name for buffer in buffers) + ("," if len(buffers) == 1 else "")
            yield Line(f"{left} = {speller.text(expression)}", statement)
        case Store():
            yield Line(_stored(statement, speller), statement)
        case Loop(clock=clock, first=start, end=end, descending=descending):
            steps = f"range({speller.size(start)}, {speller.size(end)})"
            yield Line(f"for {clock} in {f'reversed({steps})' if descending else steps}:", statement)
            for inner in statement.body:
                for line in _lines(inner, speller):
                    yield Line(f"    {line.text}", line.statement)
        case _:
            raise TypeError(type(statement))


def _stored(store: Store, speller: Speller) -> str:
    """Something written into a tensor, or added to it."""
    operator = {"": "=", "add": "+=", "subtract": "-="}[store.accumulate]
    if store.repeated and isinstance(store.target, Subscript):
        value = negative(store.expression) if store.accumulate == "subtract" else store.expression
        array = speller.text(store.target.array)
        speller.calls.add("_added")
        return f"{array} = _added({array}, {speller.text(Places(store.target.places))}, {speller.text(value)})"
    if isinstance(store.target, Read):  # the tensor may be one that a batch has made larger
        sign = operator[0]
        return f"{root(store.target).name} = {root(store.target).name} {sign} ({speller.text(store.expression)})"
    return f"{speller.text(store.target)} {operator} {speller.text(store.expression)}"
