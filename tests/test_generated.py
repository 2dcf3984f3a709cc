"""Modules compiled in memory behave like modules: import names, tracebacks, sources, pickles, other processes."""

import copy
import inspect
import linecache
import multiprocessing
import os
import pickle
import sys
import traceback
from pathlib import Path

import joblib
import numpy as np
import pytest
from scipy.optimize import minimize
from sympy import MatrixSymbol, symbols

from symgrad import Model, generated, sumsq
from symgrad.generated import load
from symgrad.interface import GeneratedModule

N, M = symbols("N M", integer=True, positive=True)
X, w, v, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("v", M, 1), MatrixSymbol("y", N, 1)
MODEL = Model(sumsq(X * w - y), [w], name="least squares: in short")
MODULE = MODEL.compile(hessian=True, hvp=True, check=False)
DATA = {"X": np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.25]]), "y": np.array([1.0, -2.0, 0.5])}
AT = np.array([0.5, -0.25])


def test_each_has_an_import_name_of_its_own() -> None:
    other = MODEL.compile(check=False)
    same = MODEL.compile(hessian=True, hvp=True, check=False)
    assert len({MODULE.__name__, other.__name__, same.__name__}) == 3
    assert MODULE.__name__.startswith("symgrad.generated.least_squares_")
    assert all(sys.modules[module.__name__] is module for module in (MODULE, other, same))
    assert isinstance(MODULE, GeneratedModule) and "least squares" in repr(MODULE)


@pytest.mark.parametrize("name", ["2-layer net", "Ωmega", "", "class", "a" * 300])
def test_any_name_of_a_model_makes_an_import_name(name: str) -> None:
    module = load("x = 1\n", name)
    assert module.__name__.rpartition(".")[2].isidentifier() and len(module.__name__) < 100


def test_their_lines_are_in_tracebacks_and_can_be_inspected() -> None:
    assert inspect.getsource(MODULE.value).startswith("def value(")
    assert inspect.getsource(MODULE) == MODEL.source(hessian=True, hvp=True)
    with pytest.raises(ValueError, match="y: side 0") as caught:
        MODULE.value(AT, DATA["X"], DATA["y"][:2])
    assert "w, X, y = _arguments(w, X, y)" in "".join(traceback.format_exception(caught.value))


def test_a_module_that_is_written_has_that_file(tmp_path: Path) -> None:
    path = tmp_path / "written.py"
    module = MODEL.compile(path=path, check=False)
    assert module.__file__ == str(path) and inspect.getsourcefile(module.value) == str(path)


def test_they_have_lines_where_no_folder_can_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SYMGRAD_GENERATED", str(tmp_path / "file"))
    module = load("def f():\n    return 1 / 0\n", "no folder")
    linecache.checkcache()
    assert inspect.getsource(module.f).startswith("def f():")
    assert getattr(module, "__file__", None) is None


def test_a_folder_that_others_can_write_to_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setenv("SYMGRAD_GENERATED", str(tmp_path))
    load("x = 1\n", "open")
    assert not list(tmp_path.iterdir())


def test_a_module_that_fails_is_forgotten() -> None:
    before = set(sys.modules)
    with pytest.raises(ZeroDivisionError):
        load("1 / 0\n", "broken")
    assert set(sys.modules) == before


@pytest.mark.parametrize("what", [MODULE, MODULE.value, MODULE.Gradient], ids=["module", "function", "class"])
def test_they_are_pickled_and_copied_by_name(what: object) -> None:
    assert pickle.loads(pickle.dumps(what)) is what
    assert copy.copy(what) is what and copy.deepcopy(what) is what


def test_records_are_pickled() -> None:
    gradient = MODULE.gradient(AT, **DATA)
    again = pickle.loads(pickle.dumps(gradient))
    assert type(again) is MODULE.Gradient
    np.testing.assert_array_equal(again.w, gradient.w)


def test_other_processes_have_them_too() -> None:
    expected = MODULE.value_and_gradient(AT, **DATA)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        spawned = pool.apply(MODULE.value_and_gradient, (AT,), DATA)
    (worker,) = joblib.Parallel(n_jobs=2)([joblib.delayed(MODULE.value_and_gradient)(AT, **DATA)])
    for loss, gradient in (spawned, worker):
        assert loss == expected[0] and type(gradient) is MODULE.Gradient
        np.testing.assert_array_equal(gradient.w, expected[1].w)


def test_a_record_of_one_parameter_counts_as_an_array() -> None:
    gradient = MODULE.gradient(AT, **DATA)
    slope = gradient.w
    assert np.asarray(gradient).shape == (2,) and len(gradient) == 1
    for made, expected in [
        (AT - 0.1 * gradient, AT - 0.1 * slope),
        (2 * gradient, 2 * slope),
        (gradient + gradient, 2 * slope),
        (-gradient, -slope),
        (np.exp(gradient), np.exp(slope)),
        (gradient @ AT, slope @ AT),
        (np.linalg.norm(gradient), np.linalg.norm(slope)),
    ]:
        np.testing.assert_array_equal(made, expected)
    moved = AT.copy()
    moved -= gradient
    np.testing.assert_array_equal(moved, AT - slope)


def test_a_record_of_several_parameters_is_a_tuple() -> None:
    module = Model(sumsq(X * w - y) + sumsq(v), [w, v], name="two").compile(check=False)
    _, second = module.gradient(w=AT, v=AT, **DATA)
    np.testing.assert_array_equal(second, 2 * AT)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "BFGS"},
        {"method": "trust-exact", "hess": MODULE.flat_hessian},
        {"method": "Newton-CG", "hessp": MODULE.flat_hessian_vector_product},
    ],
    ids=lambda options: options["method"],
)
def test_an_optimiser_passes_data_in_order(options: dict[str, object]) -> None:
    found = minimize(MODULE.flat_value_and_gradient, AT, args=(DATA["X"], DATA["y"]), jac=True, **options)
    np.testing.assert_allclose(found.x, np.linalg.lstsq(DATA["X"], DATA["y"])[0], rtol=1e-5)


def test_data_in_order_and_by_name() -> None:
    loss, _ = MODULE.flat_value_and_gradient(AT, DATA["X"], y=DATA["y"])
    assert loss == MODULE.value(AT, **DATA)
    np.testing.assert_array_equal(MODULE.unpack(AT, DATA["X"]).w[:, 0], AT)
    with pytest.raises(TypeError, match="got multiple values for argument 'X'"):
        MODULE.flat_value_and_gradient(AT, DATA["X"], **DATA)
    with pytest.raises(TypeError, match="from 0 to 2 positional arguments but 3"):
        MODULE.flat_value_and_gradient(AT, DATA["X"], DATA["y"], 1.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        MODULE.flat_value_and_gradient(AT, **DATA, z=1.0)


@pytest.mark.parametrize("name", ["value", "gradient", "value_and_gradient", "hessian"])
def test_every_function_takes_one_dictionary_of_arguments(name: str) -> None:
    function = getattr(MODULE, name)
    function(**{"w": AT, **DATA})
    with pytest.raises(TypeError, match="'z'"):
        function(**{"w": AT, **DATA, "z": 1.0})


@pytest.mark.parametrize("name", ["value", "gradient", "value_and_gradient", "hessian", "hessian_vector_product"])
def test_help_names_every_argument(name: str) -> None:
    said = inspect.getdoc(getattr(MODULE, name)) or ""
    assert "X : (N, M), data" in said
    assert "w : (M, 1), parameter" in said or "w, y : accepted, and not needed" in said


def test_old_files_are_removed(tmp_path: Path) -> None:
    for name, days in [("old.py", 40), ("new.py", 1)]:
        (tmp_path / name).touch()
        then = (tmp_path / name).stat().st_mtime - days * 24 * 3600
        os.utime(tmp_path / name, (then, then))
    generated._without_old(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new.py"]
