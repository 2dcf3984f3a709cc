"""Σ w·f(a)·f(b) as Σ (√w·f)(a)·(√w·f)(b): the product of a matrix with its own transpose, at half the operations.

BLAS has a routine for AᵀA that computes one triangle only, and NumPy takes it where both operands are one array. The
weight must not be negative; whether it is is read off the graph.
"""

from collections.abc import Sequence

from sympy import Number, Rational, Symbol

from symgrad.graph.build import auxiliary, const, mul, named, power, product_of_powers
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Contract, Letter, Named, Node, Use
from symgrad.graph.transform import rebuilt, transform
from symgrad.rewrite.facts import fold_names
from symgrad.rewrite.record import record

Factor = tuple[Use, Number]


@record("Σ w·f(a)·f(b) = Σ (√w·f(a))·(√w·f(b)) for w ≥ 0", "one triangle of AᵀA is half the work", "BLAS: syrk")
def squares(roots: Sequence[Use]) -> list[Use]:
    """The terms with sums over two equal halves written as products of one array with itself."""
    halves: list[Named] = []

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses)
        return _square(made, halves) or made if isinstance(made.node, Contract) else made

    return fold_names(transform(roots, visit), halves)


def _square(use: Use, made: list[Named]) -> Use | None:
    """The product by its halves, which come under a name: `made` has the names."""
    node = use.node
    assert isinstance(node, Contract)
    halves = _halves(node)
    if halves is None:
        return None
    left, right, weights = halves
    if not weights and len(left) == 1:
        return None  # it is one already
    if not all(exponent.is_even or is_nonnegative(factor) for factor, exponent in weights):
        return None
    root = power(product_of_powers(weights), const(Rational(1, 2)))
    if isinstance(root.node, Contract) and root.letters:
        root = auxiliary("root", root)  # one pass over the half, not one for each factor of the root
    half = mul([root, *(factor for factor, _ in left)])
    letters = distinct(half.letters)
    axes = {letter: axis for axis, letter in enumerate(letters)}
    lengths = dict(zip(half.letters, half.node.shape, strict=True))
    one = named("weighted", Symbol("weighted"), tuple(lengths[x] for x in letters), relabel(half, axes))
    made.append(one)
    mirrored = tuple(right.get(letter, letter) for letter in letters)
    bound = dict(enumerate(node.bound, node.rank))
    product = mul([Use(one, letters), Use(one, mirrored)], bound)
    return relabel(product, dict(enumerate(use.letters)))


def _halves(node: Contract) -> tuple[list[Factor], dict[Letter, Letter], list[Factor]] | None:
    """One of two equal halves of the factors, how its free letters become those of the other, and what is in neither.

    None if the factors are not of that form.
    """
    if not node.bound:
        return None
    weights = [(use, e) for use, e in node.factors if all(letter >= node.rank for letter in use.letters)]
    rest = [pair for pair in node.factors if pair not in weights]
    if any(exponent != 1 for _, exponent in rest):
        return None
    mirror: dict[Letter, Letter] = {}
    half: list[Factor] = []
    while rest:
        use, _ = first = rest.pop(0)
        partner = next((pair for pair in rest if _mirrors(node, use, pair[0])), None)
        if partner is None:
            return None
        rest.remove(partner)
        for one, other in zip(use.letters, partner[0].letters, strict=True):
            if one < node.rank and mirror.setdefault(one, other) != other:
                return None
        half.append(first)
    if not half or set(mirror) & set(mirror.values()) or len(set(mirror.values())) < len(mirror):
        return None
    shared = {letter for use, _ in half for letter in use.letters if letter >= node.rank}
    if any(letter not in shared for use, _ in weights for letter in use.letters):
        return None
    return half, mirror, weights


def _mirrors(node: Contract, one: Use, other: Use) -> bool:
    """Whether two uses of one node differ in their free letters, and in these only."""
    return one.node is other.node and all(
        (x == y) if x >= node.rank or y >= node.rank else x != y
        for x, y in zip(one.letters, other.letters, strict=True)
    )
