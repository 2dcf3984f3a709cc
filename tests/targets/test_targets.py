"""A target is a folder, found by its name."""

import sys
from typing import Any

import numpy as np
import pytest
from sympy import Expr, IndexedBase, Sum, Symbol, gamma, symbols, tanh

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
X, w = IndexedBase("X", shape=(N, K)), IndexedBase("w", shape=(K,))


def test_every_folder_is_a_target_of_its_name():
    assert "numpy" in target_names()
    assert [target(name).name for name in target_names()] == list(target_names())


def test_an_unknown_name_is_refused_with_the_names_that_there_are():
    with pytest.raises(ModelError, match=r"no target 'fortran'; choose one of .*numpy"):
        target("fortran")


CUBIC = Model(Symbol("a", real=True) * Symbol("x", real=True) ** 3, [Symbol("x", real=True)], name="cubic")


def test_numpy_is_the_target_by_default():
    assert CUBIC.source() == CUBIC.source(target="numpy")


@pytest.mark.parametrize("ask", [CUBIC.source, CUBIC.compile, CUBIC.check])
def test_a_model_refuses_an_unknown_target(ask):
    with pytest.raises(ModelError, match="no target 'fortran'"):
        ask(target="fortran")


def test_a_module_for_jax_is_printed_where_there_is_no_jax_but_not_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    assert "import jax" in CUBIC.source(target="jax")
    with pytest.raises(ModelError, match="needs JAX"):
        CUBIC.compile(target="jax")


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
