"""Functions of one argument from the pieces of which each keeps its digits."""

from typing import Any

import numpy as np


def _in_pieces(x: Any, radius: float, near: Any, above: Any, below: Any) -> Any:
    """near(x) where abs(x) < radius, beyond it above(x) and below(-x); x itself where it is not a number."""
    x = np.asarray(x)
    result = np.array(x)
    for chosen, piece, sign in ((np.abs(x) < radius, near, 1), (x >= radius, above, 1), (x <= -radius, below, -1)):
        if np.all(chosen):
            return piece(sign * x)
        if np.any(chosen):
            result[chosen] = piece(sign * x[chosen])
    return result[()]


def _series(x: Any, terms: list[float]) -> Any:
    """terms[0] + terms[1]*x + terms[2]*x**2 + ... by Horner's scheme."""
    total: Any = terms[-1]
    for term in terms[-2::-1]:
        total = term + x * total
    return total
