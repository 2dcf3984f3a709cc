"""Where a long formula may go on in the next line: before a term of a sum, and before a factor where a term is long.

Browsers do not break MathML, but they break between two formulas; a long one is therefore drawn as several.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symgrad.formula.boxes import Box, Cases, Fence, Fraction, Root, Row, Script, Sign, Table, is_tall

# Widths in letters. What is shorter fits a phone of 360 pixels, which has room for about 20 at the size of the page.
SHORT = 16.0
_ADDED, _MULTIPLIED = ("+", "−"), ("·", "⊙", "⊘", "⊗", "∘")

Piece = tuple[Box, ...]


@dataclass(frozen=True)
class Bracket(Box):
    """One of two brackets, which may stand in different lines: it does not grow, and is large where it should have."""

    text: str
    opens: bool
    large: bool


def terms(box: Box) -> list[list[Piece]]:
    """A drawn box as terms, each of pieces: what stays in one line.

    A browser should begin a line with a term where it has to, and with a piece where a whole term is too wide for one.
    """
    if width(box) <= SHORT:
        return [[_parts(box)]]
    return [_pieces(term) for term in _split(_parts(box), _ADDED)]


def width(box: Box) -> float:
    """About how wide a drawn box is, in letters."""
    match box:
        case Sign(kind=kind, text=text):
            return len(text) + (1.0 if kind == "operator" and text not in ("∂", ",") else 0.0)
        case Row(parts=parts):
            return sum(map(width, parts))
        case Script(base=base, sub=sub, sup=sup, limits=limits):
            scripts = 0.7 * max(width(sub) if sub else 0.0, width(sup) if sup else 0.0)
            return max(width(base), scripts) if limits else width(base) + scripts
        case Fraction(top=top, bottom=bottom):
            return max(width(top), width(bottom))
        case Root(body=body):
            return width(body) + 1
        case Fence(body=body):
            return width(body) + 1
        case Cases(rows=rows):
            return max(width(value) for value, _ in rows) + max(width(condition) for _, condition in rows) + 4
        case Table(rows=rows):
            return sum(max(width(entry) for entry in column) + 1 for column in zip(*rows, strict=True)) + 1
        case Bracket():
            return 1
    raise AssertionError(type(box).__name__)


def _parts(box: Box) -> Piece:
    """What stands side by side, rows in rows included."""
    return tuple(part for inner in box.parts for part in _parts(inner)) if isinstance(box, Row) else (box,)


def _split(parts: Piece, signs: Sequence[str]) -> Iterator[Piece]:
    """The parts up to each of the signs, which begins what follows."""
    start = 0
    for n, part in enumerate(parts):
        before = parts[n - 1] if n else None
        if n > start and _is_sign(part, signs) and not (isinstance(before, Sign) and before.kind == "operator"):
            yield parts[start:n]
            start = n
    yield parts[start:]


def lines(box: Box) -> list[Piece]:
    """A drawn box in lines that are not much wider than twice SHORT, where it can be broken so.

    Every term of a sum begins one; parts of a condition share lines.
    """
    if width(box) <= 2 * SHORT:
        return [_parts(box)]
    conjuncts = list(_split(_parts(box), ("∧",)))
    if len(conjuncts) > 1:
        return _packed(conjuncts, 1.5 * SHORT)
    return [line for term in terms(box) for line in _packed(term, 2 * SHORT)]


def _packed(pieces: Sequence[Piece], room: float) -> list[Piece]:
    made: list[Piece] = [()]
    for piece in pieces:
        if made[-1] and width(Row(made[-1])) + width(Row(piece)) > room:
            made.append(())
        made[-1] += piece
    return made


def _pieces(term: Piece) -> list[Piece]:
    if width(Row(term)) <= SHORT:
        return [term]
    made: list[list[Box]] = [[]]
    for n, part in enumerate(term):
        if n and _may_begin(term[n - 1], part) and made[-1]:
            made.append([])
        if not isinstance(part, Fence) or width(part) <= SHORT:
            made[-1].append(part)
            continue
        large = is_tall(part.body)
        first, *rest = (piece for inner in terms(part.body) for piece in inner)
        made[-1] += [Bracket(part.left, True, large), *first]
        made += [list(piece) for piece in rest]
        made[-1].append(Bracket(part.right, False, large))
    return [tuple(piece) for piece in made]


def _may_begin(before: Box, part: Box) -> bool:
    """Whether a line may end after one part of a product and begin with the next.

    Not between a function and its argument, a number or a sign and what it is in front of, an entry and its transpose.
    """
    if _is_sign(part, _MULTIPLIED):
        return True
    if isinstance(part, Sign) and part.kind == "operator" and part.text != "𝟏":
        return False
    if isinstance(before, Sign) and before.kind == "number":
        return False
    if isinstance(before, Fraction) and all(isinstance(part, Sign) for part in (before.top, before.bottom)):
        return False  # ½ stays with what it is half of
    base = before
    while isinstance(base, Script):
        if base.limits:
            return False
        base = base.base
    return not (isinstance(base, Sign) and (base.kind in ("operator", "name") or base.text == "σ"))


def _is_sign(box: Box, signs: Sequence[str]) -> bool:
    return isinstance(box, Sign) and box.kind == "operator" and box.text in signs
