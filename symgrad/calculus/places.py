"""Places along an axis, as formulas of indices: one put into another, and remainders of remainders."""

from collections.abc import Iterable, Mapping, Set

from sympy import Expr, Mod, S

from symgrad.graph.affine import affine, along_one
from symgrad.graph.build import add, apply, gather, index, product_of_powers, size, sizes_of
from symgrad.graph.nodes import Add, Apply, Contract, Gather, Letter, Range, Use
from symgrad.graph.transform import factors_of, place, terms_of


def composed(use: Use, subs: Mapping[Letter, Use]) -> Use:
    """A place with others in place of some of its indices."""
    node = use.node
    if not set(use.letters) & subs.keys():
        return use
    if isinstance(node, Range):
        return subs[use.letters[0]]
    if isinstance(node, Add):
        return add((coefficient, composed(term, subs)) for coefficient, term in terms_of(use))
    if isinstance(node, Contract) and not node.bound:
        return product_of_powers([(composed(factor, subs), exponent) for factor, exponent in factors_of(use)])
    if isinstance(node, Gather):
        return gather(node.base, [composed(place(sub, use.letters), subs) for sub in node.subs])
    if isinstance(node, Apply):
        args = [composed(place(arg, use.letters), subs) for arg in node.args]
        return _remainder(args[0], args[1]) if node.head is Mod else apply(node.head, args)
    lengths = sizes_of([use])
    return gather(use, [subs.get(letter) or index(letter, lengths[letter]) for letter in use.letters])


def joined(groups: Iterable[Set[Letter]]) -> list[set[Letter]]:
    """Sets of letters, those as one that have a letter in common."""
    made: list[set[Letter]] = []
    for group in groups:
        near = [one for one in made if one & group]
        made = [one for one in made if one not in near]
        whole = set(group).union(*near)
        made += [whole] if whole else []
    return made


def _remainder(use: Use, modulus: Use) -> Use:
    """Mod(use, modulus), of remainders by the same modulus that of what these are of."""
    found = affine(modulus)
    if found is None or found.steps:
        return apply(Mod, [use, modulus])
    parts = []
    for coefficient, term in terms_of(use):
        inner = term
        if isinstance(term.node, Apply) and term.node.head is Mod and coefficient.is_Integer:
            of, by = (place(arg, term.letters) for arg in term.node.args)
            inner = of if by == modulus else term
        parts.append((coefficient, inner))
    return _on_axis(add(parts), found.start)


def _on_axis(use: Use, side: Expr) -> Use:
    """Mod(use, side) without whole turns; an index of an axis so long is its own remainder."""
    along = along_one(use)
    if along is not None and along[0] is not None:
        letter, step, start = along
        turns = (start / side).expand().as_independent(*side.free_symbols)[0] if side.free_symbols else S.Zero
        use = add([(S.One, use), (S.One, size(-turns * side))]) if turns.is_Integer and turns else use
        if (step, (start - turns * side).expand()) == (1, 0) and use.node.shape == (side,):
            return index(letter, side)
    return apply(Mod, [use, size(side)])
