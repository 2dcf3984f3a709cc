"""A target is a folder, found by its name."""

import sys

import pytest
from sympy import Symbol

from symgrad import Model
from symgrad.errors import ModelError
from symgrad.targets import target, target_names


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
