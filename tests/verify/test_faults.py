"""Generated modules that are wrong under one condition only, in one function only: the check finds every one."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from sympy import Abs, IndexedBase, Piecewise, Rational, Sum, exp, symbols, tanh

from symgrad import Model, if_else, softplus
from symgrad.generated import imported
from symgrad.verify.check import check_module
from symgrad.verify.subject import Settings
from tests.families import one_in

N, M, K = symbols("N M K", integer=True, positive=True)
n, m = symbols("n m", integer=True)
X, w, b = IndexedBase("X", (N, M)), IndexedBase("w", (M,)), IndexedBase("b", (K,))
x, t, y, z = (IndexedBase(name, (N,)) for name in "xtyz")
c = IndexedBase("c", (N,), integer=True)
over_n = (n, 0, N - 1)
line = Sum(X[n, m] * w[m], (m, 0, M - 1))

MODELS: dict[str, Callable[[], Model]] = {
    "least squares": lambda: Model(Sum((line - t[n]) ** 2, over_n), [w]),
    "logistic": lambda: Model(Sum(softplus(line) - t[n] * line, over_n), [w]),
    "huber": lambda: Model(
        Sum(if_else(Abs(x[n] - t[n]) < 1, (x[n] - t[n]) ** 2 / 2, Abs(x[n] - t[n]) - Rational(1, 2)), over_n), [x]
    ),
    "pieces": lambda: Model(
        Sum(Piecewise((x[n] ** 2, x[n] < 10), (20 * x[n] - 100, x[n] < 1000), (19 * x[n] + 900, True)), over_n), [x]
    ),
    "square": lambda: Model(Sum(t[n] * x[n] ** 2 + x[n], over_n), [x]),
    "cube": lambda: Model(Sum(t[n] * x[n] ** 3, over_n), [x]),
    "product": lambda: Model(Sum(line * x[n] ** 2, over_n), [w, x]),
    "mask": lambda: Model(Sum(if_else(y[n] > 0, (t[n] - x[n]) ** 2, 0), over_n), [x]),
    "labels": lambda: Model(Sum(exp(b[c[n]]) * t[n], over_n), [b]),
    "counts": lambda: Model(Sum(c[n] * x[n] - exp(x[n]), over_n), [x]),
    "tanh": lambda: Model(Sum(tanh(line) * t[n], over_n), [w]),
}
MODELS = {name: cache(build) for name, build in MODELS.items()}  # derived once for all tests


def given(k: dict[str, Any], name: str) -> Any:
    return np.asarray(k[name])


# The model, the functions that are wrong, the array of their result, where, and by which factor (None: plus 1).
GRADIENTS = ("gradient", "value_and_gradient")
Fault = tuple[str, tuple[str, ...], str, Callable[[dict[str, Any]], Any], float | None]
FAULTS: dict[str, Fault] = {
    "in one branch": ("huber", GRADIENTS, "x", lambda k: given(k, "x") - given(k, "t") > 1, -1),
    "beyond 50": ("square", GRADIENTS, "x", lambda k: np.abs(k["x"]) > 50, -1),
    "beyond 1e6": ("square", GRADIENTS, "x", lambda k: np.abs(k["x"]) > 1e6, 2),
    "near zero": ("square", GRADIENTS, "x", lambda k: (np.abs(k["x"]) < 1e-3) & (given(k, "x") != 0), 2),
    "at zero": ("square", GRADIENTS, "x", lambda k: given(k, "x") == 0, 0),
    "where data are zero": ("square", GRADIENTS, "x", lambda k: given(k, "t") == 0, 0),
    "if N = M": ("least squares", GRADIENTS, "w", lambda k: np.shape(k["X"])[0] == np.shape(k["X"])[1], -1),
    "if N = 1": ("least squares", GRADIENTS, "w", lambda k: np.shape(k["X"])[0] == 1, -1),
    "if M = 1": ("least squares", GRADIENTS, "w", lambda k: np.shape(k["X"])[1] == 1, -1),
    "if N = 0": ("least squares", GRADIENTS, "w", lambda k: np.shape(k["X"])[0] == 0, None),
    "if N > 5": ("least squares", GRADIENTS, "w", lambda k: np.shape(k["X"])[0] > 5, -1),
    "beside gaps": ("mask", GRADIENTS, "x", lambda k: np.isnan(k["t"]), None),
    "beside infinite gaps": ("mask", GRADIENTS, "x", lambda k: np.isinf(k["t"]), None),
    "in float32": ("square", GRADIENTS, "x", lambda k: given(k, "x").dtype == np.float32, 1.01),
    "in float32, of the value alone": ("square", ("value",), "value", lambda k: given(k, "x").dtype == np.float32, 1.1),
    "in float32, of one function": ("square", ("gradient",), "x", lambda k: given(k, "x").dtype == np.float32, 1.1),
    "large counts": ("counts", GRADIENTS, "x", lambda k: given(k, "c") > 127, 2),
    "negative counts": ("counts", GRADIENTS, "x", lambda k: given(k, "c") < 0, 2),
    "labels in int32": ("labels", GRADIENTS, "b", lambda k: given(k, "c").dtype == np.int32, 2),
    "labels in uint8": ("labels", GRADIENTS, "b", lambda k: given(k, "c").dtype == np.uint8, 2),
    "integers for real numbers": ("square", GRADIENTS, "x", lambda k: given(k, "t").dtype.kind == "i", 2),
    "absent labels": ("labels", GRADIENTS, "b", lambda k: ~np.isin(np.arange(len(k["b"])), k["c"]), None),
    "beyond a threshold": ("pieces", GRADIENTS, "x", lambda k: given(k, "x") > 1000, 2),
    "between thresholds": ("pieces", GRADIENTS, "x", lambda k: (given(k, "x") > 10) & (given(k, "x") < 1000), 2),
    "at a threshold": ("pieces", GRADIENTS, "x", lambda k: given(k, "x") == 10, 0),
    "of a view": ("least squares", ("gradient",), "w", lambda k: not given(k, "X").flags.c_contiguous, 2),
    "Hessian": ("cube", ("hessian",), "x.x", lambda k: True, 2),
    "Hessian at zero": ("cube", ("hessian", "hessian_compact"), "x.x", lambda k: np.any(given(k, "x") == 0), None),
    "Hessian if N = 1": ("tanh", ("hessian",), "w.w", lambda k: np.shape(k["X"])[0] == 1, 2),
    "Hessian if N = 0": ("tanh", ("hessian",), "w.w", lambda k: np.shape(k["X"])[0] == 0, None),
    "Hessian of a view": ("tanh", ("hessian",), "w.w", lambda k: not given(k, "X").flags.c_contiguous, 2),
    "product in float32": ("product", ("hessian_vector_product",), "x", lambda k: given(k, "x").dtype == np.float32, 2),
    "product": ("product", ("hessian_vector_product",), "x", lambda k: True, 2),
    "product of a view": (
        "product", ("hessian_vector_product",), "x", lambda k: not given(k, "X").flags.c_contiguous, 2
    ),
    "product along one entry": (
        "cube", ("hessian_vector_product",), "x", lambda k: given(k, "v")[0] == 0, None
    ),
}  # fmt: skip


def changed(result: Any, path: list[str], where: Any, factor: float | None) -> Any:
    """A result whose array at a path is changed somewhere."""
    if path and path != ["value"]:
        return result._replace(**{path[0]: changed(getattr(result, path[0]), path[1:], where, factor)})
    array = np.asarray(result)
    wrong = array + 1 if factor is None else array * factor
    return np.where(where, wrong, array).astype(array.dtype)[()]


def faulty(module: Any, functions: tuple[str, ...], path: str, where: Callable[[dict[str, Any]], Any],
           factor: float | None) -> Any:  # fmt: skip
    for name in functions:
        right = getattr(module, name)
        names = right.__code__.co_varnames[: right.__code__.co_argcount]

        def wrong(given: dict[str, Any], right: Any = right, name: str = name) -> Any:
            result, both = right(**given), name == "value_and_gradient"
            given = given | ({"v": given["direction"][0]} if "direction" in given else {})
            part = changed(result[1] if both else result, path.split("."), where(given), factor)
            return (result[0], part) if both else part

        space = {"wrong": wrong}  # a function of the same names: `bind` looks at these
        exec(f"def {name}({', '.join(names)}): return wrong(dict({', '.join(f'{n}={n}' for n in names)}))", space)
        setattr(module, name, space[name])
    return module


@pytest.mark.parametrize("name", one_in(3, FAULTS))
def test_a_fault_is_found(name: str) -> None:
    model, functions, path, where, factor = FAULTS[name]
    made = MODELS[model]()
    second = {"hessian": functions[0].startswith("hessian"), "hvp": functions[0] == "hessian_vector_product"}
    second["hessian"] = second["hessian"] and not second["hvp"]
    module = faulty(imported(made.source(**second), name), functions, path, where, factor)
    report = check_module(made._checking.subject(module, made._request(**second, jacobian=())))
    assert report.verdict == "fail", report


@pytest.mark.parametrize(("model", "functions"), one_in(3, sorted({fault[:2] for fault in FAULTS.values()})))
def test_functions_that_change_nothing_are_right(model: str, functions: tuple[str, ...]) -> None:
    path = next(fault[2] for fault in FAULTS.values() if fault[:2] == (model, functions))
    made = MODELS[model]()
    second = {
        "hessian": functions[0] in ("hessian", "hessian_compact"),
        "hvp": functions[0] == "hessian_vector_product",
    }
    module = faulty(imported(made.source(**second), model), functions, path, lambda given: False, 1.0)
    report = check_module(made._checking.subject(module, made._request(**second, jacobian=())))
    assert report.ok, report


APPENDED = {
    "a workspace": ("_value_and_gradient_in", "v, Gradient(2 * g.w)"),
    "the value with a workspace": ("_value_and_gradient_in", "2 * v, g"),
    "blocks with a workspace": ("_value_and_gradient_in", "v, Gradient(g.w * (1 + (BLOCK_BYTES == 0)))"),
    "a workspace that has been larger": (
        "_value_and_gradient_in",
        "v, Gradient(g.w * (1 + (len(a[1]) < _seen(a[0], len(a[1])))))",
    ),
    "one vector": ("flat_value_and_gradient", "v + 1, g"),
    "one vector in float32": ("flat_value_and_gradient", "v, g * (1 + (np.asarray(a[0]).dtype == np.float32))"),
    "one vector with a workspace": ("flat_value_and_gradient", "v, g * (1 + (k.get('workspace') is not None))"),
    "blocks of rows": ("_over_rows", "[v * (1 + (BLOCK_BYTES == 0)), *g]"),
    "a result that a later call changes": ("value_and_gradient", "v, Gradient(_kept(g.w))"),
}


@pytest.mark.parametrize("name", one_in(3, APPENDED))
def test_a_fault_of_a_way_to_call_it_is_found(name: str) -> None:
    function, wrong = APPENDED[name]
    model = MODELS["logistic"]()
    text = f"""
_right = {function}
_arrays = {{}}
def _seen(space, size):
    space.largest = max(size, getattr(space, "largest", 0))
    return space.largest
def _kept(array):
    kept = _arrays.setdefault((array.shape, array.dtype), np.empty_like(array))
    kept[...] = array
    return kept
def {function}(*a, **k):
    v, *g = _right(*a, **k)
    {"g, = g" if function != "_over_rows" else "pass"}
    return {wrong}
"""
    module = imported(model.source(workspace=True) + text, name)
    report = check_module(model._checking.subject(module))
    assert report.verdict == "fail", report


@pytest.mark.parametrize("function", ["flat_hessian", "flat_hessian_vector_product"])
def test_a_fault_of_a_flat_function_of_second_order_is_found(function: str) -> None:
    model = MODELS["tanh"]()
    wrong = f"\n_right = {function}\ndef {function}(*a, **k):\n    return 2 * _right(*a, **k)\n"
    module = imported(model.source(hessian=True, hvp=True) + wrong, function)
    report = check_module(model._checking.subject(module, model._request(True, True, ())), Settings(chain=False))
    failed = [str(item) for item in report.failures]
    assert failed and any(item.startswith(f"{function} has the same") for item in failed), report
    assert all(function in item for item in failed), report


@pytest.mark.parametrize("name", one_in(3, MODELS))
def test_right_modules_pass(name: str) -> None:
    report = MODELS[name]().check(workspace=True, hessian=True, hvp=True, chain=False)
    assert report.ok, report
