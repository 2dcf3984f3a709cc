"""Second derivatives as terms: Hessians and Hessian-vector products.

Each is forward mode over the simplified gradient that `compiler.derive` has made. The result is taken apart by its
deltas and simplified part by part.
"""

from collections.abc import Sequence
from typing import Any

from sympy import IndexedBase, MatrixSymbol, S, Symbol

from symgrad.calculus.deltas import delta_seed
from symgrad.calculus.forward import Settle, forward
from symgrad.calculus.projection import project
from symgrad.calculus.structure import Block, blocks, total
from symgrad.compiler import Derivation
from symgrad.graph.build import AUXILIARY, add, auxiliary, is_zero, named, sizes_of
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Const, Input, Named, Node, Shape, Trajectory, Use, intern, postorder
from symgrad.graph.transform import own, terms_of
from symgrad.rewrite.engine import Trace
from symgrad.rewrite.facts import expand_names
from symgrad.rewrite.pipeline import simplify

# What one tangent of a name may add to each factor of a product; those of ordinary models have fewer terms.
_MOST_TERMS = 48


def hessian(derivation: Derivation, p: Any, q: Any) -> list[Block]:
    """∂²loss/∂p∂q: blocks over the letters 0 ... of p's axes and then q's.

    Of two parameters the gradient by the earlier one is differentiated; the other order has the same terms, transposed.
    """
    nodes = derivation.program.parameters
    first, second = nodes[p], nodes[q]
    order = list(nodes)
    if order.index(p) > order.index(q):
        count = first.rank + second.rank
        turned = {axis: (axis + first.rank) % count for axis in range(count)}
        return blocks(relabel(total(hessian(derivation, q, p), second.shape + first.shape), turned), range(count))
    if (p, q) not in derivation.second:
        above = order[: order.index(q) + 1]  # together, since their tangents share most of what they are made of
        joined = derived_hessian(derivation, above, q)
        found = _blocks(derivation, joined, [nodes[one].shape + second.shape for one in above])
        derivation.second.update({(one, q): parts for one, parts in zip(above, found, strict=True)})
    parts: list[Block] = derivation.second[p, q]
    return parts


def in_few_terms(node: Node, tangent: Use) -> Use:
    """A tangent of many terms as one array for each product of deltas between axes whose lengths are no numbers.

    Products of sums are multiplied out term by term, so that the terms of names that are made of names multiply, too:
    of a matrix that is stated entry by entry, each entry has terms of its own. Deltas of axes such as these, whose
    lengths are numbers, save little, and go into the array.
    """
    if len(terms_of(tangent)) <= _MOST_TERMS:
        return tangent
    lengths = {**dict(enumerate(node.shape)), **sizes_of([tangent])}
    groups: dict[Any, list[Use]] = {}
    for part in blocks(tangent, sorted(lengths, key=lambda letter: (not isinstance(letter, int), str(letter)))):
        ties = tuple(tie for tie in part.ties if not lengths[tie[1]].is_Integer)
        hits = tuple(hit for hit in part.hits if not lengths[hit[0]].is_Integer)
        inside = Block(
            tuple(tie for tie in part.ties if tie not in ties),
            tuple(hit for hit in part.hits if hit not in hits),
            part.cofactor,
        )
        groups.setdefault((ties, hits), []).append(inside.term(lengths))
    made = [
        Block(ties, hits, auxiliary("dot", add((S.One, one) for one in inside)) if inside[1:] else inside[0])
        for (ties, hits), inside in groups.items()
    ]
    return add((S.One, part.term(lengths)) for part in made)


def derived_hessian(derivation: Derivation, above: Sequence[Any], q: Any, settle: Settle = in_few_terms) -> list[Use]:
    """∂²loss/∂p∂q for each p of `above` straight from forward mode: terms over p's axes and then q's.

    As the gradient is, the derivatives are those in the space that facts hold a parameter to, by both of them.
    `settle` is that of `forward`.
    """
    nodes = derivation.program.parameters
    second = nodes[q]
    seeds: dict[Node, Use] = {second: delta_seed(second.shape, "by")}
    terms = forward([derivation.gradient[one] for one in above], seeds, settle, by=second.name)
    joined = [_joined(term, nodes[one].rank, second.rank) for one, term in zip(above, terms, strict=True)]
    return [project(second, term, nodes[one].rank) for one, term in zip(above, joined, strict=True)]


def direction(parameter: Any, node: Input) -> Input:
    """The argument that holds a direction in a parameter's space."""
    label = f"direction_{node.name}"
    symbol: Any = Symbol(label, real=True)
    if isinstance(parameter, MatrixSymbol):
        symbol = MatrixSymbol(label, *parameter.shape)
    elif isinstance(parameter, IndexedBase):
        symbol = IndexedBase(label, shape=parameter.shape)
    return intern(Input, node.shape, label, symbol, False)


def hessian_vector_product(derivation: Derivation) -> list[Use]:
    """Σ_q ∂²loss/∂p∂q·direction_q for every parameter p, over its axes.

    The tangent of every name, and of every named adjoint, gets a name itself, so that the cost is that of the gradient.
    """
    if () not in derivation.second:
        derivation.second[()] = _hessian_vector_product(derivation)
    products: list[Use] = derivation.second[()]
    return products


def _hessian_vector_product(derivation: Derivation) -> list[Use]:
    seeds: dict[Node, Use] = {node: own(direction(p, node)) for p, node in derivation.program.parameters.items()}
    opaque = _opaque(derivation)

    def settle(node: Node, tangent: Use) -> Use:
        if not isinstance(node, Named | Trajectory) or is_zero(tangent):
            return tangent
        (plain,) = _simplified([tangent], derivation, opaque)
        if isinstance(plain.node, Input | Named | Const) or not isinstance(node, Named):
            opaque.add(plain.node)
            return plain
        made = named(f"dot_{node.name}", Symbol(f"dot_{node.name}", real=True), node.shape, plain)
        opaque.add(made)
        return own(made)

    return _simplified(forward(list(derivation.gradient.values()), seeds, settle), derivation, opaque)


def derived_product(derivation: Derivation) -> list[Use]:
    """The same straight from forward mode; only names keep the tangents apart."""
    seeds: dict[Node, Use] = {node: own(direction(p, node)) for p, node in derivation.program.parameters.items()}

    def settle(node: Node, tangent: Use) -> Use:
        return auxiliary("dot", tangent) if isinstance(node, Named) and not is_zero(tangent) else tangent

    return forward(list(derivation.gradient.values()), seeds, settle)


def written_out(block: Block, derivation: Derivation) -> Block:
    """A block with named adjoints, and what only code names, replaced by their formulas, for reading."""
    names: set[Node] = set(derivation.program.names.values())
    inside = {n for n in postorder([block.cofactor.node], names) if isinstance(n, Named) and n.symbol is AUXILIARY}
    (opened,) = expand_names([block.cofactor], inside | set(derivation.blocks.values()), names)
    (plain,) = _simplified([opened], derivation, names)
    return Block(block.ties, block.hits, plain)


def _joined(term: Use, rank: int, count: int) -> Use:
    """The seed's letters as the axes that follow the first ones."""
    return relabel(term, {("by", axis): rank + axis for axis in range(count)})


def _blocks(derivation: Derivation, terms: Sequence[Use], shapes: Sequence[Shape]) -> list[list[Block]]:
    """Each term as blocks with simplified cofactors."""
    found = [blocks(term, range(len(shape))) for term, shape in zip(terms, shapes, strict=True)]
    flat = [block.cofactor for parts in found for block in parts]
    simple = iter(_simplified(flat, derivation, _opaque(derivation)))
    made = []
    for parts, shape in zip(found, shapes, strict=True):
        # what was simplified may have deltas of the model's own in front now, and parts may have become zero or equal
        again = total([Block(part.ties, part.hits, next(simple)) for part in parts], shape)
        made.append(blocks(again, range(len(shape))))
    return made


def _opaque(derivation: Derivation) -> set[Node]:
    return {*derivation.program.names.values(), *derivation.blocks.values()}


def _simplified(uses: Sequence[Use], derivation: Derivation, opaque: set[Node]) -> list[Use]:
    program = derivation.program
    return simplify(uses, list(program.names.values()), program.identities, Trace(), opaque)
