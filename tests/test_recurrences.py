"""Recurrences: values against loops written by hand, gradients against those loops' complex-step derivatives.

A complex step has no rounding error worth mentioning, so that the tolerance of 1e-9 is generous.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from sympy import Eq, IndexedBase, MatrixSymbol, Max, Sum, Symbol, sin, symbols, tanh

from symgrad import Model, ModelError, UnsupportedError, if_else
from symgrad.cli import main
from symgrad.reference import evaluate
from tests.differences import differences
from tests.families import one_in
from tests.models import recurrences as models

SIZES = {"N": 3, "M": 2, "K": 4, "T": 5}


NAMES = [name for name, found in vars(models).items() if isinstance(found, Model) and name != "model"]

# --- the same models, by hand -----------------------------------------------------------------------------------------


def sigma(a):
    return 1 / (1 + np.exp(-a))


def logsumexp(a, axis):
    top = np.max(a.real, axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(a - top), axis=axis)) + np.squeeze(top, axis=axis)


def run(step, h, count):
    states = [h]
    for t in range(count):
        states.append(step(t, states[-1]))
    return np.stack(states)


def last(h, y):
    return np.sum((h[-1] - y) ** 2)


def rnn(U, W, b, h0, x, y):
    return last(run(lambda t, h: np.tanh(x[t] @ W + h @ U + b), h0, len(x)), y)


def rnn_every(U, W, b, Y, x):
    h = run(lambda t, h: np.tanh(x[t] @ W + h @ U + b), np.zeros(Y.shape[1:]), len(x))
    return np.sum((h[1:] - Y) ** 2)


def gru(Wz, Uz, bz, Wr, Ur, br, Wq, Uq, bq, h0, x, y):
    def step(t, h):
        z, r = sigma(x[t] @ Wz + h @ Uz + bz), sigma(x[t] @ Wr + h @ Ur + br)
        return (1 - z) * h + z * np.tanh(x[t] @ Wq + (r * h) @ Uq + bq)

    return last(run(step, h0, len(x)), y)


def lstm(Wf, Uf, bf, Wo, Uo, bo, Wu, Uu, bu, Wv, Uv, bv, h0, c0, x, y):
    h, c = h0, c0
    for x_t in x:
        f, o = sigma(x_t @ Wf + h @ Uf + bf), sigma(x_t @ Wo + h @ Uo + bo)
        c = f * c + sigma(x_t @ Wu + h @ Uu + bu) * np.tanh(x_t @ Wv + h @ Uv + bv)
        h = o * np.tanh(c)
    return np.sum((h - y) ** 2)


def stacked(U, W, b, V, Y, x):
    h = run(lambda t, h: np.tanh(x[t] @ W + h @ U + b), np.zeros(Y.shape[1:]), len(x))
    g = run(lambda t, g: np.tanh(h[t + 1] + g @ V), np.zeros(Y.shape[1:]), len(x))
    return np.sum((g[1:] - Y) ** 2)


def bidirectional(U, W, b, V, Y, x):
    h = run(lambda t, h: np.tanh(x[t] @ W + h @ U + b), np.zeros(Y.shape[1:]), len(x))
    g = run(lambda t, g: np.tanh(x[-1 - t] @ W + g @ V), np.zeros(Y.shape[1:]), len(x))[:0:-1]
    return np.sum((h[1:] * g - Y) ** 2)


def rectified(U, W, b, x, y):
    def step(t, h):
        a = x[t] @ W + h @ U + b
        return np.where(a.real > 0, a, 0)

    return last(run(step, np.ones(y.shape), len(x)), y)


def masked(U, W, b, length, x, y):
    def step(t, h):
        return np.where((t + 1 <= length)[:, None], np.tanh(x[t] @ W + h @ U + b), h)

    return last(run(step, np.zeros(y.shape), len(x)), y)


def attending(U, b, Y):
    def step(t, h):
        a = h @ U + b
        return np.exp(a - logsumexp(a, 1)[:, None])

    h = run(step, np.zeros(Y.shape[1:]), len(Y))[1:]
    return -np.sum(Y * (h - logsumexp(h, 2)[:, :, None]))


def matrix_states(U, W, X):
    h, c, total = np.zeros(len(U)), np.ones(len(U)), 0
    for x in X:
        c = sigma(h @ U) * c + x @ W
        h = np.tanh(c)
        total = total + h @ h
    return total + c @ U[:, 0]


def column_state(e, start0):
    v = run(lambda t, v: np.tanh(start0 * v + e[t, 0]), start0, len(e))
    return v @ v


def skipping(U, V, h0, y, T):
    first = np.sin(h0)
    return last(run(lambda t, h: np.tanh(h @ U + first @ V) + first[:, :1] * first, first, T), y)


def chained_bases(s, s0, e):
    p, q, total = s, s**2 * s0, s**2
    for entry in e:
        p, q = np.sin(p * q) + s**2 * s0 * entry, s * q
        total = total + p**2
    return p * q + total


def second_order(w, s0, s1, e):
    p = [s0, s1]
    for _ in e:
        p.append(w[0] * p[-1] + w[1] * np.sin(p[-2]))
    return np.sum((np.stack(p[2:]) - e) ** 2)


def product(e):
    p = np.cumprod(np.concatenate([[1], e]))
    return p[-1] ** 2 + np.sum(p)


def timed(s, T):
    return run(lambda t, p: np.sin(p * s) + (t + 1) * s, s, T)[-1]


def unlooped(e, s):
    return s**2 + np.sum((e * s) ** 2)


def gated_by_data(e, s, s0):
    return np.sum(run(lambda t, p: sigma(s * e[t]) * p + np.sin(e[t]), s0, len(e)) ** 2)


def unread_base(e, s, s0):
    return np.sum(run(lambda t, wave: np.sin(e[t] + wave), s + 0 * s0, len(e))[1:] ** 2)


def time_last(U, h0, D):
    d = run(lambda t, d: np.sin(np.einsum("nl,lk->nk", d, U) + D[:, :, t]), h0, D.shape[2])
    return np.sum((d - 1) ** 2)


def hmm(A, B, start):
    return -logsumexp(run(lambda t, a: B[t + 1] + logsumexp(a[:, None] + A, 0), start + B[0], len(B) - 1)[-1], 0)


def hmm_spelled_out(A, B, start):
    return hmm(A - logsumexp(A, 1)[:, None], B, start)


def kalman(F, H, R, m0, observed):
    mean, P, loss = m0, np.eye(len(m0)), 0
    for y in observed:
        mean, P = F @ mean, F @ P @ F.T + np.eye(len(m0)) / 10
        S, error = R**2 + H @ P @ H, y - H @ mean
        gain = P @ H / S
        mean, P = mean + gain * error, P - np.outer(gain, H @ P)
        loss = loss + (np.log(S) + error**2 / S) / 2
    return loss


def kalman_many(F, H, R, m0, seen):
    mean, P, loss = m0, np.eye(len(m0)), 0
    for y in seen:
        mean, P = F @ mean, F @ P @ F.T + np.eye(len(m0)) / 10
        S, error = np.eye(len(R)) + R @ R.T + H @ P @ H.T, y - H @ mean
        gain = P @ H.T @ np.linalg.inv(S)
        mean, P = mean + gain @ error, P - gain @ H @ P
        loss = loss + (np.log(np.linalg.det(S)) + error @ np.linalg.solve(S, error)) / 2
    return loss


BY_HAND = {name: globals().get(name) for name in NAMES} | {
    "rnn_ahead": rnn_every,
    "rnn_named": rnn_every,
    "lstm_inline": lstm,
}


def _inputs(model, seed=0, **sizes):
    rng = np.random.default_rng(seed)
    sizes = {**SIZES, **sizes}
    found = {}
    for a in model.arguments:
        if a.role == "dimension":
            found[a.name] = sizes[a.name]
            continue
        shape = tuple(int(side.subs({d: sizes[str(d)] for d in side.free_symbols})) for side in a.shape)
        found[a.name] = rng.integers(0, 5, shape) if a.integer else rng.normal(size=shape)
    return found


def _complex_step(function, inputs, name):
    slope = np.empty(np.shape(inputs[name]))
    for index in np.ndindex(slope.shape):
        moved = np.array(inputs[name], dtype=complex)
        moved[index] += 1e-30j
        slope[index] = function(**{**inputs, name: moved[()]}).imag / 1e-30
    return slope


# --- value and gradient -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(12, NAMES))
def test_the_module_agrees_with_loops_written_by_hand(name):
    model, by_hand = getattr(models, name), BY_HAND[name]
    module = model.compile(check=False)
    for sizes in ({}, {"T": 1, "K": 1}, {"T": 8, "N": 1, "M": 3}):
        inputs = _inputs(model, **sizes)
        value, gradient = module.value_and_gradient(**inputs)
        np.testing.assert_allclose(value, by_hand(**inputs), rtol=1e-12)
        np.testing.assert_allclose(module.value(**inputs), value, rtol=1e-12)
        for parameter, found, alone in zip(gradient._fields, gradient, module.gradient(**inputs), strict=True):
            expected = _complex_step(by_hand, inputs, parameter)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11, err_msg=f"{name}: {parameter}")
            np.testing.assert_allclose(alone, found, rtol=1e-12, atol=1e-13)


LIGHT = ["rnn", "masked", "product", "chained_bases"]  # of which a step is evaluated quickly


@pytest.mark.parametrize("name", [*LIGHT, *(pytest.param(n, marks=pytest.mark.long) for n in NAMES if n not in LIGHT)])
def test_the_model_checks(name, assert_gradient):
    report = assert_gradient(getattr(models, name), seed=1)
    assert len(report.runs) >= 3


@pytest.mark.long
def test_a_model_file_with_a_recurrence_checks(capsys):
    assert main(["check", f"{models.__file__}:lstm"]) == 0
    assert "PASSED" in capsys.readouterr().out


def test_a_kink_of_a_step_is_known():
    """The rectifier's argument is the previous state alone; at zero the check has nothing to say."""
    steps = [Eq(p[0], s), Eq(p[t], e[t - 1] * Max(0, p[t - 1]))]
    report = Model(p[T] + s, [s], where=steps).check(inputs={"s": 0.0, "e": np.ones(2)})
    assert "a kink is as near as 0" in str(report)


def test_single_precision_stays_single():
    inputs = {name: value.astype(np.float32) for name, value in _inputs(models.lstm).items()}
    value, gradient = models.lstm.compile(check=False).value_and_gradient(**inputs)
    assert value.dtype == np.float32
    assert {part.dtype for part in gradient} == {np.dtype(np.float32)}


def test_no_steps_leave_the_base_case():
    module = models.rnn.compile(check=False)
    inputs = _inputs(models.rnn, T=0)
    value, gradient = module.value_and_gradient(**inputs)
    assert value == pytest.approx(np.sum((inputs["h0"] - inputs["y"]) ** 2))
    np.testing.assert_allclose(gradient.h0, 2 * (inputs["h0"] - inputs["y"]))
    assert not np.any(gradient.U) and not np.any(gradient.W)


def test_a_base_case_needs_an_entry():
    h, x, s = IndexedBase("h", shape=(N,)), IndexedBase("x", shape=(N,)), Symbol("s", positive=True)
    model = Model(Sum(h[t] ** 2, (t, 0, N - 1)), [s], where=[Eq(h[0], s), Eq(h[t], s * h[t - 1] + x[t])])
    assert model.check().ok
    with pytest.raises(ValueError, match=r"^x: the model needs N >= 1, got N = 0"):
        model.compile().value(1.0, np.zeros(0))


def test_thousands_of_steps_do_not_overflow():
    inputs = _inputs(models.hmm, T=4000)
    value, gradient = models.hmm.compile(check=False).value_and_gradient(**inputs)
    assert np.isfinite(value)
    np.testing.assert_allclose(np.sum(gradient.B), -4000, rtol=1e-9)  # the posteriors of each time sum to one


# --- generated code ---------------------------------------------------------------------------------------------------


def _body(model, function="value_and_gradient"):
    return re.search(rf"def {function}\(.*?(?=^def |\Z)", model.source(), re.M | re.S)[0]


@pytest.mark.parametrize(
    "name", one_in(3, ["rnn", "rnn_ahead", "gru", "lstm", "lstm_inline", "second_order", "masked"])
)
def test_there_is_one_loop_forward_and_one_back(name):
    body = _body(getattr(models, name))
    loops = [line.strip() for line in body.splitlines() if line.strip().startswith("for ")]
    assert len(loops) == 2
    assert "reversed(" not in loops[0] and ("reversed(" in loops[1] or "[::-1].tolist()" in body)
    assert len(re.findall(r"^    for ", _body(getattr(models, name), "value"), re.M)) == 1


def test_the_loops_of_a_hidden_markov_model_are_what_one_writes_by_hand():
    """What the steps share is computed for all at once, and the adjoint is made of products with the shares."""
    body = _body(models.hmm)
    assert re.search(
        r"""
    alpha\[1:\] = _log_sum_recurrence\(A, .*, alpha\[0\]\)
    scores = A \+ alpha\[:T - 1\]\[:, :, None\]
    max_scores = scores\.max\(axis=1, initial=-np\.inf\)
    shifted = np\.subtract\(scores, .*, out=scores\)
""",
        body,
    )
    assert re.search(r"d_alpha\[:T - 1\] = _matrix_recurrence\(\w+\[::-1\], .*, d_alpha\[T - 1\]\)\[::-1\]\n", body)


def test_the_loops_of_a_network_are_what_one_writes_by_hand():
    body = _body(models.rnn)
    assert re.search(
        r"""
    for t in range\(1, T \+ 1\):
        np\.add\((sum_x\[t - 1\], h\[t - 1\] @ U|h\[t - 1\] @ U, sum_x\[t - 1\]), out=h\[t\]\)
        np\.tanh\(h\[t\], out=h\[t\]\)
    \w""",
        body,
    )
    assert re.search(
        r"""
    d_h_sum = diff_h
    copy_U = np\.ascontiguousarray\(U\.T\)
    for t in reversed\(range\(1, T \+ 1\)\):
        np\.multiply\((diff_h\[t - 1\], d_h\[t\]|d_h\[t\], diff_h\[t - 1\]), out=d_h_sum\[t - 1\]\)
        d_h\[t - 1\] \+= d_h_sum\[t - 1\] @ copy_U
    \w""",
        body,
    )


@pytest.mark.parametrize("name", ["lstm", "lstm_inline"])
def test_nothing_is_computed_twice(name):
    body = _body(getattr(models, name))
    assert body.count("np.tanh(") == 2  # of the candidate and of the memory, in the forward loop
    weights = {"Uf", "Uo", "Uu", "Uv"}
    (stacked,) = re.findall(r"(stack_\w+) = np\.stack\(\[(.*)\]\)", body)
    assert set(stacked[1].split(", ")) == weights
    assert len(re.findall(rf"    \w+, \w+, \w+, \w+ = h\[t - 1\] @ {stacked[0]}\n", body)) == 1
    for weight in weights:
        assert f"copy_{weight} = np.ascontiguousarray({weight}.T)\n" in body
        assert len(re.findall(rf"@ copy_{weight}\b", body)) == 1 and f"@ {weight}" not in body
    for weight in ("Wf", "Wo", "Wu", "Wv"):
        assert len(re.findall(rf"\b{weight}, \(", body)) == 1  # x W once, for all steps


def test_the_value_alone_keeps_nothing_for_the_way_back():
    assert _body(models.lstm_inline, "value").count("np.empty") == 2


def test_entries_without_a_step_have_a_derivative_of_zero():
    assert "d_fed = np.zeros(" in models.unread_base.source()


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_the_order_of_equations_does_not_matter(name):
    model = getattr(models, name)
    turned = Model(model.loss, model.parameters, where=model.where[::-1], name=name)
    inputs = _inputs(model)
    one, other = (m.compile(check=False).value_and_gradient(**inputs) for m in (model, turned))
    np.testing.assert_allclose(one[0], other[0], rtol=1e-13)
    for left, right in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-13)


# --- formulas ---------------------------------------------------------------------------------------------------------


def test_the_backward_recurrence_is_shown():
    shown = models.rnn_ahead.show()
    assert "if_else(t ≤ T − 1, Σ_l U[k, l]·∂C/∂h[t + 1, n, l]·(1 − h[t + 1, n, l]²), 0)" in shown
    assert "∂C/∂U[k,l] = Σ_n,t h[t, n, k]·∂C/∂h[t + 1, n, l]·(1 − h[t + 1, n, l]²)" in shown
    assert r"\partial" in models.rnn_ahead.show("latex")


@pytest.mark.parametrize("name", ["rnn", "rnn_named", "second_order", "hmm", "bidirectional", "kalman"])
def test_the_formulas_are_the_gradient(name):
    """The formulas are evaluated as they stand, at 50 digits, and compared with differences of the loss."""
    model = getattr(models, name)
    sizes = {models.N: 2, models.M: 2, models.K: 2, models.T: 3}
    by_name = {a.name: a.symbol for a in model.arguments}
    values = {by_name[key]: value for key, value in _inputs(model, N=2, M=2, K=2, T=3).items()}
    backward = []
    for equation in model.where:
        base, subscripts = equation.lhs.base, equation.lhs.indices
        if any(sub.is_Integer or sub == models.T for sub in subscripts):
            continue
        indices = symbols(f"i1:{len(subscripts) + 1}", integer=True)
        adjoint = IndexedBase(f"∂C/∂{base.label}", shape=model.program.names[base].shape)
        backward.append(Eq(adjoint[indices], model.adjoint(base[indices])))
    for parameter in model.parameters:
        entry = parameter if isinstance(parameter, Symbol) else parameter[(1,) * len(parameter.shape)]
        index = () if isinstance(parameter, Symbol) else (1,) * len(parameter.shape)
        found = evaluate(model.gradient(entry), values, sizes, where=[*model.where, *backward])
        expected = differences(model.loss, values, sizes, parameter, index, where=model.where)
        assert float(abs(found - expected)) < 1e-20 * (1 + float(abs(expected)))


# --- models that are wrong --------------------------------------------------------------------------------------------

T, N, K = models.T, models.N, models.K
n, k, t, j = symbols("n k t j", integer=True)
p, q, e, s = (
    IndexedBase("p", shape=(T + 1,)),
    IndexedBase("q", shape=(T + 1,)),
    IndexedBase("e", shape=(T,)),
    Symbol("s"),
)
WRONG = {
    "the future": ([Eq(p[0], 0), Eq(p[t], s * p[t + 1])], ModelError, r"p\[t \+ 1\] .* is not known yet"),
    "no base case": ([Eq(p[t], s * p[t - 1])], ModelError, "no base case"),
    "one base case too few": ([Eq(p[0], 0), Eq(p[t], s * p[t - 2])], ModelError, "refers 2 steps back, but p has 1"),
    "only a base case": ([Eq(p[0], s)], ModelError, "no equation for its other entries"),
    "itself at the same time": (
        [Eq(p[0], 0), Eq(p[t], s * p[t - 1] + q[t]), Eq(q[t], p[t])],
        ModelError,
        "depends on itself at the same time",
    ),
    "a base case in the middle": ([Eq(p[2], 0), Eq(p[t], s * p[t - 1])], ModelError, "must be its first entries"),
    "a base case twice": ([Eq(p[0], 0), Eq(p[0], 1), Eq(p[t], s * p[t - 1])], ModelError, "each once"),
    "time that is no lag": ([Eq(p[0], 0), Eq(p[t], s * p[2 * t])], ModelError, "2\\*t does not stay below t"),
    "lengths that disagree": (
        [Eq(p[0], 0), Eq(p[t], s * p[t - 1] + e[t - 1]), Eq(e[t], p[t]), Eq(e[0], 1)],
        ModelError,
        "make the shapes agree",
    ),
    "data beyond their end": ([Eq(p[0], 0), Eq(p[t], s * p[t - 1] + e[t])], ModelError, r"goes up to T, but the axis"),
    "a gate before its first entry": (
        [Eq(p[0], 0), Eq(p[t], s * p[t - 1] * q[t - 1]), Eq(q[t], tanh(p[t - 1]))],
        ModelError,
        "refers 1 steps back, but q has 0 base cases",
    ),
    "a gate as long as there are steps": (
        [Eq(p[0], 0), Eq(p[t], s * p[t - 1] * e[t]), Eq(e[t], tanh(p[t - 1]))],
        ModelError,
        r"its entry 0 is that of t = 1: refer to it at t - 1, or declare e with T \+ 1 entries",
    ),
    "a base case that refers to the states": (
        [Eq(p[0], q[1]), Eq(q[0], s), Eq(p[t], q[t - 1]), Eq(q[t], p[t - 1])],
        UnsupportedError,
        r"a base case refers to q\[1\] of the same recurrence, which is no base case",
    ),
    "base cases that refer to one another": (
        [Eq(p[0], q[0]), Eq(q[0], p[0]), Eq(p[t], q[t - 1]), Eq(q[t], p[t - 1])],
        ModelError,
        "the base case .* refers to itself",
    ),
    "a fixed entry that is no base case": (
        [Eq(p[0], s), Eq(p[t], s * p[t - 1] + p[T])],
        ModelError,
        "T does not stay below t",
    ),
    "no subscripts": ([Eq(s, sin(p[T])), Eq(p[0], 0), Eq(p[t], s * p[t - 1])], UnsupportedError, "declared shape"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_recurrence_is_refused(case):
    where, error, message = WRONG[case]
    parameters = [IndexedBase("a", shape=(T,))]
    with pytest.raises(error, match=message):
        Model(p[T] * Sum(parameters[0][t], (t, 0, T - 1)), parameters, where=where)


def test_an_array_may_be_called_like_the_time():
    """As the targets t of a network whose steps are t; they are two things to SymPy, too."""
    T, N = symbols("T N", integer=True, positive=True)
    (t, n), w = symbols("t n", integer=True), Symbol("w")
    h, target = IndexedBase("h", shape=(T + 1, N)), IndexedBase("t", shape=(N,))
    model = Model(
        Sum((h[T, n] - target[n]) ** 2, (n, 0, N - 1)),
        [w],
        where=[Eq(h[0, n], 1), Eq(h[t, n], w * h[t - 1, n])],
    )
    values, sizes = {"w": 0.5, "t": np.array([0.1, 0.2])}, {"T": 3}
    loss, (slope,) = model.compile(check=False).value_and_gradient(**values, **sizes)
    residuals = 0.125 - values["t"]
    assert loss == pytest.approx(np.sum(residuals**2))
    assert slope == pytest.approx(np.sum(2 * residuals * 3 * 0.25))
    assert model.check().ok


def test_entries_that_no_equation_defines_cannot_be_read():
    where = [Eq(p[0], 0), Eq(p[t], s * q[t]), Eq(q[t], tanh(p[t - 1] + s))]
    with pytest.raises(ModelError, match=r"only entries 1 \.\.\. T of q are defined"):
        Model(Sum(q[t], (t, 0, T)), [s], where=where)
    Model(p[0] + p[T] + Sum(q[t], (t, 1, T)), [s], where=where).compile()


def test_the_time_of_a_base_case_beyond_the_sides_of_a_matrix():
    # SymPy refuses W[T, T], which the equation of q would be where p has its base case
    W, V = MatrixSymbol("W", T, T), MatrixSymbol("V", 2, 1)
    where = [Eq(p[T], 0), Eq(q[t], tanh(W[t, t] + p[t + 1])), Eq(p[t], s * q[t])]
    model = Model(p[0], [W, s], where=where)
    assert model.check().ok
    where = [Eq(p[0], 0), Eq(p[1], 0), Eq(p[2], s), Eq(p[t], Sum(V[j - 1, 0] * p[t - j], (j, 1, 3)))]
    with pytest.raises(ModelError, match="at j = 3 a subscript of a matrix is beyond its sides"):
        Model(Sum(p[t], (t, 0, T)), [V], where=where)


# --- documentation ----------------------------------------------------------------------------------------------------


def test_the_guide_prints_what_it_says():
    guide = (Path(__file__).parents[1] / "examples" / "GUIDE.md").read_text(encoding="utf-8")
    section = re.search(r"^## Recurrences\n(.*?)(?=^## |\Z)", guide, re.M | re.S)[1]
    code, formulas, statements, *_ = re.findall(r"^```\w+\n(.*?)^```", section, re.M | re.S)
    names = {}
    exec(code.replace("print(model.show())", ""), names)
    shown = re.sub(r" +=", " =", names["model"].show())
    assert all(line in shown for line in formulas.splitlines())
    source = names["model"].source()
    assert all(line.strip() in source for line in statements.splitlines() if line != "...")
    assert names["model"].check().ok


def test_the_adjoint_of_a_state_leaves_nothing_out():
    # what refers to h[0] directly is no part of the backward recurrence; of a name it is
    h, start, s, v = IndexedBase("h", shape=(T + 1,)), Symbol("first"), Symbol("s"), Symbol("v")
    step = [Eq(h[t], sin(s * h[t - 1]) + h[0])]
    direct = Model(h[T] ** 2, [s, v], where=[Eq(h[0], v**2), *step])
    with pytest.raises(UnsupportedError, match=r"refers to a base case of h directly; give the base case a name"):
        direct.adjoint(h[t])
    named = Model(h[T] ** 2, [s, v], where=[Eq(start, v**2), Eq(h[0], start), Eq(h[t], step[0].rhs.subs(h[0], start))])
    assert named.adjoint(h[t]).has(h[T])
    both = [model.compile().gradient(0.3, 0.7, 4).v for model in (direct, named)]
    assert both[0] == pytest.approx(both[1], rel=1e-14)
    assert "∂C/∂first" in named.show()


# --- second derivatives -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", one_in(7, ["rnn", "bidirectional", "chained_bases", "second_order", "hmm", "kalman", "product"])
)
def test_the_hessian_times_a_direction_is_right(name, assert_gradient):
    assert_gradient(getattr(models, name), hvp=True)


def test_the_hessian_times_a_direction_is_that_of_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)

    def loss(U, W, b, h0, x, y):
        h = h0
        for x_t in x:
            h = jax.numpy.tanh(x_t @ W + h @ U + b)
        return ((h - y) ** 2).sum()

    module = models.rnn.compile(hvp=True, check=False)
    for sizes in ({}, {"T": 1, "K": 1}, {"T": 6, "N": 1, "M": 3}):
        inputs = _inputs(models.rnn, **sizes)
        rng = np.random.default_rng(1)
        directions = tuple(rng.normal(size=np.shape(inputs[name])) for name in module.PARAMETERS)
        parameters = tuple(inputs.pop(name) for name in module.PARAMETERS)
        gradient = jax.grad(lambda *p, data=inputs: loss(*p, **data), argnums=(0, 1, 2, 3))
        expected = jax.jit(lambda *at, slope=gradient: jax.jvp(slope, at[:4], at[4:])[1])(*parameters, *directions)
        found = module.hessian_vector_product(directions, *parameters, **inputs)
        for part, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(part, wanted, rtol=1e-10, atol=1e-12)


def test_a_hessian_by_what_follows_a_recurrence_has_its_loop():
    h = models.h
    V, z = IndexedBase("V", shape=(K,)), IndexedBase("z", shape=(N,))
    loss = Sum((Sum(h[T, n, k] * V[k], (k, 0, K - 1)) - z[n]) ** 2, (n, 0, N - 1))
    model = Model(loss, [V], where=models.rnn.where)
    assert model.check(hessian=True, hvp=True, chain=False).ok


def test_a_convolution_of_an_earlier_state_is_over_windows():
    h, x, kernel = IndexedBase("h", shape=(T + 1, N)), IndexedBase("x", shape=(T, N)), IndexedBase("kernel", shape=(K,))
    before = Sum(if_else(n - k >= 0, h[t - 1, n - k], 0) * kernel[k], (k, 0, K - 1))
    model = Model(
        Sum(h[T, n] ** 2, (n, 0, N - 1)), [kernel, x], where=[Eq(h[0, n], 0), Eq(h[t, n], tanh(before + x[t - 1, n]))]
    )
    assert "_windows(" in _body(model) and "np.arange" not in _body(model)
    assert model.check().ok
