"""Forward and reverse mode are transposes of each other, and both are the derivative."""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sympy import IndexedBase, S, Symbol

from symgrad.calculus import linear_maps
from symgrad.calculus.forward import forward
from symgrad.calculus.linear_maps import SEED, pull, push
from symgrad.calculus.reverse import reverse, reverse_of_array
from symgrad.calculus.structure import grouped
from symgrad.errors import UnsupportedError
from symgrad.graph.build import ONE, const, delta, mul, product_of_powers
from symgrad.graph.evaluation import GraphEvaluator
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
from symgrad.graph.node import LinearMap, Local
from symgrad.graph.nodes import Input, Node, Scan, Use, intern, postorder
from symgrad.graph.transform import dependents, own
from tests.graph.kind_samples import LONG, SAMPLES, values
from tests.graph.random_terms import ARGUMENTS, SIZES, N, many, terms

MOVED = [LONG, *(ARGUMENTS[name] for name in ("s", "x", "y", "p", "A", "T"))]
STEP = mpmath.mpf("1e-16")  # of 60 digits: differences are right to about 30


def random_like(rng: np.random.Generator, node: Node) -> np.ndarray:
    return rng.uniform(-1, 1, lengths(node))


def inner(evaluate: GraphEvaluator, use: Use, weights: Use) -> mpmath.mpf:
    """⟨use, weights⟩, whose letters are axes 0, 1, ... of an array of as many axes as `weights` has."""
    rank, shape = weights.node.rank, lengths(weights.node)
    return mpmath.mpf(np.sum(np.broadcast_to(evaluate(use, rank) * evaluate(weights, rank), shape)))


def assert_transposed(node: Node, seed: int) -> bool:
    """⟨ȳ, J u̇⟩ = ⟨Jᵀ ȳ, u̇⟩ for the operands u of one node; whether there was something to compare."""
    rng = np.random.default_rng(seed)
    operands = [part for part in dict.fromkeys(use.node for use in node.uses()) if not whole(part)]
    tangents = {part: argument_like(part, f"tangent {n}") for n, part in enumerate(operands)}
    adjoint = argument_like(node, "adjoint")
    given = values(seed) | {arg.name: random_like(rng, arg) for arg in (*tangents.values(), adjoint)}
    pushed = push(node, {part: own(tangent) for part, tangent in tangents.items()})
    pulled = list(pull(node, own(adjoint), set(operands)))
    with mpmath.workdps(40):
        evaluate = GraphEvaluator(given, SIZES)
        left = inner(evaluate, pushed, own(adjoint))
        right = mpmath.fsum(inner(evaluate, term, own(tangents[part])) for part, term in pulled)
    assert not np.isfinite(float(left)) or mpmath.almosteq(left, right, 1e-25, 1e-25), f"{node}: {left} and {right}"
    return left != 0


def whole(node: Node) -> bool:
    return bool(getattr(node, "integer", False))


def argument_like(node: Node, name: str) -> Input:
    return intern(Input, node.shape, name, IndexedBase(name) if node.rank else Symbol(name, real=True), False)


def lengths(node: Node) -> tuple[int, ...]:
    return tuple(int(length.subs(SIZES)) for length in node.shape)


def assert_derivative(term: Use, seed: int) -> bool:
    """Both modes against central differences along a direction; whether there was something to compare."""
    rng = np.random.default_rng(seed)
    term = Use(term.node, tuple(range(term.node.rank)))
    weights = argument_like(term.node, "weights")
    moved = [node for node in MOVED if node in dependents([term.node], [node]) and node in set(postorder([term.node]))]
    loss = mul([term, own(weights)], dict(enumerate(term.node.shape)))
    ways = {node: argument_like(node, f"way {node.name}") for node in moved}
    given = values(seed) | {arg.name: random_like(rng, arg) for arg in (weights, *ways.values())}
    (along,) = forward([loss], {node: own(way) for node, way in ways.items()})
    gradients = reverse(loss, moved)
    with mpmath.workdps(60):
        evaluate = GraphEvaluator(given, SIZES)
        by_forward = inner(evaluate, along, ONE)
        by_reverse = mpmath.fsum(inner(evaluate, gradients[node], own(ways[node])) for node in moved)
        ends = []
        for sign in (1, -1):
            shifted = {node.name: given[node.name] + sign * STEP * given[ways[node].name] for node in moved}
            ends.append(GraphEvaluator(given | shifted, SIZES)(loss).flat[0])
        difference = (ends[0] - ends[1]) / (2 * STEP)
        if not all(mpmath.isfinite(v) for v in (by_forward, difference)) or abs(difference) > 1e8:
            return False
        assert mpmath.almosteq(by_forward, by_reverse, 1e-30, 1e-30), f"{by_forward} and {by_reverse}"
        assert mpmath.almosteq(by_forward, difference, 1e-15, 1e-15), f"{by_forward} and {difference}"
        return difference != 0


def assert_by_all_entries(node: Node, seed: int) -> None:
    """Σ w·∂node/∂x, reverse mode of an array with its deltas in front, is ∂(Σ w·node)/∂x."""
    weights = argument_like(node, "weights")
    moved = [part for part in MOVED if part in set(postorder([node]))]
    axes = {(SEED, axis): length for axis, length in enumerate(node.shape)}
    found = reverse_of_array(node, moved, lambda part, adjoint: grouped(adjoint, part.shape))
    expected = reverse(mul([own(node), own(weights)], dict(enumerate(node.shape))), moved)
    given = values(seed) | {"weights": random_like(np.random.default_rng(seed), weights)}
    with mpmath.workdps(40):
        evaluate = GraphEvaluator(given, SIZES)
        for part in moved:
            entries = np.broadcast_to(
                evaluate(mul([found[part], Use(weights, tuple(axes))], axes), part.rank), lengths(part)
            )
            right = np.broadcast_to(evaluate(expected[part], part.rank), lengths(part))
            for got, want in zip(entries.flat, right.flat, strict=True):
                assert not mpmath.isfinite(want) or mpmath.almosteq(got, want, 1e-25, 1e-25), f"{part}: {got}, {want}"


@pytest.mark.parametrize("name", SAMPLES)
def test_of_a_term_of_each_kind_by_all_its_entries(name):
    nodes = list(postorder([SAMPLES[name].node]))
    if not any(isinstance(node, Scan) for node in nodes):
        assert_by_all_entries(SAMPLES[name].node, 1)


@many
@given(terms(), st.integers(0, 5))
def test_of_random_terms_by_all_their_entries(use, seed):
    assume(not any(isinstance(node, Scan) for node in postorder([use.node])))
    try:
        assert_by_all_entries(use.node, seed)
    except UnsupportedError:  # of code only
        assume(False)


@pytest.mark.parametrize("name", SAMPLES)
def test_of_a_term_of_each_kind(name):
    assert assert_derivative(SAMPLES[name], 1) != (name == "sign of a determinant")
    for node in postorder([SAMPLES[name].node]):
        assert_transposed(node, 1)


@many
@given(terms(), st.integers(0, 5))
def test_of_random_terms(use, seed):
    try:
        assert_derivative(use, seed)
        for node in postorder([use.node]):
            assert_transposed(node, seed)
    except UnsupportedError:  # of code only, or differentiated once
        assume(False)


OF_MAPS = {
    Times: "product",
    Slope: "function",
    Branch: "branches",
    Covariance: "softmax",
    LowerHalf: "triangular factor",
    Entries: "entries",
    Places: "added into zeros",
    Merging: "merged",
    Splitting: "split",
}


def test_every_map_has_a_sample():
    assert {*OF_MAPS, Chain} == set(LinearMap.__subclasses__())


@pytest.mark.parametrize("kind", OF_MAPS, ids=lambda kind: kind.__name__)
def test_a_map_that_is_transposed_wrongly_is_seen(kind, monkeypatch):
    right = linear_maps.transposed

    def wrong(linear, node, adjoint):
        found = right(linear, node, adjoint)
        return [*found, const(S(2))] if isinstance(linear, kind) else found

    monkeypatch.setattr(linear_maps, "transposed", wrong)
    for check in (assert_derivative, lambda use, seed: assert_transposed(use.node, seed)):
        with pytest.raises(AssertionError):
            check(SAMPLES[OF_MAPS[kind]], 1)


@pytest.mark.parametrize(
    "kind", sorted({type(use.node) for use in SAMPLES.values()}, key=str), ids=lambda k: k.__name__
)
def test_a_local_derivative_that_is_wrong_is_seen(kind, monkeypatch):
    """Both modes make the same of it: only the differences tell."""
    right = kind.local

    def wrong(node, number):
        axes = dict(enumerate(node.shape))
        half = Times(axes, (const(S.Half),))
        return [Local(operand, Chain(linear.domain, linear, axes, half)) for operand, linear in right(node, number)]

    monkeypatch.setattr(kind, "local", wrong)
    use = next(use for use in SAMPLES.values() if type(use.node) is kind)
    assert_transposed(use.node, 1)
    with pytest.raises(AssertionError):
        assert_derivative(use, 1)


def test_the_derivative_of_a_norm_is_0_at_0_in_both_modes():
    """Of √(Σ x²), which has no derivative there; the least of its subgradients is taken."""
    x = ARGUMENTS["x"]
    norm = product_of_powers([(mul([product_of_powers([(own(x), S(2))])], {0: N}), S.Half)])
    (along,) = forward([norm], {x: own(argument_like(x, "way"))})
    adjoint = reverse(norm, [x])[x]
    with mpmath.workdps(20):
        evaluate = GraphEvaluator({"x": np.zeros(3), "way": np.ones(3)}, SIZES)
        assert evaluate(along).flat[0] == 0
        assert all(value == 0 for value in evaluate(adjoint, 1).flat)


@pytest.mark.parametrize("name", ["added into zeros", "added in a row"])
def test_a_seed_keeps_a_letter_that_is_no_axis_of_the_places(name):
    """∂(entry `from`)/∂operand for a seed δ(axis, from): a Jacobian, row by row."""
    node = SAMPLES[name].node
    at = [delta(axis, ("from", axis), length) for axis, length in enumerate(node.shape)]
    ((operand, jacobian),) = pull(node, mul(at), {node.value.node})
    weights = argument_like(node, "weights")
    bound = {("from", axis): length for axis, length in enumerate(node.shape)}
    by_rows = mul([jacobian, Use(weights, tuple(bound))], bound)
    ((_, at_once),) = pull(node, own(weights), {node.value.node})
    given = values(1) | {"weights": random_like(np.random.default_rng(1), weights)}
    evaluate = GraphEvaluator(given, SIZES)
    assert np.all(evaluate(by_rows, operand.rank) == evaluate(at_once, operand.rank))
