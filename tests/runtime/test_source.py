"""How the functions of the runtime travel into a generated module."""

import sys
from types import ModuleType

import pytest

from symgrad.targets.numpy.runtime import _FILES, _IMPORTS, _definitions, closure, import_lines, source_text


def test_every_import_of_the_runtime_is_known() -> None:
    for file in _FILES:
        for name, value in vars(file).items():
            place = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if name.startswith("__") or place is None or place.startswith(("symgrad.", "numpy")):
                continue
            assert name in _IMPORTS, f"{file.__name__} imports {name}"
            module, kind = _IMPORTS[name]
            found = __import__(module, fromlist=[name])
            assert (found if kind is None else getattr(found, name)) is value


def test_a_function_comes_with_what_it_needs_in_the_order_of_use() -> None:
    assert closure(["_fitted", "_floating"]) == ["_fitted", "_read_sizes", "_floating", "_array"]
    assert closure(["_jacobian"], known=["Blocks"]) == ["_jacobian", "_flat_index"]


def test_imports_are_sorted_and_joined() -> None:
    assert import_lines(["_blas", "_over_rows", "_block_rows"], ["Any"]) == [
        "import ctypes",
        "import threading",
        "from collections.abc import Callable",
        "from concurrent.futures import ThreadPoolExecutor",
        "from functools import cache, reduce",
        "from operator import iadd",
        "from typing import Any",
    ]


@pytest.mark.parametrize("name", sorted(_definitions()))
def test_a_definition_with_its_needs_runs_where_there_is_no_symgrad(name: str) -> None:
    names = sorted(closure([name]), key=lambda one: one.startswith("_"))  # classes come first
    lines = [*import_lines(names, ["Any"]), "import numpy as np", "import numpy.typing as npt", source_text(names)]
    module = ModuleType("alone")
    sys.modules["alone"] = module  # where NamedTuple looks up its module
    try:
        exec("\n".join(["class Parameters: ...", *lines]), vars(module))
    finally:
        del sys.modules["alone"]
    assert name in vars(module)
