"""Factors of rational functions, found without luck: the same ones in every run, after about the same time.

SymPy lifts factors of many variables from those at points that it draws; after an unlucky draw, of six one, the factors
of a short derivative take hours. Derivatives are of degree 1 in most of their parts, and then greatest common divisors
say all: the factors of a·x + b are those of gcd(a, b) and the rest, which is irreducible.

Source: von zur Gathen and Gerhard, Modern Computer Algebra (2013), section 6.2 (contents and primitive parts).
"""

from collections.abc import Iterator
from math import prod

from sympy import Add, Expr, Mul, Number, Poly, Rational, S, Symbol, cancel, expand, fraction, together
from sympy.core.mul import _keep_coeff
from sympy.core.random import rng
from sympy.polys.orderings import lex
from sympy.polys.polyutils import _sort_gens
from sympy.polys.rings import PolyRing

MOST_VARIABLES = 3  # of a polynomial of no degree 1 that has its factors lifted


def factored(expr: Expr) -> Expr:
    """A rational function with rational coefficients as `sympy.factor` has it: a product of powers, over one divisor.

    A polynomial in more than three variables that is of degree 1 in none of them is left as it is.
    """
    coefficient: Expr = S.One
    powers: list[Expr] = []
    for part in Mul.make_args(together(expr)):
        base, exponent = part.as_base_exp()
        if not base.free_symbols:
            coefficient *= part
            continue
        number, factors = _factors(Poly(base, *_sort_gens(base.free_symbols)))  # which may cancel, all of them
        coefficient *= number**exponent
        powers += [factor.as_expr() ** (power * exponent) for factor, power in factors]
    return _keep_coeff(coefficient, Mul(*powers))


def reduced(product: Expr) -> Expr:
    """A product that is `factored` as one fraction without common factors, multiplied out, as `sympy.cancel` has it."""
    number, rest = product.as_coeff_Mul()
    numerator, divisor = fraction(rest)
    if not divisor.is_number and any(map(_is_left, Mul.make_args(rest))):
        return cancel(product)
    if divisor.is_number or not isinstance(number, Rational):
        return Mul(number, expand(numerator), 1 / expand(divisor))
    return Mul(expand(number.p * numerator), 1 / expand(number.q * divisor))


def _is_left(power: Expr) -> bool:
    """Whether `factored` may have left a factor as it is."""
    base = power.as_base_exp()[0]
    return len(base.free_symbols) > MOST_VARIABLES and 1 not in Poly(base).degree_list()


def _factors(poly: Poly) -> tuple[Number, list[tuple[Poly, int]]]:
    """A number and the irreducible factors with their powers: primitive, of a positive leading coefficient."""
    found = []
    for factor, power in _irreducible(poly.clear_denoms(convert=True)[1]):
        primitive = factor.primitive()[1]
        found.append((-primitive if primitive.LC().is_negative else primitive, power))
    return poly.LC() / prod(factor.LC() ** power for factor, power in found), found


def _irreducible(poly: Poly, squares: bool = True) -> Iterator[tuple[Poly, int]]:
    """The factors of a polynomial with their powers, each up to a number; it may have `squares`."""
    variables = [symbol for symbol in poly.gens if poly.degree(symbol)]
    linear = next((symbol for symbol in variables if poly.degree(symbol) == 1), None)
    if linear is not None:  # what is left of it is in no other factor, which saves a search for squares
        common, rest = _split(poly, linear)
        yield rest, 1
        yield from _irreducible(common, squares)
    elif variables and squares:
        for part, power in poly.sqf_list()[1]:
            yield from ((factor, power) for factor, _ in _irreducible(part, squares=False))
    elif len(variables) > MOST_VARIABLES:
        yield poly, 1
    elif variables:
        state = rng.getstate()
        rng.seed(0)
        try:
            lifted = poly.factor_list()[1]
        finally:
            rng.setstate(state)
        yield from ((factor, 1) for factor, _ in lifted)


def _split(poly: Poly, linear: Symbol) -> tuple[Poly, Poly]:
    """The factor that has the symbol, of degree 1, not, and the rest; in sparse polynomials, a tenth of Poly's time."""
    ring = PolyRing(poly.gens, poly.domain, lex)
    whole = ring.from_dict(poly.as_dict(native=True))
    symbol = ring.gens[poly.gens.index(linear)]
    slope = whole.diff(symbol)
    common = slope.gcd(whole - slope * symbol)
    first, last = (Poly.from_dict(dict(part), *poly.gens, domain=poly.domain) for part in (common, whole.exquo(common)))
    return first, last


def without_opposites(expr: Expr) -> Expr:
    """A sum less the terms that parts of its products cancel: p·(a + 1) − p·a − t is p − t, and all else as it is."""
    terms = list(Add.make_args(expr))
    for n, term in enumerate(terms):
        for total in (factor for factor in Mul.make_args(term) if isinstance(factor, Add)):
            rest = term / total
            part = next((part for part in total.args if -rest * part in terms), None)
            if part is not None:
                others = [other for m, other in enumerate(terms) if m != n and other != -rest * part]
                return without_opposites(Add(*others, rest * (total - part)))
    return expr
