"""The gradient check on modules written by hand: right ones pass, mutated ones fail, and the report says where."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from sympy import Basic, Eq, IndexedBase, MatrixSymbol, Q, Sum, Symbol, symbols, sympify

from symgrad.arguments import Argument
from symgrad.errors import ModelError
from symgrad.verify.check import check_module
from symgrad.verify.derivatives import judge
from symgrad.verify.differences import Estimate
from symgrad.verify.kink_points import Kinks
from symgrad.verify.plugin import assert_gradient
from symgrad.verify.report import TOLERANCE, CheckReport, Entry, Finding, Run
from symgrad.verify.subject import Settings, Subject
from tests.families import one_in

N, M, K, H = symbols("N M K H", integer=True, positive=True)
n, k = symbols("n k", integer=True)

Function = Callable[..., tuple[Any, tuple[Any, ...]]]


class Example(NamedTuple):
    """A function that returns the loss and its derivatives by the parameters, with what the checker must know of it."""

    function: Function
    arguments: tuple[Argument, ...]
    facts: tuple[Basic, ...] = ()


def argument(name: str, *shape: Any, role: Any = "data", **options: Any) -> Argument:
    symbol = IndexedBase(name, shape=shape) if shape else Symbol(name, real=True)
    return Argument(name, symbol, shape, role, **options)


def parameter(name: str, *shape: Any) -> Argument:
    return argument(name, *shape, role="parameter")


def sigmoid(z: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * z))


def logistic(w: Any, X: Any, t: Any) -> Any:
    z = X @ w
    return np.sum(np.logaddexp(0, z) - t * z), (X.T @ (sigmoid(z) - t),)


def mlp(W1: Any, b1: Any, W2: Any, X: Any, y: Any) -> Any:
    h = np.tanh(X @ W1 + b1)
    d = 2 * (h @ W2 - y)
    dh = (d @ W2.T) * (1 - h * h)
    return np.sum(d * d) / 4, (X.T @ dh, dh.sum(axis=0), h.T @ d)


def softmax(W: Any, X: Any, T: Any) -> Any:
    Z = X @ W
    m = Z.max(axis=1, keepdims=True)
    e = np.exp(Z - m)
    s = e.sum(axis=1, keepdims=True)
    return np.sum(np.log(s) + m) - np.sum(T * Z), (X.T @ (e / s - T),)


def factorisation(U: Any, V: Any, A: Any) -> Any:
    R = A - U @ V.T
    return np.sum(R * R), (-2 * R @ V, -2 * R.T @ U)


def least_squares(A: Any, x: Any, y: Any) -> Any:
    r = A @ x - y
    return r @ r, (2 * np.outer(r, x),)


def entropy(x: Any) -> Any:
    return np.sum(x * np.log(x)), (np.log(x) + 1,)


def reciprocal(x: Any) -> Any:
    return np.sum(1 / x), (-1 / x**2,)


def large(a: Any, x: Any) -> Any:
    e = x.dtype.type(1e6) * np.exp(a * x)
    return np.sum(e), (np.sum(x * e), a * e)


def relu_network(W: Any, v: Any, X: Any) -> Any:
    p = X @ W
    return np.sum(np.maximum(p, 0) @ v), (
        X.T @ (np.where(p > 0, 1, 0).astype(p.dtype) * v),
        np.maximum(p, 0).sum(axis=0),
    )


def quadratic(S: Any, x: Any) -> Any:
    """Read with the lower triangle only, so that single entries of a symmetric S have no derivative of their own."""
    low = np.tril(S)
    full = low + np.tril(S, -1).T
    return x @ full @ x, (np.outer(x, x), 2 * full @ x)


def log_determinant(S: Any) -> Any:
    return 2 * np.sum(np.log(np.diag(np.linalg.cholesky(S)))), (np.linalg.inv(S),)


def embedding(E: Any, label: Any) -> Any:
    gradient = np.zeros_like(E)
    np.add.at(gradient, label, 2 * E[label])
    return np.sum(E[label] ** 2), (gradient,)


T = argument("T", N, K)
S = MatrixSymbol("S", M, M)
S_PARAMETER = Argument("S", S, (M, M), "parameter")

EXAMPLES = {
    "logistic": Example(logistic, (parameter("w", M), argument("X", N, M), argument("t", N))),
    "mlp": Example(
        mlp,
        (parameter("W1", M, H), parameter("b1", H), parameter("W2", H, K), argument("X", N, M), argument("y", N, K)),
    ),
    "softmax": Example(
        softmax, (parameter("W", M, K), argument("X", N, M), T), (Eq(Sum(T.symbol[n, k], (k, 0, K - 1)), 1),)
    ),
    "factorisation": Example(factorisation, (parameter("U", N, K), parameter("V", M, K), argument("A", N, M))),
    "least squares": Example(least_squares, (parameter("A", M, M), argument("x", M), argument("y", M))),
    "entropy": Example(entropy, (parameter("x", N),)),
    "reciprocal": Example(reciprocal, (parameter("x", N),)),
    "large": Example(large, (parameter("a"), parameter("x", N))),
    "relu": Example(relu_network, (parameter("W", M, K), parameter("v", K), argument("X", N, M))),
    "quadratic": Example(quadratic, (S_PARAMETER, parameter("x", M)), (Q.symmetric(S),)),
    "log determinant": Example(log_determinant, (S_PARAMETER,), (Q.positive_definite(S),)),
    "embedding": Example(embedding, (parameter("E", K, M), argument("label", N, integer=True, upper=K))),
}


def module(example: Example, mutate: Callable[[list[Any]], list[Any]] = list) -> SimpleNamespace:
    """The functions of a generated module, with a mutated gradient."""

    def value_and_gradient(**inputs: Any) -> Any:
        value, gradient = example.function(**inputs)
        return value, tuple(mutate(list(gradient)))

    return SimpleNamespace(
        value=lambda **inputs: value_and_gradient(**inputs)[0],
        gradient=lambda **inputs: value_and_gradient(**inputs)[1],
        value_and_gradient=value_and_gradient,
    )


def subject(example: Example, **known: Any) -> Subject:
    sides = [side for one in example.arguments for side in one.shape]
    dimensions = sorted({symbol for side in sides for symbol in sympify(side).free_symbols}, key=str)
    known = {"module": module(example), "facts": example.facts, "dimensions": dimensions, **known}
    return Subject(arguments=example.arguments, **known)


def check(name: str, mutate: Callable[[list[Any]], list[Any]] = list, **options: Any) -> CheckReport:
    example = EXAMPLES[name]
    known = {key: options.pop(key) for key in ("kinks", "reference") if key in options}
    return check_module(subject(example, module=module(example, mutate), name=name, **known), Settings(**options))


@pytest.mark.parametrize("name", one_in(3, EXAMPLES))
def test_right_gradients_pass(name: str) -> None:
    for seed in range(5):
        report = check(name, seed=seed)
        assert report.ok, report
        assert report.failures == ()
        assert len(report.runs) >= 3
        assert all(entry.ratio < TOLERANCE / 3 or entry.zero for entry in report.entries if entry.verdict == "pass")


def test_the_same_seed_gives_the_same_report() -> None:
    assert str(check("mlp", seed=3)) == str(check("mlp", seed=3))
    assert str(check("mlp", seed=3)) != str(check("mlp", seed=4))


# Wrong gradients. All of a parameter's entries are mutated, or one of the last parameter's.


def one_entry(change: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    def mutate(gradient: list[Any]) -> list[Any]:
        last = np.array(gradient[-1])
        place = np.unravel_index(int(np.argmax(np.abs(last))), last.shape)
        last[place] = change(last[place])
        return [*gradient[:-1], last]

    return mutate


MUTATIONS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "sign": lambda gradient: [-part for part in gradient],
    "factor 2": lambda gradient: [2 * part for part in gradient],
    "one parameter's factor": lambda gradient: [*gradient[:-1], 2 * gradient[-1]],
    "off by 1e-5": lambda gradient: [part * part.dtype.type(1 + 1e-5) for part in gradient],
    "off by 1e-6": lambda gradient: [part * part.dtype.type(1 + 1e-6) for part in gradient],
    "one entry's sign": one_entry(lambda entry: -entry),
    "one entry off by 1e-6": one_entry(lambda entry: entry * (1 + 1e-6)),
    "one entry zero": one_entry(lambda entry: 0 * entry),
    "one entry nan": one_entry(lambda entry: entry * np.nan),
    "one entry infinite": one_entry(lambda entry: entry * np.inf),
    "rolled": lambda gradient: [np.roll(part, 1) if np.ndim(part) else 2 * part for part in gradient],
    "an average": lambda gradient: [part / 2 for part in gradient],
    "through float32": lambda gradient: [part.astype(np.float32).astype(part.dtype) for part in gradient],
    "float32": lambda gradient: [part.astype(np.float32) for part in gradient],
    "zero": lambda gradient: [0 * part for part in gradient],
    "a field too few": lambda gradient: gradient[:-1],
}


# In turn, so that each example meets half of the mutations and each mutation half of the examples.
PAIRS = [
    (name, [*MUTATIONS][(n + turn) % len(MUTATIONS)])
    for turn, name in enumerate(EXAMPLES)
    for n in range(len(MUTATIONS))
]


@pytest.mark.parametrize(("name", "mutation"), one_in(12, PAIRS))
def test_wrong_gradients_fail(name: str, mutation: str) -> None:
    report = check(name, MUTATIONS[mutation])
    assert not report.ok
    assert report.failures


@pytest.mark.parametrize("name", ["least squares", "log determinant"])
def test_a_transposed_square_gradient(name: str) -> None:
    """Caught for a general matrix; for a symmetric one it is the same thing, and no alarm is raised."""
    report = check(name, lambda gradient: [part.T for part in gradient])
    assert report.ok == (name == "log determinant")


def test_a_symmetric_parameter_is_moved_symmetrically() -> None:
    labels = [entry.label for entry in check("quadratic", sizes={"M": 2}).entries if entry.parameter == "S"]
    assert labels == ["S[0, 0]", "S[0, 1] + S[1, 0]", "S[1, 1]"]


def test_a_simplex_parameter_is_moved_along_the_simplex() -> None:
    """The cross-entropy's gradient may differ by a constant, as the fact allows."""
    p, q = IndexedBase("p", shape=(N,)), argument("q", N)
    example = Example(
        lambda p, q: (-np.sum(q * np.log(p)), (-q / p + 7,)),
        (Argument("p", p, (N,), "parameter"), q),
        (Eq(Sum(p[n], (n, 0, N - 1)), 1),),
    )
    report = check_module(subject(example))
    assert report.ok, report
    assert report.entries[0].label == "p[0] - p[1]"
    assert not check_module(subject(example, facts=())).ok


def test_many_parameters_are_sampled_along_random_directions() -> None:
    report = check("factorisation", sizes={"N": 40, "M": 30, "K": 10})
    labels = [entry.label for entry in report.entries]
    assert report.ok and len(labels) < 350
    assert {entry.parameter for entry in report.entries} == {"U", "V"}
    assert "U along random direction 1" in labels and any(label.startswith("V[") for label in labels)


@pytest.mark.parametrize("mutation", ["one entry off by 1e-6", "one entry zero", "off by 1e-6"])
def test_a_random_direction_sees_every_entry(mutation: str) -> None:
    report = check("factorisation", MUTATIONS[mutation], sizes={"N": 40, "M": 30, "K": 10})
    assert any("random direction" in entry.label for entry in report.failures if isinstance(entry, Entry))


# Properties of the module other than derivatives.


def broken(name: str, **functions: Callable[..., Any]) -> CheckReport:
    """The check of a right module with some functions replaced by ones that get the right result and the inputs."""
    right = module(EXAMPLES[name])

    def changed(function: Callable[..., Any], change: Callable[..., Any]) -> Callable[..., Any]:
        return lambda **inputs: change(function(**inputs), inputs)

    wrong = {key: changed(getattr(right, key), change) for key, change in functions.items()}
    example = EXAMPLES[name]
    return check_module(subject(example, module=SimpleNamespace(**{**vars(right), **wrong})))


def findings(report: CheckReport) -> str:
    return "\n".join(str(failure) for failure in report.failures)


def raises(result: Any, inputs: Any) -> Any:
    raise ValueError("not today")


def writes(result: Any, inputs: Any) -> Any:
    inputs["X"][:] = 0
    return result


def test_each_property_is_named() -> None:
    report = broken("logistic", value_and_gradient=lambda result, _: (result[0] * (1 + 1e-9), result[1]))
    assert "value_and_gradient has the same value as value" in findings(report)
    report = broken("logistic", gradient=lambda result, _: (result[0] * (1 + 1e-9),))
    assert "gradient has the same gradient by w as value_and_gradient" in findings(report)
    report = broken("logistic", value_and_gradient=lambda result, _: (result[0], (result[1][0][:, None],)))
    assert "the gradient by w has its shape: (2, 1) instead of (2,)" in findings(report)
    report = broken("logistic", value=lambda result, _: np.array([result]))
    assert "value has its shape: (1,) instead of ()" in findings(report)
    report = broken("logistic", gradient=raises)
    assert "gradient computes: it raised ValueError: not today" in findings(report)
    report = broken("logistic", value=raises)
    assert "value computes: it raised ValueError: not today" in findings(report)
    report = broken("logistic", value_and_gradient=writes)
    assert "the inputs are not written to: changed: X" in findings(report)
    report = broken("logistic", value_and_gradient=lambda result, _: (np.float64(result[0]), result[1]))
    assert "float32 gives a float32 value: it is float64" in findings(report)
    report = broken("logistic", value_and_gradient=lambda result, _: (result[0], (result[1][0].astype(np.float64),)))
    assert "float32 gives a float32 gradient by w: it is float64" in findings(report)


def test_a_wrong_loss_is_caught_by_the_reference() -> None:
    """Value and gradient that fit each other but are those of another model."""

    def reference(inputs: dict[str, Any], sizes: Any) -> float:
        assert inputs["X"].shape == (sizes[N], sizes[M])
        return float(logistic(**inputs)[0])

    example = EXAMPLES["logistic"]
    right = check_module(subject(example, reference=reference))
    assert right.ok, right
    double = replace_function(example, lambda value, gradient: (2 * value, tuple(2 * part for part in gradient)))
    wrong = check_module(subject(double, reference=reference))
    assert not wrong.ok
    assert "value is the model's loss" in findings(wrong)
    assert check_module(subject(double)).ok


def replace_function(example: Example, change: Callable[[Any, Any], Any]) -> Example:
    return example._replace(function=lambda **inputs: change(*example.function(**inputs)))


def test_a_module_that_is_not_finite_where_the_loss_is() -> None:
    example = replace_function(EXAMPLES["entropy"], lambda value, gradient: (value * np.nan, gradient))
    report = check_module(subject(example))
    assert report.verdict == "inconclusive" and "INCONCLUSIVE: the loss was not finite" in str(report)
    report = check_module(subject(example, reference=lambda inputs, sizes: float(entropy(**inputs)[0])))
    assert "value is finite: it is nan" in findings(report)


def test_a_matrix_with_a_side_of_one_comes_in_as_a_vector_too() -> None:
    w = MatrixSymbol("w", M, 1)
    arguments = (Argument("w", w, (M, 1), "parameter"), argument("c", M))

    def good(w: Any, c: Any) -> Any:
        flat = w.reshape(-1)
        return np.sum(flat**2 * c), ((2 * flat * c).reshape(w.shape),)

    def bad(w: Any, c: Any) -> Any:
        value, gradient = good(w, c)
        return value, (gradient[0].reshape(-1, 1),)

    assert check_module(subject(Example(good, arguments))).ok
    report = check_module(subject(Example(bad, arguments)))
    assert "the numbers are the same for 1-D inputs: gradient: w has the shape" in findings(report)


# Inputs and sizes of the caller's.


def test_sizes_and_inputs_of_the_callers() -> None:
    X = np.random.default_rng(0).standard_normal((7, 2))
    report = check("logistic", inputs={"X": X})
    assert {run.sizes for run in report.runs} == {"M=2, N=7"} and report.ok
    assert [run.sizes for run in check("logistic", sizes={"M": 3, N: 2}).runs] == ["M=3, N=2"]
    assert {run.sizes for run in check("logistic", sizes={"M": 3}).runs} >= {"M=3, N=2", "M=3, N=1"}
    assert len(check("logistic", sizes=[{"M": 3, "N": 2}, {"M": 1, "N": 1}]).runs) == 2
    with pytest.raises(ModelError, match="K, which is no dimension"):
        check("logistic", sizes={"K": 3})
    with pytest.raises(ModelError, match="M=2"):
        check("logistic", inputs={"X": X}, sizes={"M": 3})
    with pytest.raises(ModelError, match="another argument"):
        check("logistic", inputs={"X": X, "t": np.zeros(6)})
    with pytest.raises(ModelError, match="expected"):
        check("logistic", inputs={"t": X})


def test_the_callers_arrays_are_not_written_to() -> None:
    X = np.ones((3, 2))
    example = Example(lambda **inputs: (writes(None, inputs), logistic(**inputs))[1], EXAMPLES["logistic"].arguments)
    broken_report = check_module(subject(example), Settings(inputs={"X": X}))
    assert np.all(X == 1)
    assert not broken_report.ok


# Verdicts.


def test_a_kink_at_the_inputs_is_inconclusive_not_wrong() -> None:
    example = Example(lambda x: (np.sum(np.abs(x)), (np.where(x >= 0, 1, -1).astype(x.dtype),)), (parameter("x", N),))
    report = check_module(subject(example), Settings(inputs={"x": np.array([1.0, 0.0, -2.0])}))
    assert [entry.verdict for entry in report.entries] == ["pass", "inconclusive", "pass"]
    assert report.ok and "differ by 2" in str(report)
    report = check_module(subject(example), Settings(inputs={"x": np.zeros(2)}))
    assert not report.ok and not report.failures and report.unseen == ("x",)
    assert "INCONCLUSIVE: no derivative by x" in str(report)


@pytest.mark.parametrize("seeds", one_in(4, [range(3), range(3, 10)]), ids=str)
def test_known_kinks_shorten_the_steps(seeds: range) -> None:
    kinks = Kinks(["relu"], ["W"], lambda inputs, held: [np.abs(inputs["X"] @ inputs["W"])])
    for seed in seeds:
        report = check("relu", seed=seed, kinks=kinks)
        assert report.ok, report
        assert not check("relu", MUTATIONS["one entry off by 1e-6"], seed=seed, kinks=kinks).ok
    report = check("relu", kinks=Kinks(["relu"], ["W"], lambda inputs, held: [np.array(1e-9)]))
    assert not report.ok and not report.failures and "a kink is as near as 1e-09" in str(report)


def test_an_exactly_zero_gradient_passes_and_says_so() -> None:
    example = Example(lambda x, c: (np.sum(c) + 0 * x[0], (0 * x,)), (parameter("x", N), argument("c", N)))
    report = check_module(subject(example))
    assert report.ok and all(entry.zero for entry in report.entries)
    assert "zero within rounding" in str(report)


def test_verdicts_on_single_numbers() -> None:
    clear = Estimate(1.0, 1e-12, 1e-14, 1e-3)
    vague = Estimate(1.0, 1e-3, 1e-14, 1e-3, "noise")
    assert judge("x", "x", 1.0 + 1e-12, 0.0, clear, 1.0).verdict == "pass"
    assert judge("x", "x", 1.0 + 1e-6, 0.0, clear, 1.0).verdict == "fail"
    assert judge("x", "x", 1.0 + 1e-6, 1e-6, clear, 1.0).verdict == "pass"
    assert judge("x", "x", 1.0, 0.0, vague, 1.0).verdict == "inconclusive"
    assert judge("x", "x", 2.0, 0.0, vague, 1.0).verdict == "fail"
    assert judge("x", "x", float("nan"), 0.0, clear, 1.0).verdict == "fail"
    assert judge("x", "x", 1.0, 0.0, Estimate(float("nan"), float("inf"), 0.0, 0.0), 1.0).verdict == "inconclusive"
    tiny = judge("x", "x", 1e-15, 0.0, Estimate(0.0, 1e-13, 1e-12, 1e-3), 1.0)
    assert tiny.verdict == "pass" and tiny.zero
    # Small beside its neighbours, and not seen better than to a tenth of itself: a factor of 2 could hide.
    assert judge("x", "x", 1e-8, 0.0, Estimate(1e-8, 1e-9, 1e-14, 1e-3), 1.0).verdict == "inconclusive"


# The report.


def test_the_report_is_plain_text_of_at_most_100_columns() -> None:
    name = "a_parameter_with_a_very_long_name_that_no_table_has_room_for"
    example = Example(
        lambda **inputs: (np.sum(inputs[name] ** 2), (3 * inputs[name],)),
        (parameter(name, N, M),),
    )
    text = str(check_module(subject(example, name="long" * 40)))
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text


def test_the_report_names_the_worst_entry_with_both_numbers() -> None:
    report = check("factorisation", one_entry(lambda entry: entry + 1e-3), sizes={"N": 2, "M": 3, "K": 2})
    (failure,) = [item for item in report.failures if isinstance(item, Entry)]
    assert failure.parameter == "V"
    assert abs(failure.analytic - failure.numeric) == pytest.approx(1e-3, rel=1e-6)
    text = str(report)
    assert repr(report) == text and not report
    assert "FAILED: 1 of 10 derivatives" in text
    assert f"{failure.label}: analytic {failure.analytic!r}, numeric {failure.numeric!r}" in text


def test_a_report_without_a_pass_for_each_parameter_is_not_ok() -> None:
    entry = Entry("w", "w[0]", 1.0, 1.0, 1e-12, "pass")
    run = Run("N=2", (entry,), (Finding("it works", "pass"),))
    report = CheckReport("m", 0, ("w",), (run,))
    assert report.ok
    assert not replace(report, parameters=("w", "v")).ok
    assert not replace(report, runs=()).ok
    assert not replace(report, runs=(replace(run, findings=(Finding("it works", "fail"),)),)).ok
    vague = replace(entry, parameter="v", verdict="inconclusive")
    assert replace(report, runs=(replace(run, entries=(entry, vague)),)).ok
    assert not replace(report, parameters=("w", "v"), runs=(replace(run, entries=(entry, vague)),)).ok


# The plugin.


def test_assert_gradient_returns_the_report_or_fails_with_it() -> None:
    right = SimpleNamespace(check=lambda **options: check("logistic", **options))
    assert assert_gradient(right, seed=1).ok
    wrong = SimpleNamespace(check=lambda **options: check("logistic", MUTATIONS["sign"], **options))
    with pytest.raises(AssertionError, match=r"FAILED: (\d+) of \1 derivatives"):
        assert_gradient(wrong)


def test_the_fixture_in_a_run_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_user.py").write_text(
        "class Model:\n"
        "    def check(self, **options):\n"
        "        self.ok = not options\n"
        "        return self\n"
        "    def __str__(self):\n"
        "        return 'THE REPORT'\n\n\n"
        "def test_right(assert_gradient):\n"
        "    assert_gradient(Model())\n\n\n"
        "def test_wrong(assert_gradient):\n"
        "    assert_gradient(Model(), seed=1)\n"
    )
    result = run_pytest(tmp_path, "-p", "symgrad.verify.plugin")
    assert "1 failed, 1 passed" in result and "THE REPORT" in result


def run_pytest(folder: Path, *options: str) -> str:
    # The checkout stays importable; the run knows nothing of the project's configuration.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", "."]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [*command, *options, "."],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": root, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        timeout=120,
    )
    return done.stdout
