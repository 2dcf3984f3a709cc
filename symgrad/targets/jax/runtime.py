"""What generated JAX modules have beside their formulas, where NumPy's own way would depend on data or change arrays.

Everything else is taken from `symgrad.runtime`, whose functions call NumPy's by names that JAX has, too.
"""

from math import factorial
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special

from symgrad.runtime.declared import DIMENSIONS, SHAPES
from symgrad.runtime.gamma import _polygamma, _stirling_rise
from symgrad.runtime.logarithms import _share_excess


def _floating(**given: Any) -> list[Any]:
    """Arrays of their common floating type; integers and scalars take the type of the floating arrays."""
    arrays = {name: _array(name, value) for name, value in given.items()}
    floats = [array for array in arrays.values() if jnp.issubdtype(array.dtype, jnp.floating)]
    dtype = jnp.result_type(*([array for array in floats if array.ndim] or floats), 0.0)
    return [array.astype(dtype) for array in arrays.values()]


def _fitted(*whole: str, **arrays: Any) -> list[Any]:
    """The arrays once their sides agree, without sides of length one, which those in `whole` keep."""
    fitted, sizes = [], dict[Any, Any]()
    given = {name: array.shape for name, array in arrays.items()}
    for name, array in arrays.items():
        sides = labels = SHAPES[name.removeprefix("direction_")]
        if array.ndim != len(sides) and name not in whole:
            labels = tuple([label for label in sides if label != 1]) or sides[: array.ndim]
        if array.ndim != len(labels):
            raise ValueError(
                f"{name}: expected shape ({', '.join(map(str, sides))}), got shape {array.shape}; given {given}"
            )
        for axis, (label, side) in enumerate(zip(labels, array.shape, strict=True)):
            first = (label, str(label)) if isinstance(label, int) else (side, f"{label} = {side} by {name}")
            size, said = sizes.setdefault(label, first)
            if side != size:
                raise ValueError(f"{name}: side {axis} is {said}, got {side}; given {given}")
        kept = zip(array.shape, labels, strict=True)
        fitted.append(array.reshape([side for side, label in kept if label != 1 or name in whole]))
    return fitted


def _integers(name: str, given: Any) -> Any:
    array = _array(name, given)
    if not jnp.issubdtype(array.dtype, jnp.integer) and array.size:
        raise TypeError(f"{name}: expected integers, got type {array.dtype}")
    return array.astype(int)


def _array(name: str, given: Any) -> Any:
    """What JAX makes of an argument, or an error that says which argument it cannot use; a size is an integer."""
    if name in DIMENSIONS:
        if not isinstance(given, int) or isinstance(given, bool) or given < 0:
            raise TypeError(f"{name}: expected an integer size of at least 0, or data with it, got {given!r}")
        return given
    try:
        array = jnp.asarray(given)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: expected real numbers, got {type(given).__name__}: {error}") from error
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(f"{name}: expected real numbers, got type {array.dtype}")
    return array


def _in_range(positions: Any, size: Any) -> Any:
    """Whether all positions lie on an axis of the given size, or below it where it differs from one to the next."""
    if isinstance(size, int) and size < 1 and positions.size:
        raise IndexError(f"there are {positions.size} positions on an axis without entries")
    return jnp.all((positions >= 0) & (positions < size))


def _or_nan(valid: Any, result: Any) -> Any:
    """The result where subscripts are valid; else no number of it is one, as JAX has no errors that depend on data."""
    return jax.tree.map(lambda array: jnp.where(valid, array, jnp.nan), result)


def _log_ndtr(x: Any) -> Any:
    """log Φ(x), also where Φ(x) underflows, and where it is nearly 1."""
    u = x * 0.7071067811865476
    below = jnp.minimum(u, 0)
    tail = jnp.log(0.5 * jax.scipy.special.erfcx(-below)) - below * below
    return jnp.where(u < 0, tail, jnp.log1p(-0.5 * jax.scipy.special.erfc(jnp.maximum(u, 0))))


def _exp_ndtr(u: Any, x: Any) -> Any:
    """exp(u)·Φ(x), of which one factor may overflow and the other underflow."""
    return jnp.exp(u + _log_ndtr(x))


def _log_growth(y: Any, x: Any, n: int = 1) -> Any:
    """log(1 + (y/x)ⁿ), which is n·log|y/x| where the power overflows."""
    growth = (y / x) ** n
    far = growth == jnp.inf
    sizes = [jnp.log(jnp.abs(jnp.where(far, one, 1))) for one in (y, x)]
    return jnp.where(far, n * (sizes[0] - sizes[1]), jnp.log1p(jnp.where(far, 0, growth)))


def _log_growth_excess(y: Any, x: Any, n: int = 1) -> Any:
    """log(1 + g) − g/(1 + g) with g = (y/x)ⁿ ≥ 0, whose terms cancel where g is small."""
    growth = (y / x) ** n
    growth = jnp.minimum(growth, jnp.finfo(growth.dtype).max)  # type: ignore[no-untyped-call]
    share = growth / (1 + growth)
    return jnp.where(share < 0.15, _share_excess(share), _log_growth(y, x, n) - share)


def _centred(x: Any, shares: Any, axis: int) -> Any:
    """x − Σ shares·x along an axis for shares that add up to 1, from the x with the largest share, which cancels."""
    x, shares = jnp.broadcast_arrays(x, shares)
    x = x - jnp.take_along_axis(x, jnp.expand_dims(jnp.argmax(shares, axis), axis), axis)
    return x - jnp.sum(shares * x, axis, keepdims=True)


def _log_total(x: Any, total: Any, axis: int) -> Any:
    """log Σ x along an axis, of which the largest x is 1 if not all are 0, also where the others are small."""
    if not x.shape[axis]:
        return jnp.log(total)
    largest = jnp.expand_dims(jnp.argmax(x, axis), axis)
    return jnp.log1p(jnp.sum(jnp.put_along_axis(x, largest, 0, axis, inplace=False), axis))


def _balanced(x: Any, taken: Any, total: Any, axis: int) -> Any:
    """x − taken for x = c·exp(u)/total: where that is near 1, the entry of the largest x is minus the others."""
    x, taken = jnp.broadcast_arrays(x, taken)
    largest = jnp.expand_dims(jnp.argmax(jnp.abs(x), axis), axis)
    others = jnp.put_along_axis(x - taken, largest, 0, axis, inplace=False)
    balanced = jnp.put_along_axis(others, largest, -jnp.sum(others, axis, keepdims=True), axis, inplace=False)
    return jnp.where(jnp.expand_dims(total < 1.1, axis), balanced, x - taken)


def _norm(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """√Σ x² over axes, in units of the largest x."""
    unit = jnp.max(jnp.abs(x), axis, keepdims=True, initial=0)
    unit = jnp.where((unit > 0) & (unit < jnp.inf), unit, 1)
    return jnp.sqrt(jnp.sum((x / unit) ** 2, axis)) * unit.reshape(jnp.sum(x, axis).shape)


def _product_of_others(x: Any, axes: tuple[int, ...]) -> Any:
    """For every entry the product of all others along the axes: right where entries are zero, too."""
    moved = jnp.moveaxis(x, axes, range(-len(axes), 0))
    flat = moved.reshape(*moved.shape[: x.ndim - len(axes)], -1)
    one = jnp.ones_like(flat[..., :1])
    before = jnp.concatenate([one, jnp.cumprod(flat[..., :-1], axis=-1)], axis=-1)
    after = jnp.concatenate([one, jnp.cumprod(flat[..., :0:-1], axis=-1)], axis=-1)[..., ::-1]
    return jnp.moveaxis((before * after).reshape(moved.shape), range(-len(axes), 0), axes)


def _largest_so_far(x: Any, axis: int, backwards: bool) -> Any:
    """For every entry the largest up to it along an axis, or from it on."""
    return jax.lax.cummax(x, axis=axis, reverse=backwards)


def _sums_of_exponentials(x: Any, weights: Any, axis: int, backwards: bool) -> Any:
    """Σ weights[k]·exp(x[k] − m) over the entries k up to each one, or from it on, with m the largest x among them."""

    def joined(one: Any, other: Any) -> Any:
        largest = jnp.maximum(one[0], other[0])
        return largest, one[1] * jnp.exp(one[0] - largest) + other[1] * jnp.exp(other[0] - largest)

    x, weights = jnp.broadcast_arrays(x, jnp.asarray(weights, dtype=x.dtype))
    parts = (jnp.maximum(x, jnp.finfo(x.dtype).min), jnp.where(x > -jnp.inf, weights, 0))  # type: ignore[no-untyped-call]
    return jax.lax.associative_scan(joined, parts, axis=axis, reverse=backwards)[1]


def _adjugate(a: Any, det: Any) -> Any:
    """det·a⁻¹ of each matrix of a stack; where a is nearly singular from its singular values: it is finite there."""
    inverse = jnp.linalg.inv(a)
    # det and inverse are each off by the condition times the rounding error: half of the digits at this limit
    condition = jnp.linalg.norm(a, axis=(-2, -1)) * jnp.linalg.norm(inverse, axis=(-2, -1))
    regular = condition <= jnp.finfo(a.dtype).eps ** -0.5  # type: ignore[no-untyped-call]
    u, s, vt = jnp.linalg.svd(a)
    others = (jnp.linalg.det(u) * jnp.linalg.det(vt))[..., None] * _product_of_others(s, (-1,))
    singular = (vt.swapaxes(-2, -1) * others[..., None, :]) @ u.swapaxes(-2, -1)
    return jnp.where(regular[..., None, None], jnp.asarray(det)[..., None, None] * inverse, singular)


def _in_pieces(x: Any, radius: float, near: Any, above: Any, below: Any) -> Any:
    """near(x) where abs(x) < radius, beyond it above(x) and below(-x); x itself where it is not a number."""
    small, size = jnp.abs(x) < radius, jnp.abs(x)
    far = jnp.where(small, radius, size)
    beyond = jnp.where(x > 0, above(far), below(far))
    return jnp.where(jnp.isnan(x), x, jnp.where(small, near(jnp.where(small, x, 0.5 * radius)), beyond))


def _polygamma_rise(n: int, x: Any, d: Any, end: Any) -> Any:
    """f(end) − f(x) with end = x + d, for f = log Γ (n = −1) or ψ⁽ⁿ⁾."""
    least = jnp.minimum(x, end)
    step = jnp.abs(d) + 0 * least
    small = ~(least >= 12)
    made = _stirling_rise(n, jnp.where(small, 12, least), step)
    upper, lower = _polygamma(n, jnp.where(small, end, 1)), _polygamma(n, jnp.where(small, x, 1))
    plain = upper - lower
    alike = jnp.abs(plain) < 0.5 * jnp.maximum(jnp.abs(upper), jnp.abs(lower))
    cancels = small & (least > 0) & (alike | (step < 0.25 * least))
    raised = _raised_rise(n, jnp.where(cancels, least, 1), step)
    plain = jnp.where(cancels, jnp.where(d < 0, -raised, raised), plain)
    return jnp.where(small, plain, jnp.where(d < 0, -made, made))


def _raised_rise(n: int, x: Any, d: Any) -> Any:
    """f(x + d) − f(x) for small x > 0 and d ≥ 0, raised by f(x + 1) − f(x), which is log x or a power of x."""
    made = _stirling_rise(n, x + 12, d)
    for k in range(12):
        ratio = d / (x + k)
        growth = jnp.where(ratio < jnp.inf, jnp.log1p(ratio), jnp.log(d + (d == 0)) - jnp.log(x + k))
        weight = 1 if n == -1 else (-1) ** n * factorial(n) * (x + k) ** -(n + 1.0)
        made = made - (growth if n == -1 else weight * jnp.expm1(-(n + 1) * growth))
    return made
