"""What generated JAX modules have beside their formulas, where NumPy's own way would depend on data or change arrays.

Everything else is taken from `symgrad.runtime`, whose functions call NumPy's by names that JAX has, too.
"""

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy

from symgrad.runtime.declared import DIMENSIONS


def _floating(**given: Any) -> list[Any]:
    """Arrays of their common floating type; integers and scalars take the type of the floating arrays."""
    arrays = {name: _array(name, value) for name, value in given.items()}
    floats = [array for array in arrays.values() if jnp.issubdtype(array.dtype, jnp.floating)]
    dtype = jnp.result_type(*([array for array in floats if array.ndim] or floats), 0.0)
    return [array.astype(dtype) for array in arrays.values()]


def _integers(name: str, given: Any) -> Any:
    array = _array(name, given)
    if not _fits(given):
        raise OverflowError(
            f"{name}: there are integers that need more than the 32 bits that they have in JAX without "
            'jax.config.update("jax_enable_x64", True)'
        )
    if not jnp.issubdtype(array.dtype, jnp.integer) and array.size:
        raise TypeError(f"{name}: expected integers, got type {array.dtype}")
    return array.astype(int)


def _fits(given: Any) -> bool:
    """Whether integers that are no JAX arrays fit the type that these would have; JAX drops their higher bits else."""
    array = jnp.zeros(0) if isinstance(given, jax.Array) else numpy.asarray(given)
    if array.dtype.kind not in "iu" or not array.size:
        return True
    limits = jnp.iinfo(jax.dtypes.canonicalize_dtype(array.dtype))  # type: ignore[no-untyped-call]
    return bool(limits.min <= array.min() and array.max() <= limits.max)


def _array(name: str, given: Any) -> Any:
    """What JAX makes of an argument, or an error that says which argument it cannot use; a size is an integer."""
    if name in DIMENSIONS:
        if not isinstance(given, int) or isinstance(given, bool) or given < 0:
            raise TypeError(f"{name}: expected an integer size of at least 0, or data with it, got {given!r}")
        return given
    try:
        array = jnp.asarray(given if _fits(given) else numpy.asarray(given, dtype=float))
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name}: expected real numbers, got {type(given).__name__}: {error}") from error
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(f"{name}: expected real numbers, got type {array.dtype}")
    return array


def _indexable(name: str, given: Any) -> Any:
    """An array of which rows can be taken; what lies in the host's memory stays there."""
    return given if isinstance(given, numpy.ndarray) else _array(name, given)


def _in_range(name: str, positions: Any, size: Any) -> Any:
    """Whether all positions lie on an axis of the given size, or below it where it differs from one to the next.

    While JAX traces nothing is known of data; else positions that do not are an error.
    """
    if isinstance(size, int) and size < 1 and positions.size:
        raise IndexError(f"{name}: there are {positions.size} positions on an axis without entries")
    outside = (positions < 0) | (positions >= size)
    if isinstance(outside, jax.core.Tracer):
        return ~jnp.any(outside)
    if jnp.any(outside):
        place = tuple(int(k) for k in jnp.argwhere(outside)[0])
        most = int(jnp.broadcast_to(size, outside.shape)[place]) - 1
        found = int(jnp.broadcast_to(positions, outside.shape)[place])
        raise IndexError(f"{name}{list(place) or ''} is {found}, expected 0 ... {most}")
    return True


def _definite_cholesky(a: Any, name: str) -> Any:
    """The lower Cholesky factor of each matrix of a stack; not a number where there is none while JAX traces."""
    factor = jnp.linalg.cholesky(a)
    if not isinstance(factor, jax.core.Tracer) and jnp.any(jnp.isnan(factor)) and not jnp.any(jnp.isnan(a)):
        raise ValueError(f"{name} is not positive definite; the model has the fact that it is")
    return factor


def _inv(a: Any) -> Any:
    """The inverse of each matrix; an error where there is none, or not a number while JAX traces."""
    return _of_regular(jnp.linalg.inv(a), a)


def _solve(a: Any, b: Any) -> Any:
    """a⁻¹b for each matrix; an error where there is no inverse, or not a number while JAX traces."""
    return _of_regular(jnp.linalg.solve(a, b), a)


def _of_regular(made: Any, a: Any) -> Any:
    """What is made of inverses, of which NumPy says whether there are any where it is not finite."""
    if not isinstance(made, jax.core.Tracer) and not jnp.all(jnp.isfinite(made)):
        numpy.linalg.inv(numpy.asarray(a))  # raises its LinAlgError, which is a ValueError
    return made


def _or_nan(valid: Any, result: Any) -> Any:
    """The result where subscripts are valid; else no number of it is one: what is traced has no errors of data.

    Of what rows keep for later rounds, conditions and positions stay as they are.
    """

    def made(array: Any) -> Any:
        return jnp.where(valid, array, jnp.nan) if jnp.issubdtype(array.dtype, jnp.floating) else array

    return result if valid is True else jax.tree.map(made, result)


def _log_ndtr(x: Any) -> Any:
    """log Φ(x), also where Φ(x) underflows, and where it is nearly 1."""
    u = x * 0.7071067811865476
    below = jnp.minimum(u, 0)
    tail = jnp.log(0.5 * jax.scipy.special.erfcx(-below)) - below * below
    return jnp.where(u < 0, tail, jnp.log1p(-0.5 * jax.scipy.special.erfc(jnp.maximum(u, 0))))


def _exp_ndtr(u: Any, x: Any) -> Any:
    """exp(u)·Φ(x), of which one factor may overflow and the other underflow."""
    return jnp.exp(u + _log_ndtr(x))


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
