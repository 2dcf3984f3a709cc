"""The normal distribution function in its usual spellings: Φ(x) = (1 + erf(x/√2))/2 = 1 − erfc(x/√2)/2."""

from typing import NamedTuple

from sympy import Number, Rational, S, Symbol, erf, erfc, exp, log, pi, sqrt

from symgrad.functions import log_ndtr, ndtr
from symgrad.functions.normal import (
    exp_ndtr,
    inverse_mills,
    log_erfc,
    log_ndtr_difference,
    mills_excess,
    ndtr_difference,
)
from symgrad.graph.build import ONE, ZERO, add, apply, const, mul, product_of_powers, scale, split_coefficient
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.nodes import Add, Apply, Contract, Use
from symgrad.graph.scalar import lift
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.record import AxisRule, record

DLMF_NORMAL = "NIST Digital Library of Mathematical Functions, section 7.17"

_u = Symbol("u", real=True)
_ROOT = lift(sqrt(2), {})


class _Sum(NamedTuple):
    """constant + Σ weight·erf(argument) + Σ coefficient·other."""

    constant: Number
    errors: list[tuple[Number, Use]]
    others: list[tuple[Number, Use]]


def _errors_of(use: Use, named: bool) -> _Sum:
    """A sum by its error functions; where `named`, also those that terms have names for."""
    constant: Number = S.Zero
    errors: list[tuple[Number, Use]] = []
    others: list[tuple[Number, Use]] = []
    stack = terms_of(use)[::-1]
    while stack:
        coefficient, term = stack.pop()
        seen = see_through(term) if named else term
        head = getattr(seen.node, "head", None)
        if seen.node is ONE.node:
            constant += coefficient
        elif isinstance(seen.node, Add) and seen != term:
            stack.extend((coefficient * c, inner) for c, inner in terms_of(seen))
        elif head in (erf, erfc, ndtr):
            argument = place(seen.node.args[0], seen.letters)  # type: ignore[attr-defined]
            if head is erf:
                errors.append((coefficient, argument))
            elif head is erfc:
                constant += coefficient
                errors.append((-coefficient, argument))
            else:
                constant += coefficient / 2
                errors.append((coefficient / 2, mul([argument, lift(1 / sqrt(2), {})])))
        else:
            others.append((coefficient, term))
    return _Sum(constant, errors, others)


def _normal(argument: Use, sign: Number = S.One) -> Use:
    """The x of Φ(x) = (1 ± erf(u))/2, that is, ±√2·u."""
    whole = scale(sign, mul([_ROOT, argument]))
    terms = [(sign * c, mul([_ROOT, term])) for c, term in terms_of(argument)]
    if len(terms) > 1 and all(
        _factors(made) < _factors(term) for (_, made), (_, term) in zip(terms, terms_of(argument), strict=True)
    ):
        return add(terms)
    return whole


def _factors(use: Use) -> int:
    return len(factors_of(split_coefficient(use)[1]))


def _upper_tail(argument: Use, sign: Number) -> tuple[Number, Use]:
    """1 ± erf(u) as c·f: by Φ where √2 leaves its argument, else by erfc."""
    normal = _normal(argument, sign)
    if _factors(normal) < _factors(argument) or (len(terms_of(argument)) > 1 < len(terms_of(normal))):
        return S(2), apply(ndtr, [normal])
    return S.One, apply(erfc, [scale(-sign, argument)])


@record(
    "(1 + erf(u))/2 = Φ(√2·u), 1 − erf(u) = erfc(u)",
    "1 + erf(u) is 0 below −5.9, Φ is not",
    DLMF_NORMAL,
)
def normal_cdf(use: Use) -> Use | None:
    """c + c·erf(u) = 2c·Φ(√2·u), c − c·erf(u) = 2c·Φ(−√2·u); by erfc(u) = 1 − erf(u) where u has no √2 to lose."""
    if not isinstance(use.node, Add):
        return None
    constant, errors, others = _errors_of(use, named=False)
    if len(errors) != 1 or constant == 0 or len(terms_of(use)) == 1:
        return None
    ((weight, argument),) = errors
    if abs(weight) != abs(constant):
        return None
    factor, tail = _upper_tail(argument, S.One if weight == constant else S.NegativeOne)
    made = add([(constant * factor, tail), *others])
    return None if made == use else made


@record(
    "log Φ(x) = log_ndtr(x), log(erfc(u)/2) = log_ndtr(−√2·u)",
    "Φ(x) underflows below −38, and is 1 above 8.3",
    DLMF_NORMAL,
)
def log_normal_cdf(use: Use) -> Use | None:
    """log(c·Φ(x)) = log c + log_ndtr(x), log(c·(Φ(b) − Φ(a))) = log c + log_ndtr_difference(a, b), for c > 0."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    found = cdf_of(see_through(place(use.node.args[0], use.letters)))
    if found is None or not found[0].is_positive:
        return None
    factor, ends = found
    if factor == 2 and len(ends) == 1:
        return apply(log_erfc, [mul([scale(Rational(-1, 2), _ROOT), ends[0]])])
    logarithm = apply(log_ndtr, ends) if len(ends) == 1 else apply(log_ndtr_difference, ends)
    return logarithm if factor == 1 else add([(S.One, apply(log, [const(factor)])), (S.One, logarithm)])


def cdf_of(use: Use) -> tuple[Number, list[Use]] | None:
    """c and [x] where a term is c·Φ(x), c and [a, b] where it is c·(Φ(b) − Φ(a)) without being anything simpler."""
    constant, errors, others = _errors_of(use, named=True)
    if others or not errors:
        return None
    if len(errors) == 1 and abs(errors[0][0]) == abs(constant) and constant != 0:
        weight, argument = errors[0]
        return 2 * constant, [_normal(argument, S.One if weight == constant else S.NegativeOne)]
    if len(errors) == 2 and constant == 0 and abs(errors[0][0]) == abs(errors[1][0]):
        (first, low), (second, high) = sorted(errors, key=lambda pair: pair[0])
        if first == second:  # erf(a) + erf(b) = erf(b) − erf(−a); both weights may be negative
            return 2 * first, [_normal(low, S.NegativeOne), _normal(high)]
        return 2 * second, [_normal(low), _normal(high)]
    return None


@record(
    "exp(u)/Φ(x) = √(2π)·exp(u + x²/2)·φ(x)/Φ(x)",
    "φ(x)/Φ(x) is 0/0 below −38, and about −x",
    DLMF_NORMAL,
)
def density_over_cdf(use: Use) -> Use | None:
    """exp(u)·Φ(x)⁻¹ = √(2π)·exp(u + x²/2)·(φ(x)/Φ(x)) where x² leaves the exponent."""
    node = use.node
    if not isinstance(node, Contract):
        return None
    factors = [(factor, e) for factor, e in node.factors]
    for n, (factor, e) in enumerate(factors):
        if e != 1 or not (isinstance(factor.node, Apply) and factor.node.head is exp):
            continue
        exponent = place(factor.node.args[0], factor.letters)
        for m, (divisor, power) in enumerate(factors):
            found = cdf_of(see_through(divisor)) if power.is_negative and power.is_integer else None
            if found is None or len(found[1]) != 1 or not found[0].is_positive:
                continue
            rest = add([(S.One, exponent), (Rational(1, 2), product_of_powers([(found[1][0], Number(2))]))])
            if len(terms_of(rest)) >= len(terms_of(exponent)) + (rest != const(S.Zero)):
                continue
            made = [
                (apply(exp, [rest]), S.One),
                (apply(inverse_mills, found[1]), S.One),
                (lift(sqrt(2 * pi) / found[0], {}), S.One),
                (divisor, power + 1),
            ]
            others = [pair for k, pair in enumerate(factors) if k not in (n, m)]
            return place(product_of_powers([*made, *others], dict(enumerate(node.bound, node.rank))), use.letters)
    return None


@record(
    "c·Φ(b) − c·Φ(a) = c·(Φ(b) − Φ(a)) by the nearer tails, 1 − Φ(x) = Φ(−x)",
    "both are 1 beyond 8.3",
    DLMF_NORMAL,
)
def difference_of_cdfs(use: Use) -> Use | None:
    """Differences of distribution functions, and of error functions, as one function."""
    if not isinstance(use.node, Add) or len(terms_of(use)) == 1:
        return None
    constant, errors, others = _errors_of(use, named=True)
    found = cdf_of(add([(constant, ONE), *((w, apply(erf, [a])) for w, a in errors)])) if len(errors) < 3 else None
    if found is None:
        return None
    factor, ends = found
    if len(ends) == 1:
        return normal_cdf.function(add([(constant, ONE), *((w, apply(erf, [a])) for w, a in errors), *others]))
    return add([(factor, apply(ndtr_difference, ends)), *others])


@record(
    "exp(u)·Φ(x) = exp(u + log Φ(x)), exp(u)·erfc(v) = 2·exp(u + log Φ(−√2·v))",
    "inf·0 for large u and small Φ",
    DLMF_NORMAL,
)
def exponential_of_cdf(use: Use) -> Use | None:
    """The product of an exponential, which may overflow, with a distribution function as one function."""
    node = use.node
    if not isinstance(node, Contract):
        return None
    factors = list(node.factors)
    exponentials = [f for f, e in factors if isinstance(f.node, Apply) and f.node.head is exp and e == 1]
    tails = [(f, found) for f, e in factors if e == 1 and (found := _tail(f)) is not None]
    if len(exponentials) != 1 or len(tails) != 1:
        return None
    ((growing,), ((tail, (coefficient, argument)),)) = exponentials, tails
    exponent = place(growing.node.args[0], growing.letters)  # type: ignore[attr-defined]
    if is_nonnegative(scale(S.NegativeOne, exponent)) or not set(tail.letters) <= set(growing.letters):
        return None
    made = [(apply(exp_ndtr, [exponent, argument]), S.One), (const(coefficient), S.One)]
    others = [pair for pair in factors if pair[0] not in (growing, tail)]
    return place(product_of_powers([*made, *others], dict(enumerate(node.bound, node.rank))), use.letters)


def _tail(factor: Use) -> tuple[Number, Use] | None:
    """c, x where a factor is c·Φ(x) in so many words."""
    seen = see_through(factor)
    if not isinstance(seen.node, Apply) or seen.node.head not in (ndtr, erfc):
        return None
    argument = place(seen.node.args[0], seen.letters)
    return (S.One, argument) if seen.node.head is ndtr else (S(2), _normal(argument, S.NegativeOne))


@record("x + φ(x)/Φ(x) as one function", "about −1/x far below 0, where both are large", DLMF_NORMAL)
def excess_of_mills(use: Use) -> Use | None:
    """c·φ(x)/Φ(x) + c·x in a sum as one function, where x leaves the sum so."""
    if not isinstance(use.node, Add):
        return None
    terms = terms_of(use)
    for n, (coefficient, term) in enumerate(terms):
        if isinstance(term.node, Apply) and term.node.head is inverse_mills:
            argument = place(term.node.args[0], term.letters)
            rest = add([*terms[:n], *terms[n + 1 :], (-coefficient, argument)])
            if len(terms_of(rest)) * (rest != ZERO) == len(terms) - 1 - len(terms_of(argument)):
                return add([(coefficient, apply(mills_excess, [argument])), (S.One, rest)])
    return None


RECOGNISE: tuple[AxisRule, ...] = (normal_cdf, log_normal_cdf, density_over_cdf, exponential_of_cdf, excess_of_mills)
STABILISE: tuple[AxisRule, ...] = (difference_of_cdfs,)
