"""The boxes of a formula, whatever it is written as: signs, rows, scripts, fractions, products; and names as boxes.

LaTeX and MathML draw in two dimensions: `drawn` gives them signs, rows, scripts, fractions, roots, fences, cases and
tables only. Text is one line: it takes products as they are, and the other side of what is `Either`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace


class Box:
    """A part of a formula."""


@dataclass(frozen=True)
class Sign(Box):
    """A character or word: an identifier in italics, a longer name, a function's name, a number, or an operator."""

    kind: str  # "identifier", "word", "name", "number" or "operator"
    text: str


@dataclass(frozen=True)
class Row(Box):
    """Boxes side by side."""

    parts: tuple[Box, ...]


@dataclass(frozen=True)
class Script(Box):
    """A box with a subscript, a superscript or both; `limits` puts the subscript below, as under a sum."""

    base: Box
    sub: Box | None = None
    sup: Box | None = None
    limits: bool = False


@dataclass(frozen=True)
class Fraction(Box):
    """One box over another."""

    top: Box
    bottom: Box


@dataclass(frozen=True)
class Root(Box):
    """A square root."""

    body: Box


@dataclass(frozen=True)
class Fence(Box):
    """A box between two brackets that grow with it."""

    body: Box
    left: str = "("
    right: str = ")"


@dataclass(frozen=True)
class Cases(Box):
    """A value for each condition, one below the other."""

    rows: tuple[tuple[Box, Box], ...]


@dataclass(frozen=True)
class Table(Box):
    """The entries of a matrix."""

    rows: tuple[tuple[Box, ...], ...]


@dataclass(frozen=True)
class Factor(Box):
    """A part of a product.

    Attributes
    ----------
    box : the part.
    loose : whether it is in parentheses among others.
    extends : whether it extends to the right, as a sum over an index does.
    """

    box: Box
    loose: bool = False
    extends: bool = False


@dataclass(frozen=True)
class Product(Box):
    """A product of numbers: what is above a fraction bar, and what is below."""

    minus: bool
    above: tuple[Factor, ...]
    below: tuple[Factor, ...] = ()


@dataclass(frozen=True)
class Chain(Box):
    """A product of matrices, with a number in front if there is one; `dotted` where a point follows it in one line."""

    minus: bool
    front: Box | None
    dotted: bool
    factors: tuple[Factor, ...]


@dataclass(frozen=True)
class Reduced(Box):
    """A sum, a maximum or the like in one line: its sign, the index or its range for each limit, and of what it is."""

    sign: str
    limits: tuple[tuple[Box, ...], ...]
    body: Box


@dataclass(frozen=True)
class Entries(Box):
    """A matrix in the place of the variable of a function that is applied entry by entry."""

    box: Box


@dataclass(frozen=True)
class Either(Box):
    """What is drawn in one way, and written in one line in another."""

    picture: Box
    written: Box


def drawn(box: Box) -> Box:
    """A box as it is drawn in two dimensions."""
    match box:
        case Either(picture=one) | Entries(box=one):
            return drawn(one)
        case Row(parts=parts):
            return row(*map(drawn, parts))
        case Script(base=base, sub=sub, sup=sup, limits=limits):
            inner, below, above = drawn(base), sub and drawn(sub), sup and drawn(sup)
            if isinstance(inner, Script) and inner.sup is None and not inner.limits:
                if below is None and above is not None:
                    return raised(inner, above)
                inner = Row((inner,))  # the index of W₁ stands behind the 1, not in its place
            return Script(inner, below, above, limits)
        case Fraction(top=top, bottom=bottom):
            return Fraction(drawn(top), drawn(bottom))
        case Root(body=body):
            return Root(drawn(body))
        case Fence(body=body, left=left, right=right):
            return Fence(drawn(body), left, right)
        case Cases(rows=rows):
            return Cases(tuple((drawn(value), drawn(condition)) for value, condition in rows))
        case Table(rows=lines):
            return Table(tuple(tuple(map(drawn, line)) for line in lines))
        case Product():
            return _fraction(box)
        case Chain(minus=minus, front=front, factors=factors):
            sign = [operator("−")] if minus else []
            return row(*sign, *([] if front is None else [drawn(front)]), *map(_fenced, factors))
    return box


def _fenced(factor: Factor) -> Box:
    return Fence(drawn(factor.box)) if factor.loose else drawn(factor.box)


def _fraction(product: Product) -> Box:
    """A product with its fraction, behind which sums stand."""
    outside = [factor for factor in product.above if factor.extends] if product.below else []
    inside = [factor for factor in product.above if factor not in outside]
    sign = [operator("−")] if product.minus else []
    top = _side_by_side(inside)
    if not product.below:
        return row(*sign, top)
    if len(product.below) == 1 and _is_number(product.below[0]) and not _is_number(product.above[0]):  # ½x
        share = Factor(Fraction(number("1"), product.below[0].box))
        return row(*sign, _side_by_side([share, *product.above]))
    return row(*sign, Fraction(top, _side_by_side(product.below)), *_sequence(outside))


def _is_number(factor: Factor) -> bool:
    return isinstance(factor.box, Sign) and factor.box.kind == "number"


def _sequence(factors: Sequence[Factor]) -> list[Box]:
    """Factors; what extends to the right is in parentheses unless it is the last."""
    last = len(factors) - 1
    return [_fenced(replace(f, loose=n < last) if f.extends else f) for n, f in enumerate(factors)]


def _side_by_side(factors: Sequence[Factor]) -> Box:
    if len(factors) == 1:
        return drawn(factors[0].box)
    boxes = _sequence(factors)
    if any(is_wordy(box) for box in boxes):
        return row(*[part for n, box in enumerate(boxes) for part in ((operator("·"), box) if n else (box,))])
    return row(*boxes) if boxes else number("1")


def is_tall(box: Box) -> bool:
    """Whether ordinary parentheses are too short for a box."""
    match box:
        case Row(parts=parts):
            return any(is_tall(part) for part in parts)
        case Script(base=base, limits=limits):
            return limits or is_tall(base)
        case Fence(body=body):
            return is_tall(body)
    return isinstance(box, Fraction | Root | Cases | Table)


def identifier(text: str) -> Sign:
    return Sign("identifier", text)


def upright(text: str) -> Sign:
    return Sign("name", text)


def word(text: str) -> Sign:
    return Sign("word", text)


def operator(text: str) -> Sign:
    return Sign("operator", text)


def number(text: str) -> Sign:
    return Sign("number", text)


def decimal(value: float) -> Box:
    """A floating number, in powers of ten where Python writes it so."""
    text = f"{value:.15g}"
    mantissa, _, exponent = text.partition("e")
    made: Box = number(mantissa.lstrip("-"))
    if exponent:
        made = Row((made, operator("·"), Script(number("10"), sup=number(str(int(exponent)).replace("-", "−")))))
    return Row((operator("−"), made)) if text.startswith("-") else made


def raised(base: Box, power: Box) -> Box:
    """A box with a superscript; it stands above a subscript that is there already."""
    if isinstance(base, Script) and base.sup is None and not base.limits:
        return Script(base.base, sub=base.sub, sup=power)
    return Script(base, sup=power)


def row(*parts: Box) -> Box:
    return parts[0] if len(parts) == 1 else Row(parts)


ONES = Sign("operator", "𝟏")


TRANSPOSED = Sign("operator", "⊤")


ENTRIES = Sign("operator", "⊙")


PARTIAL = Sign("operator", "∂")


GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "lamda": "λ", "lam": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip


def name_box(name: str) -> Box:
    """A symbol's name, as it is in one line."""
    return Either(_name_picture(name), identifier(written_name(name)))


def written_name(name: str) -> str:
    """A symbol's name in a line of text, also that of a derivative by it: λ for lambda, which is Python's own word."""
    return "∂".join({"lambda": "λ", "lambda/": "λ/"}.get(part, part) for part in name.split("∂"))


def _name_picture(name: str) -> Box:
    """A symbol's name: W1 and W_1 as W with an index, theta as θ, `∂C/∂z` as a fraction, longer words upright."""
    if name.startswith("∂") and "/∂" in name:
        top, _, bottom = name[1:].partition("/∂")
        return derivative_box(_name_picture(top), _name_picture(bottom))
    plain = name.rstrip("_")
    if plain and plain != name:
        return Script(_name_picture(plain), sup=operator("′" * (len(name) - len(plain))))
    stem, _, sub = name.partition("_")
    if not sub:
        stem = name.rstrip("0123456789")
        sub = name[len(stem) :]
    if not stem:
        return word(name)
    plain = GREEK.get(stem, stem)
    base = identifier(plain) if len(plain) == 1 else word(plain)
    if not sub:
        return base
    return Script(base, sub=number(sub) if sub.isdigit() else _name_picture(sub) if "_" not in sub else word(sub))


def derivative_box(top: Box, bottom: Box) -> Box:
    """∂top/∂bottom."""
    return Fraction(Row((PARTIAL, top)), Row((PARTIAL, bottom)))


TIGHT = Sign("tight", ",")  # a comma without a space behind it


def separated(boxes: Sequence[Box], sign: Box = Sign("operator", ",")) -> list[Box]:
    """Boxes with a sign between them."""
    return [part for n, box in enumerate(boxes) for part in ((sign, box) if n else (box,))]


def is_wordy(box: Box) -> bool:
    """Whether a factor is a name of several letters, which would run into its neighbours."""
    while isinstance(box, Script):
        box = box.base
    return isinstance(box, Sign) and box.kind == "word"


def range_box(limit: Sequence[Box]) -> Box:
    """The index alone where it runs over a whole axis; 0 ≤ j ≤ i otherwise."""
    index, *ends = limit
    return Row((ends[0], operator("≤"), index, operator("≤"), ends[1])) if ends else index


def under(sign: Box, limit: Sequence[Box]) -> Box:
    """A sign with its index where that runs over a whole axis, with its bounds otherwise."""
    index, *ends = limit
    if not ends:
        return Script(sign, sub=index, limits=True)
    return Script(sign, sub=Row((index, operator("="), ends[0])), sup=ends[1], limits=True)
