"""Which arrays a loop reads and fills, entry by entry."""

import ast
import re
from collections.abc import Mapping, Sequence

from symgrad.codegen.array_text import Array, described, makes_array
from symgrad.codegen.values import words


def first_write(body: Sequence[str], array: str) -> int | None:
    """The first statement of a step that writes an entry of the array."""
    return next((n for n, line in enumerate(body) if _written(line, array)), None)


def may_replace(body: Sequence[str], array: str, old: str, known: Mapping[str, Array]) -> bool:
    """Whether the entries of `array` may be written over those of `old`.

    So it is if each step reads of `old` only the entry in whose place it writes, and not after that.
    """
    first = first_write(body, array)
    places = {place for line in body if (place := _written(line, array))}
    if first is None or len(places) > 1:
        return False
    entry = re.compile(rf"(?<![\w.]){old}\[{re.escape(places.pop())}\]")
    views = {old}
    for n, line in enumerate(body):
        if not words([line]).keys() & views:
            continue
        if n > first or words([line])[old] != len(entry.findall(line)):
            return False
        name, _, text = line.partition(" = ")
        if name.isidentifier() and "out=" not in text and not _is_new(text, known):
            views.add(name)
    return True


def _written(line: str, array: str) -> str | None:
    """The place in the array to which a statement writes."""
    found = re.match(rf"{array}\[([^\]]*)\] \S?= ", line) or re.search(rf"out={array}\[([^\]]*)\]\)$", line)
    return found[1] if found else None


def _is_new(text: str, known: Mapping[str, Array]) -> bool:
    node = ast.parse(text, mode="eval").body
    made = described(node, known)
    return makes_array(node) or (made is not None and made.new)
