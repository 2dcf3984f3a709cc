"""Linear maps of tangents, which forward mode applies, and their transposes of adjoints, which reverse mode applies.

A kind states its local derivative once (`Node.local`), and a map is transposed here, once for all kinds: what it sums
over, its transpose spreads; what it spreads along a letter that an operand lacks, the transpose sums; a repeated
letter, which takes a diagonal, becomes a delta; entries that are taken become entries that are added into zeros.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sympy import Eq, Ge, Gt, S

from symgrad.calculus.deltas import at, delta_at, has_deltas, is_structural, summed, times_tangent
from symgrad.calculus.local import partial
from symgrad.errors import UnsupportedError
from symgrad.functions import if_else
from symgrad.graph.build import (
    ONE,
    ZERO,
    add,
    apply,
    const,
    delta,
    gather,
    index,
    is_zero,
    merge,
    mul,
    product_of_powers,
    scatter,
    split,
    subtract,
)
from symgrad.graph.letters import relabel
from symgrad.graph.linear_maps import (
    Branch,
    Chain,
    Covariance,
    Entries,
    LowerHalf,
    Merging,
    Places,
    Slope,
    Splitting,
    Times,
)
from symgrad.graph.node import Lengths, LinearMap
from symgrad.graph.nodes import Apply, Letter, Node, Use
from symgrad.graph.transform import factors_of, own, place, terms_of

SEED = "of"
"""What the letters (SEED, axis) of an array whose adjoints are taken by all of its entries at once begin with."""

Contribution = tuple[Node, Use]
Tangents = Mapping[Node, Use]


def push(node: Node, tangents: Tangents) -> Use:
    """The tangent of a node from those of its operands (its Jacobian-vector product).

    A tangent is a term over its node's axes and letters of its own, a sum of products in which deltas are factors.
    """
    parts: list[Use] = []
    branches: list[tuple[Branch, Use]] = []
    for number, use in enumerate(node.uses()):
        tangent = tangents.get(use.node, ZERO)
        if is_zero(tangent):
            continue
        for operand, linear in node.local(number):
            x = place(tangent, operand.letters)
            if isinstance(linear, Branch):
                branches.append((linear, x))
            else:
                parts.append(image(linear, node, x))
    return add((S.One, part) for part in (*parts, *_branches(branches)))


def pull(node: Node, adjoint: Use, active: set[Node]) -> Iterator[Contribution]:
    """The contributions of a node to the adjoints of those operands that are active (its vector-Jacobian product)."""
    for number, use in enumerate(node.uses()):
        if use.node in active:
            parts = [
                (S.One, project(transposed(linear, node, adjoint), operand, linear.domain))
                for operand, linear in node.local(number)
            ]
            if parts:
                yield use.node, add(parts)


def project(factors: Sequence[Use], target: Use, domain: Lengths) -> Use:
    """Σ over the letters of the domain that `target` lacks of Π factors, as a term over the axes of `target.node`."""
    first: dict[Letter, int] = {}
    deltas = []
    for axis, letter in enumerate(target.letters):
        if letter in first:
            deltas.append(delta(("axis", first[letter]), ("axis", axis), target.node.shape[axis]))
        else:
            first[letter] = axis
    names = {letter: ("axis", axis) for letter, axis in first.items()}
    bound = {letter: length for letter, length in domain.items() if letter not in first}
    product = _product([*(relabel(use, names) for use in factors), *deltas], bound)
    return relabel(product, {("axis", axis): axis for axis in range(target.node.rank)})


def _product(factors: Sequence[Use], bound: Lengths) -> Use:
    """Σ over bound letters of Π factors; of the adjoint of an array, by all its entries at once, term by term."""
    adjoint, *others = sorted(factors, key=lambda use: not _is_seeded(use))
    return times_tangent(others, adjoint, bound) if _is_seeded(adjoint) else mul(factors, bound)


def _is_seeded(adjoint: Use) -> bool:
    """Whether an adjoint has letters of what is differentiated, which stand in deltas."""
    return any(isinstance(letter, tuple) and letter[0] == SEED for letter in adjoint.letters)


# --- a map of a tangent -----------------------------------------------------------------------------------------------


def image(linear: LinearMap, node: Node, x: Use) -> Use:
    """y of the map, over the node's axes and the further letters of the tangent x.

    Raises
    ------
    UnsupportedError : forward mode does not know the map; the message names it.
    """
    match linear:
        case Times(domain, factors, over):
            return times_tangent(factors, x, {letter: domain[letter] for letter in over})
        case Slope(_, number):
            return times_tangent([_slope(node, number)], x)
        case Covariance(_, weights, over):
            return times_tangent([weights], subtract(x, times_tangent([weights], x, over)))
        case Entries(_, subs):
            return _entries(x, subs)
        case Places():
            return _placed(linear, node, x)
        case Merging(domain, outer, inner, axis):
            return merge(x, outer, inner, axis, (domain[outer], domain[inner]))
        case Splitting(_, axis, outer, inner, lengths):
            return split(x, axis, outer, inner, lengths)
        case LowerHalf(domain, row, column):
            weights = apply(
                if_else, [_above(linear, Gt), ONE, apply(if_else, [_above(linear, Eq), const(S.Half), ZERO])]
            )
            turned = relabel(x, {row: column, column: row})
            return times_tangent([weights], add([(S.Half, x), (S.Half, turned)]))
        case Chain(_, first, _, second):
            return image(second, node, image(first, node, x))
    raise UnsupportedError(f"forward mode does not know the map {type(linear).__name__} of {type(node).__name__}")


def _above(linear: LowerHalf, relation: Any) -> Use:
    """Whether the row is greater than the column, equal to it, ..."""
    length = linear.domain[linear.row]
    return apply(relation, [index(linear.row, length), index(linear.column, length)])


def _slope(node: Node, number: int) -> Use:
    assert isinstance(node, Apply)
    return partial(node.head, node.args, own(node), number)


def _placed(linear: Places, node: Node, x: Use) -> Use:
    bound = dict(linear.bound)
    if set(x.letters) <= {*range(node.rank), *bound}:  # along a direction
        return scatter(x, linear.subs, linear.shape, range(node.rank), bound)
    moved = [(axis, sub) for axis, sub in enumerate(linear.subs) if sub.letters != (axis,)]
    moves = [delta_at(axis, sub, linear.shape[axis]) for axis, sub in moved]
    return add((c, summed([term, *moves], bound)) for c, term in terms_of(x))


def _entries(x: Use, subs: Mapping[Letter, Use]) -> Use:
    """x at the subscripts, the deltas in front."""
    if not has_deltas(x):
        return at(x, subs)
    return add((c, product_of_powers((at(use, subs), e) for use, e in factors_of(t))) for c, t in terms_of(x))


def _branches(tangents: Sequence[tuple[Branch, Use]]) -> Iterator[Use]:
    """Branches where they are taken, those of one condition together unless deltas are to stay in front."""
    if any(has_deltas(x) for _, x in tangents):
        for branch, x in tangents:
            yield _masked(branch, x)
    elif tangents:
        (condition,) = {branch.condition for branch, _ in tangents}
        found = {branch.holds: x for branch, x in tangents}
        yield apply(if_else, [condition, found.get(True, ZERO), found.get(False, ZERO)])


def _masked(branch: Branch, x: Use) -> Use:
    """Masked, not multiplied, but for the deltas in front."""
    made = []
    for coefficient, term in terms_of(x):
        parts = factors_of(term)
        deltas = [use for use, _ in parts if is_structural(use)]
        body = product_of_powers((use, e) for use, e in parts if not is_structural(use))
        made.append((coefficient, mul([*deltas, _taken(branch, body)])))
    return add(made)


def _taken(branch: Branch, value: Use) -> Use:
    return apply(if_else, [branch.condition, *((value, ZERO) if branch.holds else (ZERO, value))])


# --- its transpose of an adjoint --------------------------------------------------------------------------------------


def transposed(linear: LinearMap, node: Node, y: Use) -> Sequence[Use]:
    """The factors of x̄, the transpose of the map applied to the adjoint y of the node, over letters of the domain.

    What the operand lacks of these letters is summed over by `project`.

    Raises
    ------
    UnsupportedError : reverse mode does not know the map; the message names it.
    """
    match linear:
        case Times(_, factors):
            return [y, *factors]
        case Slope(_, number):
            return [y, _slope(node, number)]
        case Branch():
            return [_masked(linear, y) if has_deltas(y) and _is_seeded(y) else _taken(linear, y)]
        case Covariance(_, weights, over):
            return [weights, subtract(y, _product([y, weights], over))]
        case Entries(domain, subs):
            return [_added(domain, subs, node, y)]
        case Places(_, subs):
            if _is_seeded(y):
                return [_entries(y, dict(enumerate(subs)))]
            sides = zip(y.letters, y.node.shape, strict=True)  # a seed has letters beyond the node's axes, which stay
            return [gather(y, [subs[x] if isinstance(x, int) else index(x, length) for x, length in sides])]
        case Merging(domain, outer, inner, axis):
            return [split(y, axis, outer, inner, (domain[outer], domain[inner]))]
        case Splitting(_, axis, outer, inner, lengths):
            return [merge(y, outer, inner, axis, lengths)]
        case LowerHalf(_, row, column):
            turned = relabel(y, {row: column, column: row})
            if _is_seeded(y):
                parts = [_masked(Branch({}, _above(linear, Ge), holds), x) for holds, x in ((True, y), (False, turned))]
                return [const(S.Half), add((S.One, part) for part in parts)]
            return [const(S.Half), apply(if_else, [_above(linear, Ge), y, turned])]
        case Chain(_, first, between, second):
            gone = {letter: length for letter, length in second.domain.items() if letter not in between}
            return transposed(first, node, _product(transposed(second, node, y), gone))
    raise UnsupportedError(f"reverse mode does not know the map {type(linear).__name__} of {type(node).__name__}")


def _added(domain: Lengths, subs: Mapping[Letter, Use], node: Node, y: Use) -> Use:
    """The adjoint of what entries are taken of: y added into zeros at their places."""
    names = {axis: ("from", axis) for axis in range(node.rank)}
    bound = {("from", axis): length for axis, length in enumerate(node.shape)}
    places = {letter: relabel(subs[letter], names) for letter in domain}
    if _is_seeded(y):
        moves = [delta_at(letter, place, domain[letter]) for letter, place in places.items()]
        return add((c, summed([term, *moves], bound)) for c, term in terms_of(relabel(y, names)))
    return scatter(relabel(y, names), list(places.values()), tuple(domain.values()), tuple(domain), bound)
