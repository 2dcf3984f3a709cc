"""Renders the generated module: NumPy's, with kernels in its functions."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from symgrad.codegen.lines import wrapped
from symgrad.codegen.runtime import Import, Sources, definitions
from symgrad.errors import UnsupportedError
from symgrad.frontend.program import Program
from symgrad.outputs.function import Function, Pattern
from symgrad.outputs.second_order import COMPACT, HESSIAN, PRODUCT
from symgrad.statements.statements import Body
from symgrad.targets.numba.kernels import Compiled, Kernels
from symgrad.targets.numpy.module import module_source as numpy_source

DENSE = (HESSIAN, COMPACT, PRODUCT)
"""Functions without kernels, as those of quantities and of their Jacobians: most of them are products of matrices."""

_START = """
_kept = "__file__" in globals()  # then what is compiled is kept beside the file
_native = numba.njit(cache=_kept, nogil=True, error_model="numpy")
_adding = numba.njit(cache=_kept, nogil=True, error_model="numpy", fastmath={"reassoc"})
"""


class NumbaCompiler:
    """Makes kernels for Numba; see `targets.numpy.function.Compiler`."""

    library = "numba"
    imports: Mapping[str, Import] = MappingProxyType({"math": Import("math", None)})

    def __init__(self) -> None:
        self.kernels: list[Compiled] = []
        self._left: dict[str, tuple[str, ...]] = {}

    def with_kernels(self, function: Function, body: Body) -> Body:
        name = function.name
        if name in DENSE or function.rows is not None or isinstance(function.result, Pattern):
            self._left[name] = ("all",)
            return body
        made = Kernels(name, set())
        found = made.body(body)
        self.kernels += made.made
        self._left[name] = tuple(sorted(made.left)) if made.made else ("all",)
        return found

    def remarks(self) -> list[str]:
        """Which operations stay with NumPy."""
        functions: dict[tuple[str, ...], list[str]] = {}
        for name, left in self._left.items():
            functions.setdefault(left, []).append(f"`{name}`")
        said = [f"{', '.join(names)}: {', '.join(left)}" for left, names in functions.items() if left]
        ends = f", with NumPy and SciPy for operations of whole arrays ({'; '.join(said)})" if said else ""
        return [f"Loops over entries are kernels that Numba compiles at the first call{ends}."]

    def source(self) -> str:
        names = sources().closure(sorted({name for kernel in self.kernels for name in kernel.calls}))
        functions = [_START.strip(), sources().text(names), *map(_text, self.kernels)]
        return "\n\n\n".join(one.strip() for one in functions)


@cache
def sources() -> Sources:
    """The functions of numbers that kernels call."""
    return Sources(definitions("symgrad.targets.numba.runtime"))


def _text(kernel: Compiled) -> str:
    lines = wrapped(f"def {kernel.name}(", [f"{name}: Any" for name in kernel.arguments], ") -> Any:")
    return "\n".join(["@_native", *lines, *(f"    {line}" for line in kernel.lines)])


def module_source(
    program: Program,
    functions: Sequence[Function],
    name: str,
    formulas: Sequence[str],
    version: str,
    *,
    workspace: bool = False,
    chunks: bool = False,
) -> str:
    """The text of the module; see `targets.ModuleWriter`."""
    if workspace:
        raise UnsupportedError("the target numba has no workspace: its kernels keep what they need in variables")
    return numpy_source(program, functions, name, formulas, version, chunks=chunks, compiler=NumbaCompiler())
