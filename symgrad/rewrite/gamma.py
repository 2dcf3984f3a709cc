"""Gamma functions: their logarithms, sums of these in which large numbers cancel, and quotients that overflow."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sympy import Abs, Number, S, besseli, beta, binomial, exp, factorial, gamma, log, loggamma, polygamma

from symgrad.functions.gamma import (
    besseli_ratio,
    gamma_sign,
    log_abs_gamma,
    log_besseli,
    log_beta,
    log_choose,
    log_rising,
    polygamma_rise,
)
from symgrad.graph.build import ONE, ZERO, add, apply, mul, number, product_of_powers, subtract
from symgrad.graph.facts import is_integral, is_positive
from symgrad.graph.nodes import Add, Apply, Contract, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.record import AxisRule, record

DLMF_GAMMA = "NIST Digital Library of Mathematical Functions, sections 5.2, 5.5, 5.11 and 5.12"

# A sum of more logarithms of gamma functions than this is matched pair by pair as they come.
MOST_MATCHED = 10


class Logarithm(NamedTuple):
    """log f = value + log(sign), where the sign is not known to be 1."""

    value: Use
    sign: Use = ONE


def gamma_logarithm(factor: Use) -> Logarithm | None:
    """The logarithm of a gamma, factorial, beta or binomial function, or of a modified Bessel function."""
    seen = see_through(factor)
    if not isinstance(seen.node, Apply):
        return None
    head, args = seen.node.head, [place(arg, seen.letters) for arg in seen.node.args]
    if head is gamma:
        return _of_gamma(args[0])
    if head is factorial:
        return _of_gamma(_plus(args[0], S.One))
    if head is beta:
        signs = [_sign(args[0]), _sign(args[1]), _sign(add([(S.One, args[0]), (S.One, args[1])]))]
        return Logarithm(apply(log_beta, args), mul(signs))
    if head is binomial:
        below = [_plus(args[1], S.One), _plus(subtract(*args), S.One)]
        integral = all(map(is_integral, args))  # then it is not negative
        signs = [] if integral else [_sign(_plus(args[0], S.One)), *map(_sign, below)]
        return Logarithm(apply(log_choose, below), mul(signs))
    if head is besseli and (is_positive(args[1]) or number(args[0]) == 0):
        return Logarithm(apply(log_besseli, [args[0], args[1] if is_positive(args[1]) else apply(Abs, [args[1]])]))
    return None


def _of_gamma(argument: Use) -> Logarithm:
    signed = _sign(argument)
    return Logarithm(apply(loggamma if signed == ONE else log_abs_gamma, [argument]), signed)


def _sign(argument: Use) -> Use:
    """The sign of Γ(u); at whole numbers it is 1, or Γ is infinite."""
    return ONE if is_positive(argument) or is_integral(argument) else apply(gamma_sign, [argument])


def _plus(use: Use, more: Number) -> Use:
    return add([(S.One, use), (more, ONE)])


class _Term(NamedTuple):
    """sign·log Γ(argument), or sign·ψ⁽ⁿ⁾(argument)."""

    sign: int
    argument: Use


Group = tuple[_Term, ...]


@record(
    "log Γ(x + d) − log Γ(x) as one function, log Γ(a) + log Γ(b) − log Γ(a + b) = log B(a, b)",
    "differences of large numbers may be small",
    DLMF_GAMMA,
)
def gamma_sums(use: Use) -> Use | None:
    """A sum of logarithms of gamma functions, or of their derivatives, in groups whose members cancel."""
    if not isinstance(use.node, Add):
        return None
    rest: list[tuple[Number, Use]] = []
    sums: dict[tuple[Number, Use, Use | None], list[_Term]] = {}
    for coefficient, term in terms_of(use):
        found = _gammas(term)
        if found is None or not coefficient.is_Rational:
            rest.append((coefficient, term))
            continue
        cofactor, order, parts = found
        outer = -1 if coefficient.is_negative else 1
        sums.setdefault((abs(coefficient), cofactor, order), []).extend(
            _Term(outer * part.sign, part.argument) for part in parts
        )
    made = list(rest)
    for (size, cofactor, order), parts in sums.items():
        for group in _grouped(_cancelled(parts), order is None):
            made.append((size, mul([cofactor, _written(group, order)])))
    result = add(made)
    return None if result == use else result


def _gammas(term: Use) -> tuple[Use, Use | None, list[_Term]] | None:
    """A term as cofactor·Σ ±f(u) for f = log Γ (order None) or f = ψ⁽ⁿ⁾."""
    factors = factors_of(term)
    found = [(n, sum_) for n, (factor, e) in enumerate(factors) if e == 1 and (sum_ := _as_gammas(factor)) is not None]
    if len(found) != 1:
        return None
    ((n, (order, parts)),) = found
    return product_of_powers([*factors[:n], *factors[n + 1 :]]), order, parts


def _as_gammas(factor: Use) -> tuple[Use | None, list[_Term]] | None:
    if not isinstance(factor.node, Apply):
        return None
    head, args = factor.node.head, [place(arg, factor.letters) for arg in factor.node.args]
    if head is loggamma:
        return None, [_Term(1, args[0])]
    if head is log_rising:
        return None, [_Term(1, args[2]), _Term(-1, args[0])]
    if head is log_beta:
        return None, [_Term(1, args[0]), _Term(1, args[1]), _Term(-1, add([(S.One, args[0]), (S.One, args[1])]))]
    if head is log_choose:
        whole = add([(S.One, args[0]), (S.One, args[1]), (S.NegativeOne, ONE)])
        return None, [_Term(1, whole), _Term(-1, args[0]), _Term(-1, args[1])]
    if head is polygamma:
        return args[0], [_Term(1, args[1])]
    if head is polygamma_rise:
        return args[0], [_Term(1, args[3]), _Term(-1, args[1])]
    return None


def _cancelled(parts: Sequence[_Term]) -> list[_Term]:
    left: list[_Term] = []
    for part in parts:
        opposite = _Term(-part.sign, part.argument)
        if opposite in left:
            left.remove(opposite)
        else:
            left.append(part)
    return left


def _grouped(parts: list[_Term], triples: bool) -> list[Group]:
    """The terms in groups of two or three whose members cancel."""
    if len(parts) > MOST_MATCHED:
        return _in_pairs(parts)
    return min(_partitions(parts, triples), key=_rank)


def _rank(groups: list[Group]) -> tuple[int, int, int, int, int]:
    """As few terms alone as possible, then as many groups, then differences that are counts, small, and short.

    A difference of which a part is an argument by itself is as large as these: in log B(a + k, b + n − k) − log B(a, b)
    the small ones are k, n − k and n, which leave a and b to the arguments.
    """
    pairs = [group for group in groups if len(group) == 2]
    steps = [subtract(group[0].argument, group[1].argument) for group in pairs]
    arguments = {_variable(part.argument) for group in pairs for part in group}
    large = sum(term in arguments for step in steps for _, term in terms_of(step))
    alone = sum(len(group) == 1 for group in groups)
    return alone, -len(groups), sum(not is_integral(step) for step in steps), large, sum(map(_length, steps))


def _variable(argument: Use) -> Use:
    """x of x + 1."""
    return add([(c, term) for c, term in terms_of(argument) if number(term) is None])


def _partitions(parts: list[_Term], triples: bool) -> Iterator[list[Group]]:
    if not parts:
        yield []
        return
    first, rest = parts[0], parts[1:]
    for n, other in enumerate(rest):
        if _is_pair(first, other):
            for groups in _partitions(rest[:n] + rest[n + 1 :], triples):
                yield [(first, other), *groups]
        for m in range(n + 1, len(rest)) if triples else ():
            group = _as_triple(first, other, rest[m])
            if group is not None:
                for groups in _partitions([part for k, part in enumerate(rest) if k not in (n, m)], triples):
                    yield [group, *groups]
    for groups in _partitions(rest, triples):
        yield [(first,), *groups]


def _in_pairs(parts: list[_Term]) -> list[Group]:
    left = list(parts)
    groups: list[Group] = []
    while left:
        first = left.pop(0)
        other = next((part for part in left if _is_pair(first, part)), None)
        groups.append((first,) if other is None else (first, other))
        if other is not None:
            left.remove(other)
    return groups


def _is_pair(one: _Term, other: _Term) -> bool:
    """Whether two terms of opposite sign have something in common beside numbers."""
    if one.sign == other.sign:
        return False
    left = _length(subtract(one.argument, other.argument))
    return left < _length(one.argument) + _length(other.argument)


def _as_triple(*terms: _Term) -> Group | None:
    """The terms with the one of another sign first, if its argument is the sum of the others, or one less."""
    for n, whole in enumerate(terms):
        others = [*terms[:n], *terms[n + 1 :]]
        if all(part.sign == -whole.sign for part in others):
            over = number(add([*((S.One, part.argument) for part in others), (S.NegativeOne, whole.argument)]))
            return (whole, *others) if over in (0, 1) and any(_length(part.argument) for part in others) else None
    return None


def _length(use: Use) -> int:
    """How many terms a sum has beside numbers."""
    return sum(term.node is not ONE.node for _, term in terms_of(use)) if use != ZERO else 0


def _written(group: Group, order: Use | None) -> Use:
    """The terms of a group as one function."""
    if len(group) == 1:
        ((outer, argument),) = group
        plain = apply(loggamma, [argument]) if order is None else apply(polygamma, [order, argument])
        return add([(S(outer), plain)])
    if len(group) == 3:
        whole, first, second = group
        arguments = sorted([first.argument, second.argument], key=lambda use: (_length(use), use.node.digest))
        if number(add([(S.One, a) for a in arguments] + [(S.NegativeOne, whole.argument)])) == 0:
            return add([(S(-whole.sign), apply(log_beta, arguments))])
        return add([(S(whole.sign), apply(log_choose, arguments))])
    low, high = sorted(group, key=lambda term: (_length(term.argument), _constant(term.argument)))
    step = subtract(high.argument, low.argument)
    if order is None and number(step) == 1:
        return add([(S(high.sign), apply(log, [low.argument]))])
    if order is None:
        return add([(S(high.sign), apply(log_rising, [low.argument, step, high.argument]))])
    return add([(S(high.sign), apply(polygamma_rise, [order, low.argument, step, high.argument]))])


def _constant(use: Use) -> Number:
    return next((c for c, term in terms_of(use) if term.node is ONE.node), S.Zero) if use != ZERO else S.Zero


@record("I_{n+1}(x)/I_n(x) as one function", "inf/inf beyond 713", DLMF_GAMMA)
def bessel_quotient(use: Use) -> Use | None:
    """A quotient of two modified Bessel functions of neighbouring orders."""
    node = use.node
    if not isinstance(node, Contract):
        return None
    factors = list(node.factors)
    for n, (above, e) in enumerate(factors):
        for m, (below, f) in enumerate(factors):
            made = _quotient(above, below) if e == 1 and f == -1 else None
            if made is not None:
                others = [pair for k, pair in enumerate(factors) if k not in (n, m)]
                lengths = dict(enumerate(node.bound, node.rank))
                return place(product_of_powers([(made, S.One), *others], lengths), use.letters)
    return None


def _quotient(above: Use, below: Use) -> Use | None:
    if not (isinstance(above.node, Apply) and isinstance(below.node, Apply)):
        return None
    heads = above.node.head, below.node.head
    over, under = ([place(arg, use.letters) for arg in use.node.uses()] for use in (above, below))
    if heads == (besseli, besseli):
        step = number(subtract(over[0], under[0]))
        positive = over[1] == under[1] and is_positive(over[1])
        return apply(besseli_ratio, under) if step == 1 and positive else None
    return None


@record("xᵏ·exp(−x)/Γ(k + 1) = exp(k·log x − x − log Γ(k + 1))", "inf·0/inf where the quotient is finite", DLMF_GAMMA)
def product_with_gammas(use: Use) -> Use | None:
    """A product of gamma functions with powers and exponentials as one exponential, where all factors are positive."""
    node = use.node
    if not isinstance(node, Contract):
        return None
    taken: list[int] = []
    terms: list[tuple[Number, Use]] = []
    gammas = 0
    for n, (factor, e) in enumerate(node.factors):
        found = gamma_logarithm(factor)
        seen = see_through(factor)
        if found is not None and found.sign == ONE:
            terms.append((e, found.value))
            gammas += 1
        elif isinstance(seen.node, Apply) and seen.node.head is exp:
            terms.append((e, place(seen.node.args[0], seen.letters)))
        elif (
            isinstance(seen.node, Apply)
            and seen.node.head.__name__ == "Pow"
            and is_positive(base := place(seen.node.args[0], seen.letters))
        ):
            terms.append((e, mul([place(seen.node.args[1], seen.letters), apply(log, [base])])))
        else:
            continue
        taken.append(n)
    if gammas == 0 or len(terms) < 2 or (gammas == len(terms) and not any(e.is_negative for e, _ in terms)):
        return None
    others = [pair for n, pair in enumerate(node.factors) if n not in taken]
    lengths = dict(enumerate(node.bound, node.rank))
    exponent = add(terms)
    exponent = gamma_sums(exponent) or exponent
    return place(product_of_powers([(apply(exp, [exponent]), S.One), *others], lengths), use.letters)


RECOGNISE: tuple[AxisRule, ...] = (gamma_sums, bessel_quotient, product_with_gammas)
