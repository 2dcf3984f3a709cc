"""Passes over the graph: rebuild bottom-up through the constructors, substitute, ask what depends on what."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import count

from sympy import Expr, Number, S, expand

from symgrad.graph.kinds.names import AUXILIARY, Named
from symgrad.graph.kinds.products import Contract
from symgrad.graph.kinds.subscripts import Gather
from symgrad.graph.kinds.sums import Add
from symgrad.graph.letters import place, relabel
from symgrad.graph.node import Letter, Node, Use, axes_from_zero, own, postorder

__all__ = [
    "dependents",
    "factors_of",
    "in_own_letters",
    "opened",
    "own",
    "place",
    "rebuilt",
    "see_through",
    "substitute",
    "terms_of",
    "transform",
    "tree_size",
]

Visit = Callable[[Node, tuple[Use, ...]], Use | None]


def see_through(use: Use) -> Use:
    """The definition behind a name."""
    while isinstance(use.node, Named):
        use = place(use.node.arg, use.letters)
    return use


def terms_of(use: Use) -> list[tuple[Number, Use]]:
    """A sum as its terms with their coefficients; anything else as one term."""
    node, letters = use
    if isinstance(node, Add):
        if letters == axes_from_zero(len(letters)):
            return list(node.terms)
        return [(coefficient, place(term, letters)) for coefficient, term in node.terms]
    return [(S.One, use)]


def factors_of(use: Use) -> list[tuple[Use, Number]]:
    """A product without sums as its factors; anything else as one factor."""
    node, letters = use
    if isinstance(node, Contract) and not node.bound:
        if letters == axes_from_zero(len(letters)):
            return list(node.factors)
        return [(place(factor, letters), e) for factor, e in node.factors]
    return [(use, S.One)]


def opened(
    use: Use, bound: Sequence[Expr], taken: Sequence[Letter] = ()
) -> tuple[dict[Letter, Letter], dict[Letter, Expr]]:
    """Letters for what is inside a node that binds some: the new name of every letter of the node, and the bound ones.

    `bound` are the lengths along the bound letters, which are called ("over", 0), ("over", 1), ..., but for those that
    the node is used with, inside of another one that was opened, and those that are `taken` otherwise.
    """
    fresh = (letter for k in count() if (letter := ("over", k)) not in (*use.letters, *taken))
    over: dict[Letter, Expr] = dict(zip(fresh, bound, strict=False))
    return dict(enumerate((*use.letters, *over))), over


def transform(roots: Sequence[Use], visit: Visit, opaque: Collection[Node] = frozenset()) -> list[Use]:
    """Rebuild everything below the roots, operands first.

    `visit(node, uses)` gets the old node and its operands' images in the node's own letters; it returns the node's
    image in those letters, or None for a plain rebuild. `opaque` nodes are left as they are, with all below them.

    Raises
    ------
    ValueError : an image has a letter that is no axis of its node, or is of another length along one.
    """
    image: dict[Node, Use] = {}  # of nodes that change

    def of(use: Use) -> Use:
        return place(image[use.node], use.letters) if use.node in image else use

    for node in postorder([use.node for use in roots], opaque):
        uses = node.uses()
        changed = bool(image) and any(use.node in image for use in uses)
        if changed:
            if isinstance(node, Gather):  # the axes of the base live in letters of their own: -1, -2, ...
                base = image.get(node.base.node, own(node.base.node))
                base = relabel(base, {k: -1 - k for k in range(node.base.node.rank)})
                uses = (base, *map(of, node.subs))
            else:
                uses = tuple([of(use) for use in uses])
        made = visit(node, uses)
        if made is None:
            if not changed:
                continue
            made = node.rebuild(uses)
        elif made.node is node and made.letters == axes_from_zero(node.rank):
            continue
        else:
            _check_axes(node, made)
        image[node] = made
    return [of(use) for use in roots]


def rebuilt(node: Node, uses: Sequence[Use]) -> Use:
    """The node over these operands, in its letters: the node itself where they are its own."""
    return own(node) if tuple(uses) == node.uses() else node.rebuild(uses)


def substitute(roots: Sequence[Use], images: Mapping[Use, Use], opaque: Collection[Node] = frozenset()) -> list[Use]:
    """Replace terms by others wherever their nodes are used.

    A term and its image are written in the same letters, whatever these are: they are those of this one use, and mean
    nothing where the node is used with others.

    Raises
    ------
    ValueError : a term has a letter twice, or its image one that it lacks, or one of another length.
    """
    if not images:
        return list(roots)
    found = {term.node: in_own_letters(term, image) for term, image in images.items()}
    return transform(roots, lambda node, uses: found.get(node), opaque)


def in_own_letters(term: Use, image: Use) -> Use:
    """An image that is written in the letters of a term, in those of the term's node."""
    axes = {letter: axis for axis, letter in enumerate(term.letters)}
    if len(axes) < term.node.rank:
        raise ValueError(f"{term.node} has a letter twice in {term.letters}: what it is elsewhere cannot be told")
    foreign = [letter for letter in image.letters if letter not in axes]
    if foreign:
        raise ValueError(f"the image of {term.node} has the letters {foreign} beside {term.letters}")
    made = relabel(image, axes)
    _check_axes(term.node, made)
    return made


def _check_axes(node: Node, image: Use) -> None:
    """The letters of an image are axes of the node, and as long."""
    for letter, length in zip(image.letters, image.node.shape, strict=True):
        if letter not in range(node.rank):
            raise ValueError(f"the image of {node} has the letter {letter}, which is none of its axes")
        side = node.shape[letter]
        if side is not length and side != length and expand(node.shape[letter] - length) != 0:
            raise ValueError(f"the image of {node} has length {length} along axis {letter}")


def tree_size(use: Use) -> int:
    """How many nodes the term has when written out as a tree, the names of `where` counting as one."""
    sizes: dict[Node, int] = {}
    stack = [use.node]
    while stack:
        node = stack[-1]
        parts = () if isinstance(node, Named) and node.symbol is not AUXILIARY else node.uses()
        missing = [part.node for part in parts if part.node not in sizes]
        if missing:
            stack.extend(missing)
        else:
            sizes[stack.pop()] = 1 + sum(sizes[part.node] for part in parts)
    return sizes[use.node]


def dependents(roots: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes below the roots whose value depends on a source."""
    found = set(sources)
    for node in postorder(list(roots)):
        if any(use.node in found for use in node.uses()):
            found.add(node)
    return found
