"""The boxes of a formula, whatever it is written as: signs, rows, scripts, fractions; and names as boxes."""

from collections.abc import Sequence
from dataclasses import dataclass


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
    text = str(value).removesuffix(".0")
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


PARTIAL = Sign("operator", "∂")


GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "lamda": "λ", "lam": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip


def name_box(name: str) -> Box:
    """A symbol's name: W1 and W_1 as W with an index, theta as θ, `∂C/∂z` as a fraction, longer words upright."""
    if name.startswith("∂") and "/∂" in name:
        top, _, bottom = name[1:].partition("/∂")
        return derivative_box(name_box(top), name_box(bottom))
    plain = name.rstrip("_")
    if plain and plain != name:
        return Script(name_box(plain), sup=operator("′" * (len(name) - len(plain))))
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
    return Script(base, sub=number(sub) if sub.isdigit() else name_box(sub) if "_" not in sub else word(sub))


def derivative_box(top: Box, bottom: Box) -> Box:
    """∂top/∂bottom."""
    return Fraction(Row((PARTIAL, top)), Row((PARTIAL, bottom)))


def commas(boxes: Sequence[Box]) -> list[Box]:
    """Boxes with commas between them."""
    return [part for n, box in enumerate(boxes) for part in ((operator(","), box) if n else (box,))]


def is_wordy(box: Box) -> bool:
    """Whether a factor is a name of several letters, which would run into its neighbours."""
    while isinstance(box, Script):
        box = box.base
    return isinstance(box, Sign) and box.kind == "word"
