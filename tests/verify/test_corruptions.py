"""Modules that are wrong as programs are: of another formula, under one circumstance, or the second time; all found.

Beside `mutants.py`, where one expression of a derivative is wrong, here all functions may agree on a wrong formula, so
that the value against the loss gives it away, or one may be right but for what it does to its arrays.
"""

from collections.abc import Callable
from functools import cache

import pytest
from sympy import Eq, IndexedBase, Rational, Sum, exp, log, pi, symbols

from symgrad import LogSumExp, Model, if_else, softplus
from symgrad.generated import imported
from symgrad.verify.check import check_module
from symgrad.verify.report import CheckReport
from tests.families import one_in

N, M, G = symbols("N M G", integer=True, positive=True)
n, m, g, i, j = symbols("n m g i j", integer=True)
A, B, W = (IndexedBase(name, (N, M)) for name in "ABW")
S, x, y, seen = IndexedBase("S", (N, N)), IndexedBase("x", (N,)), IndexedBase("y", (N,)), IndexedBase("seen", (N,))
h = IndexedBase("h", (N,))
b, c, effect = IndexedBase("b", (M,)), IndexedBase("c", (N,)), IndexedBase("effect", (G,))
group = IndexedBase("group", (N,), integer=True)
mu, tau = symbols("mu tau", real=True)
over_n, over_m = (n, 0, N - 1), (m, 0, M - 1)
table = A[n, m] - b[m] - c[n]

MODELS: dict[str, Callable[[], Model]] = {
    "effects": lambda: Model(
        Sum((y[n] - effect[group[n]]) ** 2, over_n) + Sum(effect[g] ** 2, (g, 0, G - 1)), [effect]
    ),
    "mask": lambda: Model(Sum(if_else(seen[n] > 0, (y[n] - x[n]) ** 4, 0), over_n), [x]),
    "table": lambda: Model(Sum(table**2 + exp(b[m]), over_n, over_m), [b, c]),
    "form": lambda: Model(Sum(x[i] * S[i, j] * exp(x[j]), (i, 0, N - 1), (j, 0, N - 1)), [x]),
    "normal": lambda: Model(Sum(((y[n] - mu) / exp(tau)) ** 2 / 2 + tau + log(2 * pi) / 2, over_n), [mu, tau]),
    "jump": lambda: Model(Sum(if_else(y[n] >= 1, x[n] ** 2, softplus(x[n])), over_n), [x]),
    "loglinear": lambda: Model(Sum(softplus(y[n] * x[n]), over_n) + LogSumExp(x[n], over_n), [x]),
    "path": lambda: Model(
        Sum(h[n] ** 2 * y[n], over_n), [x], where=[Eq(h[0], x[0]), Eq(h[n], Rational(1, 2) * h[n - 1] + x[n] ** 3)]
    ),
}
MODELS = {name: cache(build) for name, build in MODELS.items()}  # derived once for all tests

# `inputs(change)` gives the functions other inputs, `result(change)` changes what they give.
HARNESS = """
_FIRST = ("value", "gradient", "value_and_gradient")
_SECOND = ("hessian", "hessian_vector_product", "hessian_compact")
def _around(name, wrapped):
    right = globals()[name]
    names = right.__code__.co_varnames[: right.__code__.co_argcount]
    pairs = ", ".join(f"{one}={one}" for one in names)
    space = {"wrapped": wrapped, "right": right}
    exec(f"def {name}({', '.join(names)}): return wrapped(right, dict({pairs}))", space)
    globals()[name] = space[name]
def inputs(change, names=_FIRST + _SECOND):
    for name in names:
        if name in globals():
            _around(name, lambda right, given: right(**{**given, **change(given)}))
def result(name, change):
    _around(name, lambda right, given: change(right(**given), given))
def everything(change):
    result("value", lambda v, k: change(v, k))
    result("gradient", lambda g, k: Gradient(*(change(p, k) for p in g)))
    result("value_and_gradient", lambda r, k: (change(r[0], k), Gradient(*(change(p, k) for p in r[1]))))
def gradients(change):
    result("gradient", lambda g, k: change(g, k))
    result("value_and_gradient", lambda r, k: (r[0], change(r[1], k)))
_a = np.asarray
"""

# The model, which second derivatives there are, and what makes its module wrong.
CORRUPTIONS: dict[str, tuple[str, str, str]] = {
    "the next group's effect": (
        "effects", "", "inputs(lambda k: dict(group=(_a(k['group']) + 1) % np.shape(k['effect'])[0]))"),
    "the last group's effect for the first": (
        "effects", "", "inputs(lambda k: dict(group=np.where(_a(k['group']) == 0, len(k['effect']) - 1, k['group'])))"),
    "groups that occur twice count once": (
        "effects", "", "gradients(lambda g, k: Gradient(_once_each(g.effect, **k)))"),
    "groups that do not occur are forgotten": (
        "effects", "",
        "gradients(lambda g, k: Gradient(np.where(np.isin(np.arange(len(k['effect'])), k['group']), g.effect, 0)))"),
    "no mask": ("mask", "", "inputs(lambda k: dict(seen=np.ones_like(_a(k['seen']))))"),
    "a mask that counts zero": ("mask", "", "inputs(lambda k: dict(seen=np.where(_a(k['seen']) == 0, 1, k['seen'])))"),
    "a mask of the first entry for all": (
        "mask", "", "inputs(lambda k: dict(seen=np.resize(np.ravel(_a(k['seen']))[:1], np.shape(k['seen']))))"),
    "b along the other axis where N is M": (
        "table", "", "inputs(lambda k: dict(A=_a(k['A']).T) if np.shape(k['A'])[0] == np.shape(k['A'])[1] else {})"),
    "b for c where N is M": (
        "table", "", "gradients(lambda g, k: Gradient(g.c, g.b) if len(g.b) == len(g.c) > 1 else g)"),
    "a transposed matrix": ("form", "", "inputs(lambda k: dict(S=_a(k['S']).T))"),
    "a matrix taken as symmetric": ("form", "", "inputs(lambda k: dict(S=(_a(k['S']) + _a(k['S']).T) / 2))"),
    "the lower half of a matrix": ("form", "", "inputs(lambda k: dict(S=np.tril(_a(k['S']))))"),
    "a block of the Hessian twice": (
        "normal", "hessian", "result('hessian', lambda H, k: H._replace(mu=H.mu._replace(tau=2 * H.mu.tau)))"),
    "the blocks beside the diagonal twice": (
        "normal", "hessian", "result('hessian', lambda H, k: H._replace(mu=H.mu._replace(tau=2 * H.mu.tau), "
        "tau=H.tau._replace(mu=2 * H.tau.mu)))"),
    "the lower half of the Hessian twice": (
        "form", "hessian", "result('hessian', lambda H, k: H._replace(x=H.x._replace(x=np.tril(H.x.x) * 2)))"),
    "a product that is not linear": (
        "normal", "hvp",
        "result('hessian_vector_product', lambda p, k: Gradient(p.mu, p.tau * abs(k['direction'][0])))"),
    "a product with the direction of one parameter": (
        "normal", "hvp", "inputs(lambda k: dict(direction=(k['direction'][0], 0 * _a(k['direction'][1]))), _SECOND)"),
    "a Hessian of another function than the product": (
        "form", "both", "result('hessian', lambda H, k: H._replace(x=H.x._replace(x=H.x.x * (1 + 1e-6))))"),
    "the other branch at the boundary": (
        "jump", "", "inputs(lambda k: dict(y=np.where(_a(k['y']) == 1, 0, k['y'])))"),
    "the boundary by a rounding error": (
        "jump", "", "inputs(lambda k: dict(y=_a(k['y']) * (1 - 1e-12)))"),
    "a constant off by 1e-6": (
        "normal", "", "result('value', lambda v, k: v + 9e-7 * len(k['y'])); "
        "result('value_and_gradient', lambda r, k: (r[0] + 9e-7 * len(k['y']), r[1]))"),
    "a value off by 1e-6": ("loglinear", "", "everything(lambda v, k: v * (1 + 1e-6))"),
    "a gradient off by 1e-6": ("loglinear", "", "gradients(lambda g, k: Gradient(g.x * (1 + 1e-6)))"),
    "negative numbers as positive": ("path", "", "inputs(lambda k: dict(x=np.abs(_a(k['x']))))"),
    "negative data as zero": ("loglinear", "", "inputs(lambda k: dict(y=np.maximum(_a(k['y']), 0)))"),
    "clipped at 30": ("loglinear", "", "inputs(lambda k: dict(x=np.clip(_a(k['x']), -30, 30)))"),
    "infinite beyond 500": (
        "loglinear", "", "everything(lambda v, k: v + np.where(np.max(_a(k['x'])) > 500, np.inf, 0))"),
    "nan beyond 1e5": ("loglinear", "", "everything(lambda v, k: v + np.where(np.max(_a(k['x'])) > 1e5, np.nan, 0))"),
    "float32 in half precision": (
        "form", "", "inputs(lambda k: {n: v.astype(np.float16).astype(v.dtype) for n, v in k.items() "
        "if isinstance(v, np.ndarray) and v.dtype == np.float32})"),
    "float32 in float64": (
        "form", "", "everything(lambda v, k: np.float64(v) if np.ndim(v) == 0 else v.astype(float))"),
    "float64 in float32": (
        "form", "", "inputs(lambda k: {n: v.astype(np.float32).astype(v.dtype) for n, v in k.items() "
        "if isinstance(v, np.ndarray)})"),
    "a vector of one entry as a scalar": ("form", "", "gradients(lambda g, k: Gradient(np.squeeze(g.x)))"),
    "half of it where N is 1": ("normal", "", "everything(lambda v, k: v / 2 if len(k['y']) == 1 else v)"),
    "an even number of rows alone": ("table", "", "inputs(lambda k: dict(A=k['A']) if len(k['A']) % 2 == 0 else "
        "dict(A=np.concatenate([_a(k['A'])[:-1], 0 * _a(k['A'])[-1:]])))"),
    "the value alone": ("path", "", "result('value', lambda v, k: v * (1 + 1e-7))"),
    "the value beside the gradient": ("path", "", "result('value_and_gradient', lambda r, k: (r[0] + 1e-6, r[1]))"),
    "the gradient by itself": ("path", "", "result('gradient', lambda g, k: Gradient(g.x[::-1]))"),
    "the second call adds to the first": ("path", "", "gradients(lambda g, k: _summed(g))"),
    "what was computed first": ("normal", "", "everything(lambda v, k: _first(v, k))"),
    "every third call": ("normal", "", "everything(lambda v, k: _third(v))"),
    "noise": ("path", "", "everything(lambda v, k: v * (1 + 1e-8 * _rng.normal()))"),
    "inputs sorted in place": ("path", "", "result('value', lambda v, k: (_a(k['y']).sort(), v)[1])"),
    "a parameter changed in place": ("normal", "", "gradients(lambda g, k: (_added(k['y']), g)[1])"),
    "one array for two results": ("table", "", "gradients(lambda g, k: _same_memory(g))"),
    "a gradient that is kept": ("path", "", "gradients(lambda g, k: Gradient(_kept(g.x)))"),
    "parameters in another order": ("normal", "", "gradients(lambda g, k: Gradient(g.tau, g.mu))"),
}  # fmt: skip

STATE = """
_rng, _calls, _results, _buffers, _sum = np.random.default_rng(0), [0], {}, {}, {}
def _once_each(slope, effect, y, group):
    wrong = 2 * np.array(effect)
    wrong[group] += (2 * (_a(effect)[group] - y)).astype(wrong.dtype)
    return wrong
def _summed(g):
    before = _sum.get(g.x.shape)
    _sum[g.x.shape] = g.x
    return g if before is None or before.dtype != g.x.dtype else Gradient(g.x + before)
def _first(v, k):
    return _results.setdefault((np.shape(v), np.asarray(v).dtype, np.shape(k["y"])), v)
def _third(v):
    _calls[0] += 1
    return v * (1 + (_calls[0] % 3 == 0))
def _added(array):
    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
        array += 1
def _same_memory(g):
    both = np.empty(max(len(g.b), len(g.c)), g.b.dtype)
    both[: len(g.c)] = g.c
    both[: len(g.b)] = g.b
    return Gradient(both[: len(g.b)], both[: len(g.c)])
def _kept(x):
    kept = _buffers.setdefault((x.shape, x.dtype), np.empty_like(x))
    kept[...] = x
    return kept
"""


def checked(model: Model, second: str, text: str) -> CheckReport:
    request = {"hessian": second in ("hessian", "both"), "hvp": second in ("hvp", "both")}
    module = imported(model.source(**request) + HARNESS + STATE + text, "corrupted")
    return check_module(model._checking.subject(module, model._request(**request, jacobian=())))


@pytest.mark.parametrize("name", one_in(12, CORRUPTIONS))
def test_a_corruption_is_found(name: str) -> None:
    model, second, text = CORRUPTIONS[name]
    report = checked(MODELS[model](), second, text)
    assert report.verdict == "fail", report


@pytest.mark.parametrize("name", one_in(3, MODELS))
def test_what_changes_nothing_is_right(name: str) -> None:
    text = "inputs(lambda k: {}); everything(lambda v, k: v); gradients(lambda g, k: g)"
    report = checked(MODELS[name](), "both", text)
    assert report.ok, report
