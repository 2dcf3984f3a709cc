"""Generated Numba modules as Python modules; of symgrad only this imports Numba."""

from types import ModuleType

from symgrad.errors import ModelError
from symgrad.generated import load


def imported(text: str, name: str) -> ModuleType:
    """The module of this text, in a file, beside which Numba keeps what it compiles.

    Raises
    ------
    ModelError : Numba is not installed.
    """
    try:
        # an optional extra: whoever writes NumPy modules needs none
        import numba  # noqa: F401
    except ImportError:
        raise ModelError(
            "the target numba needs Numba to check and to import modules: pip install symgrad[native]"
        ) from None
    return load(text, name)
