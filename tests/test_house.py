"""The house: short files and functions, and floors between which imports only go down.

The floors are those of ARCHITECTURE.md's picture. Imports are read by grimp, complexity is measured by ruff (C901, with
the bound of pyproject.toml).
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "symgrad"
LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines

# From the top to the bottom. Inside a floor packages may import one another, but not in a circle.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("__main__", "cli", "serve", "dask"),
    ("model", "problem"),
    ("inspect",),
    ("checking", "verify"),
    ("targets", "codegen", "lowering", "statements", "generated", "interface"),
    ("outputs", "schedule"),
    ("formula",),
    ("compiler", "calculus", "rewrite"),
    ("frontend", "graph", "arguments", "text"),
    (
        *("functions", "univariate", "matrix_functions", "runtime", "dimensions", "errors", "walk", "deep", "files"),
        *("calls", "spellings", "later", "arrays", "collector"),
        *("reference", "version"),  # the oracle of what a loss says knows nothing of the compiler
    ),
)

# Files that are still too long, with their length. They may become shorter, and no further file may join them.
TOO_LONG: dict[str, int] = {}
# The same for functions.
TOO_LONG_FUNCTIONS: dict[str, int] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _beyond(found: dict[str, int], allowed: dict[str, int], longest: int) -> list[str]:
    """What is longer than it may be, and the exceptions that are none any more."""
    grown = [f"{name}: {n} lines" for name, n in found.items() if n > max(longest, allowed.get(name, 0))]
    return grown + [f"{name} is no exception any more" for name in allowed if found.get(name, 0) <= longest]


def test_no_file_is_longer_than_400_lines() -> None:
    found = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _files()}
    assert not _beyond(found, TOO_LONG, LONGEST_FILE)


def test_no_function_is_longer_than_60_lines() -> None:
    found: dict[str, int] = {}
    for path in _files():
        for function in _functions(ast.parse(path.read_text(encoding="utf-8"))):
            assert function.end_lineno is not None
            name = f"{_name(path)}: {function.name}"
            found[name] = max(found.get(name, 0), function.end_lineno - function.lineno + 1)
    assert not _beyond(found, TOO_LONG_FUNCTIONS, LONGEST_FUNCTION)


def test_no_function_is_too_complex() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--select", "C901", "--quiet", str(PACKAGE)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_says_in_its_first_line_what_it_is_for() -> None:
    silent = [_name(path) for path in _files() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent


def test_imports_stand_inside_functions_only_with_a_comment_that_says_why() -> None:
    hidden = []
    for path in _files():
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for function in _functions(ast.parse(text)):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    around = lines[node.lineno - 2 : node.lineno]
                    if not any("#" in line.replace("# noqa", "") for line in around):
                        hidden.append(f"{_name(path)}, line {node.lineno}")
    assert not hidden


@pytest.fixture(scope="module")
def imports() -> Any:
    """The imports between all modules; without grimp, of the extra `test`, only the tests of imports fail."""
    import grimp

    return grimp.build_graph("symgrad", cache_dir=None)


def test_every_part_of_the_package_has_a_floor() -> None:
    parts = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in _files()} - {"__init__"}
    placed = [part for floor in FLOORS for part in floor]
    assert len(FLOORS) <= 10
    assert sorted(placed) == sorted(parts)


def test_no_import_goes_up(imports: Any) -> None:
    height = {part: len(FLOORS) - n for n, floor in enumerate(FLOORS) for part in floor}
    up = []
    for module in imports.modules:
        for other in imports.find_modules_directly_imported_by(module):
            below, above = (name.split(".")[1] if "." in name else "" for name in (module, other))
            if below and above and height[above] > height[below]:
                up.append(f"{module} imports {other}")
            if below and not above:
                up.append(f"{module} imports the package as a whole")
    assert not up


def test_no_modules_import_each_other_in_a_circle(imports: Any) -> None:
    needs = {module: imports.find_modules_directly_imported_by(module) for module in imports.modules}
    TopologicalSorter(needs).prepare()  # raises CycleError, which names them


def test_no_packages_import_each_other_in_a_circle(imports: Any) -> None:
    needs: dict[str, set[str]] = {}
    for module in imports.modules:
        for other in imports.find_modules_directly_imported_by(module):
            ends = [name.split(".")[1] for name in (module, other) if "." in name]
            if len(set(ends)) == 2:
                needs.setdefault(ends[0], set()).add(ends[1])
    TopologicalSorter(needs).prepare()


# A target may be made of another one: Numba's modules are NumPy's with kernels in their functions.
MADE_OF = {"numba": "numpy"}


def test_targets_import_nothing_of_each_other(imports: Any) -> None:
    found = set()
    for module in imports.modules:
        for other in imports.find_modules_directly_imported_by(module):
            ends = [name.split(".")[2] for name in (module, other) if name.count(".") > 2 and ".targets." in name]
            if len(set(ends)) == 2:
                found.add((ends[0], ends[1]))
    assert found == set(MADE_OF.items())


# What would read text that a printer has made: what is known of it stands on the statement.
PRINTING = ("codegen", "generated", "inspect", "lowering", "statements", "targets", "verify")
PARSERS = {"ast", "parser", "re", "symtable", "token", "tokenize"}
TAKES_TEXT_APART = {
    "endswith",
    "find",
    "isidentifier",
    "partition",
    "removeprefix",
    "removesuffix",
    "rfind",
    "rpartition",
}
TAKES_TEXT_APART |= {"split", "splitlines", "startswith"}
READERS = {
    "inspect/code.py": {"tokenize"},  # colours the lines of a page; nothing is learnt from it
    "generated/__init__.py": {"re", "partition", "rpartition", "splitlines"},  # the name of a model
    "codegen/runtime.py": {
        "isidentifier",
        "split",
        "splitlines",
        "startswith",
    },  # hand-written files, by their compiled code
    "targets/jax/calling.py": {"startswith"},  # the names of what a module has
    "targets/torch/calling.py": {"startswith"},  # the same
}


def test_nothing_reads_text_that_a_printer_has_made() -> None:
    found: dict[str, set[str]] = {}
    for path in [path for part in PRINTING for path in (PACKAGE / part).rglob("*.py")]:
        strings = _name(path).split("/")[0] not in ("inspect", "verify")  # there are other texts there
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            used: set[str] = set()
            if isinstance(node, ast.Import):
                used = {alias.name.split(".")[0] for alias in node.names} & PARSERS
            elif isinstance(node, ast.ImportFrom):
                used = {(node.module or "").split(".")[0]} & PARSERS
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and strings:
                used = {node.func.attr} & TAKES_TEXT_APART
            if used:
                found.setdefault(_name(path), set()).update(used)
    assert found == READERS
