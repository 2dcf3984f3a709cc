"""Equations that define arrays, made ready for derivatives: their Jacobian, and which of them are systems of their own.

A function that is least becomes its gradient, by reverse mode; the Jacobian follows by forward mode. Along an axis on
which the Jacobian is diagonal, as along the samples of a batch, equations are solved each by itself; what is left is
one axis, the last, along which they are coupled.
"""

from collections.abc import Callable, Sequence

from sympy import Expr, IndexedBase, S

from symgrad.calculus.deltas import delta_seed
from symgrad.calculus.forward import forward
from symgrad.calculus.reverse import reverse
from symgrad.calculus.structure import Block, blocks
from symgrad.errors import ModelError
from symgrad.graph.build import add, inverse, is_zero, merge, solution, split, unknown
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Letter, Node, Solution, Use, postorder
from symgrad.graph.transform import own, substitute, transform

Prepare = Callable[[Use], Use]


def completed(roots: Sequence[Use], recognised: Prepare, simplified: Prepare) -> list[Use]:
    """The terms with the Jacobian of all equations.

    `recognised` is what is made of a term before it is differentiated, `simplified` what is made of a derivative.

    Raises
    ------
    ModelError : the Jacobian is singular whatever the data are.
    """
    if not any(isinstance(node, Solution) for node in postorder([use.node for use in roots])):
        return list(roots)

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if not isinstance(node, Solution) or node.jacobian is not None:
            return None
        stated, start = uses
        return _completed(node, recognised(stated), start, simplified)

    return transform(roots, visit)


def _completed(node: Solution, stated: Use, start: Use, simplified: Prepare) -> Use:
    of, rank = node.unknown, node.rank
    sides = stated
    if node.minimum is not None:
        sides = simplified(reverse(stated, [of])[of])
    (derivative,) = forward([sides], {of: delta_seed(of.shape, "column")})
    columns: list[Letter] = [("column", axis) for axis in range(rank)]
    parts = blocks(derivative, [*range(rank), *columns])
    tied = [axis for axis in range(rank) if all((axis, columns[axis]) in part.ties for part in parts)]
    coupled = [axis for axis in range(rank) if axis not in tied]
    lengths = {**dict(enumerate(of.shape)), **dict(zip(columns, of.shape, strict=True))}
    jacobian = simplified(add([(S.One, _without(part, tied).term(lengths)) for part in parts]))
    if is_zero(jacobian):
        raise ModelError(f"the equations of {of.key} do not contain it")
    if not coupled:
        return solution(of, False, sides, jacobian, start, node.minimum)
    return _flat(node, tied, coupled, sides, jacobian, start)


def _without(part: Block, tied: Sequence[int]) -> Block:
    """A part of a Jacobian without the deltas along axes where all of it is diagonal."""
    gone = {(axis, ("column", axis)) for axis in tied}
    return Block(tuple(tie for tie in part.ties if tie not in gone), part.hits, part.cofactor)


def _flat(node: Solution, tied: Sequence[int], coupled: Sequence[int], sides: Use, jacobian: Use, start: Use) -> Use:
    """The equations as systems along the last axis, into which others are merged; before it what is solved apart."""
    of, last = node.unknown, len(tied)
    length = _product([of.shape[axis] for axis in coupled])
    shape = (*(of.shape[axis] for axis in tied), length)
    same = [*tied, *coupled] == list(range(node.rank))
    flat = unknown(
        of.key, of.symbol if same and len(coupled) == 1 else IndexedBase(f"{of.key}_flat", shape=shape), shape
    )
    whole: dict[Letter, Letter] = {axis: n for n, axis in enumerate(tied)}
    apart = {n: axis for axis, n in whole.items()}
    image = _opened(relabel(own(flat), apart | {last: "last"}), "last", list(coupled), of)
    terms = substitute([sides, jacobian, start], {own(of): image})
    sides, jacobian, start = (_closed(term, list(coupled), "rows", of) for term in terms)
    jacobian = _closed(jacobian, [("column", axis) for axis in coupled], "columns", of)
    sides, start = (relabel(term, whole | {"rows": last}) for term in (sides, start))
    jacobian = relabel(jacobian, whole | {"rows": last, "columns": last + 1})
    try:
        inverse(jacobian, last, last + 1, length)
    except ModelError:
        raise ModelError(
            f"the equations of {of.key} do not determine it: their Jacobian is singular whatever the data are"
        ) from None
    made = solution(flat, True, sides, jacobian, start, node.minimum)
    return _opened(relabel(made, apart | {last: "last"}), "last", list(coupled), of)


def _product(lengths: Sequence[Expr]) -> Expr:
    made = S.One
    for length in lengths:
        made = made * length
    return made


def _closed(use: Use, letters: Sequence[Letter], letter: Letter, of: Node) -> Use:
    """Axes of the unknown, given by letters, as one."""
    outer, *others = letters
    length = of.shape[_axis(outer)]
    for inner in others:
        side = of.shape[_axis(inner)]
        use, outer, length = (
            merge(use, outer, inner, ("merged", inner), (length, side)),
            ("merged", inner),
            length * side,
        )
    return relabel(use, {outer: letter})


def _opened(use: Use, letter: Letter, letters: Sequence[Letter], of: Node) -> Use:
    """One axis as axes of the unknown."""
    *others, inner = letters
    for outer in others:
        rest = _product([of.shape[_axis(x)] for x in letters[letters.index(outer) + 1 :]])
        use = split(use, letter, outer, ("rest", outer), (of.shape[_axis(outer)], rest))
        letter = ("rest", outer)
    return relabel(use, {letter: inner})


def _axis(letter: Letter) -> int:
    return int(letter[1] if isinstance(letter, tuple) else letter)
