"""Functions of rows that come in chunks: the numbers of whole arrays, bits that depend on the chunks alone, errors."""

import doctest
import inspect
import pickle
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, exp, log, symbols, tanh

from symgrad import LogSumExp, Model, UnsupportedError, if_else, softplus
from symgrad.cli.model_file import ModelReference, load_model
from symgrad.codegen.chunks import split as split_function
from symgrad.outputs.function import Function
from symgrad.schedule.rows import Tie
from tests.codegen.test_rounds import MODELS as IN_ROUNDS
from tests.codegen.test_seam import MODELS as SEAMS
from tests.families import one_in
from tests.real_models.corpus import CORPUS

EXAMPLES = Path(__file__).parents[2] / "examples"
OF_ROWS = (
    *("logistic", "mixture", "multilayer", "poisson", "ridge", "softmax", "lenet", "alphago", "blocks", "cycle"),
    *("bundle_adjustment", "dcgan", "detection", "dqn", "gpt", "residual"),
)
TIED = {
    "attention": "over S, a part of A has rows along two axes",
    "cox": "a part of the loss, made of T, has rows along two axes",
    "factorisation": "over N, U has parameters for each of them",
    "gaussian_process": "over N, a part of K has rows along two axes",
}

N, M, K, T = symbols("N M K T", integer=True, positive=True)
n, i, j, k, t = symbols("n i j k t", integer=True)
x, w, c = IndexedBase("x", shape=(N, M)), IndexedBase("w", shape=(M,)), IndexedBase("c", shape=(N,))
u, s, lam = IndexedBase("u", shape=(K,)), IndexedBase("s", shape=(K,)), symbols("lam", real=True)
g, kept = IndexedBase("g", shape=(N,), integer=True), IndexedBase("kept", shape=(N,), integer=True)
A, B, seen = IndexedBase("A", shape=(K, K)), IndexedBase("B", shape=(K, K)), IndexedBase("seen", (N, T), integer=True)
a, h = IndexedBase("a", shape=(N, T, K)), IndexedBase("h", shape=(N, T + 1, K))
SCORE = Sum(x[n, j] * w[j], (j, 0, M - 1))
OVER = (n, 0, N - 1)
MODELS = {
    **{name: model for name, (model, _) in IN_ROUNDS.items()},
    **SEAMS,
    # groups of rows, whose effects are places that rows add to; shared data and a shared number; a mask; a penalty
    "groups": Model(
        Sum(kept[n] * s[g[n]] * (c[n] - SCORE - u[g[n]]) ** 2, OVER) / N + lam * Sum(u[k] ** 2, (k, 0, K - 1)), [w, u]
    ),
    "a mean of logarithms": Model(log(Sum(softplus(SCORE) * c[n] ** 2, OVER) / N), [w]),
    # a recurrence that each row has for itself: a hidden Markov model of sequences, and a network with padded ones
    "hidden Markov": Model(
        -Sum(LogSumExp(a[n, T - 1, k], (k, 0, K - 1)), OVER) / N,
        [A, B, u],
        where=[
            Eq(a[n, 0, k], u[k] + B[k, seen[n, 0]]),
            Eq(a[n, t, k], B[k, seen[n, t]] + LogSumExp(a[n, t - 1, i] + A[i, k], (i, 0, K - 1))),
        ],
    ),
    "recurrent network": Model(
        Sum(if_else(t <= g[n], (Sum(h[n, t, k] * u[k], (k, 0, K - 1)) - c[n]) ** 2, 0), (t, 1, T), OVER) / N
        + lam * Sum(A[i, k] ** 2, (i, 0, K - 1), (k, 0, K - 1)),
        [A, B, u],
        where=[
            Eq(h[n, 0, k], 0),
            Eq(h[n, t, k], tanh(Sum(h[n, t - 1, i] * A[i, k], (i, 0, K - 1)) + B[k, seen[n, t - 1]])),
        ],
    ),
}
SIZES = {N: 41, M: 4, K: 3, T: 5}


@cache
def module_of(name: str) -> Any:
    if name in MODELS:
        return MODELS[name].compile(check=False, chunks=True, hvp=True, hessian=name != "batch normalisation")
    return load_model(ModelReference.parse(str(EXAMPLES / f"{name}.py"))).compile(check=False, chunks=True, hvp=True)


@cache
def inputs_of(name: str) -> dict[str, Any]:
    if name not in MODELS:
        model = load_model(ModelReference.parse(str(EXAMPLES / f"{name}.py")))
        return dict(model.draws(module_of(name))[-1].inputs)
    rng = np.random.default_rng(3)
    return {
        a.name: rng.integers(0, 2 if a.name == "kept" else SIZES[K], [SIZES[side] for side in a.shape])
        if a.integer
        else rng.normal(size=[SIZES[side] for side in a.shape])
        for a in MODELS[name].arguments
    }


def split(module: Any, given: Mapping[str, Any], ends: Sequence[int]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The data with rows in chunks that end there, and everything else."""
    rows = [
        name for name in module.SHAPES if name not in module.PARAMETERS and module.SHAPES[name][:1] == (module.ROWS,)
    ]
    chunks = [{name: given[name][a:b] for name in rows} for a, b in zip((0, *ends), ends, strict=False)]
    return chunks, {name: one for name, one in given.items() if name not in rows}


def ends_of(module: Any, given: Mapping[str, Any], count: int, seed: int) -> list[int]:
    rows = next(len(given[n]) for n, sides in module.SHAPES.items() if sides[:1] == (module.ROWS,))
    return sorted({*np.random.default_rng(seed).integers(1, rows + 1, count).tolist(), rows})


def flat(result: Any) -> list[np.ndarray]:
    if isinstance(result, tuple):
        return [array for part in result for array in flat(part)]
    return [np.asarray(result)]


def bits(result: Any) -> list[bytes]:
    return [array.tobytes() for array in flat(result)]


def directed(module: Any, of: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, with a direction if a function asks for one."""
    if of != "hessian_vector_product":
        return dict(parameters)
    rng = np.random.default_rng(7)
    return {"direction": tuple(rng.normal(size=np.shape(parameters[p])) for p in module.PARAMETERS), **parameters}


@pytest.mark.parametrize("name", [*one_in(10, MODELS), *one_in(16, OF_ROWS)])
def test_chunks_give_what_whole_arrays_give(name: str) -> None:
    module, given = module_of(name), inputs_of(name)
    assert "value_and_gradient" in module.ROUNDS
    for of in module.ROUNDS:
        rows = next(len(given[n]) for n, sides in module.SHAPES.items() if sides[:1] == (module.ROWS,))
        for ends in (ends_of(module, given, 3, 1), ends_of(module, given, 9, 2), list(range(1, rows + 1))):
            chunks, parameters = split(module, given, ends)
            whole = directed(module, of, given)
            with np.errstate(all="ignore"):
                wanted = getattr(module, of)(**whole)
                got = module.over_chunks(chunks, of, **directed(module, of, parameters))
            assert type(got) is type(wanted)
            for a, b in zip(flat(got), flat(wanted), strict=True):
                assert a.shape == b.shape and a.dtype == b.dtype
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * np.max(np.abs(b), initial=1.0))


@pytest.mark.parametrize("name", one_in(2, ["batch normalisation", "groups", "a logarithm of a sum of exponentials"]))
def test_float32_in_gives_float32_out(name: str) -> None:
    module = module_of(name)
    given = {k: np.float32(v) if np.asarray(v).dtype == float else v for k, v in inputs_of(name).items()}
    chunks, parameters = split(module, given, ends_of(module, given, 4, 3))
    got, wanted = module.over_chunks(chunks, **parameters), module.value_and_gradient(**given)
    for a, b in zip(flat(got), flat(wanted), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5 * np.max(np.abs(b)))


@pytest.mark.parametrize("name", ["batch normalisation", "groups", "a mixture", "a minimum and a sum"])
def test_bits_depend_on_the_chunks_alone(name: str) -> None:
    """Whoever computes them, in another process, too, and in whatever order they finish."""
    module, given = module_of(name), inputs_of(name)
    chunks, parameters = split(module, given, ends_of(module, given, 8, 4))
    wanted = bits(module.over_chunks(chunks, **parameters))
    for seed in range(3):
        known: tuple[Any, ...] = ()
        for _ in range(module.ROUNDS["value_and_gradient"]):
            order = np.random.default_rng(seed).permutation(len(chunks))
            parts = {number: module.partial(parameters, chunks[number], known=known) for number in order}
            sent = pickle.loads(pickle.dumps([parts[number] for number in range(len(chunks))]))
            known += (module.joined(sent),)
        assert bits(module.finish(parameters, known[-1], known[-1].rows, known[:-1])) == wanted


@pytest.mark.parametrize("name", ["batch normalisation", "groups", "a mixture", "maxima"])
def test_combine_is_associative_and_writes_to_nothing(name: str) -> None:
    module, given = module_of(name), inputs_of(name)
    chunks, parameters = split(module, given, [10, 20, SIZES[N]])
    a, b, c = (module.partial(parameters, chunk) for chunk in chunks)
    before = pickle.dumps((a, b, c))
    one, other = module.combine(module.combine(a, b), c), module.combine(a, module.combine(b, c))
    assert pickle.dumps((a, b, c)) == before
    assert one.rows == other.rows == SIZES[N]
    for left, right in zip(flat(one.totals), flat(other.totals), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["hidden Markov", "recurrent network"])
def test_recurrences_of_rows_need_no_count_and_are_not_split_again(name: str) -> None:
    """1/N is taken out of a recurrence of adjoints, which is linear; a loop of Python's runs once a chunk."""
    module, given = module_of(name), inputs_of(name)
    assert set(module.ROUNDS.values()) == {1}
    chunks, parameters = split(module, given, [10, SIZES[N]])
    for of in module.ROUNDS:
        got = module.over_chunks(chunks, of, **directed(module, of, parameters))
        for one, other in zip(flat(got), flat(getattr(module, of)(**directed(module, of, given))), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)
    before, module.BLOCK_BYTES = module.BLOCK_BYTES, 8 * SIZES[N]  # as if a chunk were larger than the cache
    try:
        calls = []
        rows = module._value_and_gradient_chunk_rows
        module._value_and_gradient_chunk_rows = lambda *given: calls.append(1) or rows(*given)
        module.partial(parameters, chunks[1])
        assert len(calls) == 1
    finally:
        module.BLOCK_BYTES, module._value_and_gradient_chunk_rows = before, rows


def test_a_recurrence_that_is_not_linear_has_its_count_first() -> None:
    """h depends on N: what it begins with is not multiplied by 1/N afterwards."""
    loss = Sum(h[n, T, k] ** 2, OVER, (k, 0, K - 1))
    where = [Eq(h[n, 0, k], u[k] * c[n] / N), Eq(h[n, t, k], tanh(h[n, t - 1, k]) + h[n, t - 1, k])]
    module = Model(loss, [u], where=where).compile(check=False, chunks=True)
    assert module.ROUNDS == {"value_and_gradient": 2}
    data, start = {"c": np.linspace(-1, 1, 7)}, np.ones(3)
    got = module.over_chunks([{"c": data["c"][:3]}, {"c": data["c"][3:]}], u=start, T=4)
    for one, other in zip(flat(got), flat(module.value_and_gradient(start, **data, T=4)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_rows_that_a_condition_on_indices_ties_are_named() -> None:
    """Of the partial likelihood of Cox the risk sets n ≤ m are of indices alone: the scores are what ties rows."""
    z = IndexedBase("z", (N,))
    later = LogSumExp(z[i], (i, n, N - 1))
    model = Model(Sum(c[n] * (later - z[n]), OVER), [w], where=[Eq(z[n], SCORE)])
    with pytest.raises(UnsupportedError, match="over N, a part of the loss, made of z, has rows along two axes"):
        model.source(chunks=True)


def test_recurrences_that_tie_rows_are_named() -> None:
    level, total = IndexedBase("level", (N,)), IndexedBase("total", (T + 1,))
    first = Model(Sum((level[n] - c[n]) ** 2, OVER), [w], where=[Eq(level[0], w[0]), Eq(level[n], w[1] * level[n - 1])])
    at_steps = [Eq(h[n, 0, k], u[k]), Eq(h[n, t, k], h[n, t - 1, k] - c[n] * Sum(h[j, t - 1, k], (j, 0, N - 1)))]
    pooled = Model(Sum(h[n, T, k] ** 2, OVER, (k, 0, K - 1)), [u], where=at_steps)
    of_all = [Eq(total[0], w[0]), Eq(total[t], tanh(total[t - 1]) + Sum(seen[n, t - 1] * w[1], OVER))]
    assert 'ROUNDS = {"value_and_gradient": 1}' in Model(total[T], [w], where=of_all).source(chunks=True)
    for model, said in (
        (first, "over N, a part of level is computed from one row to the next"),
        (pooled, "over N, a part of h takes sums over all rows at each step"),
    ):
        with pytest.raises(UnsupportedError, match=said):
            model.source(chunks=True)
        assert "\nROWS" not in model.source()


def test_what_is_counted_once_is_in_finish() -> None:
    """Of a mean with a penalty: a chunk's sums know neither the number of rows nor the penalty."""
    module, given = module_of("groups"), inputs_of("groups")
    assert module.ROUNDS["value_and_gradient"] == 1  # the rows are read once, not to be counted before
    chunks, parameters = split(module, given, [SIZES[N]])
    first, second = (module.partial({**parameters, "lam": number}, chunks[0]) for number in (0.0, 5.0))
    assert bits(first.totals) == bits(second.totals)
    wanted = module.value_and_gradient(**{**given, "lam": 5.0})
    for a, b in zip(flat(module.finish({**parameters, "lam": 5.0}, first, SIZES[N])), flat(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("name", one_in(5, ["mlp of a mean", "lenet", "alphago", "dqn"]))
def test_a_mean_needs_no_count_before_its_sums(name: str) -> None:
    if name == "mlp of a mean":
        A, V = IndexedBase("A", shape=(N, K)), IndexedBase("V", shape=(M, K))
        hidden = Eq(A[n, k], tanh(Sum(x[n, j] * V[j, k], (j, 0, M - 1))))
        loss = Sum((Sum(A[n, k] * u[k], (k, 0, K - 1)) - c[n]) ** 2, OVER) / N
        source = Model(loss, [V, u], where=[hidden]).source(chunks=True)
    else:
        source = load_model(ModelReference.parse(str(EXAMPLES / f"{name}.py"))).source(chunks=True)
    assert 'ROUNDS = {"value_and_gradient": 1}' in source


def test_shared_parts_are_not_printed_twice() -> None:
    source = load_model(ModelReference.parse(str(EXAMPLES / "logistic.py"))).source(chunks=True)
    assert "yield (_value_and_gradient_rows, (X, t), (w,)," in source and "_chunk_rows" not in source


@pytest.mark.parametrize("name", TIED)
def test_a_model_that_does_not_split_says_what_ties_its_rows(name: str) -> None:
    model = load_model(ModelReference.parse(str(EXAMPLES / f"{name}.py")))
    with pytest.raises(UnsupportedError, match=f"does not split into chunks of rows: .*{TIED[name]}"):
        model.source(chunks=True)
    source = model.source()
    assert "\nROWS" not in source and "\nRows: " not in source


@pytest.mark.parametrize("name", [*one_in(8, MODELS), *one_in(8, OF_ROWS)])
def test_every_module_says_what_its_loss_is_summed_over(name: str) -> None:
    module = module_of(name)
    model = MODELS[name] if name in MODELS else load_model(ModelReference.parse(str(EXAMPLES / f"{name}.py")))
    source = model.source()
    rows = [
        a for a in module.ARGUMENTS if a not in module.PARAMETERS and module.SHAPES.get(a, ())[:1] == (module.ROWS,)
    ]
    said = f"Rows: the loss is made of sums over the {module.ROWS} rows of {', '.join(rows)};"
    assert f'\nROWS = "{module.ROWS}"\n' in source
    for text in (source, inspect.getsource(module)):
        assert said in " ".join(text.split())
    assert "compiled with `chunks`, the module takes these in chunks." in " ".join(source.split())
    assert "`over_chunks` takes these in chunks." in " ".join(inspect.getsource(module).split())


def test_a_module_without_chunks_says_how_to_get_them_or_that_there_are_none() -> None:
    loss = Sum((c[n] - w[0]) ** 2, OVER)
    splits, tied = (
        Model(loss, [w]).compile(check=False),
        Model(loss**2 + Sum(c[n] * n * w[0], OVER), [w]).compile(check=False),
    )
    assert splits.ROWS == "N"
    for name in ("over_chunks", "partial", "combine", "finish", "batches", "ROUNDS"):
        with pytest.raises(AttributeError, match=rf"no attribute '{name}'; compile\(chunks=True\) makes it"):
            getattr(splits, name)
        with pytest.raises(
            AttributeError, match=rf"no attribute '{name}'; its loss is no sum over rows of data: compile"
        ):
            getattr(tied, name)
    with pytest.raises(AttributeError, match=r"has no ROWS: its loss is no sum .* compile\(chunks=True\) says what"):
        print(tied.ROWS)


def test_a_function_that_does_not_split_is_named_in_the_docstring(monkeypatch: pytest.MonkeyPatch) -> None:
    def tied(function: Function, program: Any, otherwise: str) -> Any:
        ties = [Tie(N, None, "has entries that need several rows")]
        return ties if function.name == "hessian" else split_function(function, program, otherwise)

    monkeypatch.setattr("symgrad.targets.numpy.function.split", tied)
    module = MODELS["groups"].compile(check=False, chunks=True, hessian=True)
    assert "hessian" not in module.ROUNDS
    assert "`hessian` does not split: over N, " in " ".join(module.__doc__.split())
    with pytest.raises(ValueError, match="'hessian' is no function of rows in chunks; there are value"):
        module.over_chunks([], "hessian")


@pytest.mark.parametrize("name", ["attention over rows", "cross-entropy over rows"])
def test_a_share_near_one_keeps_its_digits_whichever_chunk_has_it(name: str) -> None:
    module, rng = module_of(name), np.random.default_rng(2)
    given = {key: rng.normal(size=array.shape) for key, array in inputs_of(name).items()}
    given["w"] *= 200 / np.ptp(given["x"] @ given["w"])
    if "y" in given:
        given["y"] = np.zeros_like(given["y"])
        given["y"][(given["x"] @ given["w"]).argmax()] = 1
    whole = module.value_and_gradient(**given)
    for ends in ([0, 41], [0, 7, 20, 33, 41]):
        chunks, parameters = split(module, given, ends)
        found = module.over_chunks(chunks, **parameters)
        np.testing.assert_allclose(found[1].w, whole[1].w, rtol=1e-11)


# --- what chunks may be ----------------------------------------------------------------------------------------------


@pytest.fixture
def grouped() -> tuple[Any, list[dict[str, Any]], dict[str, Any], list[bytes]]:
    module, given = module_of("groups"), inputs_of("groups")
    chunks, parameters = split(module, given, [7, 20, SIZES[N]])
    return module, chunks, parameters, bits(module.over_chunks(chunks, **parameters))


def test_chunks_from_a_generator_a_function_or_a_file(grouped: Any, tmp_path: Path) -> None:
    module, chunks, parameters, wanted = grouped
    assert bits(module.over_chunks(iter(chunks), **parameters)) == wanted  # one round reads them once
    assert bits(module.over_chunks(lambda: (chunk for chunk in chunks), **parameters)) == wanted
    ends, given = [0, 7, 20, SIZES[N]], inputs_of("groups")
    files = {}
    for name in chunks[0]:
        np.save(tmp_path / f"{name}.npy", given[name])
        files[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    spans = [slice(a, b) for a, b in pairwise(ends)]
    slices = [{name: file[span] for name, file in files.items()} for span in spans]
    assert bits(module.over_chunks(slices, **parameters)) == wanted


def test_chunks_from_hdf5_zarr_and_parquet(grouped: Any, tmp_path: Path) -> None:
    h5py, zarr, parquet = (pytest.importorskip(name) for name in ("h5py", "zarr", "pyarrow.parquet"))
    module, chunks, parameters, wanted = grouped
    spans, given = [slice(0, 7), slice(7, 20), slice(20, SIZES[N])], inputs_of("groups")
    names = list(chunks[0])
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        for name in names:
            file[name] = given[name]
        assert (
            bits(module.over_chunks(lambda: ({k: file[k][span] for k in names} for span in spans), **parameters))
            == wanted
        )
    store = zarr.open_group(str(tmp_path / "rows.zarr"), mode="w")
    for name in names:
        store.create_array(name, data=given[name])
    assert (
        bits(module.over_chunks(lambda: ({k: store[k][span] for k in names} for span in spans), **parameters)) == wanted
    )
    import pyarrow

    flat_names = [name for name in names if given[name].ndim == 1]
    columns = {name: given[name] for name in flat_names} | {f"x{k}": given["x"][:, k] for k in range(SIZES[M])}
    with parquet.ParquetWriter(tmp_path / "rows.parquet", pyarrow.table(columns).schema) as writer:
        for span in spans:
            writer.write_table(pyarrow.table({name: column[span] for name, column in columns.items()}))
    table = parquet.ParquetFile(tmp_path / "rows.parquet")

    def groups() -> Iterator[dict[str, Any]]:
        for number in range(table.num_row_groups):
            group = table.read_row_group(number)
            wide = np.stack([group[f"x{k}"].to_numpy() for k in range(SIZES[M])], axis=1)
            yield {"x": wide, **{name: group[name].to_numpy() for name in flat_names}}

    assert bits(module.over_chunks(groups, **parameters)) == wanted


def test_chunks_may_be_sparse() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    module = module_of("logistic")
    rng = np.random.default_rng(0)
    rows, t, start = (
        rng.normal(size=(30, 4)) * (rng.uniform(size=(30, 4)) < 0.3),
        rng.integers(0, 2, 30),
        rng.normal(size=4),
    )
    assert "X" in module.SPARSE
    chunks = [{"X": sparse.csr_array(rows[k : k + 10]), "t": t[k : k + 10]} for k in (0, 10, 20)]
    got, wanted = module.over_chunks(chunks, w=start), module.value_and_gradient(start, rows, t)
    for a, b in zip(flat(got), flat(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_chunk_of_no_rows_adds_nothing(grouped: Any) -> None:
    module, chunks, parameters, wanted = grouped
    empty = {name: array[:0] for name, array in chunks[0].items()}
    assert bits(module.over_chunks([empty, chunks[0], empty, *chunks[1:], empty], **parameters)) == wanted


def test_parameters_come_as_a_record_too() -> None:
    module, given = module_of("a sum"), inputs_of("a sum")
    chunks, parameters = split(module, given, [5, SIZES[N]])
    parts = [module.partial(module.Parameters(**parameters), chunk) for chunk in chunks]
    got = module.finish(module.Parameters(**parameters), module.combine(*parts), SIZES[N])
    assert bits(got) == bits(module.over_chunks(chunks, **parameters))


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda c: [], "chunks: there are none, or none with rows"),
        (lambda c: [{name: one[:0] for name, one in c[0].items()}], "chunks: there are none, or none with rows"),
        (lambda c: [c[0], {**c[1], "x": c[1]["x"][:, :3]}], "side 1 is M = 4 by w, got 3|side 0 is M = 3"),
        (lambda c: [c[0], {**c[1], "x": c[1]["x"].astype(np.float32)}], r"x: rows of type and shape float64 \(4,\) in"),
        (lambda c: [{**c[0], "y": c[0]["x"]}], "a chunk has the data with rows, .*: 'y' has no rows"),
        (lambda c: [{**c[0], "s": np.ones(3)}], "'s' has no rows"),
        (lambda c: [{name: one for name, one in c[0].items() if name != "x"}], "'x' is missing"),
        (lambda c: [{**c[0], "x": c[0]["x"][1:]}], "a chunk has arrays of as many rows each, got .*'x': 6"),
        (lambda c: [{**c[0], "c": 1.0}], "a chunk has arrays of as many rows each, got .*'c': None"),
        (lambda c: [{**c[0], "g": c[0]["g"] + 3}], r"g\[\d\] is \d, expected 0 ... 2"),
        (lambda c: [{**c[0], "g": c[0]["g"] + 0.5}], "g: expected integers"),
        (lambda c: c[0], "a chunk is a dictionary of arrays with rows, got str"),
    ],
)
def test_chunks_that_do_not_fit(grouped: Any, change: Any, error: str) -> None:
    module, chunks, parameters, _ = grouped
    with pytest.raises((ValueError, TypeError, IndexError), match=error):
        module.over_chunks(change(chunks), **parameters)


def test_parameters_that_do_not_fit(grouped: Any) -> None:
    module, chunks, parameters, _ = grouped
    for given, error in (
        ({**parameters, "z": 1}, "'z' is unknown"),
        ({**parameters, "N": 41}, "'N' is unknown"),
        ({name: one for name, one in parameters.items() if name != "u"}, "'u' is missing"),
        ({**parameters, "x": chunks[0]["x"]}, "x: these data have rows, which come in chunks"),
    ):
        with pytest.raises((ValueError, TypeError), match=error):
            module.over_chunks(chunks, **given)


def test_rows_that_are_read_again(grouped: Any) -> None:
    module, given = module_of("batch normalisation"), inputs_of("batch normalisation")
    chunks, parameters = split(module, given, [7, SIZES[N]])
    rounds = module.ROUNDS["value_and_gradient"]
    with pytest.raises(TypeError, match=f"reads the rows {rounds} times, and list_iterator can be read once"):
        module.over_chunks(iter(chunks), **parameters)
    once = iter(chunks)
    with pytest.raises(ValueError, match="41 rows when they were read first, and none now: give a list, or a function"):
        module.over_chunks(lambda: once, **parameters)
    fewer = iter([chunks, chunks[1:]])
    with pytest.raises(ValueError, match="41 rows when they were read first, and 34 now"):
        module.over_chunks(lambda: next(fewer), **parameters)


def test_sums_of_other_functions_rounds_and_numbers_of_rows() -> None:
    module, given = module_of("batch normalisation"), inputs_of("batch normalisation")
    (chunk,), parameters = split(module, given, [SIZES[N]])
    first = module.partial(parameters, chunk)
    second = module.partial(parameters, chunk, known=(first,))
    with pytest.raises(ValueError, match="sums of value_and_gradient, round 1, and of value_and_gradient, round 2"):
        module.combine(first, second)
    with pytest.raises(ValueError, match="N = 40 rows, but the sums are of 41"):
        module.finish(parameters, first, 40)
    with pytest.raises(ValueError, match="takes 5 rounds over the rows, and 2 are given"):
        module.finish(parameters, second, 41, (first,))
    single, given = module_of("a sum"), inputs_of("a sum")
    (chunk,), parameters = split(single, given, [SIZES[N]])
    done = single.partial(parameters, chunk)
    with pytest.raises(ValueError, match="is finished after 1 rounds over the rows, and 1 are known"):
        single.partial(parameters, chunk, known=(done,))
    with pytest.raises(ValueError, match="a chunk of no rows: leave it out"):
        single.partial(parameters, {name: one[:0] for name, one in chunk.items()})


def test_a_module_without_chunks_says_how_to_ask_for_them() -> None:
    module = Model(Sum(exp(SCORE), OVER), [w]).compile(check=False)
    with pytest.raises(AttributeError, match=r"compile\(chunks=True\) makes it"):
        module.over_chunks([])


# --- the check -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(6, ["groups", "a mixture", "batch normalisation"]))
def test_the_check_looks_at_chunks(name: str) -> None:
    assert MODELS[name].check(chunks=True, hvp=True).ok


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a + b if join is iadd", "a if join is iadd"),
        ("totals=tuple(joined))", "totals=one.totals)"),
        ("asked = steps.send((N, _answer(totals, asked)))", "asked = steps.send((N + 1, _answer(totals, asked)))"),
    ],
)
def test_the_check_finds_wrong_chunks(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(Sum((SCORE - c[n]) ** 2, OVER) / N, [w])
    source = model.source(chunks=True)
    assert old in source
    monkeypatch.setattr(type(model), "_source", lambda *_: source.replace(old, new))
    report = model.check(chunks=True)
    assert not report.ok and "chunks" in str(report)


# --- batches ---------------------------------------------------------------------------------------------------------


def test_batches_have_every_row_once_in_an_order_that_the_seed_gives() -> None:
    module, given = module_of("groups"), {k: v for k, v in inputs_of("groups").items() if k not in ("w", "u")}
    made = list(module.batches(given, 10, 5))
    assert [len(one["x"]) for one in made] == [10, 10, 10, 10, 1]
    assert all(one["s"] is given["s"] and one["lam"] is given["lam"] for one in made)
    rows = np.concatenate([one["x"] for one in made])
    order = [int(np.flatnonzero((given["x"] == row).all(axis=1))[0]) for row in rows]
    assert sorted(order) == list(range(41)) and order != list(range(41))
    np.testing.assert_array_equal(np.concatenate([one["g"] for one in made]), given["g"][order])
    again, other = (list(module.batches(given, 10, seed)) for seed in (5, 6))
    np.testing.assert_array_equal(again[0]["x"], made[0]["x"])
    assert not np.array_equal(other[0]["x"], made[0]["x"])
    for size in (0, 1.5, True):
        with pytest.raises(ValueError, match="size: expected a number of rows of at least 1"):
            module.batches(given, size, 0)


def test_derivatives_for_batches_are_estimates_without_bias() -> None:
    """Of a mean by themselves, of a sum times N/n: their mean over all batches of a pass is that for all rows."""
    rng = np.random.default_rng(0)
    data, start = {"x": rng.normal(size=(40, 4)), "c": rng.normal(size=40)}, rng.normal(size=4)
    total = Sum((SCORE - c[n]) ** 2, OVER)
    for loss, factor in ((total / N, 1), (total, 40 / 8)):
        module = Model(loss, [w]).compile(check=False, chunks=True)
        whole = module.gradient(w=start, **data).w
        parts = [module.gradient(w=start, **batch).w for batch in module.batches(data, 8, 1)]
        np.testing.assert_allclose(factor * np.mean(parts, axis=0), whole, rtol=1e-12)


def test_what_the_guide_shows_of_chunks() -> None:
    guide = (EXAMPLES / "GUIDE.md").read_text(encoding="utf-8").split("\n## Chunks\n")[1].split("\n## ")[0]
    text = "\n".join(block.split("```")[0] for block in guide.split("```pycon\n")[1:])
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(doctest.DocTestParser().get_doctest(text, {}, "Chunks", None, 0))
    assert runner.summarize().attempted > 15 and not runner.failures


@pytest.mark.parametrize("name", ["extremes", "hazards by pieces"])
def test_largest_entries_and_conditions_of_all_rows_are_joined(name: str) -> None:
    """What protects the gradient needs the largest of all rows, or whether a condition holds in any."""
    (record,) = [record for record in CORPUS if record.name == name]
    module = record.build().compile(check=False, chunks=True)
    given = record.inputs(record.sizes[0], np.random.default_rng(0))
    chunks, parameters = split(module, given, ends_of(module, given, 4, 5))
    got, wanted = module.over_chunks(chunks, **parameters), module.value_and_gradient(**given)
    for a, b in zip(flat(got), flat(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * np.max(np.abs(b), initial=1.0))
