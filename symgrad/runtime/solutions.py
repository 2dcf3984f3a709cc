"""Newton's method for equations that define arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np


def _solution(equations: Callable[[Any], Any], start: Any, coupled: bool, name: str, constraints: Any = None) -> Any:
    """The x with F(x) = 0 that Newton's method reaches from the start, right to rounding; `equations(x)` is F, ∂F/∂x.

    With `coupled`, equations along the last axis are one system; others are solved each by itself. A step is halved
    until |F| decreases: Kelley, Solving Nonlinear Equations with Newton's Method (2003), section 1.6. With a number of
    `constraints`, x is a minimum with their multipliers.
    """
    x, scale = np.asarray(start), np.abs(start)
    eps = np.finfo(x.dtype).eps
    with np.errstate(all="ignore"):
        left, jacobian = equations(x)
        norm = _largest(left, coupled)
        done, slow, before = norm < 0, 0 * norm, np.inf
        for _ in range(200):
            step, length = _newton_step(left, jacobian, coupled, name), np.where(done, 0, 1).astype(norm.dtype)
            for _ in range(40):
                trial = x - length * step
                left, jacobian = equations(trial)
                reached = _largest(left, coupled)
                worse = ~((reached < (1 - 1e-4 * length) * norm) | (reached == 0) | done)
                if not worse.any():
                    break
                length = np.where(worse, length / 2, length)
            scale = np.maximum(scale, np.abs(x))
            near = _largest(step, coupled) <= eps ** (1 / 3) * _largest(scale, coupled)  # as rounding leaves it
            tiny = ~_largest(np.abs(step) > 8 * eps * scale, coupled)
            if (worse & ~near).any():
                break
            # a root of several equal ones is reached by steps that shrink by a constant factor
            size = _largest(step, coupled)
            slow = np.where(done, slow, np.where((length == 1) & (size > 0.4 * before), slow + 1, 0 * slow))
            before, x = size, np.where(worse, x, trial)
            done = done | worse | (tiny & (length == 1))
            if worse.any():
                left, jacobian = equations(x)
                reached = _largest(left, coupled)
            norm = reached
            if done.all():
                if (slow > 8).any():
                    raise np.linalg.LinAlgError(f"{name}: the Jacobian of its equations is singular where they hold")
                return _minimum(x, jacobian, coupled, name, constraints)[()]
    raise np.linalg.LinAlgError(
        f"{name}: its equations were not solved; from this start the largest residual left is {np.max(norm):.3g}"
    )


def _newton_step(left: Any, jacobian: Any, coupled: bool, name: str) -> Any:
    """(∂F/∂x)⁻¹ F."""
    singular = f"{name}: the Jacobian of its equations is singular where Newton's method came to; give another start"
    if not np.isfinite(left).all() or not np.isfinite(jacobian).all():
        raise np.linalg.LinAlgError(f"{name}: its equations are not finite where Newton's method came to")
    if not coupled:
        if not np.all(jacobian):
            raise np.linalg.LinAlgError(singular)
        return left / jacobian
    try:
        return np.linalg.solve(jacobian, left[..., None])[..., 0]
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(singular) from None


def _largest(values: Any, coupled: bool) -> Any:
    """The largest absolute value of each system."""
    sizes = np.abs(values) if values.dtype != bool else values
    return sizes.max(axis=-1, keepdims=True, initial=0) if coupled else sizes


def _minimum(x: Any, jacobian: Any, coupled: bool, name: str, constraints: Any) -> Any:
    """x, where it is a minimum if it should be one: the Hessian is positive definite along the constraints.

    That of the Lagrangian then has as many negative eigenvalues as there are constraints, and no zero: Nocedal and
    Wright, Numerical Optimization (2006), section 16.2.
    """
    if constraints is not None:
        values = np.linalg.eigvalsh(jacobian) if coupled else np.asarray(jacobian)[..., None]
        least = np.abs(values).max(axis=-1, initial=0) * values.shape[-1] * np.finfo(values.dtype).eps
        if ((values < -least[..., None]).sum(axis=-1) != constraints).any() or (
            np.abs(values) <= least[..., None]
        ).any():
            raise np.linalg.LinAlgError(f"{name}: where its derivatives are 0 there is no strict minimum")
    return x
