"""The structure of a derivative: as what product of Kronecker deltas and smaller arrays its axes come apart.

A second derivative or a Jacobian is a sum of terms Π δ · cofactor. `blocks` groups them by their deltas; within a group
the letters that deltas tie are one letter, so that the cofactor is an array of fewer axes and holds no delta.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Number, S

from symgrad.calculus.deltas import at, delta_at, one_hot
from symgrad.graph.build import ONE, add, delta, is_zero, mul, product_of_powers, sizes_of
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Delta, Letter, Shape, Use
from symgrad.graph.transform import factors_of, terms_of

Ties = tuple[tuple[Letter, Letter], ...]
Hits = tuple[tuple[Letter, Use], ...]


@dataclass(frozen=True)
class Block:
    """Π δ[row, column] · Π δ[letter, sub] · cofactor.

    Attributes
    ----------
    ties : pairs of letters that are equal where the block is not zero; the cofactor has the first of each pair only.
    hits : letters with the subscripts that they are equal to; the cofactor has none of these letters.
    cofactor : the rest.
    whole : whether that is all that stands where the deltas are 1, in place of the blocks before this one; else it is
        added to them.
    """

    ties: Ties
    hits: Hits
    cofactor: Use
    whole: bool = False

    @property
    def tied(self) -> frozenset[Letter]:
        """The letters that others determine."""
        return frozenset(letter for _, letter in self.ties) | {letter for letter, _ in self.hits}

    def term(self, lengths: dict[Letter, Expr]) -> Use:
        """The block as one term again."""
        deltas = [delta(row, column, lengths[column]) for row, column in self.ties]
        return mul([*deltas, *(delta_at(letter, sub, lengths[letter]) for letter, sub in self.hits), self.cofactor])


def blocks(use: Use, letters: Sequence[Letter]) -> list[Block]:
    """A term over the given letters as a sum of blocks, no two with the same deltas."""
    order = {letter: place for place, letter in enumerate(letters)}
    groups: dict[tuple[Ties, Hits], list[tuple[Number, Use]]] = {}
    for coefficient, term in terms_of(use):
        ties, hits, cofactor = separated(term, order)
        groups.setdefault((ties, hits), []).append((coefficient, cofactor))
    made = [Block(ties, hits, add(cofactors)) for (ties, hits), cofactors in groups.items()]
    return [block for block in made if not is_zero(block.cofactor)]


def total(parts: Sequence[Block], shape: Shape) -> Use:
    """The sum of the blocks as one term."""
    lengths = dict(enumerate(shape))
    made: list[Use] = []
    for part in parts:
        if part.whole:
            here = Block(part.ties, part.hits, ONE).term(lengths)
            before = add((S.One, term) for term in made)
            made.append(add((-c, mul([here, term])) for c, term in terms_of(before)))
        made.append(part.term(lengths))
    return add((S.One, term) for term in made)


def grouped(use: Use, shape: Shape, change: Callable[[Use], Use] = lambda cofactor: cofactor) -> Use:
    """A derivative at a node, over the axes of its shape and letters of seeds, with one term for the same deltas.

    `change` is given each cofactor, and returns what to go on with.
    """
    lengths = {**dict(enumerate(shape)), **sizes_of([use])}
    # the axes first: of letters that are tied, the cofactor then has what masks and factors of the node have
    letters = sorted(lengths, key=lambda letter: (not isinstance(letter, int), str(letter)))
    parts = blocks(use, letters)
    return add((S.One, replace(part, cofactor=change(part.cofactor)).term(lengths)) for part in parts)


def separated(term: Use, order: dict[Letter, int]) -> tuple[Ties, Hits, Use]:
    """One product taken apart: ties to the earliest letter of each class, one-hot factors, and the rest."""
    parts = factors_of(term)
    representative: dict[Letter, Letter] = {}

    def root(letter: Letter) -> Letter:
        while letter in representative:
            letter = representative[letter]
        return letter

    for use, _ in parts:
        if isinstance(use.node, Delta):
            first, second = sorted((root(letter) for letter in use.letters), key=order.__getitem__)
            if first != second:
                representative[second] = first
    classes = {letter: root(letter) for letter in representative}
    rest = [(relabel(use, classes), e) for use, e in parts if not isinstance(use.node, Delta)]
    hits: dict[Letter, Use] = {}
    kept: list[tuple[Use, Number]] = []
    for use, exponent in rest:
        hit = one_hot(use)
        if hit is not None and hit[0] not in hits and not any(hit[0] in sub.letters for sub in hits.values()):
            hits[hit[0]] = hit[1]
        else:
            kept.append((use, exponent))
    cofactor = product_of_powers((at(use, hits), exponent) for use, exponent in kept)
    ties = tuple(sorted(((row, column) for column, row in classes.items()), key=lambda tie: order[tie[1]]))
    return ties, tuple(sorted(hits.items(), key=lambda hit: order[hit[0]])), cofactor
