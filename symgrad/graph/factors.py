"""The factors of a product: deltas that meet a sum, and groups that share an index of it."""

from collections.abc import Mapping

from sympy import Expr, Number, S

from symgrad.graph.kinds.leaves import Delta
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.node import Letter, Use
from symgrad.graph.symmetry import as_known


def eliminate_deltas(merged: dict[Use, Number], bound: dict[Letter, Expr]) -> None:
    """Σ_j δ[i,j]·f(j) = f(i), in place."""
    while True:
        for use in merged:
            if not isinstance(use.node, Delta):
                continue
            row, column = use.letters
            gone, kept = (row, column) if row in bound else (column, row)
            if row != column and gone not in bound:
                continue
            break
        else:
            return
        del merged[use]
        if row == column:
            continue
        del bound[gone]
        renamed: dict[Use, Number] = {}
        for other, exponent in merged.items():
            other = as_known(relabel(other, {gone: kept}), renamed)
            renamed[other] = renamed.get(other, S.Zero) + exponent
        merged.clear()
        merged.update((other, exponent) for other, exponent in renamed.items() if exponent != 0)


def connected(
    merged: Mapping[Use, Number], bound: Mapping[Letter, Expr]
) -> list[tuple[list[Letter], list[tuple[Use, Number]]]]:
    """The factors grouped so that no bound letter is shared between groups; factors without any come one by one."""
    groups: list[tuple[list[Letter], list[tuple[Use, Number]]]] = []
    for use, exponent in merged.items():
        letters = [letter for letter in distinct(use.letters) if letter in bound]
        joined: tuple[list[Letter], list[tuple[Use, Number]]] = (letters, [(use, exponent)])
        meeting = [group for group in groups if any(letter in group[0] for letter in letters)] if letters else []
        for group in meeting:
            groups.remove(group)
            joined = (list(distinct(group[0] + joined[0])), group[1] + joined[1])
        groups.append(joined)
    return groups
