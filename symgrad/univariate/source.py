"""The NumPy text of a function of one argument."""

from collections.abc import Sequence
from fractions import Fraction
from textwrap import wrap
from typing import Any

from sympy import Add, Expr, Poly, S, Symbol, cos, count_ops, exp, fraction, horner, log, sin
from sympy.printing.numpy import NumPyPrinter

from symgrad.univariate.far import OF_EXP, Far, Logarithm, Ratio
from symgrad.univariate.pieces import Pieces
from symgrad.univariate.roots import OfRoot, Y
from symgrad.univariate.series import Expansion, X

_WIDTH = 112
_W, _Y = Symbol("w"), Symbol("y")

# Beyond this bound of s every power of q, at least exp(−s/10), is 0, and so is its product with a power of s.
_BOUND = "1e4"


def source(pieces: Pieces, name: str) -> str:
    """The function, called by this name."""
    formula = str(pieces.expression.xreplace({X: Symbol("x")}))
    lines = [f"def {name}(x: Any) -> Any:", f'    """{formula}, with all its digits."""']
    if pieces.root is not None:
        return "\n".join([*lines, *(f"    {line}" for line in _of_root(pieces.root)), ""])
    above, below = (_side(pieces, form, side) for form, side in ((pieces.above, 1), (pieces.below, -1)))
    parts = {"near": [] if pieces.near is None else _near(pieces.near), "above": above, "below": below}
    if above == below:
        parts["below"] = []
    for part, body in parts.items():
        if body:
            argument = "x" if part == "near" else "s"
            lines += ["", f"    def {part}({argument}: Any) -> Any:", *(f"        {line}" for line in body)]
    near, below_name = ("near" if parts["near"] else "above"), ("below" if parts["below"] else "above")
    return "\n".join([*lines, "", f"    return _in_pieces(x, {pieces.radius!r}, {near}, above, {below_name})", ""])


def _side(pieces: Pieces, form: Far | None, side: int) -> list[str]:
    return _plain(pieces.expression, side) if form is None else _far(form)


# --- as the expression says -------------------------------------------------------------------------------------------


def _plain(expr: Expr, side: int) -> list[str]:
    form = _far_out(expr)
    text = NumPyPrinter({"fully_qualified_modules": True}).doprint(form).replace("numpy.", "np.")
    inverse = ["w = 1 / x"] if form.has(_W) else []
    return [f"x = {'s' if side == 1 else '-s'}", *inverse, f"return {text}"]


def _far_out(expr: Expr) -> Expr:
    """An expression of x and w = 1/x whose powers do not overflow, with half angles where that saves a difference."""
    half = expr.replace(cos, lambda u: 1 - 2 * sin(u / 2) ** 2).expand()
    short = min(expr.expand(), half, key=lambda form: (len(Add.make_args(form)), count_ops(form)))
    inverted = short.replace(lambda part: part.is_Pow and part.base == X and part.exp.is_negative, lambda p: _W**-p.exp)
    return inverted.rewrite(OF_EXP, exp).xreplace({X: Symbol("x")})


def _of_root(found: OfRoot) -> list[str]:
    lines = []
    if found.power == 1:
        root = f"1 {'+' if found.sign == 1 else '-'} x"
    elif found.sign == 1:  # (m·(y/m))², where the square of x is no number either
        lines = ["m = np.abs(x) + 1"]
        root = "(1 / m) ** 2 + (x / m) ** 2"
    else:
        root = "(1 - x) * (1 + x)"
    root = f"np.sqrt({root})" if found.degree == 2 else f"({root}) ** {1 / found.degree!r}"
    if lines:
        root = f"{'m' if found.degree == 2 else f'm ** {2 / found.degree!r}'} * {root}"
    share = f"x / ({horner(sum((_Y**k for k in range(found.degree)), S.Zero))})"
    number, rest = found.rest.xreplace({Y: _Y}).as_coeff_Mul()
    over, under = ([str(part)] if part != 1 else [] for part in fraction(rest))
    if found.order:
        power = share if abs(found.order) == 1 else f"({share}) ** {abs(found.order)}"
        (over if found.order > 0 else under).insert(0, power)
    if x := found.odd + (found.power - 1) * found.order:
        (over if x > 0 else under).append("x" if abs(x) == 1 else f"x ** {abs(x)}")
    text = _times(number * found.sign**found.order, over[0] if len(over) == 1 else _product(over))
    return [*lines, f"y = {root}", f"return {text}" + (f" / ({_product(under)})" if under else "")]


def _product(factors: Sequence[str]) -> str:
    """A product of texts, 1 of none."""
    return factors[0] if len(factors) == 1 else " * ".join(f"({factor})" for factor in factors) or "1"


# --- near 0 -----------------------------------------------------------------------------------------------------------


def _near(found: Expansion) -> list[str]:
    coefficients = found.series.coefficients
    step = 2 if not any(coefficients[1::2]) else 1
    kept = list(coefficients[::step])
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    text = f"_series({'x' if step == 1 else 'x**2'}, terms)" if len(kept) > 1 else _number(kept[0])
    low = found.series.low
    if low:
        power = "x" if abs(low) == 1 else f"x**{abs(low)}"
        text = f"{power} * {text}" if low > 0 else f"{text} / {power}"
    if found.logs:
        text += f" + {_times(found.logs, _LOGARITHMS[found.sign])}"
    if found.constant != 0:
        text += f" + {float(found.constant)!r}"
    table = _table("terms", list(map(_number, kept))) if len(kept) > 1 else []
    return [*table, f"return {text}"]


_LOGARITHMS = {1: "np.log(x)", -1: "np.log(-x)", 0: "np.log(np.abs(x))"}


def _table(name: str, numbers: Sequence[str]) -> list[str]:
    """A list with a name, in lines of at most so many characters."""
    together = ", ".join(numbers)
    if len(f"{name} = [{together}]") <= _WIDTH:
        return [f"{name} = [{together}]"]
    return [f"{name} = [", *(f"    {line}" for line in wrap(f"{together},", _WIDTH - 4)), "]"]


# --- beyond it --------------------------------------------------------------------------------------------------------


def _far(form: Far) -> list[str]:
    lines = [f"q = np.exp(-{'s' if form.rate == 1 else f'{_number(form.rate)} * s'})"]
    constant, terms = form.constant, []
    names: set[str] = set()
    if form.rest is not None:
        terms.append(_ratio(form.rest, form.rate))
        names |= _names(form.rest)
    for logarithm in form.logarithms:
        more, texts = _logarithm(logarithm, form.rate)
        parts = ([logarithm.lead] if logarithm.lead.factors else []) + ([logarithm.small] if logarithm.small else [])
        names = names.union(*map(_names, parts))
        constant += more
        terms += texts
    if constant != 0:
        terms.append(repr(float(constant)))
    text = (" + ".join(terms) or "0 * s").replace("+ -", "- ")
    lines += ["w = 1 / s"] if "w" in names else []
    lines += [f"t = np.minimum(s, {_BOUND})  # beyond it, q is 0"] if "t" in names else []
    return [*lines, f"return {text}"]


def _logarithm(found: Logarithm, rate: Expr) -> tuple[Expr, list[str]]:
    """What is constant of it, and the text of the rest."""
    constant, terms, lead = S.Zero, [], found.lead
    if lead.factors:
        terms.append(_times(found.weight, f"np.log({_ratio(lead, rate)})"))
    else:
        constant = found.weight * log(lead.number)
        terms += [_times(found.weight * lead.power, "np.log(s)")] if lead.power else []
    if found.small is not None:
        terms.append(_times(found.weight, f"np.log1p({_ratio(found.small, rate)})"))
    return constant, terms


def _ratio(found: Ratio, rate: Expr) -> str:
    """The ratio, growth last and in two halves, so that it overflows only where the product does."""
    power = _power_of_all(found)
    over: list[str] = []
    under: list[str] = []
    if power:
        grown = "t" if found.decay > 0 else "s"
        over.append(_power(grown, power) if power > 0 else _power("w", -power))
    for base, e in found.factors:
        (over if e > 0 else under).append(_power(f"({_of_two(base)})", abs(e), " ** "))
    if found.decay > 0:
        over.append(_power("q", found.decay))
    head = [] if abs(found.number) == 1 and over else [_number(abs(found.number))]
    text = " * ".join([*head, *over])
    text += f" / {under[0]}" if len(under) == 1 else f" / ({' * '.join(under)})" if under else ""
    if found.decay < 0:
        half = -found.decay * rate / 2
        grown = f"np.exp({'s' if half == 1 else f'{_number(half)} * s'})"
        text = f"{text} * {grown} * {grown}"
    return f"-{text}" if found.number < 0 else text


def _power_of_all(found: Ratio) -> int:
    """The power of s in front of the factors, each over its largest power of s."""
    return found.power + sum(_degree(base) * e for base, e in found.factors)


def _names(found: Ratio) -> set[str]:
    """Which of w = 1/s and the bounded t the ratio is written in."""
    power, degrees = (
        _power_of_all(found),
        [(m, _degree(base)) for base, _ in found.factors for (m, _), _ in base.terms()],
    )
    names = {"t" if m > degree else "w" for m, degree in degrees if m != degree}
    names |= {"w"} if power < 0 else set()
    return names | ({"t"} if power > 0 and found.decay > 0 else set())


def _degree(base: Poly) -> int:
    """The power of s that is largest where q is 0."""
    return max((int(m) for (m, n), _ in base.terms() if not n), default=0)


def _of_two(base: Poly) -> str:
    """A polynomial over its largest power of s, by Horner's scheme in q, with w = 1/s and a bounded t in place of s."""
    degree, name = _degree(base), Symbol("q")
    total = S.Zero
    for (m, n), c in base.terms():
        total += c * name**n * (Symbol("t") ** (m - degree) if m > degree else Symbol("w") ** (degree - m))
    return str(horner(total, wrt=name) if total.has(name) else horner(total))


def _power(text: str, exponent: int, sign: str = "**") -> str:
    return text if exponent == 1 else f"{text}{sign}{exponent}"


def _times(number: Any, text: str) -> str:
    return text if number == 1 else f"-{text}" if number == -1 else f"{_number(number)} * {text}"


def _number(number: Fraction | Expr) -> str:
    value = float(number)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
