"""Generated Numba modules as Python modules; of symgrad only this imports Numba."""

from types import ModuleType

from symgrad.generated import load, require


def imported(text: str, name: str) -> ModuleType:
    """The module of this text, in a file, beside which Numba keeps what it compiles.

    Raises
    ------
    ModelError : Numba is not installed.
    """
    require("numba", "Numba", "numba", "native")
    return load(text, name)
