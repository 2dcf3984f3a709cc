"""Passes over the graph: rebuild bottom-up through the constructors, substitute, ask what depends on what."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from sympy import Expr, Number, S, expand

from symgrad.graph.axes import AUXILIARY, RUNNING, auxiliary, axis_map, gather, named, reduce, running, scatter
from symgrad.graph.build import add, apply, product_of_powers
from symgrad.graph.letters import relabel
from symgrad.graph.linear_algebra import matrix_function, sides_of
from symgrad.graph.merge import merge, split
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Contract,
    Gather,
    Letter,
    MatrixFunction,
    Merge,
    Named,
    Node,
    Reduce,
    Scan,
    Scatter,
    Split,
    Trajectory,
    Use,
    intern,
    postorder,
)

Visit = Callable[[Node, tuple[Use, ...]], Use | None]


def own(node: Node) -> Use:
    """The node in its own letters."""
    return Use(node, tuple(range(node.rank)))


def place(image: Use, letters: Sequence[object]) -> Use:
    """A term over a node's own axes, put where the node was used with these letters."""
    return relabel(image, dict(enumerate(letters)))


def see_through(use: Use) -> Use:
    """The definition behind a name."""
    while isinstance(use.node, Named):
        use = place(use.node.arg, use.letters)
    return use


def terms_of(use: Use) -> list[tuple[Number, Use]]:
    """A sum as its terms with their coefficients; anything else as one term."""
    if isinstance(use.node, Add):
        return [(coefficient, place(term, use.letters)) for coefficient, term in use.node.terms]
    return [(S.One, use)]


def factors_of(use: Use) -> list[tuple[Use, Number]]:
    """A product without sums as its factors; anything else as one factor."""
    if isinstance(use.node, Contract) and not use.node.bound:
        return [(place(factor, use.letters), e) for factor, e in use.node.factors]
    return [(use, S.One)]


def opened(use: Use, bound: Sequence[Expr]) -> tuple[dict[Letter, Letter], dict[Letter, Expr]]:
    """Letters for what is inside a node that binds some: the new name of every letter of the node, and the bound ones.

    `bound` are the lengths along the bound letters, which are called ("over", 0), ("over", 1), ...
    """
    over: dict[Letter, Expr] = {("over", k): length for k, length in enumerate(bound)}
    return dict(enumerate((*use.letters, *over))), over


def rebuild(node: Node, uses: Sequence[Use]) -> Use:
    """The node over new operands, through the constructors; in the letters of the old node."""
    match node:
        case Add(terms=terms):
            return add([(coefficient, use) for (coefficient, _), use in zip(terms, uses, strict=True)])
        case Contract(factors=factors, bound=bound):
            powers = [(use, exponent) for use, (_, exponent) in zip(uses, factors, strict=True)]
            return product_of_powers(powers, dict(enumerate(bound, node.rank)))
        case Apply(head=head):
            return apply(head, uses)
        case Reduce(head=head, bound=bound):
            return reduce(head, uses[0], dict(enumerate(bound, node.rank)))
        case AxisMap(head=head, over=(axis,)) if head in RUNNING:
            return running(head, uses[0], axis, *uses[1:])
        case AxisMap(head=head, over=over):
            return axis_map(head, uses[0], {axis: node.shape[axis] for axis in over})
        case MatrixFunction(head=head):
            return matrix_function(head, uses[0], *sides_of(node))
        case Merge(axis=axis, lengths=lengths):
            return merge(uses[0], node.rank, node.rank + 1, axis, lengths)
        case Split(axes=(first, second)):
            return split(uses[0], node.rank, first, second, (node.shape[first], node.shape[second]))
        case Gather():
            base, *subs = uses
            return gather(base, [subs[-1 - letter] for letter in base.letters])
        case Scatter(bound=bound):
            value, *subs = uses
            return scatter(value, subs, node.shape, range(node.rank), dict(enumerate(bound, node.rank)))
        case Named(name=name, symbol=symbol) if symbol is AUXILIARY:
            return auxiliary(name, uses[0])
        case Named(name=name, symbol=symbol):
            return own(named(name, symbol, node.shape, uses[0], node.properties))
        case Scan():
            return _rebuild_scan(node, uses)
        case Trajectory(number=number):
            return own(intern(Trajectory, node.shape, uses[0], number))
        case _:
            return own(node)


def _rebuild_scan(node: Scan, uses: Sequence[Use]) -> Use:
    new = iter(uses)
    bases = tuple((number, position, next(new)) for number, position, _ in node.bases)
    initial = tuple(None if use is None else next(new) for use in node.initial)
    updates = tuple(update._replace(term=next(new)) for update in node.updates)
    fields = (node.key, node.states, node.steps, node.descending, node.clock)
    return own(intern(Scan, (), *fields, bases, initial, updates))


def transform(roots: Sequence[Use], visit: Visit, opaque: Collection[Node] = frozenset()) -> list[Use]:
    """Rebuild everything below the roots, operands first.

    `visit(node, uses)` gets the old node and its operands' images in the node's own letters; it returns the node's
    image in those letters, or None for a plain rebuild. `opaque` nodes are left as they are, with all below them.

    Raises
    ------
    ValueError : an image has a letter that is no axis of its node, or is of another length along one.
    """
    image: dict[Node, Use] = {}

    def of(node: Node) -> Use:
        return image[node] if node in image else own(node)  # opaque nodes have no image

    for node in postorder([use.node for use in roots], opaque):
        old = node.uses()
        if isinstance(node, Gather):  # the axes of the base live in letters of their own: -1, -2, ...
            base = relabel(of(node.base.node), {k: -1 - k for k in range(node.base.node.rank)})
            uses: tuple[Use, ...] = (base, *(place(of(use.node), use.letters) for use in node.subs))
        else:
            uses = tuple(place(of(use.node), use.letters) for use in old)
        made = visit(node, uses)
        if made is None:
            made = own(node) if uses == old else rebuild(node, uses)
        else:
            _check_axes(node, made)
        image[node] = made
    return [place(of(use.node), use.letters) for use in roots]


def substitute(roots: Sequence[Use], images: Mapping[Use, Use], opaque: Collection[Node] = frozenset()) -> list[Use]:
    """Replace terms by others wherever their nodes are used.

    A term and its image are written in the same letters, whatever these are: they are those of this one use, and mean
    nothing where the node is used with others.

    Raises
    ------
    ValueError : a term has a letter twice, or its image one that it lacks, or one of another length.
    """
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
        if node.shape[letter] != length and expand(node.shape[letter] - length) != 0:
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
