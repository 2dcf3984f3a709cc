"""Conditions on indices as factors of the sums they are in: Σⱼ ([j ≤ i]·q·k·v) rather than Σⱼ (q·k·v if j ≤ i else 0).

A product under a condition is one array over the indices of all its factors; with the condition as one more factor, the
sum is computed as any product of arrays is, two at a time. That is done where a factor has an index that the condition
lacks. What is not finite for all real numbers stays under the condition, and so does all that is under one on data; and
data that no index lets count stay left out.
"""

from collections.abc import Sequence

from sympy import Number, S

from symgrad.functions import if_else
from symgrad.graph.build import ONE, ZERO, apply, is_zero, product_of_powers
from symgrad.graph.nodes import Apply, Contract, Input, Named, Node, Use, postorder
from symgrad.graph.transform import factors_of, place, transform
from symgrad.rewrite.record import record
from symgrad.schedule.conditions import guards_of
from symgrad.schedule.guards import freed, is_risky


@record(
    "(a·b if q else 0) = [q]·a·b", "no array over the indices of both a and b, where q is about indices", "definition"
)
def split_masks(roots: Sequence[Use]) -> list[Use]:
    """The terms with conditions on indices as factors."""
    risky: dict[Node, bool] = {}

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if not isinstance(node, Contract) or not node.bound:
            return None
        factors = []
        for use, (_, exponent) in zip(uses, node.factors, strict=True):
            parts = _split(use, risky) if exponent == 1 else None
            factors += [(use, exponent)] if parts is None else parts
        return product_of_powers(factors, dict(enumerate(node.bound, node.rank)))

    return transform(roots, visit)


def _split(use: Use, risky: dict[Node, bool]) -> list[tuple[Use, Number]] | None:
    """The factors of a product under a condition on indices, that one first; None for anything else."""
    if not isinstance(use.node, Apply) or use.node.head is not if_else:
        return None
    condition, yes, no = (place(arg, use.letters) for arg in use.node.args)
    if is_zero(yes):
        yes, mask, holds = no, apply(if_else, [condition, ZERO, ONE]), False
    elif is_zero(no):
        mask, holds = apply(if_else, [condition, ONE, ZERO]), True
    else:
        return None
    of_data = any(isinstance(node, Input | Named) for node in postorder([condition.node]))
    if of_data or set(yes.letters) <= set(condition.letters) or is_risky(yes.node, risky):
        return None
    parts = [(freed(part, guards_of(condition, holds)), e) for part, e in factors_of(yes)]
    known = [(part, e) for part, e in parts if part is not None]
    return [(mask, S.One), *known] if len(known) == len(parts) else None
