"""Powers of probabilities, and logarithms of mixtures of two values by a probability.

σ(u) underflows below −745, σ(u)ʸ for y < 1 does not; what a probability between two asymptotes leaves of 1 cancels.
"""

from sympy import Number, Pow, S, StrictLessThan, cosh, exp, log

from symgrad.functions import if_else, log_ndtr, ndtr, sigmoid, softplus
from symgrad.functions.logarithms import log_abs1p
from symgrad.graph.build import ONE, add, apply, const, mul, product_of_powers, scale, subtract
from symgrad.graph.facts import is_integral, is_nonnegative
from symgrad.graph.nodes import Add, Apply, Contract, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.record import LOGISTIC, record


@record("σ(u)ʸ = exp(−y·softplus(−u)), Φ(u)ʸ = exp(y·log Φ(u))", "σ(u) underflows where the power does not", LOGISTIC)
def power_of_probability(use: Use) -> Use | None:
    """A power of a logistic function or of a normal distribution function, of an exponent that is no whole number."""
    if isinstance(use.node, Apply) and use.node.head is Pow:
        base, exponent = (place(arg, use.letters) for arg in use.node.args)
        logarithm = None if is_integral(exponent) else _logarithm(base)
        return None if logarithm is None else apply(exp, [mul([exponent, logarithm])])
    if not isinstance(use.node, Contract) or use.node.bound:
        return None
    factors = factors_of(use)
    for n, (factor, e) in enumerate(factors):
        logarithm = None if e.is_Integer else _logarithm(factor)
        if logarithm is not None:
            power = apply(exp, [scale(e, logarithm)])
            return product_of_powers([*factors[:n], (power, S.One), *factors[n + 1 :]])
    return None


def _logarithm(probability: Use) -> Use | None:
    """log σ(u) or log Φ(u), also log(1 − σ(u)) and log(1 + exp u)."""
    target = see_through(probability)
    sign = S.One
    terms = {term: c for c, term in terms_of(target)}
    if len(terms) == 2 and terms.get(ONE) == 1:
        ((other, c),) = [pair for pair in terms.items() if pair[0] != ONE]
        target, sign = see_through(other), S.NegativeOne if c == -1 else S.Zero
        if c == 1 and isinstance(target.node, Apply) and target.node.head is exp:
            return apply(softplus, [place(target.node.args[0], target.letters)])
    if not (isinstance(target.node, Apply) and target.node.head in (sigmoid, ndtr)) or not sign:
        return None
    argument = scale(sign, place(target.node.args[0], target.letters))
    if target.node.head is ndtr:
        return apply(log_ndtr, [argument])
    return scale(S.NegativeOne, apply(softplus, [scale(S.NegativeOne, argument)]))


@record(
    "log(a + b·σ(u)) = log(a·σ(−u) + (a + b)·σ(u)), where it is less than log(1/2)",
    "1 − p cancels for a probability p between two asymptotes, as item response models have it",
    LOGISTIC,
)
def log_between_asymptotes(use: Use) -> Use | None:
    """The logarithm of what is left of 1 by c + (d − c)·σ(u): of (1 − c)·σ(−u) + (1 − d)·σ(u)."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    inner = see_through(place(use.node.args[0], use.letters))
    shares: dict[Use, list[tuple[Number, Use]]] = {}
    constant: list[tuple[Number, Use]] = []
    for c, term in _multiplied_out(inner):
        factors = factors_of(term)
        found = [factor for factor, e in factors if e == 1 and _is_sigmoid(factor)]
        if len(found) == 1:
            rest = product_of_powers([pair for pair in factors if pair != (found[0], S.One)])
            shares.setdefault(see_through(found[0]), []).append((c, rest))
        else:
            constant.append((c, term))
    if len(shares) != 1:
        return None
    ((share, slope),) = shares.items()
    below, above = add(constant), add([*constant, *slope])
    both = [{term: c for c, term in terms_of(part)} for part in (below, above)]
    cancels = len(both[1]) < len(constant) + len(slope) - 1
    if not cancels or any(part.get(ONE) != 1 or len(part) < 2 or min(part.values()) > 0 for part in both):
        return None
    mirrored = apply(sigmoid, [scale(S.NegativeOne, place(share.node.uses()[0], share.letters))])
    convex = apply(log, [add([(S.One, mul([below, mirrored])), (S.One, mul([above, share]))])])
    near = apply(log_abs1p, [subtract(inner, ONE)])  # of a small probability, where 1 − p is near 1
    return apply(if_else, [apply(StrictLessThan, [inner, const(S.Half)]), convex, near])


def _multiplied_out(use: Use) -> list[tuple[Number, Use]]:
    """The terms of a sum, with those of a sum in it that a sigmoid is multiplied by, and of names."""
    made: list[tuple[Number, Use]] = []
    for c, term in terms_of(use):
        target = see_through(term)
        factors = factors_of(target)
        sums = [factor for factor, e in factors if e == 1 and isinstance(factor.node, Add)]
        if isinstance(target.node, Add):
            made += [(c * d, part) for d, part in _multiplied_out(target)]
        elif len(sums) == 1 and any(_is_sigmoid(factor) for factor, _ in factors):
            others = product_of_powers([pair for pair in factors if pair[0] != sums[0]])
            made += [(c * d, mul([part, others])) for d, part in terms_of(sums[0])]
        else:
            made.append((c, target))
    return made


def _is_sigmoid(use: Use) -> bool:
    node = see_through(use).node
    return isinstance(node, Apply) and node.head is sigmoid


@record("cosh u = (exp u + exp(−u))/2 in the logarithm of a sum", "cosh u overflows beyond 710", LOGISTIC)
def log_of_hyperbolic_cosines(use: Use) -> Use | None:
    """The logarithm of a sum with hyperbolic cosines, none of whose terms is negative, as that of exponentials."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    terms = terms_of(see_through(place(use.node.args[0], use.letters)))
    if len(terms) < 2 or not all(c.is_positive and is_nonnegative(term) for c, term in terms):
        return None
    made: list[tuple[Number, Use]] = []
    for c, term in terms:
        factors = factors_of(term)
        found = [f for f, e in factors if e == 1 and isinstance(f.node, Apply) and f.node.head is cosh]
        if not found:
            made.append((c, term))
            continue
        argument = place(found[0].node.uses()[0], found[0].letters)
        rest = [pair for pair in factors if pair[0] != found[0]]
        powers = [apply(exp, [scale(S(sign), argument)]) for sign in (1, -1)]
        made += [(c / 2, product_of_powers([*rest, (power, S.One)])) for power in powers]
    return None if len(made) == len(terms) else apply(log, [add(made)])
