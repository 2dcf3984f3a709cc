"""Sparse Hessians: each place once, nothing dense, the numbers of the dense Hessian and of JAX."""

import inspect
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from sympy import Abs, Eq, IndexedBase, Le, Min, Mod, Not, Piecewise, Sum, cos, exp, sqrt, symbols, tanh

from symgrad import Model, if_else
from symgrad.errors import ModelError, UnsupportedError
from symgrad.generated import imported
from symgrad.verify.subject import Settings
from tests.families import one_in

i, j, k, e, t = symbols("i j k e t", integer=True)
N, M, E, G, T, K = symbols("N M E G T K", integer=True, positive=True)
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
    "band": _model(Sum(if_else(Abs(i - j) <= 2, (u[i] - u[j]) ** 4, 0), (i, 0, N - 1), (j, 0, N - 1)), u),
    "half a band": _model(Sum(if_else(Le(j, i + 1), (u[i] * u[j]) ** 2, 0), (j, i, N - 1), (i, 0, N - 1)), u),
    "next two": _model(Sum((u[i] * u[j]) ** 2, (j, i + 1, Min(i + 2, N - 1)), (i, 0, N - 1)), u),
    "neither end": _model(
        Sum(if_else((i < j) & (j <= i + 5), sqrt(1 + (u[i] - 2 * u[j]) ** 2), 0), (i, 0, N - 1), (j, 0, N - 1)), u
    ),
    "at a distance": _model(Sum(if_else(Eq(j - i, 3), u[i] ** 3 * u[j] ** 2, 0), (i, 0, N - 1), (j, 0, N - 1)), u),
    "every second": _model(Sum(if_else(Eq(Mod(i, 2), 0), (u[i] * u[i + 1]) ** 2, 0), (i, 0, N - 2)), u),
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


def _joined(rows: Any, sizes: list[int]) -> np.ndarray:
    """Second derivatives by pairs of parameters as one matrix."""
    pairs = zip(rows, sizes, strict=True)
    return np.block([[np.reshape(block, (m, n)) for block, n in zip(row, sizes, strict=True)] for row, m in pairs])


def _flat(module: Any, data: Mapping[str, Any]) -> np.ndarray:
    """The dense Hessian as one matrix."""
    return _joined(_called(module.hessian, data), [np.size(data[name]) for name in module.PARAMETERS])


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
    "band": 7 + 2 * 6 + 2 * 5,
    "half a band": 7 + 2 * 6,
    "next two": 7 + 2 * 6 + 2 * 5,
    "neither end": 7 + 2 * (6 + 5 + 4 + 3 + 2),
    "at a distance": 7 + 2 * 4,
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


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 6, 9])
@pytest.mark.parametrize("name", ["band", "half a band", "next two", "neither end", "at a distance"])
def test_a_band_that_is_wider_than_the_matrix(name: str, size: int, modules: Callable[[str], tuple[Any, Any]]) -> None:
    sparse, dense = modules(name)
    values = np.random.default_rng(3).normal(size=size)
    found = sparse.hessian_sparse(values)
    np.testing.assert_allclose(found.to_dense(), dense.hessian(values)[0][0], rtol=1e-12, atol=1e-13)


WIDE = {
    "a size": (Abs(i - j) <= K, lambda gap, width: abs(gap) <= width),
    "twice a size": (Abs(i - j) <= 2 * K + 1, lambda gap, width: abs(gap) <= 2 * width + 1),
    "less than a size": (Abs(j - i) < K, lambda gap, width: abs(gap) < width),
    "one side": ((i < j) & (j <= i + K), lambda gap, width: (gap > 0) & (gap <= width)),
    "a large number": (Abs(i - j) <= 20, lambda gap, width: abs(gap) <= 20),
}


@pytest.mark.parametrize("name", one_in(5, WIDE))
def test_a_wide_band_has_only_entries_inside_it(name: str) -> None:
    condition, holds = WIDE[name]
    pairs = Sum(if_else(condition, (u[i] - 2 * u[j]) ** 4, 0), (i, 0, N - 1), (j, 0, N - 1))
    models = [
        _model(pairs, u),
        _model(Sum(Piecewise((0, Not(condition)), (u[i] * u[j] ** 3, True)), (i, 0, N - 1), (j, 0, N - 1)), u),
    ]
    for model in models:
        module, dense = model.compile(check=False, hessian="sparse"), model.compile(check=False, hessian=True)
        width = {"K": 3} if "K" in module.DIMENSIONS else {}
        for size in (0, 1, 2, 3, 7, 30):
            values = np.random.default_rng(size).normal(size=size)
            found = module.hessian_sparse(values, **width)
            gap = np.subtract.outer(np.arange(size), np.arange(size)).T
            expected = holds(gap, 3) | holds(-gap, 3) | (gap == 0)
            assert sorted(zip(found.rows, found.columns, strict=True)) == list(zip(*np.nonzero(expected), strict=True))
            np.testing.assert_allclose(found.to_dense(), dense.hessian(values, **width)[0][0], rtol=1e-12, atol=1e-12)
    if width:
        np.testing.assert_allclose(
            module.hessian_sparse(values, K=10**9).to_dense(),
            dense.hessian(values, K=10**9)[0][0],
            rtol=1e-12,
            atol=1e-12,
        )
        tracemalloc.start()
        try:
            module.hessian_sparse(np.ones(50_000), K=2)
            assert tracemalloc.get_traced_memory()[1] < 300 * 50_000 * 11
        finally:
            tracemalloc.stop()


# --- time and memory --------------------------------------------------------------------------------------------------

LARGE = {"N": 100_000, "M": 50_000, "E": 200_000, "G": 1000, "T": 100_000}


@pytest.mark.parametrize(
    "name",
    [
        "chained Rosenbrock",
        "periodic chain",
        "graph",
        "groups",
        "states",
        "strides",
        "band",
        "half a band",
        "next two",
        "neither end",
        "at a distance",
    ],
)
def test_memory_grows_with_the_entries(name: str, modules: Callable[[str], tuple[Any, Any]]) -> None:
    """An array of all pairs would take 80 GB; a byte for each of them 10."""
    module, data = modules(name)[0], _data(MODELS[name], LARGE)
    tracemalloc.start()
    try:
        found = _called(module.hessian_sparse, data)
        matrix = found.to_scipy()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert matrix.nnz == found.values.size <= 11 * 200_000
    assert peak < 150 * 7 * 200_000


def test_a_pattern_is_found_once_for_a_size_and_once_for_bound_data(modules: Callable[[str], tuple[Any, Any]]) -> None:
    chain, data = modules("differences")[0], _data(MODELS["differences"], SIZES[0])
    assert chain.hessian_sparse(**data).pattern is chain.hessian_sparse(**data).pattern
    graph, data = modules("graph")[0], _data(MODELS["graph"], SIZES[0])
    values = data.pop("u")
    bound = graph.bind(**data)
    assert bound.hessian_sparse(values).pattern is bound.hessian_sparse(2 * values).pattern
    known = graph.hessian_pattern(data["a"], data["b"], 5)
    given = graph.hessian_sparse(values, **data, pattern=known)
    assert given.pattern is known
    np.testing.assert_array_equal(given.values, graph.hessian_sparse(values, **data).values)
    with pytest.raises(ValueError, match=r"pattern: expected that of a matrix of shape \(6, 6\), got .* \(5, 5\)"):
        graph.hessian_sparse(np.ones(6), **data, pattern=known)


@pytest.mark.parametrize("parameter", [phi, pytest.param(effects, marks=pytest.mark.long)])
def test_what_follows_from_all_rows_knows_the_pattern(parameter: Any) -> None:
    beta = IndexedBase("beta", shape=(3,))
    slope = effects[group[i]] * phi + Sum(W[i, k] * beta[k], (k, 0, 2))
    model = Model(Sum(tanh(slope), (i, 0, N - 1)), [beta, parameter])
    module = model.compile(check=False, hessian="sparse")
    rng = np.random.default_rng(0)
    given = {"beta": rng.normal(size=3), "phi": 0.7, "al": rng.normal(size=2), "W": rng.normal(size=(5, 3))}
    given["g"] = np.array([0, 1, 1, 0, 1])
    taken = {name: one for name, one in given.items() if name in inspect.signature(module.hessian_pattern).parameters}
    sizes = {"G": 2} if "G" in inspect.signature(module.hessian_pattern).parameters else {}
    found = module.hessian_sparse(**given)
    theta = module.pack(**{name: given[name] for name in module.PARAMETERS})
    data = {name: one for name, one in given.items() if name not in module.PARAMETERS}
    dense = model.compile(check=False, hessian=True).flat_hessian(theta, **data)
    np.testing.assert_allclose(found.to_dense(), dense, rtol=1e-12, atol=1e-14)
    again = module.hessian_sparse(**given, pattern=module.hessian_pattern(**taken, **sizes))
    np.testing.assert_array_equal(again.values, found.values)


def test_a_large_dense_hessian_says_that_there_is_a_sparse_one(modules: Callable[[str], tuple[Any, Any]]) -> None:
    with pytest.warns(UserWarning, match=r"dense Hessian has 16,000,000 entries, .*compile\(hessian=\"sparse\"\)"):
        modules("differences")[1].hessian(np.zeros(4000))
    assert "_warn_of_zeros" not in MODELS["square of a sum"].source(hessian=True)


# --- the check and the targets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(4, ["graph", "states", "bundle", "periodic chain"]))
def test_the_check_passes(name: str) -> None:
    model = MODELS[name]
    sizes = {d: SIZES[0][str(d)] for d in model.program.dimensions}
    report = model.check(hessian="sparse", hvp=True, sizes=sizes)
    assert report.ok, report
    p = model.program.arguments[0].name
    assert f"H.{p}.{p}" in {entry.parameter for entry in report.entries}


WRONG = {
    "a band at another place": (
        "[np.arange(N - 1) + 1], [np.arange(N - 1)])",
        "[np.arange(N - 1)], [np.arange(N - 1)])",
    ),
    "a band that is missing": (", ((N - 1,), 0, 0, [np.arange(N - 1) + 1], [np.arange(N - 1)])", ""),
    "rows for columns": ("rows * shape[1] + columns", "rows * shape[1]"),
    "places that are not joined": ("if not new.all():", "if False:"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_pattern_fails_the_check(fault: str) -> None:
    model = MODELS["graph" if "joined" in fault else "differences"]
    text, (right, wrong) = model.source(hessian="sparse"), WRONG[fault]
    if "missing" in fault:  # and its values
        text = text.replace("u.dtype, hessian_0, hessian_1, hessian_0)", "u.dtype, hessian_0, hessian_1)")
    assert text.count(right) == 1
    request = model._request("sparse", False, ())
    report = model._check(imported(text.replace(right, wrong), fault), request, Settings(0, chain=False))
    assert report.verdict == "fail"


def test_numba_has_the_same(modules: Callable[[str], tuple[Any, Any]]) -> None:
    pytest.importorskip("numba")
    for name in ("graph", "minimal surface", "small blocks"):
        module, data = (
            MODELS[name].compile(check=False, hessian="sparse", target="numba"),
            _data(MODELS[name], SIZES[0]),
        )
        found, expected = (_called(one.hessian_sparse, data) for one in (module, modules(name)[0]))
        np.testing.assert_allclose(found.to_dense(), expected.to_dense(), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("target", ["jax", "torch"])
def test_other_targets_say_that_they_have_none(target: str) -> None:
    with pytest.raises(UnsupportedError, match=f'the target {target} has no sparse Hessian.*hessian="sparse"'):
        MODELS["differences"].source(hessian="sparse", target=target)


def test_only_true_and_sparse_ask_for_a_hessian() -> None:
    with pytest.raises(ModelError, match=r"hessian is 'dense' .*give True or False, or 'sparse'"):
        MODELS["differences"].source(hessian="dense")


# --- against JAX ------------------------------------------------------------------------------------------------------


def _within(jnp: Any, u: Any, low: int, high: int) -> Any:
    """Which pairs have low <= column - row <= high."""
    apart = jnp.arange(len(u)) - jnp.arange(len(u))[:, None]
    return (apart >= low) & (apart <= high)


LOSSES: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "differences": lambda jnp: lambda u: jnp.sum((u[1:] - u[:-1]) ** 4),
    "chained Rosenbrock": lambda jnp: lambda u: jnp.sum(100 * (u[1:] - u[:-1] ** 2) ** 2 + (1 - u[:-1]) ** 2),
    "periodic chain": lambda jnp: lambda u: jnp.sum((u - jnp.roll(u, 1)) ** 4),
    "graph": lambda jnp: lambda u, a, b, w: jnp.sum(w * (u[a] - u[b]) ** 4),
    "minimal surface": lambda jnp: (
        lambda U: jnp.sum(jnp.sqrt(1 + (U[1:, :-1] - U[:-1, :-1]) ** 2 + (U[:-1, 1:] - U[:-1, :-1]) ** 2))
    ),
    "bundle": lambda jnp: lambda C, P, cam, pt, z: jnp.sum((z - jnp.sum(C[cam] * P[pt], axis=1)) ** 2),
    "groups": lambda jnp: lambda mu, al, g, y: jnp.sum(jnp.exp(mu + al[g]) - y * (mu + al[g])) + jnp.sum(al**2),
    "states": lambda jnp: (
        lambda phi, scale, s, seen: (
            jnp.sum((s[1:] - phi * s[:-1]) ** 2) * jnp.exp(-2 * scale) + jnp.sum(seen * jnp.exp(-s) + s)
        )
    ),
    "strides": lambda jnp: lambda v: jnp.sum((v[::2] * v[1::2]) ** 2 + v[::2] ** 4),
    "triangle": lambda jnp: lambda u: jnp.sum(jnp.triu(jnp.outer(u, u) ** 2, 1)),
    "band": lambda jnp: lambda u: jnp.sum(_within(jnp, u, -2, 2) * (u[:, None] - u) ** 4),
    "half a band": lambda jnp: lambda u: jnp.sum(_within(jnp, u, 0, 1) * jnp.outer(u, u) ** 2),
    "next two": lambda jnp: lambda u: jnp.sum(_within(jnp, u, 1, 2) * jnp.outer(u, u) ** 2),
    "neither end": lambda jnp: lambda u: jnp.sum(_within(jnp, u, 1, 5) * jnp.sqrt(1 + (u[:, None] - 2 * u) ** 2)),
    "at a distance": lambda jnp: lambda u: jnp.sum(_within(jnp, u, 3, 3) * jnp.outer(u**3, u**2)),
    "every second": lambda jnp: lambda u: jnp.sum((u[:-1:2] * u[1::2]) ** 2),
    "separable": lambda jnp: lambda u: jnp.sum(jnp.cos(u) ** 2),
    "small blocks": lambda jnp: lambda W: jnp.sum(jnp.sum(W**2, axis=1) ** 2),
    "square of a sum": lambda jnp: lambda u: jnp.sum(u) ** 2 + jnp.sum(u**4),
}


@pytest.mark.parametrize("name", one_in(8, MODELS))
def test_it_is_the_hessian_that_jax_computes(name: str, modules: Callable[[str], tuple[Any, Any]]) -> None:
    jax = pytest.importorskip("jax")
    module, data = modules(name)[0], _data(MODELS[name], SIZES[0], seed=1)
    sizes = [np.size(data[p]) for p in module.PARAMETERS]
    with jax.enable_x64(True):
        hessian = jax.jit(jax.hessian(LOSSES[name](jax.numpy), argnums=tuple(range(len(sizes)))))(
            *[data[a] for a in module.ARGUMENTS]
        )
        rows = [
            [np.reshape(b, (m, n)) for b, n in zip(row, sizes, strict=True)]
            for row, m in zip(hessian, sizes, strict=True)
        ]
    np.testing.assert_allclose(_called(module.hessian_sparse, data).to_dense(), np.block(rows), rtol=1e-11, atol=1e-12)
