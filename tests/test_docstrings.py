"""Every public name has a numpydoc docstring with an example, which runs as a doctest, and annotations."""

import inspect
import re
from importlib.resources import files
from typing import Any

import pytest

import symgrad
from symgrad import Model

PUBLIC: dict[str, Any] = {name: getattr(symgrad, name) for name in symgrad.__all__ if name != "__version__"}
METHODS: dict[str, Any] = {
    f"Model.{name}": inspect.getattr_static(Model, name) for name in dir(Model) if name[0] != "_"
}


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_a_public_name_has_a_docstring_with_an_example(name: str) -> None:
    text = inspect.getdoc((PUBLIC | METHODS)[name]) or ""
    first, _, rest = text.partition("\n")
    assert first.endswith((".", ":")) or not rest.startswith("\n")
    assert re.search(r"(?m)^Examples\n--------\n>>> ", text)


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_is_described_and_annotated(name: str) -> None:
    method = METHODS[name]
    method = next((found for kind in ("fget", "func", "__func__") if (found := getattr(method, kind, None))), method)
    signature = inspect.signature(method)
    assert signature.return_annotation is not inspect.Signature.empty
    described = re.findall(r"(?m)^(\w+(?:, \w+)*) : ", inspect.getdoc(method) or "")
    names = {part for line in described for part in line.split(", ")}
    for parameter in list(signature.parameters.values())[1:]:
        assert parameter.annotation is not inspect.Parameter.empty, parameter
        assert parameter.name in names, parameter


def test_the_package_says_that_it_is_typed() -> None:
    assert files("symgrad").joinpath("py.typed").is_file()
