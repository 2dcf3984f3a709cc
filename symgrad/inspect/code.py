"""The lines of generated code beside the formulas that they compute."""

import io
import keyword
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from symgrad.codegen.lines import Listing
from symgrad.statements.expressions import Buffer, Expression, Group, Read, buffers_of
from symgrad.statements.statements import Once, Rows, Statement, every

Keys = frozenset[str]
NONE: Keys = frozenset()


@dataclass(frozen=True)
class Line:
    """A line of code as HTML, the keys of the formulas that it serves, and by how many letters it is indented."""

    html: str
    keys: tuple[str, ...]
    indent: int = 0


def linked_lines(listing: Listing, keys: Mapping[str, str], results: Sequence[str]) -> list[Line]:
    """The lines of one function, each with the formulas it is for.

    Parameters
    ----------
    listing : the function.
    keys : the key of the formula that a variable holds, by variable.
    results : the keys of what is returned: of the value, then of each part of the gradient.

    A statement without a formula of its own serves those of the statements that use its result. A block of rows is
    followed as if its statements stood where its function is called.
    """
    links = _Links(keys)
    parts = [
        part for result in listing.body.results for part in (result.parts if isinstance(result, Group) else [result])
    ]
    returned = links.returned(parts, [frozenset({key}) for key in results])
    links.follow(listing.body.statements)
    texts = coloured("\n".join(line.text for line in listing.lines))
    made = []
    for line, html in zip(listing.lines, texts, strict=True):
        if line.statement is None:
            found = returned if line.returns else NONE
        else:
            # what a part of the function lets go of at its end is no statement of the whole, and for no formula
            found = (links.returns if line.returns else links.owners).get(id(line.statement), NONE)
        made.append(Line(html, tuple(sorted(found)), len(line.text) - len(line.text.lstrip())))
    return made


class _Links:
    """Follows what every statement is for, from the last to the first.

    Attributes
    ----------
    owners : by the statement's identity the keys that it serves.
    returns : the same for what a block of rows returns.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        self.owners: dict[int, Keys] = {}
        self.returns: dict[int, Keys] = {}
        self._keys = keys
        self._serves: dict[Buffer, Keys] = {}  # what a variable is used for further down

    def follow(self, statements: Sequence[Statement]) -> None:
        """The statements of a function."""
        for statement in reversed(statements):
            made = {buffer for one in every([statement]) for buffer in (*one.defines, *one.writes)}
            found = NONE.union(*map(self._purpose, made))
            self.owners[id(statement)] = found
            if isinstance(statement, Rows | Once):
                self.returns[id(statement)] = self.returned(
                    statement.returned, list(map(self._purpose, statement.results))
                )
                self.follow(statement.body)
                continue
            self.owners |= {id(one): found for one in every(statement.inside)}
            self._use(statement.reads - made, found)

    def returned(self, parts: Sequence[Expression], results: Sequence[Keys]) -> Keys:
        """What is computed where it is returned is for that result; a variable that is returned, too."""
        for part, keys in zip(parts, results, strict=False):
            self._use(buffers_of(part), keys)
        computed = [keys for part, keys in zip(parts, results, strict=False) if not isinstance(part, Read)]
        return NONE.union(*computed)

    def _purpose(self, buffer: Buffer) -> Keys:
        return frozenset({self._keys[buffer.name]}) if buffer.name in self._keys else self._serves.get(buffer, NONE)

    def _use(self, buffers: Iterable[Buffer], keys: Keys) -> None:
        for buffer in buffers:
            self._serves[buffer] = self._serves.get(buffer, NONE) | keys


def coloured(source: str) -> list[str]:
    """The lines of Python code as HTML, with keywords, numbers, strings and comments marked."""
    lines = source.splitlines()
    marks: list[list[tuple[int, int, str]]] = [[] for _ in lines]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"}.get(token.type)
        if token.type == tokenize.NAME and keyword.iskeyword(token.string):
            kind = "keyword"
        if kind is None:
            continue
        for number in range(token.start[0], token.end[0] + 1):
            start = token.start[1] if number == token.start[0] else 0
            stop = token.end[1] if number == token.end[0] else len(lines[number - 1])
            marks[number - 1].append((start, stop, kind))
    made = []
    for line, spans in zip(lines, marks, strict=True):
        text, place = "", 0
        for start, stop, kind in spans:
            text += escape(line[place:start]) + f'<span class="{kind}">{escape(line[start:stop])}</span>'
            place = stop
        made.append(text + escape(line[place:]))
    return made
