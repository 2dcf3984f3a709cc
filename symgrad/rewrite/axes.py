"""Rewrites that involve whole axes: log Σ exp, softmax, log softmax, the complement of a sigmoid."""

from sympy import And, Ne, Not, Number, Or, S, StrictGreaterThan, exp, log

from symgrad.functions import LogSumExp, if_else, share, sigmoid
from symgrad.graph.build import (
    LOG_SOFTMAX,
    ONE,
    SOFTMAX,
    add,
    apply,
    axis_map,
    const,
    gather,
    is_zero,
    product_of_powers,
    reduce,
    scale,
    subtract,
    summand,
)
from symgrad.graph.facts import may_be_infinite
from symgrad.graph.letters import distinct, relabel, sizes_of
from symgrad.graph.nodes import Add, Apply, AxisMap, Contract, Gather, Input, Named, Node, Reduce, Use
from symgrad.graph.transform import factors_of, opened, own, place, see_through, terms_of
from symgrad.rewrite.diagonals import diagonal, inwards
from symgrad.rewrite.logarithms import log_of_product
from symgrad.rewrite.record import BLANCHARD, LOGISTIC, AxisRule, record
from symgrad.rewrite.signs import absolute_value, positive_part, times_its_sign


@record("log Σ exp(u) = logsumexp(u)", "exp(u) overflows beyond 709", BLANCHARD)
def log_sum_exp(use: Use) -> Use | None:
    """log Σ exp(u) = LogSumExp(u), which does not overflow. Source: Blanchard, Higham and Higham (2021)."""
    inner = _argument(use, log)
    found = inner and sum_of_exp(inner)
    if not found:
        return None
    argument, bound = found
    return reduce(LogSumExp, argument, bound)


@record("exp(u)/Σ exp(u) = softmax(u)", "inf/inf for large u", BLANCHARD)
def softmax(use: Use) -> Use | None:
    """exp(u) / Σ exp(u) = softmax(u)."""
    factors = factors_of(use)
    for n, (factor, exponent) in enumerate(factors):
        above = see_through(factor)
        if not (exponent == 1 and isinstance(above.node, Apply) and above.node.head is exp):
            continue
        for m, (divisor, power) in enumerate(factors):
            target = see_through(divisor)
            if power != -1 or not isinstance(target.node, Contract) or not target.node.bound:
                continue
            ((term, e), *others) = target.node.factors
            below = see_through(term)
            if others or e != 1 or below.node is not above.node:
                continue
            letters = dict(zip(below.letters, above.letters, strict=True))
            free = dict(enumerate(target.letters))
            if any(letters.get(inner, outer) != outer for inner, outer in free.items()):
                continue
            over = {letters[target.node.rank + k]: length for k, length in enumerate(target.node.bound)}
            if len(set(letters.values())) < len(letters) or set(over) & set(target.letters):
                continue
            rest = [factors[k] for k in range(len(factors)) if k not in (n, m)]
            argument = place(above.node.args[0], above.letters)
            return product_of_powers([(axis_map(SOFTMAX, argument, over), S.One), *rest])
    return None


@record("softmax(u) > 0 is u > −∞, in conditions", "a share of 1e-400 is 0 in float64, and positive", BLANCHARD)
def positive_share(use: Use) -> Use | None:
    """A choice where an entry of a softmax is positive, or not zero."""
    if not (isinstance(use.node, Apply) and use.node.head is if_else):
        return None
    condition, *branches = (place(arg, use.letters) for arg in use.node.args)
    better = _by_scores(condition)
    return None if better is None else apply(if_else, [better, *branches])


def _by_scores(condition: Use) -> Use | None:
    node = condition.node
    if not isinstance(node, Apply):
        return None
    parts = [place(arg, condition.letters) for arg in node.args]
    if node.head in (And, Or, Not):
        better = [_by_scores(part) for part in parts]
        return apply(node.head, [b or part for b, part in zip(better, parts, strict=True)]) if any(better) else None
    if node.head not in (StrictGreaterThan, Ne):
        return None
    left, right = parts[::-1] if node.head is Ne and is_zero(parts[0]) else parts
    share = see_through(left)
    if not (is_zero(right) and isinstance(share.node, AxisMap) and share.node.head == SOFTMAX):
        return None
    return apply(StrictGreaterThan, [place(share.node.arg, share.letters), const(S.NegativeInfinity)])


@record("exp(u[i, i])/Σ_j exp(u[i, j]) = softmax(u)[i, i]", "inf/inf for large u", BLANCHARD)
def softmax_on_diagonal(use: Use) -> Use | None:
    """The same where the entry's own index is another one of u."""
    factors = factors_of(use)
    for n, (factor, exponent) in enumerate(factors):
        above = inwards(see_through(factor))
        if not (exponent == 1 and isinstance(above.node, Apply) and above.node.head is exp):
            continue
        for m, (divisor, power) in enumerate(factors):
            target = see_through(divisor)
            found = sum_of_exp(target) if power == -1 else None
            if found is None or len(found[1]) != 1:
                continue
            argument, over = found
            (summed,) = over
            for letter, length in sizes_of([target]).items():
                if length != over[summed]:
                    continue
                if inwards(apply(exp, [inwards(relabel(argument, {summed: letter}))])) == above:
                    entry = relabel(axis_map(SOFTMAX, argument, over), {summed: letter})
                    rest = [factors[k] for k in range(len(factors)) if k not in (n, m)]
                    return product_of_powers([(entry, S.One), *rest])
    return None


@record(
    "softmax(u + c) = softmax(u), logsumexp(u + c) = logsumexp(u) + c",
    "what is the same for all entries cancels",
    BLANCHARD,
)
def shift_invariance(use: Use) -> Use | None:
    """softmax(u + c) = softmax(u), LogSumExp(u + c) = LogSumExp(u) + c for c constant along the axes they act on."""
    node = use.node
    if isinstance(node, Reduce) and node.head is LogSumExp:
        names, over = opened(use, node.bound)
        argument = relabel(node.arg, names)
    elif isinstance(node, AxisMap) and node.head in (SOFTMAX, LOG_SOFTMAX):
        over = {axis: node.shape[axis] for axis in node.over}
        argument = node.arg
    else:
        return None
    target = see_through(argument)
    if not isinstance(target.node, Add):
        return None
    parts = terms_of(target)
    constant = [(c, term) for c, term in parts if not set(term.letters) & set(over)]
    if not constant or len(constant) == len(parts):
        return None
    rest = add([pair for pair in parts if pair not in constant])
    if isinstance(node, AxisMap):
        return place(axis_map(node.head, rest, over), use.letters)
    return add([*constant, (S.One, reduce(LogSumExp, rest, over))])


@record("log(softmax(u)) = log_softmax(u)", "softmax(u) underflows, its logarithm does not", BLANCHARD)
def log_softmax(use: Use) -> Use | None:
    """log softmax(u) as one function, where the maximum cancels exactly; also of single entries p[n, label[n]]."""
    inner = _argument(use, log)
    if inner is None:
        return None
    target = see_through(inner)
    if isinstance(target.node, AxisMap) and target.node.head == SOFTMAX:
        # on the node's own letters: on a diagonal those of the use are the same
        over = {axis: target.node.shape[axis] for axis in target.node.over}
        return place(axis_map(LOG_SOFTMAX, target.node.arg, over), target.letters)
    if isinstance(target.node, Gather):
        entries = see_through(Use(target.node.base.node, tuple(range(target.node.base.node.rank))))
        logs = log_softmax(apply(log, [entries]))
        if logs is not None:
            subs = [place(sub, target.letters) for sub in target.node.subs]
            return gather(logs, [subs[axis] for axis in logs.letters])
    return None


@record("u − logsumexp(u) = log_softmax(u)", "the maximum cancels exactly rather than by subtraction", BLANCHARD)
def log_softmax_of_difference(use: Use) -> Use | None:
    """u - LogSumExp(u) = log softmax(u), where the maximum cancels exactly; also of single entries u[n, label[n]]."""
    if not isinstance(use.node, Add):
        return None
    terms = terms_of(use)
    for n, (coefficient, term) in enumerate(terms):
        reduction = see_through(term)
        if not isinstance(reduction.node, Reduce) or reduction.node.head is not LogSumExp:
            continue
        for m, (opposite, entry) in enumerate(terms):
            if opposite == -coefficient and is_entry(entry, reduction.node):
                logs, whole = log_softmax_at(entry, reduction.node)
                if whole == reduction:
                    return add([(opposite, logs), *(terms[k] for k in range(len(terms)) if k not in (n, m))])
    return None


def is_entry(entry: Use, reduction: Reduce) -> bool:
    """Whether a term is u[...], at indices or at subscripts, for the operand u of a reduction."""
    base = entry.node.base.node if isinstance(entry.node, Gather) else entry.node
    return base is reduction.arg.node and len(set(reduction.arg.letters)) == base.rank


def log_softmax_at(entry: Use, reduction: Reduce) -> tuple[Use, Use]:
    """log softmax(u) and LogSumExp(u) at the place of an entry of u."""
    axis_of = {letter: axis for axis, letter in enumerate(reduction.arg.letters)}
    base = reduction.arg.node
    over = {axis: base.shape[axis] for letter, axis in axis_of.items() if letter >= reduction.rank}
    logs = axis_map(LOG_SOFTMAX, own(base), over)
    kept = [axis_of[letter] for letter in range(reduction.rank)]
    if isinstance(entry.node, Gather):
        subs = [place(sub, entry.letters) for sub in entry.node.subs]
        return gather(logs, [subs[axis] for axis in logs.letters]), gather(
            own(reduction), [subs[axis] for axis in kept]
        )
    return place(logs, entry.letters), Use(reduction, tuple(entry.letters[axis] for axis in kept))


@record(
    "exp(x)/(exp(x) + exp(y)) is a share of two, where both x and y may be −∞",
    "σ(x − y) is not a number where both are −∞, and 1 − σ(x − y) is not the other's share",
    BLANCHARD,
    heads=[exp],
)
def share_of_two(use: Use) -> Use | None:
    """The derivative of log(exp(x) + exp(y)) by x, which is 0 where the sum is."""
    node = use.node
    if isinstance(node, Contract) and node.bound:
        body = share_of_two(summand(node))
        bound = dict(enumerate(node.bound, node.rank))
        return None if body is None else place(product_of_powers([(body, S.One)], bound), use.letters)
    factors = factors_of(use)
    for n, (factor, exponent) in enumerate(factors):
        above = see_through(factor)
        for m, (divisor, power) in enumerate(factors):
            terms = terms_of(see_through(divisor)) if power <= -1 and exponent == 1 else []
            parts = [see_through(term) for c, term in terms if c == 1]
            if len(parts) != 2 or len(terms) != 2 or above not in parts or not all(map(_is_infinite_exp, parts)):
                continue
            (other,) = [part for part in parts if part != above] or [above]
            arguments = [place(part.node.uses()[0], part.letters) for part in (above, other)]
            rest = [pair for k, pair in enumerate(factors) if k not in (n, m)]
            return product_of_powers([(apply(share, arguments), S.One), (divisor, power + 1), *rest])
    return None


def _is_infinite_exp(use: Use) -> bool:
    """Whether a term is the exponential of what may be −∞."""
    return isinstance(use.node, Apply) and use.node.head is exp and may_be_infinite(use.node.args[0])


@record("σ(−u) = 1 − σ(u)", "one sigmoid of each argument", LOGISTIC)
def complement(use: Use) -> Use | None:
    """σ(-u) = 1 - σ(u), so that formulas know one sigmoid of each argument."""
    inner = _argument(use, sigmoid)
    if inner is None or not isinstance(inner.node, Add) or not inner.node.terms:
        return None
    if not all(coefficient.is_negative for coefficient, _ in inner.node.terms):
        return None
    return subtract(ONE, apply(sigmoid, [scale(S.NegativeOne, inner)]))


@record(
    "c·(a if q else b) + d·(e if q else f) = (c·a + d·e) if q else (c·b + d·f)",
    "one choice by each condition",
    "definition by cases",
)
def merge_conditions(use: Use) -> Use | None:
    """c·(a if q else b) + d·(e if q else f) = (c·a + d·e) if q else (c·b + d·f).

    Also of products, where they make one choice together: (a if q else 0)·u + (0 if q else b)·v = a·u if q else b·v.
    """
    if not isinstance(use.node, Add):
        return None
    terms = [(coefficient, place(term, use.letters)) for coefficient, term in use.node.terms]
    groups: dict[Use, list[tuple[int, list[Use], bool]]] = {}
    for n, (_, term) in enumerate(terms):
        found = _as_choice(term)
        if found is not None:
            condition, branches, alone = found
            groups.setdefault(condition, []).append((n, branches, alone))
    made: list[tuple[Number, Use]] = []
    for condition, group in groups.items():
        one_choice = all(any(is_zero(branches[k]) for _, branches, _ in group) for k in (0, 1))
        group = [part for part in group if part[2] or one_choice]
        if len(group) > 1:
            both = [add([(terms[n][0], branches[k]) for n, branches, _ in group]) for k in (0, 1)]
            made.append((S.One, apply(if_else, [condition, *both])))
            for n, *_ in group:
                terms[n] = S.Zero, ONE
    return add([*terms, *made]) if made else None


def _as_choice(term: Use) -> tuple[Use, list[Use], bool] | None:
    """The condition and the branches of a choice, and whether it stands alone; else that of one among its factors."""
    factors = factors_of(term)
    for n, (factor, exponent) in enumerate(factors):
        if exponent == 1 and isinstance(factor.node, Apply) and factor.node.head is if_else:
            others = [pair for m, pair in enumerate(factors) if m != n]
            if all(set(other.letters) <= set(factor.letters) for other, _ in others):
                condition, *branches = (place(arg, factor.letters) for arg in factor.node.args)
                return condition, [product_of_powers([(branch, S.One), *others]) for branch in branches], not others
    return None


@record("(a if q else 0)·b = a·b if q else 0", "where q does not hold, b may be infinite", "definition by cases")
def hoist_mask(use: Use) -> Use | None:
    """(a if q else 0)·b = a·b if q else 0: where q does not hold, b may be infinite or undefined."""
    factors = factors_of(use)
    if len(factors) < 2:
        return None
    for n, (factor, exponent) in enumerate(factors):
        if exponent != 1 or not isinstance(factor.node, Apply) or factor.node.head is not if_else:
            continue
        condition, yes, no = (place(arg, factor.letters) for arg in factor.node.args)
        others = [pair for m, pair in enumerate(factors) if m != n]
        inside = [pair for pair in others if pair[0].letters and set(pair[0].letters) <= set(factor.letters)]
        if not is_zero(no) or not inside or (yes.node is ONE.node and all(_is_total(other) for other, _ in inside)):
            continue
        body = product_of_powers([(yes, S.One), *inside])
        outside = [pair for pair in others if pair not in inside]
        return product_of_powers([(apply(if_else, [condition, body, no]), S.One), *outside])
    return None


@record(
    "w·softmax(v)[k] if k ≠ y else 0 = w·softmax(v)[k] for v[k] = (u[k] if k ≠ y else −∞)",
    "what has no share needs no condition",
    BLANCHARD,
)
def share_of_others(use: Use) -> Use | None:
    """The shares of all but one under the condition that they have anyway, times what is the same for all of them."""
    if not (isinstance(use.node, Apply) and use.node.head is if_else):
        return None
    condition, yes, no = (place(arg, use.letters) for arg in use.node.args)
    if not is_zero(no) or not (isinstance(condition.node, Apply) and condition.node.head is Ne):
        return None
    return yes if all(_has_share_under(term, condition) for _, term in terms_of(yes)) else None


def _has_share_under(term: Use, condition: Use) -> bool:
    """Whether a product has a share that is 0 where a condition does not hold, and all its other factors are shared."""
    factors = factors_of(term)
    for factor, e in factors:
        shares = see_through(factor)
        if not (e == 1 and isinstance(shares.node, AxisMap) and shares.node.head == SOFTMAX):
            continue
        scores = see_through(place(shares.node.arg, shares.letters))
        if not (isinstance(scores.node, Apply) and scores.node.head is if_else):
            continue
        shown, _, left_out = (place(arg, scores.letters) for arg in scores.node.args)
        over = {shares.letters[axis] for axis in shares.node.over}
        others = {letter for other, _ in factors if other != factor for letter in other.letters}
        if shown == condition and left_out == const(S.NegativeInfinity) and over <= {*shown.letters} - others:
            return True
    return False


def _is_total(use: Use) -> bool:
    """Whether a factor is finite wherever its data are, so that multiplying it by zero gives zero."""
    return isinstance(use.node, Input | Named)


def _argument(use: Use, head: object) -> Use | None:
    if isinstance(use.node, Apply) and use.node.head is head:
        return place(use.node.args[0], use.letters)
    return None


def sum_of_exp(use: Use) -> tuple[Use, dict[object, object]] | None:
    target = see_through(use)
    node: Node = target.node
    if not isinstance(node, Contract) or not node.bound or len(node.factors) != 1:
        return None
    factor, exponent = node.factors[0]
    inner = see_through(factor)
    if exponent != Number(1) or not isinstance(inner.node, Apply) or inner.node.head is not exp:
        return None
    names, over = opened(target, node.bound)
    argument = place(place(inner.node.args[0], inner.letters), range(node.rank + len(node.bound)))
    moved = Use(argument.node, tuple(names[letter] for letter in argument.letters))
    if len(distinct(moved.letters)) < len(moved.letters):
        return None
    return moved, over


RECOGNISE: tuple[AxisRule, ...] = (
    diagonal,
    log_sum_exp,
    softmax,
    softmax_on_diagonal,
    positive_share,
    shift_invariance,
    log_softmax,
    log_softmax_of_difference,
    log_of_product,
    complement,
    absolute_value,
    times_its_sign,
    positive_part,
)
CANONICAL: tuple[AxisRule, ...] = (share_of_two, share_of_others, merge_conditions, hoist_mask)
