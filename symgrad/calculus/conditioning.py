"""How far the matrices that a loss inverts, or takes determinants of, are from singular, as a term of the graph."""

from sympy import Min, Rational

from symgrad.functions import MinOver
from symgrad.graph.build import INVERSE, matrix_function, mul, product_of_powers, reduce
from symgrad.graph.kinds.matrices import sides_of
from symgrad.graph.kinds.scans import finished
from symgrad.graph.nodes import MatrixFunction, Use, postorder
from symgrad.graph.scalar import extremum


def conditioning(loss: Use) -> Use | None:
    """The least 1/(‖M‖·‖M⁻¹‖) in the Frobenius norm over all such matrices M; None if there are none.

    At most 1/n, and 0 for a singular matrix. Source: Higham, Accuracy and Stability of Numerical Algorithms (2002),
    section 7.2.
    """
    least: Use | None = None
    for node in postorder([loss.node]):
        if not isinstance(node, MatrixFunction):
            continue
        row, column, length = sides_of(node)
        sides = {row: length, column: length}
        squares = [mul([m, m], sides) for m in (node.arg, matrix_function(INVERSE, node.arg, row, column, length))]
        each = product_of_powers([(square, Rational(-1, 2)) for square in squares])
        found = reduce(MinOver, each, dict(zip(each.letters, each.node.shape, strict=True)))
        least = found if least is None else extremum(Min, least, found)
    return None if least is None else finished(least, loss.node)
