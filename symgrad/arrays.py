"""NumPy for what computes numbers beside formulas: deriving, showing and writing code do not import it."""

from typing import TYPE_CHECKING, Any

from symgrad.later import Later

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]
else:
    np, Array = Later("numpy"), Any

__all__ = ["Array", "np"]
