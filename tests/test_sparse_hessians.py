"""Sparse Hessians: each place once, nothing dense, the numbers of the dense Hessian and of JAX."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase, Mod, Sum, cos, exp, sqrt, symbols

from symgrad import Model

i, j, k, e, t = symbols("i j k e t", integer=True)
N, M, E, G, T = symbols("N M E G T", integer=True, positive=True)
u, v, y, z, w = (IndexedBase(name, shape=(side,)) for name, side in zip("uvyzw", (N, 2 * M, N, E, E), strict=True))
first, second, camera, point = (IndexedBase(name, shape=(E,), integer=True) for name in ("a", "b", "cam", "pt"))
group, effects = IndexedBase("g", shape=(N,), integer=True), IndexedBase("al", shape=(G,))
U, W = IndexedBase("U", shape=(N, M)), IndexedBase("W", shape=(N, 3))
C, P = IndexedBase("C", shape=(N, 3)), IndexedBase("P", shape=(M, 3))
s, seen = IndexedBase("s", shape=(T,)), IndexedBase("seen", shape=(T,))
mu, phi, scale = symbols("mu phi scale", real=True)


def _model(loss: Any, *parameters: Any) -> Model:
    return Model(loss, list(parameters))


_PREDICTED = mu + effects[group[i]]
_AREA = sqrt(1 + (U[i + 1, j] - U[i, j]) ** 2 + (U[i, j + 1] - U[i, j]) ** 2)
_OFF = z[e] - Sum(C[camera[e], k] * P[point[e], k], (k, 0, 2))
MODELS: dict[str, Model] = {
    "differences": _model(Sum((u[i] - u[i - 1]) ** 4, (i, 1, N - 1)), u),
    "chained Rosenbrock": _model(Sum(100 * (u[i + 1] - u[i] ** 2) ** 2 + (1 - u[i]) ** 2, (i, 0, N - 2)), u),
    "minimal surface": _model(Sum(_AREA, (i, 0, N - 2), (j, 0, M - 2)), U),
    "periodic chain": _model(Sum((u[i] - u[Mod(i - 1, N)]) ** 4, (i, 0, N - 1)), u),
    "graph": _model(Sum(w[e] * (u[first[e]] - u[second[e]]) ** 4, (e, 0, E - 1)), u),
    "groups": _model(
        Sum(exp(_PREDICTED) - y[i] * _PREDICTED, (i, 0, N - 1)) + Sum(effects[j] ** 2, (j, 0, G - 1)), mu, effects
    ),
    "bundle": _model(Sum(_OFF**2, (e, 0, E - 1)), C, P),
    "states": _model(
        Sum((s[t] - phi * s[t - 1]) ** 2 * exp(-2 * scale), (t, 1, T - 1))
        + Sum(seen[t] * exp(-s[t]) + s[t], (t, 0, T - 1)),
        phi,
        scale,
        s,
    ),
    "strides": _model(Sum((v[2 * i] * v[2 * i + 1]) ** 2 + v[2 * i] ** 4, (i, 0, M - 1)), v),
    "triangle": _model(Sum((u[i] * u[j]) ** 2, (j, i + 1, N - 1), (i, 0, N - 1)), u),
    "separable": _model(Sum(cos(u[i]) ** 2, (i, 0, N - 1)), u),
    "small blocks": _model(Sum(Sum(W[i, k] ** 2, (k, 0, 2)) ** 2, (i, 0, N - 1)), W),
    "square of a sum": _model(Sum(u[i], (i, 0, N - 1)) ** 2 + Sum(u[i] ** 4, (i, 0, N - 1)), u),
}
POSITIONS = {"a": "N", "b": "N", "g": "G", "cam": "N", "pt": "M"}
SIZES = [
    {"N": 5, "M": 4, "E": 9, "G": 3, "T": 6},
    {"N": 2, "M": 3, "E": 3, "G": 2, "T": 2},
    {"N": 1, "M": 2, "E": 1, "G": 1, "T": 3},
]


def _data(model: Model, sizes: Mapping[str, int], seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    for argument in (a for a in model.arguments if a.role != "dimension"):
        shape = tuple(int(side.subs({d: sizes[str(d)] for d in side.free_symbols})) for side in argument.shape)
        if argument.integer:
            found[argument.name] = rng.integers(0, sizes[POSITIONS[argument.name]], size=shape)
        else:
            found[argument.name] = rng.normal(size=shape)
    return found


def _called(function: Callable[..., Any], known: Mapping[str, Any]) -> Any:
    return function(**{name: known[name] for name in inspect.signature(function).parameters if name in known})


def _flat(module: Any, data: Mapping[str, Any]) -> np.ndarray:
    """The dense Hessian as one matrix."""
    rows, sizes = _called(module.hessian, data), [np.size(data[name]) for name in module.PARAMETERS]
    blocks = [
        [np.reshape(b, (m, n)) for b, n in zip(row, sizes, strict=True)] for row, m in zip(rows, sizes, strict=True)
    ]
    return np.block(blocks)


@pytest.fixture(scope="module")
def modules() -> Callable[[str], tuple[Any, Any]]:
    made: dict[str, tuple[Any, Any]] = {}

    def of(name: str) -> tuple[Any, Any]:
        if name not in made:
            model = MODELS[name]
            made[name] = model.compile(check=False, hessian="sparse"), model.compile(check=False, hessian=True)
        return made[name]

    return of


@pytest.mark.parametrize("sizes", SIZES, ids=["ordinary", "two", "one"])
@pytest.mark.parametrize("name", MODELS)
def test_it_has_the_numbers_of_the_dense_one_each_place_once(
    name: str, sizes: dict[str, int], modules: Callable[[str], tuple[Any, Any]]
) -> None:
    sparse, dense = modules(name)
    data = _data(MODELS[name], sizes)
    found, expected = _called(sparse.hessian_sparse, data), _flat(dense, data)
    places = list(zip(found.rows.tolist(), found.columns.tolist(), strict=True))
    assert len({*places}) == len(places) == found.values.size
    np.testing.assert_allclose(found.to_dense(), expected, rtol=1e-12, atol=1e-13)
    matrix = pytest.importorskip("scipy.sparse").csr_array(found.to_scipy())
    assert matrix.nnz == len(places) and matrix.has_canonical_format
    np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-12, atol=1e-13)
    pattern = _called(sparse.hessian_pattern, {**data, **sizes})
    assert (pattern.rows.tolist(), pattern.columns.tolist()) == (found.rows.tolist(), found.columns.tolist())
    lower = [place for place in places if place[0] >= place[1]]
    assert [places[n] for n in pattern.lower] == lower


COUNTS = {
    "differences": 3 * 7 - 2,
    "chained Rosenbrock": 3 * 7 - 2,
    "periodic chain": 3 * 7,
    "states": 3 * 7 - 2 + 4 * 7 + 4,
    "strides": 4 * 4,
    "separable": 7,
    "small blocks": 9 * 7,
    "groups": 3 + 2 * 3 + 1,
    "minimal surface": 7 * 4 + 2 * (6 * 3) * 3,
}


@pytest.mark.parametrize("name", COUNTS)
def test_it_has_as_many_entries_as_are_not_zero_by_the_formula(
    name: str, modules: Callable[[str], tuple[Any, Any]]
) -> None:
    data = _data(MODELS[name], {"N": 7, "M": 4, "E": 9, "G": 3, "T": 7})
    assert _called(modules(name)[0].hessian_sparse, data).values.size == COUNTS[name]
