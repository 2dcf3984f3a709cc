"""Formulas as text in one line, in Unicode for a terminal."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from symgrad.formula.boxes import (
    ENTRIES,
    TRANSPOSED,
    Box,
    Chain,
    Either,
    Entries,
    Factor,
    Fence,
    Fraction,
    Product,
    Reduced,
    Root,
    Row,
    Script,
    Sign,
    Table,
)
from symgrad.formula.idiom import NONE_KNOWN, KnownSums
from symgrad.formula.layout import layout
from symgrad.walk import is_larger

# A formula of more nodes, or nested deeper, is not printed: it would fill pages, and SymPy's printers are recursive.
LONGEST, DEEPEST = 2000, 40
TOO_LONG = "… (too long to show; name parts of it in `where`)"

# How tightly a text binds. Products of entries hold together what products of matrices do not, and the other way round;
# a name such as ∂C/∂z is a factor as it stands, but nothing that is squared, transposed or divided by.
_RELATION, _SUM, _PRODUCT, _ENTRIES, _CHAIN, _RATIO, _POWER, _ATOM = range(8)
_SPACED = {"+": _SUM, "−": _SUM, "=": _RELATION, "≠": _RELATION, "<": _RELATION, "≤": _RELATION, ">": _RELATION,
           "≥": _RELATION, "∧": _RELATION, "∨": _RELATION, "↦": _RELATION}  # fmt: skip
_SIGNS = {"⊙": "∘", "⊤": "ᵀ", ",": ", "}
_SMALL = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class _Text(NamedTuple):
    """A text, how tightly it binds, and whether it extends to the right, as a sum over an index does."""

    text: str
    level: int = _ATOM
    extends: bool = False

    def at(self, level: int, last: bool = True) -> str:
        """The text, in parentheses unless it binds at least this tightly; what extends may be the last only."""
        loose = self.level < level or (self.extends and not last)
        return f"({self.text})" if loose else self.text


def is_long(expr: Any) -> bool:
    """Whether a formula is too long to be printed."""
    return is_larger(expr, LONGEST, DEEPEST)


def text(expr: Any, known: KnownSums = NONE_KNOWN) -> str:
    """A SymPy object in one line of Unicode; sums among the `known` ones keep their sign."""
    if expr is None or is_long(expr):
        return TOO_LONG
    return line(layout(expr, known))


def line(box: Box) -> str:
    """A box in one line."""
    return _text(box).text


def _text(box: Box) -> _Text:
    match box:
        case Either(written=written):
            return _text(written)
        case Sign(kind=kind, text=sign):
            level = _RATIO if kind == "identifier" and "/∂" in sign else _ATOM
            return _Text(sign if kind == "tight" else _SIGNS.get(sign, sign), level)
        case Entries(box=matrix):
            inner = _text(matrix)
            return inner if inner.level == _ATOM else _Text(inner.text, _SUM)
        case Row(parts=parts):
            return _row(parts)
        case Script():
            return _script(box)
        case Fraction(top=top, bottom=bottom):
            return _Text(f"{_text(top).at(_PRODUCT, False)}/{_text(bottom).at(_POWER, False)}", _PRODUCT)
        case Root(body=body):
            inside = line(body)
            return _Text(f"√{inside}" if len(inside) == 1 else f"√({inside})")
        case Fence(body=body, left=left, right=right):
            return _Text(f"{left}{line(body)}{right}")
        case Table(rows=rows):
            return _Text(f"[{', '.join(f'[{_listed(entries)}]' for entries in rows)}]")
        case Product():
            return _product(box)
        case Chain():
            return _chain(box)
        case Reduced(sign=sign, limits=limits, body=body):
            return _reduced(sign, limits, _text(body))
    raise AssertionError(type(box).__name__)


def _listed(boxes: Sequence[Box]) -> str:
    return ", ".join(map(line, boxes))


def _row(parts: Sequence[Box]) -> _Text:
    """Texts side by side: signs between operands decide how tightly they bind."""
    signs = [part.text if isinstance(part, Sign) and part.kind == "operator" else "" for part in parts]
    spaced = [_SPACED[sign] for sign in signs if sign in _SPACED]
    entries = any(sign in ("⊙", "⊘", "⊗") for sign in signs)
    if signs[0] == "¬":
        return _Text(f"¬{_text(parts[1]).at(_ATOM)}", _POWER)
    if not spaced and not entries:
        return _Text("".join(map(line, parts)))
    made, level = "", min(spaced, default=_ENTRIES)
    for part, sign in zip(parts, signs, strict=True):
        operand = _text(part)
        if sign in _SPACED:
            made += f" {sign} " if made else sign
        elif sign:
            made += operand.text
        elif entries:
            loose = operand.extends or (" " in operand.text and operand.level < _ATOM)
            made += f"({operand.text})" if loose else operand.text
        else:
            made += operand.at(level + 1)
    return _Text(made, level)


def _script(script: Script) -> _Text:
    base, sub, sup = _text(script.base), script.sub, script.sup
    if script.limits:
        return _Text(f"{base.text}_{line(sub)}") if sub is not None else base
    if sup is None:
        assert sub is not None
        return _Text(f"{base.at(_RATIO, False)}[{line(sub)}]")
    if sup == TRANSPOSED:
        return _Text(f"{_tight(base)}ᵀ", _POWER)
    mark = ""
    if isinstance(sup, Row) and sup.parts[0] == ENTRIES:
        mark, sup = "∘", sup.parts[1]
    return _Text(f"{base.at(_ATOM, False)}{mark}{_raised(sup)}", _POWER)


def _raised(power: Box) -> str:
    """An exponent: in small digits where it is an integer or a transposition."""
    made = _text(power)
    if made.text.isdigit() or (made.text[0] == "−" and (made.text[1:].isdigit() or made.text[1:] == "ᵀ")):
        return made.text.translate(_SMALL)
    return f"^{made.at(_ATOM)}"


def _tight(inner: _Text) -> str:
    """A text in parentheses if it has spaces, is a ratio, or has an exponent that the sign would seem to belong to."""
    loose = inner.level < _ATOM and (" " in inner.text or "^" in inner.text or inner.level == _RATIO)
    return f"({inner.text})" if loose else inner.text


def _product(product: Product) -> _Text:
    last = len(product.above) - 1
    factors = [_text(factor.box) for factor in product.above]
    made = "·".join(factor.at(_PRODUCT, n == last) for n, factor in enumerate(factors)) or "1"
    extends = bool(factors) and factors[-1].extends
    if product.below:
        divisors = [_text(factor.box) for factor in product.below]
        one = divisors[0].at(_POWER, False)
        below = one if len(divisors) == 1 else f"({'·'.join(divisor.at(_PRODUCT, False) for divisor in divisors)})"
        made, extends = f"({made})/{below}" if extends else f"{made}/{below}", False
    if product.minus:
        return _Text(f"−{made}", _SUM, extends)
    return _Text(made, _PRODUCT, extends) if len(product.above) + len(product.below) > 1 else factors[0]


def _chain(chain: Chain) -> _Text:
    made = ""
    for n, factor in enumerate(chain.factors):
        one = _of_chain(factor, len(chain.factors) > 1)
        made += f" {one}" if n and not one.startswith("(") and not made.endswith(("ᵀ", ")")) else one
    if chain.front is not None:
        made = _text(chain.front).at(_PRODUCT, False) + ("·" if chain.dotted else "") + made
    return _Text(f"−{made}", _SUM) if chain.minus else _Text(made, _CHAIN)


def _of_chain(factor: Factor, several: bool) -> str:
    inner = _text(factor.box)
    return f"({inner.text})" if inner.level == _SUM or (several and inner.level == _ENTRIES) else inner.text


def _reduced(sign: str, limits: Sequence[Sequence[Box]], body: _Text) -> _Text:
    """The index alone where it runs over a whole axis, its bounds otherwise; then what is summed."""
    ranges = [line(limit[0]) if len(limit) == 1 else "{}={}…{}".format(*map(line, limit)) for limit in limits]
    indices = ",".join(ranges)
    if any(len(limit) > 1 for limit in limits):
        indices = f"{{{indices.replace(' ', '')}}}"
    return _Text(f"{sign}_{indices} {body.at(_PRODUCT)}", _ATOM, True)
