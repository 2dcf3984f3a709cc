"""Lines of generated functions, each with the statement that it is of: what is printed is not read again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symgrad.statements.statements import Body, Statement

WIDTH = 112  # of lines, which may be indented
LONGEST = 120  # of lines as they are
MAX_LINE = 100  # a longer tuple is written one part a line


@dataclass(frozen=True)
class Line:
    """A line of code.

    Attributes
    ----------
    text : as it is printed.
    statement : what it is of, or, where it `returns` something, the block of rows that does; None for the function.
    returns : whether it is of what is returned.
    """

    text: str
    statement: Statement | None = None
    returns: bool = False


@dataclass(frozen=True)
class Listing:
    """A function as it is printed, with those of blocks of rows that it calls: its statements, and its lines."""

    body: Body
    lines: tuple[Line, ...]


def lines(texts: Iterable[str], statement: Statement | None = None, returns: bool = False) -> list[Line]:
    """Lines that are of the same statement."""
    return [Line(text, statement, returns) for text in texts]


def indented(inner: Iterable[Line]) -> list[Line]:
    """The lines of a block."""
    return [Line(f"    {line.text}", line.statement, line.returns) if line.text else line for line in inner]


def listing(name: str, takes: Sequence[str], body: Body, inner: Iterable[Line], result: str) -> Listing:
    """A function of its lines and the text of what it returns, without what it does with its arguments."""
    head, end = Line(f"def {name}({', '.join(takes)}):"), Line(f"return {result}", None, True)
    return Listing(body, (head, *indented([*inner, end])))


def filled(start: str, parts: Sequence[str], end: str) -> list[str]:
    """A call or a definition on one line, or with its arguments on as few lines as they need."""
    together = f"{start}{', '.join(parts)}{end}"
    if len(together) <= LONGEST:
        return [together]
    rows: list[list[str]] = [[]]
    for part in parts:
        if rows[-1] and len(f"    {', '.join([*rows[-1], part])},") > LONGEST:
            rows.append([])
        rows[-1].append(part)
    return [start, *(f"    {', '.join(row)}{',' if len(rows) > 1 else ''}" for row in rows), end]


def wrapped(start: str, parts: Sequence[str], end: str) -> list[str]:
    """A call or a definition, with its arguments on a line of their own where they are long, or each on one."""
    together = ", ".join(parts)
    if len(start + together + end) <= WIDTH:
        return [start + together + end]
    return [
        start,
        *(f"    {part}" for part in ([together] if len(together) <= WIDTH else (f"{p}," for p in parts))),
        end,
    ]
