"""How the functions of the runtime travel into a generated module."""

import inspect
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from symgrad.codegen.runtime import Import, Sources, definitions
from symgrad.targets.jax.sources import sources as jax_sources
from symgrad.targets.numpy.runtime import files, sources
from symgrad.targets.torch.sources import sources as torch_sources

RUNTIME = sources()

FILE = '''"""A file of which nothing may be executed."""

import itertools
import a_library_that_is_missing as missing
from functools import cache
from math import prod as product
from typing import Any

def _plain(x: Any) -> int:
    """Calls no _decorated."""
    return missing.count(x)


@cache
def _decorated(n: int) -> Any:
    def inner() -> Any:
        return _plain(product(itertools.repeat(n, 3)))

    return inner, scipy.special.erfcx(n)


class _Record(_Base):
    def plain(self) -> Any:
        return _plain(self)
'''


def test_what_a_definition_needs_is_read_off_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one_file.py").write_text(FILE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = definitions("one_file")
    assert list(found) == ["_plain", "_decorated", "_Record"]
    assert "".join(one.source for one in found.values()) == FILE[FILE.index("def _plain") :].replace("\n\n\n", "\n")
    any_, libraries = Import("typing", "Any"), {"missing": Import("a_library_that_is_missing", None)}
    assert found["_plain"].imports == {"Any": any_, **libraries}
    assert "_decorated" not in found["_plain"].names
    assert found["_decorated"].imports == {
        **{"Any": any_, "cache": Import("functools", "cache"), "product": Import("math", "prod")},
        "itertools": Import("itertools", None),
    }
    assert "_plain" in found["_decorated"].names and found["_decorated"].special == {"erfcx"}
    assert {"_Base", "_plain"} <= set(found["_Record"].names) and found["_Record"].special == set()


@pytest.mark.parametrize("file", files())
def test_a_definition_ends_where_its_code_does(file: str) -> None:
    spec = find_spec(file)
    assert spec is not None and spec.origin is not None
    lines = Path(spec.origin).read_text(encoding="utf-8").splitlines(keepends=True)
    for name, found in definitions(file).items():
        starts = (n for n, line in enumerate(lines) if re.match(rf"(def|class) {name}\b", line))
        (block,) = (inspect.getblock(lines[n:]) for n in starts)  # without decorators
        assert found.source.endswith("".join(block)), name


@pytest.mark.parametrize(
    ("known", "library", "others"),
    [
        (RUNTIME, "np.", ("jnp.", "torch.")),
        (jax_sources(), "jnp.", (" np.", "(np.", "torch.", "jjnp")),
        (torch_sources(), "torch.", (" np.", "(np.", "jnp.", ".astype", "torch.maximum(x, 0")),
    ],
    ids=["numpy", "jax", "torch"],
)
def test_a_function_calls_one_library_by_one_name(known: Sources, library: str, others: tuple[str, ...]) -> None:
    """As it is renamed for another one by that."""
    assert any(library in one.source for one in known.known.values())
    assert not [name for name, one in known.known.items() if any(other in one.source for other in others)]


def test_a_function_comes_with_what_it_needs_in_the_order_of_use() -> None:
    assert RUNTIME.closure(["_arguments"]) == ["_arguments", "_fits", "_array"]
    assert RUNTIME.closure(["_pattern"], ["Pattern"]) == ["_pattern", "_flat_index"]


def test_a_name_is_defined_in_one_file() -> None:
    """What libraries of tensors do in another way once stood in NumPy's modules, too."""
    known: dict[str, str] = {}
    for file in files():
        assert [name for name in definitions(file) if known.setdefault(name, file) != file] == []


def test_imports_are_sorted_and_joined() -> None:
    assert RUNTIME.import_lines(["_blas", "_over_rows", "_block_rows"]) == [
        "from __future__ import annotations",
        "",
        "import ctypes",
        "import threading",
        "from concurrent.futures import ThreadPoolExecutor",
        "from functools import cache, reduce",
        "from functools import partial as applied",
        "from operator import call, iadd",
        "from typing import Any, NamedTuple",
    ]


@pytest.mark.parametrize("name", sorted(RUNTIME.known))
def test_a_definition_with_its_needs_runs_where_there_is_no_symgrad(name: str) -> None:
    names = sorted(RUNTIME.closure([name]), key=lambda one: one.startswith("_"))  # classes come first
    lines = [
        *RUNTIME.import_lines(names),
        "import numpy as np",
        "from numpy.typing import NDArray",
        RUNTIME.text(names),
    ]
    module = ModuleType("alone")
    sys.modules["alone"] = module  # where NamedTuple looks up its module
    try:
        vars(module).update(Parameters=tuple, ARGUMENTS=())
        exec("\n".join(lines), vars(module))
    finally:
        del sys.modules["alone"]
    assert name in vars(module)


def test_numpy_has_the_functions_that_choose_their_pieces() -> None:
    """Those of `tensors` have the same names, and complain where a piece is computed beyond its range."""
    assert sources().known["_in_pieces"] == definitions("symgrad.runtime.pieces")["_in_pieces"]
