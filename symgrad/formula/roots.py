"""Roots that have a name: 1/√(v + ε) is 1/σ where σ is √(v + ε), as derivatives of a root have it."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sympy import Number, Rational

from symgrad.functions.norms import reciprocal_root
from symgrad.graph.build import product_of_powers
from symgrad.graph.nodes import Apply, Contract, Letter, Named, Node, Use
from symgrad.graph.transform import transform


class _Root(NamedTuple):
    """A name of a power of one term: its axes in the order of the name's, and the exponent."""

    name: Named
    axes: tuple[int, ...]
    exponent: Number


def roots_named(use: Use, names: Sequence[Named], opaque: Collection[Node]) -> Use:
    """The term with a name of `where` for each power of a root that has one."""
    roots = _roots(names)
    if not roots:
        return use

    def power(base: Use, exponent: Number) -> tuple[Use, Number]:
        root = roots.get(base.node)
        if root is None or not (exponent / root.exponent).is_integer:
            return base, exponent
        return Use(root.name, tuple(base.letters[axis] for axis in root.axes)), exponent / root.exponent

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if isinstance(node, Apply) and node.head is reciprocal_root:
            return product_of_powers([power(uses[0], Rational(-1, 2))]) if uses[0].node in roots else None
        if not isinstance(node, Contract) or all(one.node not in roots for one in uses):
            return None
        powers = [power(one, exponent) for one, (_, exponent) in zip(uses, node.factors, strict=True)]
        return product_of_powers(powers, dict(enumerate(node.bound, node.rank)))

    return transform([use], visit, opaque)[0]


def _roots(names: Sequence[Named]) -> dict[Node, _Root]:
    found: dict[Node, _Root] = {}
    for name in names:
        node = name.arg.node
        if not isinstance(node, Contract) or len(node.factors) != 1 or node.bound:
            continue
        ((base, exponent),) = node.factors
        if exponent.is_integer or len(set(base.letters)) < name.rank or base.node.rank != name.rank:
            continue
        axis_of: dict[Letter, int] = {letter: axis for axis, letter in enumerate(base.letters)}
        places: dict[Letter, int] = {letter: axis for axis, letter in enumerate(name.arg.letters)}
        found[base.node] = _Root(name, tuple(axis_of[places[axis]] for axis in range(name.rank)), exponent)
    return found
