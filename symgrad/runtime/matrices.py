"""Functions of stacks of square matrices."""

from typing import Any

import numpy as np


def _logdet(a: Any) -> Any:
    """log det of each matrix of a stack; not a number where the determinant is negative."""
    sign, magnitude = np.linalg.slogdet(a)
    return np.where(sign < 0, np.nan, magnitude)[()]


def _cholesky(a: Any, name: str) -> Any:
    """The lower Cholesky factor of each matrix of a stack."""
    try:
        return np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(f"{name} is not positive definite; the model has the fact that it is") from None


def _adjugate(a: Any, det: Any) -> Any:
    """det·a⁻¹ of each matrix of a stack; where a is nearly singular from its singular values: it is finite there."""
    try:
        inverse = np.linalg.inv(a)
        condition = np.linalg.norm(a, axis=(-2, -1)) * np.linalg.norm(inverse, axis=(-2, -1))
        # det and inverse are each off by the condition times the rounding error: half of the digits at this limit
        if not np.any(condition > np.finfo(inverse.dtype).eps ** -0.5):
            return np.asarray(det)[..., None, None] * inverse
    except np.linalg.LinAlgError:
        pass
    u, s, vt = np.linalg.svd(a)
    before, after = np.ones_like(s), np.ones_like(s)
    np.cumprod(s[..., :-1], axis=-1, out=before[..., 1:])
    np.cumprod(s[..., :0:-1], axis=-1, out=after[..., -2::-1])
    others = (np.linalg.det(u) * np.linalg.det(vt))[..., None] * before * after
    return (vt.swapaxes(-2, -1) * others[..., None, :]) @ u.swapaxes(-2, -1)
