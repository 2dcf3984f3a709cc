"""Logarithms of products: log Π f = Σ log f, factor by factor, where the factors are seen to be positive.

A likelihood is a product over the data, which underflows; its logarithm is a sum that does not. A factor whose sign is
not known stays inside: log(x·y) is real where x and y are both negative, log x + log y is not.
"""

from sympy import Abs, Basic, Number, Pow, Product, S, Symbol, cosh, csch, erfc, exp, log, sech, sign, sinh

from symgrad.functions import log_ndtr, ndtr, relu, sigmoid, softplus
from symgrad.functions.logarithms import log_abs1p, xlogy
from symgrad.functions.normal import exp_ndtr
from symgrad.graph.build import (
    ONE,
    SOFTMAX,
    add,
    apply,
    const,
    is_zero,
    mul,
    number,
    product_of_powers,
    reduce,
    scale,
    split_coefficient,
    subtract,
)
from symgrad.graph.facts import Probability, is_integral, is_nonnegative, is_positive
from symgrad.graph.kinds.sums import is_complement
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, AxisMap, Contract, Gather, Reduce, Use
from symgrad.graph.transform import factors_of, opened, place, see_through, terms_of
from symgrad.rewrite.gamma import Logarithm, gamma_logarithm
from symgrad.rewrite.growth import log_of
from symgrad.rewrite.readings import reading
from symgrad.rewrite.record import LOGISTIC, MAECHLER, record
from symgrad.univariate import log1mexp

# Powers up to this one overflow only where a factor is as large as 1e150.
_HIGHEST_POWER = 2

# What is positive, and over- or underflows where its logarithm is a few hundred.
_OF_SIMPLE_LOG = (exp, sigmoid, ndtr, erfc, exp_ndtr, cosh, sech)


def stand_in(name: str, symbol: Basic, definition: Use) -> Basic:
    """The symbol of a variable in place of a defined quantity, with what is known of the definition's sign."""
    target = see_through(definition)
    if getattr(target.node, "head", None) in (sigmoid, ndtr) or is_complement(target.node):
        return Probability(name, positive=True)
    return Symbol(name, positive=True) if is_positive(target) else symbol


@record(
    "log Π f = Σ log f for f > 0, log |Π f| = Σ log |f|",
    "a product of many factors underflows",
    "functional equation of the logarithm",
)
def log_of_product(use: Use) -> Use | None:
    """log(f·g) = log f + log g for f > 0, log Π_i f_i = Σ_i log f_i, and log |Π_i f_i| = Σ_i log |f_i|."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    inner = see_through(place(use.node.args[0], use.letters))
    found = _split(inner)
    return None if found is None else add([(S.One, term) for term in found])


def _split(inner: Use) -> list[Use] | None:
    """The terms of the logarithm of a product, or None if there is nothing to split."""
    node = inner.node
    if isinstance(node, Apply) and node.head is Abs:  # the sign does not matter: log |Π f| = Σ log |f|
        product = see_through(place(node.args[0], inner.letters))
        if not (isinstance(product.node, Reduce) and product.node.head is Product):
            return None
        names, bound = opened(product, product.node.bound)
        return [mul([apply(log, [apply(Abs, [relabel(product.node.arg, names)])])], bound)]
    if isinstance(node, Apply) and node.head is exp_ndtr:
        exponent, argument = (place(arg, inner.letters) for arg in node.args)
        return [exponent, apply(log_ndtr, [argument])]
    if isinstance(node, Apply) and node.head.__name__ == "Pow":
        base, exponent = (place(arg, inner.letters) for arg in node.args)
        if is_positive(base):
            return [mul([exponent, apply(log, [base])])]
    if isinstance(node, Reduce) and node.head is Product:
        names, bound = opened(inner, node.bound)
        body = relabel(node.arg, names)
        if is_positive(body):
            return [mul([apply(log, [body])], bound)]
        terms, rest = _positive_factors(body)
        if not terms:
            return None
        return [*(mul([term], bound) for term in terms), apply(log, [reduce(Product, rest, bound)])]
    ((divisor, e), *others) = factors_of(inner)
    if (
        not others
        and e.is_negative
        and isinstance(divisor.node, Add)
        and is_positive(divisor)
        and reading(inner) is None
    ):
        return [scale(e, apply(log, [divisor]))]  # 1/s rounds, and what log1p takes 1 from is s
    terms, rest = _positive_factors(inner)
    if not terms:
        return None
    return [*terms, *([] if rest == ONE else [apply(log, [rest])])]


def _positive_factors(product: Use) -> tuple[list[Use], Use]:
    """The logarithms of the factors that have a simpler one, and the product of the others with the signs of these."""
    coefficient: Number = S.One
    if isinstance(product.node, Add) and len(product.node.terms) == 1:
        ((coefficient, only),) = product.node.terms
        product = see_through(place(only, product.letters))
    factors = factors_of(product)
    logs: list[Use] = []
    rest: list[tuple[Use, Number]] = [(const(coefficient), S.One)]
    alone = len(factors) == 1 and coefficient == 1 and factors[0][1] == 1
    whole = alone or reading(product) is not None  # a function of one argument has a form of its own
    for factor, e in factors:
        found = factor_logarithm(factor, e, alone, whole)
        if found is None:
            rest.append((factor, e))
        else:
            logs.append(mul([const(e), found.value]))
            rest.append((found.sign, e % 2 if e.is_integer else e))
    return logs, product_of_powers(rest) if logs else product


def factor_logarithm(factor: Use, exponent: Number, alone: bool = False, whole: bool = False) -> Logarithm | None:
    """The logarithm of |factor| by simpler functions, or for a high power; None where it is best left as it is.

    It may be `alone` under the logarithm, or the `whole` of what is there a function of one argument.
    """
    found = gamma_logarithm(factor)
    if found is not None:
        return found
    if _has_simple_log(factor):
        return None if alone else Logarithm(apply(log, [factor]))
    if abs(exponent) > _HIGHEST_POWER and is_positive(factor):
        return Logarithm(apply(log, [factor]))
    target = see_through(factor)
    if not whole and (signed := _of_sign(target)) is not None:
        return signed
    if isinstance(target.node, Apply) and target.node.head is Pow:  # the sign of its base is not known
        base, power = (place(arg, target.letters) for arg in target.node.args)
        if getattr(split_coefficient(base)[1].node, "head", None) is sign:
            return None
        if not is_integral(power) or is_nonnegative(base):  # a broken power of what is negative is no number
            return Logarithm(_times_log(power, base))
        return Logarithm(_times_log(power, apply(Abs, [base])), apply(Pow, [apply(sign, [base]), power]))
    return None


def _of_sign(factor: Use) -> Logarithm | None:
    """Of sinh u and csch u, which have the sign of u; of exp u − 1 by max(u, 0) + log(1 − exp(−|u|)), and 1 − exp u."""
    if isinstance(factor.node, Apply) and factor.node.head in (sinh, csch):
        argument = place(factor.node.args[0], factor.letters)
        if is_positive(argument):
            return Logarithm(apply(log, [factor]))
        size = apply(factor.node.head, [apply(Abs, [argument])])
        return Logarithm(apply(log, [size]), apply(sign, [argument]))
    terms = {number(term): (c, term) for c, term in terms_of(factor)}
    if len(terms) != 2 or {None, S.One} != terms.keys() or terms[S.One][0] != -terms[None][0]:
        return None
    c, term = terms[None]
    if abs(c) != 1 or not isinstance(term.node, Apply) or term.node.head is not exp:
        return None
    argument = place(term.node.args[0], term.letters)
    value = add([(S.One, apply(relu, [argument])), (S.One, apply(log1mexp, [apply(Abs, [argument])]))])
    return Logarithm(value, scale(c, apply(sign, [argument])))


def without_power(use: Use) -> Use:
    """log(bᵖ) as p·log b where b is positive, any other term as it is."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return use
    inner = see_through(place(use.node.args[0], use.letters))
    if isinstance(inner.node, Apply) and inner.node.head is Pow:
        base, power = (place(arg, inner.letters) for arg in inner.node.args)
        return mul([power, apply(log, [base])]) if is_positive(base) else use
    return use


def _times_log(power: Use, base: Use) -> Use:
    """power·log(base), which is 0 where both are 0; of 1 + x there is a logarithm with more digits."""
    inner = place(base.node.args[0], base.letters) if isinstance(base.node, Apply) and base.node.head is Abs else base
    if any(term == ONE for _, term in terms_of(see_through(inner))):
        return mul([power, apply(log, [base])])
    return apply(xlogy, [power, base])


def _has_simple_log(factor: Use) -> bool:
    target = see_through(factor)
    node = target.node
    if isinstance(node, Gather):
        return _has_simple_log(Use(node.base.node, tuple(range(node.base.node.rank))))
    known = (
        (
            isinstance(node, Apply)
            and (node.head in (exp, sigmoid, ndtr, erfc, exp_ndtr, cosh, sech) or node.head.__name__ == "Pow")
        )
        or (isinstance(node, AxisMap) and node.head == SOFTMAX)
        or (isinstance(node, Reduce) and node.head is Product)
        or is_complement(target.node)
        or is_sum_of_exponentials(target)
    )
    return known and is_positive(target)


def is_sum_of_exponentials(use: Use) -> bool:
    """Σ exp(u), with factors or without."""
    node = use.node
    parts = [see_through(factor).node for factor, _ in node.factors] if isinstance(node, Contract) else []
    return bool(parts and node.bound) and any(isinstance(part, Apply) and part.head is exp for part in parts)  # type: ignore[attr-defined]


@record("log |1 + x| as one function", "1 + x drops the digits of a small x", MAECHLER)
def log_of_distance(use: Use) -> Use | None:
    """log |1 + x| and log |x - 1|, for x of either sign."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    inner = see_through(place(use.node.args[0], use.letters))
    if not (isinstance(inner.node, Apply) and inner.node.head is Abs):
        return None
    terms = terms_of(see_through(place(inner.node.args[0], inner.letters)))
    constant = next((c for c, term in terms if term == ONE), S.Zero)
    if abs(constant) != 1 or len(terms) < 2:
        return None
    return apply(log_abs1p, [add([(c * constant, term) for c, term in terms if term != ONE])])


@record("log(x/(x + y)) = −log1p(y/x)", "x/(x + y) is near 1 where y is small", "functional equation of the logarithm")
def log_of_share(use: Use) -> Use | None:
    """log(x/(x + y)) = -log1p(y/x), log((x + y)/x) = log1p(y/x)."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    coefficient, product = split_coefficient(see_through(place(use.node.args[0], use.letters)))
    factors = factors_of(product)
    for n, (whole, e) in enumerate(factors):
        if e not in (1, -1) or not isinstance(whole.node, Add):
            continue
        others = product_of_powers([(f, -e * power) for f, power in (*factors[:n], *factors[n + 1 :])])
        part = mul([const(coefficient**-e), others])
        rest = subtract(whole, part)
        if number(part) is None and len(terms_of(rest)) < len(terms_of(whole)) and not is_zero(rest):
            return scale(e, log_of(product_of_powers([(rest, S.One), (part, S.NegativeOne)])))
    return None


@record(
    "log(a − a·f(u)) = log a + log f(−u) for f = σ and f = Φ",
    "1 − p cancels for p = c + (1 − c)·f(u) near 1",
    LOGISTIC,
)
def log_of_complement(use: Use) -> Use | None:
    """The logarithm of what a probability with a lower asymptote leaves, as item response models have it."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    terms = terms_of(see_through(place(use.node.args[0], use.letters)))
    terms = terms_of(add([(c, see_through(term)) for c, term in terms]))
    share = next((factor for _, term in terms for factor, e in factors_of(term) if e == 1 and _is_share(factor)), None)
    if share is None or not any(c.is_positive and term == ONE for c, term in terms):
        return None
    share = see_through(share)
    slope, constant = [], []  # of a sum b·f(u) + a
    for c, term in terms:
        factors = [(see_through(factor) if _is_share(factor) else factor, e) for factor, e in factors_of(term)]
        if (share, S.One) in factors:
            slope.append((c, product_of_powers([pair for pair in factors if pair[0] != share])))
        else:
            constant.append((c, term))
    rest = add(constant)
    if not is_zero(add([*constant, *slope])):
        return None
    argument = place(share.node.uses()[0], share.letters)
    if getattr(share.node, "head", None) is sigmoid:
        return subtract(apply(log, [rest]), apply(softplus, [argument]))
    return add([(S.One, apply(log, [rest])), (S.One, apply(log_ndtr, [scale(S.NegativeOne, argument)]))])


def _is_share(use: Use) -> bool:
    node = see_through(use).node
    return isinstance(node, Apply) and node.head in (sigmoid, ndtr)
