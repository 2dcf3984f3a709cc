"""Modules that import NumPy only, and `scipy.special` where NumPy lacks a function."""

from collections.abc import Sequence

from symgrad.codegen.environment import environment
from symgrad.frontend.program import Program
from symgrad.generated import imported
from symgrad.outputs.function import Function
from symgrad.targets import NUMPY, Target
from symgrad.targets.numpy.module import module_source


def _module_source(
    program: Program,
    functions: Sequence[Function],
    name: str,
    formulas: Sequence[str],
    version: str,
    *,
    workspace: bool = False,
) -> str:
    return module_source(program, functions, name, formulas, version, environment(), workspace)


TARGET = Target(NUMPY, _module_source, imported, lambda module: module)
