"""Formulas as MathML (presentation), which browsers draw themselves; and as a piece of HTML."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from symgrad.formula.boxes import Box, Cases, Fence, Fraction, Root, Row, Script, Sign, Table, drawn, is_tall
from symgrad.formula.breaking import SHORT, Bracket, Piece, lines, terms, width
from symgrad.formula.sheet import Formula

_TAGS = {"identifier": "mi", "name": "mi", "word": "mi", "number": "mn", "operator": "mo"}
_LEFT_CELL = '<mtd style="text-align:left">'
_APPLICATION, _TIMES = "<mo>&#x2061;</mo>", "<mo>&#x2062;</mo>"
TOO_LONG = '<span class="long">too long to show; name parts of it in <code>where</code></span>'


def mathml(box: Box, display: bool = False) -> str:
    """A box as a `math` element."""
    return f'<math display="{"block" if display else "inline"}">{_row(drawn(box))}</math>'


def equation(formula: Formula) -> str:
    """`left = right` as one `math` element."""
    left = _row(drawn(formula.left))
    right = "<mtext>…</mtext>" if formula.right is None else _row(drawn(formula.right))
    return _inline(f"<mrow>{left}<mo>=</mo>{right}</mrow>")


def in_lines(left: Box | None, right: Box | None, sign: str = "=") -> str:
    """`left = right`, or `= right`, as HTML that goes on in the next line where it does not fit into one.

    An element of class `formula`, whose terms are of class `term`, each of several `math` elements. No `right` is one
    that is too long to show.
    """
    start = _row(drawn(left)) if left is not None else ""
    relation = f'<mo form="infix">{sign}</mo>' if sign else ""
    body = drawn(right) if right is not None else Sign("operator", "…")
    if width(body) + (width(drawn(left)) if left is not None else 0.0) <= SHORT:
        return f'<span class="formula">{_inline(f"<mrow>{start}{relation}{_row(body)}</mrow>")}</span>'
    head = f"{_inline(f'<mrow>{start}{relation}</mrow>')}<wbr>" if start or relation else ""
    first, *rest = terms(body)
    spans = [_term(first, begins=True), *(_term(term, begins=False) for term in rest)]
    return f'<span class="formula">{head}{"<wbr>".join(spans)}</span>'


def _term(pieces: Sequence[Piece], *, begins: bool) -> str:
    """The pieces of a term, which may be where the formula begins."""
    drawn_pieces = [_piece(piece, begins=begins and not n) for n, piece in enumerate(pieces)]
    return f'<span class="term">{"<wbr>".join(drawn_pieces)}</span>'


def _piece(piece: Piece, *, begins: bool) -> str:
    """A `math` element; the sign that it begins with is between two terms unless the formula begins there."""
    inside = _side_by_side(piece)
    return _inline(f"<mrow>{inside if begins else _between(inside)}</mrow>")


def _between(inside: str) -> str:
    return inside.replace("<mo>", '<mo form="infix">', 1) if inside.startswith("<mo>") else inside


def _inline(inside: str) -> str:
    return f'<math displaystyle="true">{inside}</math>'


def _row(box: Box) -> str:
    """The box as exactly one element."""
    inside = _elements(box)
    return inside if not isinstance(box, Row) else f"<mrow>{inside}</mrow>"


def _elements(box: Box) -> str:
    match box:
        case Sign(kind=kind, text=text):
            return _sign(kind, text)
        case Row(parts=parts):
            return _side_by_side(parts)
        case Script():
            return _script(box)
        case Fraction(top=top, bottom=bottom):
            return f"<mfrac>{_row(top)}{_row(bottom)}</mfrac>"
        case Root(body=body):
            return f"<msqrt>{_row(body)}</msqrt>"
        case Fence(body=body, left=left, right=right):
            stretchy = "true" if is_tall(body) else "false"
            options = f'fence="true" stretchy="{stretchy}" lspace="0" rspace="0"'
            return (
                f'<mrow><mo {options} form="prefix">{left}</mo>{_row(body)}'
                f'<mo {options} form="postfix">{right}</mo></mrow>'
            )
        case Bracket(text=text, opens=opens, large=large):
            size = 'stretchy="true" minsize="2.2em" maxsize="2.2em"' if large else 'stretchy="false"'
            return f'<mo form="{"prefix" if opens else "postfix"}" {size} lspace="0" rspace="0">{text}</mo>'
        case Cases(rows=rows):
            cells = [(_stacked(lines(value)), _condition(condition)) for value, condition in rows]
            return f'<mrow><mo fence="true" form="prefix">{{</mo>{_left_aligned(cells, "cases")}</mrow>'
        case Table(rows=entries):
            inside = "".join(f"<mtr>{''.join(f'<mtd>{_row(entry)}</mtd>' for entry in line)}</mtr>" for line in entries)
            fence = '<mo fence="true" form="{}">{}</mo>'.format
            return f"<mrow>{fence('prefix', '[')}<mtable>{inside}</mtable>{fence('postfix', ']')}</mrow>"
    raise AssertionError(type(box).__name__)


def _condition(box: Box) -> str:
    if isinstance(box, Sign) and box.text == "otherwise":
        return "<mtext>otherwise</mtext>"
    return f"<mrow><mtext>if&#xa0;</mtext>{_stacked(lines(box))}</mrow>"


def _stacked(rows: Sequence[Piece]) -> str:
    """The lines of a part that is too wide for one, below each other; they go on with the sign between them."""
    inside = [f"<mrow>{_side_by_side(row)}</mrow>" if len(row) > 1 else _row(row[0]) for row in rows]
    if len(inside) == 1:
        return inside[0]
    return _left_aligned([(row.replace("<mrow><mo>", '<mrow><mo form="infix">', 1),) for row in inside])


def _left_aligned(rows: Sequence[Sequence[str]], kind: str = "") -> str:
    lines = "".join(f"<mtr>{''.join(f'{_LEFT_CELL}{cell}</mtd>' for cell in row)}</mtr>" for row in rows)
    named = f' class="{kind}"' if kind else ""
    return f'<mtable columnalign="left"{named}>{lines}</mtable>'


def _side_by_side(parts: Sequence[Box]) -> str:
    text = ""
    before: Box | None = None
    for part in parts:
        if before is not None and not _is_operator(before) and not _is_operator(part) and not _touches(before, part):
            text += _APPLICATION if _is_function(before) else _TIMES
        text += _row(part)
        before = part
    return text


def _is_operator(box: Box) -> bool:
    return (isinstance(box, Sign) and box.kind == "operator" and box.text != "𝟏") or (
        isinstance(box, Script) and box.limits
    )


def _touches(before: Box, part: Box) -> bool:
    """Whether a part stands next to the bracket around it."""
    return (isinstance(before, Bracket) and before.opens) or (isinstance(part, Bracket) and not part.opens)


def _is_function(box: Box) -> bool:
    base = box.base if isinstance(box, Script) else box
    return isinstance(base, Sign) and (base.kind == "name" or base.text == "σ")


def _sign(kind: str, text: str) -> str:
    if text == "𝟏":
        return '<mn mathvariant="normal" class="ones">𝟏</mn>'
    tag = _TAGS[kind]
    if kind == "name":
        return f'<mi mathvariant="normal">{escape(text)}</mi>'
    if kind == "operator" and text in ("∂", "⊤"):
        return f"<mi>{text}</mi>" if text == "∂" else "<mo>⊤</mo>"
    return f"<{tag}>{escape(text)}</{tag}>"


def _script(box: Script) -> str:
    tags = ("munder", "mover", "munderover") if box.limits else ("msub", "msup", "msubsup")
    base = _row(box.base)
    if box.sub is not None and box.sup is not None:
        return f"<{tags[2]}>{base}{_row(box.sub)}{_row(box.sup)}</{tags[2]}>"
    if box.sub is not None:
        return f"<{tags[0]}>{base}{_row(box.sub)}</{tags[0]}>"
    assert box.sup is not None
    return f"<{tags[1]}>{base}{_row(box.sup)}</{tags[1]}>"


def fragment(formulas: Sequence[Formula]) -> str:
    """The formulas under their titles, as HTML without styles of its own."""
    parts = ['<div class="symgrad-formulas">']
    for title, group in groupby(formulas, key=lambda formula: formula.title):
        parts.append(f'<h3>{escape(title[0].upper() + title[1:])}</h3>\n<ul style="list-style: none">')
        for formula in group:
            shown = equation(formula) + ("" if formula.right is not None else f" {TOO_LONG}")
            parts.append(f"<li>{shown}</li>")
        parts.append("</ul>")
    parts.append("</div>")
    return "\n".join(parts)
