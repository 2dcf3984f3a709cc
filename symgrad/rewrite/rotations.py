"""Entries that are moved round an axis, as on a ring: their adjoint reads them where they come from."""

from sympy import Add, Dummy, Expr, Mod

from symgrad.graph.affine import affine, along_one
from symgrad.graph.build import add, apply, gather, index, scatter, size
from symgrad.graph.letters import sizes_of
from symgrad.graph.nodes import Apply, Letter, Scatter, Use
from symgrad.graph.transform import place
from symgrad.rewrite.record import record


@record(
    "Σₖ [Mod(k + c, N) = i] vₖ = v[Mod(i − c, N)]",
    "every position is taken once: entries are read, and none are added up",
    "i ↦ Mod(i + c, N) is a bijection of 0 … N − 1",
)
def turned_back(use: Use) -> Use | None:
    """Values that are added at Mod(c ± k, N), for all k of an axis of N, as those at the place that they come from."""
    node = use.node
    if not isinstance(node, Scatter):
        return None
    bound = dict(enumerate(node.bound, node.rank))
    places = [letter for sub in node.subs for letter in set(sub.letters)]
    value, subs = node.value, list(node.subs)
    for axis, (sub, side) in enumerate(zip(node.subs, node.shape, strict=True)):
        found = _turn(sub, side)
        if found is None:
            continue
        letter, step, start = found
        if bound.get(letter) != side or places.count(letter) > 1:
            continue
        del bound[letter]
        where = _back(axis, step, start, side)
        lengths = sizes_of([value])
        value = gather(value, [where if x == letter else index(x, lengths[x]) for x in value.letters])
        subs[axis] = index(axis, side)
    if len(bound) == len(node.bound):
        return None
    return place(scatter(value, subs, node.shape, range(node.rank), bound), use.letters)


def _turn(sub: Use, side: Expr) -> tuple[Letter, Expr, Expr] | None:
    """(letter, ±1, c) of Mod(c ± letter, side)."""
    if not isinstance(sub.node, Apply) or sub.node.head is not Mod:
        return None
    inner, modulus = (place(arg, sub.letters) for arg in sub.node.args)
    around, found = affine(modulus), along_one(inner)
    if around is None or around.steps or around.start != side or found is None:
        return None
    letter, step, start = found
    return None if letter is None or step not in (1, -1) else (letter, step, start)


def _back(axis: int, step: Expr, start: Expr, side: Expr) -> Use:
    """k of Mod(start + step·k, side) = axis; in SymPy's own spelling, so that both ways round are one node."""
    own = Dummy(integer=True)
    shift = (Mod(step * (own - start), side).args[0] - step * own).expand()
    parts = [part.as_coeff_Mul() for part in Add.make_args(shift)]
    return apply(Mod, [add([(step, index(axis, side)), *((c, size(value)) for c, value in parts)]), size(side)])
