"""Rewrites that involve whole axes: log Σ exp, softmax, log softmax, the complement of a sigmoid."""

from collections.abc import Callable

from sympy import Number, S, exp, log

from symgrad.functions import LogSumExp, sigmoid
from symgrad.graph.axes import LOG_SOFTMAX, SOFTMAX, axis_map, gather, reduce
from symgrad.graph.build import ONE, apply, product_of_powers, scale, subtract
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Add, Apply, AxisMap, Contract, Gather, Node, Use
from symgrad.graph.transform import place
from symgrad.rewrite.match import factors_of, see_through

AxisRule = Callable[[Use], Use | None]


def log_sum_exp(use: Use) -> Use | None:
    """log Σ exp(u) = LogSumExp(u), which does not overflow. Source: Blanchard, Higham and Higham (2021)."""
    inner = _argument(use, log)
    found = inner and _sum_of_exp(inner)
    if not found:
        return None
    argument, bound = found
    return reduce(LogSumExp, argument, bound)


def softmax(use: Use) -> Use | None:
    """exp(u) / Σ exp(u) = softmax(u)."""
    factors = factors_of(use)
    for n, (factor, exponent) in enumerate(factors):
        if not (exponent == 1 and isinstance(factor.node, Apply) and factor.node.head is exp):
            continue
        for m, (divisor, power) in enumerate(factors):
            target = see_through(divisor)
            if power != -1 or not isinstance(target.node, Contract) or not target.node.bound:
                continue
            ((term, e), *others) = target.node.factors
            if others or e != 1 or term.node is not see_through(factor).node:
                continue
            letters = dict(zip(term.letters, factor.letters, strict=True))
            free = {inner: outer for inner, outer in enumerate(target.letters)}
            if any(letters.get(inner, outer) != outer for inner, outer in free.items()):
                continue
            over = {letters[target.node.rank + k]: length for k, length in enumerate(target.node.bound)}
            if len(set(letters.values())) < len(letters) or set(over) & set(target.letters):
                continue
            rest = [factors[k] for k in range(len(factors)) if k not in (n, m)]
            argument = place(factor.node.args[0], factor.letters)
            return product_of_powers([(axis_map(SOFTMAX, argument, over), S.One), *rest])
    return None


def log_softmax(use: Use) -> Use | None:
    """log softmax(u) as one function: the shift by the maximum cancels exactly; also of single entries p[n, label[n]]."""
    inner = _argument(use, log)
    if inner is None:
        return None
    target = see_through(inner)
    if isinstance(target.node, AxisMap) and target.node.head == SOFTMAX:
        argument = place(target.node.arg, target.letters)
        return axis_map(LOG_SOFTMAX, argument, {target.letters[axis]: target.node.shape[axis] for axis in target.node.over})
    if isinstance(target.node, Gather):
        entries = see_through(Use(target.node.base.node, tuple(range(target.node.base.node.rank))))
        logs = log_softmax(apply(log, [entries]))
        if logs is not None:
            subs = [place(sub, target.letters) for sub in target.node.subs]
            return gather(logs, [subs[axis] for axis in logs.letters])
    return None


def complement(use: Use) -> Use | None:
    """σ(-u) = 1 - σ(u), so that formulas know one sigmoid of each argument."""
    inner = _argument(use, sigmoid)
    if inner is None or not isinstance(inner.node, Add) or not inner.node.terms:
        return None
    if not all(coefficient.is_negative for coefficient, _ in inner.node.terms):
        return None
    return subtract(ONE, apply(sigmoid, [scale(S.NegativeOne, inner)]))


def _argument(use: Use, head: object) -> Use | None:
    if isinstance(use.node, Apply) and use.node.head is head:
        return place(use.node.args[0], use.letters)
    return None


def _sum_of_exp(use: Use) -> tuple[Use, dict[object, object]] | None:
    target = see_through(use)
    node: Node = target.node
    if not isinstance(node, Contract) or not node.bound or len(node.factors) != 1:
        return None
    factor, exponent = node.factors[0]
    inner = see_through(factor)
    if exponent != Number(1) or not isinstance(inner.node, Apply) or inner.node.head is not exp:
        return None
    names = dict(enumerate(target.letters)) | {node.rank + k: ("over", k) for k in range(len(node.bound))}
    argument = place(place(inner.node.args[0], inner.letters), range(node.rank + len(node.bound)))
    moved = Use(argument.node, tuple(names[letter] for letter in argument.letters))
    if len(distinct(moved.letters)) < len(moved.letters):
        return None
    return moved, {("over", k): length for k, length in enumerate(node.bound)}


RECOGNISE: tuple[AxisRule, ...] = (log_sum_exp, softmax, log_softmax)
CANONICAL: tuple[AxisRule, ...] = (complement,)
