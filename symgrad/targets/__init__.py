"""Targets: what generated functions are printed for. A target is a folder here, and is found by the folder's name.

The folder's `__init__.py` has `TARGET`. No target imports another.

Files: `library.py`: what modules for tensors declare, for the types of their runtime. `numpy/`: what is NumPy's own in
statements (`terms`, `contraction`, `stacks`, sums that are written into parts of arrays in `increased`, neighbours
around a ring in `rolled`, terms under conditions on an index as parts of arrays in `pieces`, by the `ranges` that these
say, in which terms are `restricted`; loops as calls for all steps at once, in `linear` with `stepwise` and `log_sums`,
other loops over single numbers in `floats`, with what is the same at all steps before them in `invariant`), what
operations are called (`functions`), statements as text (`lines`), one function (`function`) with what it returns
(`results`), which data may be sparse (`sparse`), which products are methods (`methods`), which data are copied into the
other order (`turned`) and what is computed once for the same data (`once`), checks of arguments (`arguments`), the
module (`module`), the functions of `runtime/` (`runtime`).
`jax/` has `terms`, `functions`, `lines` and `runtime`, too, `sources` of what stands in a module beside its formulas,
`autograd`, and `calling`, its functions for NumPy's arrays; `torch/` has the same, and `windows` of tensors. `numba/`
puts kernels into NumPy's modules: which statements (`split`, `kernels`), their entries (`steps`, `entries`, `reading`,
`letters`), loops (`nests`, with those over all entries of rows in `flat` and those of many arrays in `overlaps`),
results in memory that is there (`in_place`), text (`functions`, `text`), and functions of numbers (`runtime`, under
what a module has `declared`).
"""

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from symgrad.errors import ModelError

if TYPE_CHECKING:  # the names of targets are asked for where no code is written
    from symgrad.codegen.lines import Listing
    from symgrad.frontend.program import Program
    from symgrad.outputs.function import Function

NUMPY = "numpy"


class ModuleWriter(Protocol):
    """Writes the text of a generated module.

    Parameters
    ----------
    program : the model, for what the module says of its arguments and of itself.
    functions : in their order, with terms as code should compute them.
    name, formulas, version : for the module's docstring.
    workspace : whether functions can be computed in arrays that are kept between calls.
    chunks : whether functions can be computed for rows that come in chunks.

    Raises
    ------
    ModelError : an argument has a name that the functions need.
    UnsupportedError : the target has no spelling of something, which is named; or rows do not come in chunks.
    """

    def __call__(
        self,
        program: "Program",
        functions: "Sequence[Function]",
        name: str,
        formulas: Sequence[str],
        version: str,
        *,
        workspace: bool = False,
        chunks: bool = False,
    ) -> str: ...


class Lister(Protocol):
    """Prints one function of a model, with the statement that each of its lines is of."""

    def __call__(self, function: "Function", program: "Program") -> "Listing": ...


@dataclass(frozen=True)
class Target:
    """What modules can be generated for.

    Attributes
    ----------
    name : that of the folder.
    module_source : writes a module.
    listed : prints a function for those who ask what its lines are for.
    imported : the module of a text, from the text and the model's name.
    on_arrays : the functions of a module for NumPy's arrays in single and double precision, as the check calls them.
    """

    name: str
    module_source: ModuleWriter
    listed: Lister
    imported: Callable[[str, str], ModuleType]
    on_arrays: Callable[[ModuleType], Any]


def target_names() -> tuple[str, ...]:
    """The names of all targets, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg))


def target(name: str) -> Target:
    """The target of a name.

    Raises
    ------
    ModelError : there is none of this name; it lists those that there are.

    Examples
    --------
    >>> target("numpy").name
    'numpy'
    """
    if name not in target_names():
        raise ModelError(f"there is no target {name!r}; choose one of {', '.join(target_names())}")
    found = import_module(f"{__name__}.{name}").TARGET
    assert isinstance(found, Target)
    return found
