"""What a share of exponentials leaves of 1: 1 − softmax(u)[y], 1 − exp(u)/(exp(u) + s).

A share is a sigmoid of its exponent less the logarithm of what the others sum up to, and so is what it leaves: no
digit is lost where the share is all but 1, and none where it is all but 0. For all entries of a softmax at once, code
has the logarithms of the shares, that of the largest as the logarithm of 1 and the others.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from sympy import And, Expr, Ne, Number, S, exp, log
from sympy.codegen.cfunctions import expm1

from symgrad.functions import LogSumExp, if_else, sigmoid, softplus
from symgrad.graph.build import (
    LOG_SOFTMAX,
    ONE,
    SOFTMAX,
    ZERO,
    add,
    apply,
    axis_map,
    const,
    gather,
    index,
    mul,
    number,
    product_of_powers,
    reduce,
    scale,
    subtract,
)
from symgrad.graph.facts import is_positive
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, AxisMap, Gather, Node, Use, postorder
from symgrad.graph.transform import factors_of, place, rebuilt, see_through, terms_of, transform
from symgrad.rewrite.axes import sum_of_exp
from symgrad.rewrite.engine import Trace
from symgrad.rewrite.labels import at_label, labels_of
from symgrad.rewrite.logarithms import is_sum_of_exponentials
from symgrad.rewrite.record import BLANCHARD, record
from symgrad.rewrite.summands import Summand, opened_summands

_OTHER = "other"
# Functions of odds that shares, what they leave of 1, and the logarithms of both are.
_OF_ODDS = (sigmoid, softplus)


class _Entry(NamedTuple):
    """An entry exp(u[y])/Σ exp(u) of a softmax over one axis."""

    scores: Use
    """All u, with the letter _OTHER along the axis."""
    label: Use
    score: Use
    """u[y]"""
    length: Expr


@record(
    "1 − softmax(u)[y] = σ(log Σ_{j≠y} exp(u[j]) − u[y])",
    "1 − p cancels for the share p of a class that is all but certain",
    BLANCHARD,
)
def complement_of_softmax(use: Use) -> Use | None:
    """c − c·softmax(u)[y] at a label, or at a place or several that are known: of all entries but these."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    constant = next((c for c, term in terms if term == ONE), S.Zero)
    if not constant:
        return None
    found = {n: entry for n, (c, term) in enumerate(terms) if c == -constant and (entry := _entry(term)) is not None}
    chosen = _together(found)
    if not chosen:
        return None
    rest = [pair for n, pair in enumerate(terms) if n not in chosen and pair[1] != ONE]
    return add([(constant, apply(sigmoid, [scale(S.NegativeOne, _odds_of(chosen.values()))])), *rest])


@record(
    "log(softmax(u)[y] + softmax(u)[w]) = log σ(log(exp(u[y]) + exp(u[w])) − log Σ_{j≠y,w} exp(u[j]))",
    "shares vanish, or are all but 1, where their logarithms are numbers",
    BLANCHARD,
)
def log_of_shares(use: Use) -> Use | None:
    """The logarithm of a sum of entries of a softmax at places that are known."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    terms = terms_of(see_through(place(use.node.args[0], use.letters)))
    found = {n: entry for n, (_, term) in enumerate(terms) if (entry := _entry(term)) is not None}
    if not 1 < len(terms) == len(_together(found)) or len({c for c, _ in terms}) > 1:
        return None
    share = apply(sigmoid, [_odds_of(found.values())])
    return add([(S.One, apply(log, [share])), (S.One, apply(log, [const(terms[0][0])]))])


@record(
    "softmax(u)[y] = σ(v), log(softmax(u)[y]) = −log(1 + exp(−v)) beside σ(−v), v = u[y] − log Σ_{j≠y} exp(u[j])",
    "a function of one number has slopes without differences of shares",
    BLANCHARD,
)
def shares_by_odds(roots: Sequence[Use], trace: Trace) -> list[Use]:
    """Entries of a softmax, and their logarithms, by their odds where the model has what they leave of 1."""
    arguments = {
        use.node
        for node in postorder([use.node for use in roots if not use.node.contents.isdisjoint(_OF_ODDS)])
        if isinstance(node, Apply) and node.head in _OF_ODDS
        for use in node.args
    }

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        for head in (SOFTMAX, LOG_SOFTMAX) if isinstance(node, Gather) else ():
            made = rebuilt(node, uses)
            entry = _looked_up(made, head)
            odds = ZERO if entry is None else _odds_of([entry])
            mirrored = scale(S.NegativeOne, odds)
            if {odds.node, mirrored.node} & arguments:
                share = apply(sigmoid, [odds]) if head == SOFTMAX else scale(S.NegativeOne, apply(softplus, [mirrored]))
                trace.steps.append((shares_by_odds.name, made, share))
                return share
        return None

    return transform(roots, visit) if arguments else list(roots)


def _looked_up(target: Use, head: str = SOFTMAX) -> _Entry | None:
    """A term as a looked up entry of a softmax, or of its logarithms."""
    if isinstance(target.node, Gather):
        subs = [place(sub, target.letters) for sub in target.node.subs]
        shares = see_through(Use(target.node.base.node, tuple(range(target.node.base.node.rank))))
        if not (isinstance(shares.node, AxisMap) and shares.node.head == head and len(shares.node.over) == 1):
            return None
        (axis,) = shares.node.over
        length, axis = shares.node.shape[axis], shares.letters[axis]
        scores = place(shares.node.arg, shares.letters)  # by the axes of what is looked up
        if axis not in scores.letters or len(set(scores.letters)) < len(scores.letters):
            return None
        others = [index(_OTHER, length) if x == axis else subs[x] for x in scores.letters]
        return _Entry(gather(scores, others), subs[axis], gather(scores, [subs[x] for x in scores.letters]), length)
    return None


def _entry(share: Use) -> _Entry | None:
    """A term as an entry of a softmax, looked up or written out."""
    target = see_through(share)
    if isinstance(target.node, Gather):
        return _looked_up(target)
    factors = dict(factors_of(target))
    divisor = next((f for f, e in factors.items() if e == -1), None)
    above = next((see_through(f) for f, e in factors.items() if e == 1), None)
    if len(factors) != 2 or divisor is None or above is None or getattr(above.node, "head", None) is not exp:
        return None
    summed = sum_of_exp(see_through(divisor))
    if summed is None or len(summed[1]) != 1:
        return None
    argument, ((letter, length),) = summed[0], summed[1].items()
    score, scores = place(above.node.uses()[0], above.letters), relabel(argument, {letter: _OTHER})
    for label in dict.fromkeys(labels_of(score)):
        if scores.letters.count(_OTHER) == 1 and at_label(see_through(scores), _OTHER, label) == score:
            return _Entry(scores, label, score, length)
    return None


def _together(found: Mapping[int, _Entry]) -> dict[int, _Entry]:
    """The entries of the same softmax as the first one that are known to be at different places."""
    chosen: dict[int, _Entry] = {}
    for n, entry in found.items():
        same = all(entry.scores == other.scores for other in chosen.values())
        apart = all(number(subtract(entry.label, other.label)) not in (None, S.Zero) for other in chosen.values())
        if same and apart:
            chosen[n] = entry
    return chosen


def _odds_of(entries: Collection[_Entry]) -> Use:
    """log(p/(1 − p)) for the sum p of entries of a softmax."""
    one, *_ = entries
    each = index(_OTHER, one.length)
    differ = [apply(Ne, [each, entry.label]) for entry in entries]
    masked = apply(if_else, [apply(And, differ), one.scores, const(S.NegativeInfinity)])
    scores = [apply(exp, [entry.score]) for entry in entries]
    inside = apply(log, [add([(S.One, score) for score in scores])]) if scores[1:] else one.score
    return subtract(inside, reduce(LogSumExp, masked, {_OTHER: one.length}))


@record(
    "1 − s/(s + r) = σ(log r − log s) = r/(s + r) for sums s and r of exponentials",
    "1 − p cancels for a share p that is all but 1",
    BLANCHARD,
)
def complement_of_share_of_exponentials(use: Use) -> Use | None:
    """c − c·s/(s + r)."""
    if not isinstance(use.node, Add):
        return None
    terms = terms_of(use)
    constant = next((c for c, term in terms if term == ONE), S.Zero)
    for n, (c, term) in enumerate(terms):
        for whole, e in factors_of(term) if constant else ():
            if e != -1 or not _is_sum_of_exponentials(whole):
                continue
            part = scale(-c / constant, mul([term, whole]))
            if (odds := _odds(whole, part)) is not None:
                rest = [pair for m, pair in enumerate(terms) if m != n and pair[1] != ONE]
                return add([(constant, apply(sigmoid, [scale(S.NegativeOne, odds)])), *rest])
    return None


@record(
    "s/(s + r) = σ(log s − log r) for sums s and r of exponentials",
    "the sums overflow, and their logarithms lose what s leaves of s + r",
    BLANCHARD,
)
def share_of_exponentials(use: Use) -> Use | None:
    """The share of several terms of a sum of exponentials."""
    factors = factors_of(use)
    for n, (part, e) in enumerate(factors):
        for m, (whole, power) in enumerate(factors):
            if (e, power) == (1, -1) and _is_sum_of_exponentials(part) and _is_sum_of_exponentials(whole):
                odds = _odds(whole, part)
                if odds is not None:
                    rest = [pair for k, pair in enumerate(factors) if k not in (n, m)]
                    return product_of_powers([(apply(sigmoid, [odds]), S.One), *rest])
    return None


def _is_sum_of_exponentials(use: Use) -> bool:
    """Whether each of at least two terms is positive, and all but a constant have an exponential."""
    terms = terms_of(see_through(use)) if isinstance(see_through(use).node, Add) else []
    return len(terms) > 1 and all(c.is_positive and (t == ONE or _has_exponential(t)) for c, t in terms)


def _has_exponential(term: Use) -> bool:
    alone = any(getattr(factor.node, "head", None) is exp for factor, _ in factors_of(term))
    return is_positive(term) and (alone or is_sum_of_exponentials(see_through(term)))


def _odds(whole: Use, part: Use) -> Use | None:
    """log s − log r for a part s of a sum of exponentials s + r, of which r or s has at least two terms."""
    rest = subtract(whole, part)
    terms = terms_of(rest)
    if len(terms) + len(terms_of(part)) != len(terms_of(whole)) or not all(c.is_positive for c, _ in terms):
        return None
    if len(terms_of(whole)) == 2 and not any(is_sum_of_exponentials(see_through(t)) for _, t in terms_of(whole)):
        return None
    return subtract(apply(log, [part]), apply(log, [rest]))


@record(
    "c·pᵃ − c·pᵃ⁺¹ = −c·pᵃ·(exp(log_softmax(u)) − 1) for p = softmax(u), a ≥ 0",
    "1 − p cancels for the share p of a class that is all but certain",
    BLANCHARD,
)
def complement_of_shares(use: Use) -> Use | None:
    """What every entry of a softmax leaves of 1, times anything, also of sums over the entries."""
    for c, taken, rest, (factors, bound) in _pairs(use):
        for share, e in factors:
            others = [pair for pair in factors if pair[0] != share]
            logs = _log_shares(share) if e >= 1 else None
            if logs is not None and product_of_powers([*others, (share, e - 1)], bound) == taken:
                left = [*others, (share, e - 1), (apply(expm1, [logs]), S.One)]
                return add([*rest, (c, product_of_powers(left, bound))])
    return None


@record(
    "c − c·Σ pᵃ = −c·Σ p·(exp((a − 1)·log_softmax(u)) − 1) for p = softmax(u), a > 1",
    "Σ p² is near 1 where a share is",
    BLANCHARD,
)
def complement_of_powers(use: Use) -> Use | None:
    """What a sum of powers of all shares leaves of 1, or of a number of such sums: the impurity 1 − Σ p²."""
    for c, taken, rest, (factors, bound) in _pairs(use):
        for share, e in factors:
            others = [pair for pair in factors if pair[0] != share]
            logs = _log_shares(share) if e > 1 else None
            along = [] if logs is None else [logs.letters[axis] for axis in logs.node.over]  # type: ignore[attr-defined]
            if logs is None or not set(along) <= bound.keys() or {x for f, _ in others for x in f.letters} & {*along}:
                continue
            left = {letter: size for letter, size in bound.items() if letter not in along}
            if product_of_powers(others, left) == taken and len(set(logs.letters)) == len(logs.letters):
                increment = apply(expm1, [scale(e - 1, logs)])
                return add([*rest, (c, product_of_powers([*others, (share, S.One), (increment, S.One)], bound))])
    return None


def _pairs(use: Use) -> Iterator[tuple[Number, Use, list[tuple[Number, Use]], Summand]]:
    """c·u − c·v in a sum, as c, v, the other terms, and the factors of u, of which one is a softmax."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    for n, (c, term) in enumerate(terms):
        shares = [one for one in opened_summands(term) if any(_log_shares(factor) is not None for factor, _ in one[0])]
        for m, (d, taken) in enumerate(terms) if shares else ():
            if d == -c:
                rest = [pair for k, pair in enumerate(terms) if k not in (n, m)]
                yield from ((c, taken, rest, summand) for summand in shares)


def _log_shares(use: Use) -> Use | None:
    """The logarithm of a softmax; None of anything else."""
    target = see_through(use)
    if not (isinstance(target.node, AxisMap) and target.node.head == SOFTMAX):
        return None
    over = {axis: target.node.shape[axis] for axis in target.node.over}
    return place(axis_map(LOG_SOFTMAX, target.node.arg, over), target.letters)
