"""A target is a folder, found by its name."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Expr, IndexedBase, Sum, Symbol, gamma, symbols, tanh

import symgrad.targets
from symgrad import MaxOver, Model
from symgrad.codegen.signature import signature
from symgrad.codegen.speller import Dialect, Speller
from symgrad.errors import ModelError, UnsupportedError
from symgrad.lowering.recurrences import Recurrences
from symgrad.statements.needed import needed
from symgrad.statements.spec import check
from symgrad.statements.statements import Body, Define
from symgrad.targets import target, target_names

N, K = symbols("N K", integer=True, positive=True)
n, k, j = symbols("n k j", integer=True)
a = Symbol("a", real=True)
y, h = IndexedBase("y", shape=(N,)), IndexedBase("h", shape=(N,))
X, w = IndexedBase("X", shape=(N, K)), IndexedBase("w", shape=(K,))


def test_every_folder_is_a_target_of_its_name():
    assert "numpy" in target_names()
    assert [target(name).name for name in target_names()] == list(target_names())


def test_an_unknown_name_is_refused_with_the_names_that_there_are():
    with pytest.raises(ModelError, match=r"no target 'fortran'; choose one of .*numpy"):
        target("fortran")


CUBIC = Model(Symbol("a", real=True) * Symbol("x", real=True) ** 3, [Symbol("x", real=True)], name="cubic")


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """A folder beside those of the targets, as somebody would add one, by the half page of ARCHITECTURE.md."""
    shutil.copytree(Path(__file__).with_name("plain"), tmp_path / "plain")
    monkeypatch.setattr(symgrad.targets, "__path__", [*symgrad.targets.__path__, str(tmp_path)])
    yield "plain"
    sys.modules.pop("symgrad.targets.plain", None)


REGRESSION = Model(
    Sum((tanh(Sum(X[n, k] * w[k], (k, 0, K - 1))) - y[n]) ** 2, (n, 0, N - 1)) / N + Sum(w[k] ** 2, (k, 0, K - 1)),
    [w],
    name="regression",
)
RECURRENCE = Model(Sum(h[n] ** 2, (n, 0, N - 1)), [a], where=[Eq(h[0], a), Eq(h[n], tanh(a * h[n - 1]) + y[n])])


@pytest.mark.parametrize("model", [REGRESSION, RECURRENCE])
def test_a_folder_that_is_new_is_a_target(plain, model):
    assert target_names() == ("jax", "numba", "numpy", "plain", "torch")
    source = model.source(target="plain")
    assert "_over_rows" not in source and "import numpy as np" in source
    rng = np.random.default_rng(0)
    given = {a.name: rng.normal(size=[{N: 6, K: 3}[side] for side in a.shape]) for a in model.arguments}
    module, wanted = model.compile(target="plain", check=False), model.compile(check=False)
    value, slope = module.value_and_gradient(**given)
    np.testing.assert_allclose(value, wanted.value(**given), rtol=1e-13)
    for part, other in zip(slope, wanted.gradient(**given), strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-12)
    assert np.shape(module.gradient(**given)[0]) == np.shape(given[module.PARAMETERS[0]])


@pytest.mark.parametrize("model", [REGRESSION, RECURRENCE])
def test_the_check_finds_it_by_its_name_and_sees_what_is_wrong_in_it(plain, model, monkeypatch):
    assert model.check(target="plain").ok
    right = target("plain").module_source
    wrong = replace(
        target("plain"), module_source=lambda *given, **more: right(*given, **more).replace("2 *", "2.001 *")
    )
    monkeypatch.setattr(sys.modules["symgrad.targets.plain"], "TARGET", wrong)
    assert "2.001 *" in model.source(target="plain") and not model.check(target="plain").ok


def test_the_command_line_finds_it(plain, tmp_path):
    file = tmp_path / "cubic.py"
    file.write_text(
        "from sympy import symbols\nfrom symgrad import Model\n"
        "a, x = symbols('a x', real=True)\nmodel = Model(a*x**3, [x], name='cubic')\n",
        encoding="utf-8",
    )
    start = (
        "import sys, symgrad.targets; symgrad.targets.__path__.append(sys.argv.pop(1)); from symgrad.cli import main"
    )
    command = [sys.executable, "-c", f"{start}; sys.exit(main())", str(tmp_path)]
    made = [*command, "compile", str(file), "--target", plain, "--output", str(tmp_path / "out.py")]
    done = subprocess.run(made, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Gradient(3 * a * x ** 2)" in (tmp_path / "out.py").read_text(encoding="utf-8")


def test_what_it_has_not_is_an_error_that_names_it(plain):
    with pytest.raises(UnsupportedError, match="the target plain has no workspace"):
        CUBIC.source(target="plain", workspace=True)
    with pytest.raises(UnsupportedError, match="the target plain has no spelling of the function gamma"):
        Model(gamma(a), [a]).source(target="plain")
    with pytest.raises(UnsupportedError, match="the target plain has no arrays with structure"):
        REGRESSION.source(target="plain", hessian=True)


def test_numpy_is_the_target_by_default():
    assert CUBIC.source() == CUBIC.source(target="numpy")


@pytest.mark.parametrize("ask", [CUBIC.source, CUBIC.compile, CUBIC.check])
def test_a_model_refuses_an_unknown_target(ask):
    with pytest.raises(ModelError, match="no target 'fortran'"):
        ask(target="fortran")


@pytest.mark.parametrize(("name", "library"), [("jax", "JAX"), ("torch", "PyTorch")])
def test_a_module_for_a_library_is_printed_where_there_is_none_but_not_imported(name, library, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    assert f"import {name}" in CUBIC.source(target=name)
    with pytest.raises(ModelError, match=f"needs {library}"):
        CUBIC.compile(target=name)


class Plain(Recurrences):
    """A library with NumPy's names and nothing else: what a new target begins with."""

    target = "plain"


PLAIN = Dialect("xp", ("xp.special", frozenset()), {}, 2**31)


@pytest.mark.parametrize(
    "loss",
    [
        Sum(tanh(X[n, k]) * w[k] - X[n, k] * w[k] ** 2, (n, 0, N - 1), (k, 0, K - 1)),
        Sum(Sum(X[n, k] * w[k], (k, 0, K - 1)) ** 2, (n, 0, N - 1)),
        Sum(MaxOver(X[n, k] * w[k], (k, 0, K - 1)), (n, 0, N - 1)) + w[1],
        Sum(Sum(w[k + j] * w[j], (j, 0, 1)) ** 3, (k, 0, K - 2)),
    ],
)
def test_terms_are_statements_for_a_library_that_only_has_other_names(loss: Expr) -> None:
    """With NumPy under another name these compute what the NumPy module does."""
    model = Model(loss, [w])
    (function,) = (one for one in model._first_order if one.name == "value")
    made = signature(function, model.program, "float")
    terms = Plain([a.name for a in made.arguments], ["xp"])
    terms.compute(made.roots)
    (result,) = (terms.aligned(use, ()).expression for use in made.roots.values())
    body = needed(Body(tuple(terms.statements), (result,)))
    check(body)
    speller = Speller(PLAIN, made.dtype)
    assert all(isinstance(one, Define) for one in body.statements)
    code = [f"{one.buffer.name} = {speller.text(one.expression)}" for one in body.statements]
    rng = np.random.default_rng(0)
    inputs = {"X": rng.normal(size=(4, 5)), "w": rng.normal(size=5)}
    given = {name: inputs[name] for name in [a.name for a in made.arguments]}
    scope: dict[str, Any] = {**given, "xp": np, "N": 4, "K": 5}
    exec("\n".join(code), scope)
    wanted = model.compile(check=False).value(**given)
    np.testing.assert_allclose(eval(speller.text(result), scope), wanted, rtol=1e-13)


class Poor(Plain):
    lacks = frozenset({"gamma"})


def test_what_a_library_lacks_is_named() -> None:
    made = signature(Model(gamma(a) + tanh(a), [a])._first_order[0], CUBIC.program, "float")
    Plain((), ()).compute(made.roots)
    with pytest.raises(UnsupportedError, match="the target plain has no spelling of the function gamma"):
        Poor((), ()).compute(made.roots)
