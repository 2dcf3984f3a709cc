"""Values that are added at the same positions: which are added up before, and which are not."""

from sympy import Symbol, symbols

from symgrad.graph.build import add, index, mul, scatter
from symgrad.graph.nodes import Input, Scatter, Use, intern, postorder
from symgrad.schedule.added import add_first

N, M, K = symbols("N M K", integer=True, positive=True)


def array(name, *shape, integer=False):
    return intern(Input, shape, name, Symbol(name, integer=integer), integer)


A, B, C = (array(name, M, K) for name in "ABC")
p, q = (array(name, M, integer=True) for name in "pq")


def put(value, positions=p, turned=False):
    """value[m, k] added at [positions[m], k], or with the axes the other way round."""
    subs = [Use(positions, ("m",)), index("k", K)]
    shape, letters = [N, K], ["row", "column"]
    order = (1, 0) if turned else (0, 1)
    return scatter(
        Use(value, ("m", "k")),
        [subs[n] for n in order],
        tuple(shape[n] for n in order),
        [letters[n] for n in order],
        {"m": M, "k": K},
    )


def scatters(roots):
    return [node for node in postorder([root.node for root in roots]) if isinstance(node, Scatter)]


def test_values_at_the_same_positions_are_added_up_first():
    (made,) = add_first([add([(2, put(A)), (-3, put(B))])])
    (node,) = scatters([made])
    assert {use.node: c for c, use in node.value.node.terms} == {A: 2, B: -3}


def test_axes_in_another_order_are_the_same_positions():
    (made,) = add_first([add([(1, put(A)), (1, put(B, turned=True)), (1, put(C))])])
    (node,) = scatters([made])
    assert {use.node for use in node.value.node.uses()} == {A, B, C}


def test_other_positions_stay_by_themselves():
    roots = [add([(1, put(A)), (1, put(B, q))])]
    assert add_first(roots) == roots


def test_an_array_that_is_needed_elsewhere_is_made_once():
    shared = put(A)
    roots = [add([(1, shared), (1, put(B))]), mul([shared, shared])]
    assert add_first(roots) == roots
    (made, _) = add_first([add([(1, shared), (1, put(B)), (1, put(C))]), mul([shared, shared])])
    assert len(scatters([made])) == 2
