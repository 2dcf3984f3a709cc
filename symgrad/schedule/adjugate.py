"""det(M)·M⁻¹ as one function of M: the derivative of a determinant is finite where M is singular, the inverse is not.

Only where nothing else needs the inverse: a loss that inverts M is not defined there anyway.
"""

from collections.abc import Collection, Sequence

from sympy import Number, S

from symgrad.graph.build import ADJUGATE, DET, INVERSE, add, matrix_function, product_of_powers
from symgrad.graph.kinds.matrices import sides_of
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Contract, MatrixFunction, Node, Use, postorder
from symgrad.graph.transform import place, rebuilt, transform
from symgrad.rewrite.linear_algebra import chain_of
from symgrad.rewrite.record import COOKBOOK, record

Factor = tuple[Use, Number]


@record("det(A)·A⁻¹ = adj(A)", "the adjugate is finite where A is singular", COOKBOOK)
def adjugates(roots: Sequence[Use], definite: Collection[Node]) -> list[Use]:
    """The terms with adjugates of the matrices whose determinants are differentiated; `definite` ones are regular."""
    needed: set[Node] = set(definite)

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses)
        if isinstance(made.node, Contract) and not made.node.bound:
            found = _absorbed(made.node, needed)
            return None if found is None else place(found, made.letters)
        return None

    attempt = transform(roots, visit)
    inverted = {_matrix(node) for node in postorder([use.node for use in attempt]) if _is(node, INVERSE)}
    if not inverted & {_matrix(node) for node in postorder([use.node for use in attempt]) if _is(node, ADJUGATE)}:
        return attempt
    needed |= inverted
    return transform(roots, visit)


def _is(node: Node, head: str) -> bool:
    return isinstance(node, MatrixFunction) and node.head == head


def _matrix(node: Node) -> Node:
    assert isinstance(node, MatrixFunction)
    return node.arg.node


def _absorbed(node: Contract, needed: Collection[Node]) -> Use | None:
    """The product with a determinant taken into the inverse of the same matrix."""
    for n, (factor, exponent) in enumerate(node.factors):
        if not (_is(factor.node, DET) and exponent.is_integer and exponent.is_positive):
            continue
        for choice in _as_products(factor):
            for m, determinant in enumerate(choice):
                if not _is(determinant.node, DET):
                    continue
                for k, (other, e) in enumerate(node.factors):
                    taken = _times(other, determinant, needed) if k != n and e == 1 else None
                    if taken is not None:
                        rest: list[Factor] = [pair for j, pair in enumerate(node.factors) if j not in (n, k)]
                        rest += [(part, exponent) for j, part in enumerate(choice) if j != m]
                        return product_of_powers([*rest, (determinant, exponent - 1), (taken, S.One)])
    return None


def _as_products(determinant: Use) -> list[list[Use]]:
    """The determinant by itself, and of a product of square matrices as the product of theirs."""
    node = determinant.node
    assert isinstance(node, MatrixFunction)
    row, column, length = sides_of(node)
    names = dict(enumerate(determinant.letters)) | {row: ("row",), column: ("column",)}
    links = chain_of(relabel(node.arg, names), ("row",), ("column",), length)
    if links is None:
        return [[determinant]]
    ends = [(link, *link.letters) for link in links]
    return [[determinant], [matrix_function(DET, link, first, second, length) for link, first, second in ends]]


def _times(term: Use, determinant: Use, needed: Collection[Node]) -> Use | None:
    """term·det(M) with M⁻¹ in the term; None if it is not a factor there."""
    node = term.node
    if isinstance(node, MatrixFunction):
        if node.head != INVERSE or node.arg.node in needed or node.arg.node is not _matrix(determinant.node):
            return None
        row, column, length = sides_of(node)
        same = matrix_function(DET, node.arg, row, column, length)
        found = matrix_function(ADJUGATE, node.arg, row, column, length)
        return place(found, term.letters) if place(same, term.letters) == determinant else None
    if isinstance(node, Add):
        parts = [(c, _times(place(part, term.letters), determinant, needed)) for c, part in node.terms]
        return add([(c, part) for c, part in parts if part is not None]) if all(part for _, part in parts) else None
    if isinstance(node, Contract):
        names = dict(enumerate(term.letters)) | {node.rank + k: ("bound", node, k) for k in range(len(node.bound))}
        factors = [(relabel(part, names), e) for part, e in node.factors]
        bound = {("bound", node, k): length for k, length in enumerate(node.bound)}
        for n, (part, exponent) in enumerate(factors):
            taken = _times(part, determinant, needed) if exponent == 1 else None
            if taken is not None:
                return product_of_powers([*factors[:n], (taken, S.One), *factors[n + 1 :]], bound)
    return None
