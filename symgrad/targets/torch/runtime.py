"""What generated PyTorch modules have beside their formulas, where NumPy's own way would not do for tensors.

Everything else is taken from `symgrad.runtime`, whose functions call NumPy's by names that PyTorch has, too.
"""

from typing import Any

import torch

from symgrad.runtime.declared import DIMENSIONS


def _one_device(**given: Any) -> None:
    """Raise an error where arguments with axes are on several devices."""
    tensors = {name: one for name, one in given.items() if isinstance(one, torch.Tensor) and one.ndim}
    for name, one in tensors.items():
        first, other = next(iter(tensors.items()))
        if one.device != other.device:
            raise ValueError(f"{name} is on the device {one.device}, and {first} on {other.device}: {name}.to(...)")


def _floating(**given: Any) -> list[Any]:
    """Tensors of their common floating type on one device; numbers and integers take these of the others."""
    arrays = {name: _array(name, value) for name, value in given.items()}
    floats = [array for array in arrays.values() if array.dtype.is_floating_point]
    chosen = [array.dtype for array in floats if array.ndim] or [array.dtype for array in floats]
    dtype = chosen[0] if chosen else torch.get_default_dtype()
    for other in chosen[1:]:
        dtype = torch.promote_types(dtype, other)
    device = next((array for array in arrays.values() if array.ndim), next(iter(arrays.values()))).device
    return [array.to(device, dtype) for array in arrays.values()]


def _integers(name: str, given: Any) -> Any:
    array = _array(name, given)
    if (array.dtype.is_floating_point or array.dtype == torch.bool) and array.numel():
        raise TypeError(f"{name}: expected integers, got type {array.dtype}")
    return array.long()


def _array(name: str, given: Any) -> Any:
    """The tensor of an argument, or an error that says which argument cannot be used; a size is an integer."""
    if name in DIMENSIONS:
        if not isinstance(given, int) or isinstance(given, bool) or given < 0:
            raise TypeError(f"{name}: expected an integer size of at least 0, or data with it, got {given!r}")
        return given
    if not isinstance(given, torch.Tensor):
        try:
            # arrays of other libraries, also those on other devices, are taken as they lie in memory
            given = torch.from_dlpack(given) if _is_foreign(given) else torch.as_tensor(_lent(name, given))
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(f"{name}: expected real numbers, got {type(given).__name__}: {error}") from error
    if given.dtype.is_complex or given.layout != torch.strided:
        raise TypeError(f"{name}: expected a dense tensor of real numbers, got {given.dtype}, {given.layout}")
    if given.requires_grad and torch.is_grad_enabled():
        raise ValueError(
            f"{name} requires a gradient, which autograd cannot follow through these formulas: call "
            f"differentiable_value, or this function under torch.no_grad() or with {name}.detach()"
        )
    return given


def _lent(name: str, given: Any) -> Any:
    """What is given, as a copy if it is an array of NumPy that steps backwards through its memory."""
    if hasattr(given, "mask") and hasattr(given, "filled"):  # PyTorch would take what is masked, too
        raise TypeError(f"{name}: expected real numbers, got {type(given).__name__}; fill it first")
    strides = getattr(given, "strides", None)
    return given.copy() if isinstance(strides, tuple) and any(step < 0 for step in strides) else given


def _is_foreign(given: Any) -> bool:
    return hasattr(given, "__dlpack__") and not hasattr(given, "__array_interface__")


def _like(*arrays: Any) -> Any:
    """The number 0 in the type and on the device of the arguments, of a batch where under vmap one of them is."""
    made = sum(array.new_zeros(()) for array in arrays)
    return made if made.dtype.is_floating_point else made.to(torch.get_default_dtype())


def _in_range(name: str, positions: Any, size: Any) -> Any:
    """Whether all positions lie on an axis of the given size, or below it where it differs from one to the next.

    Where data can be looked at, positions that do not are an error.
    """
    outside = (positions < 0) | (positions >= size)
    if not torch.compiler.is_compiling():
        try:
            if not torch.any(outside):
                return True
        except RuntimeError:  # under vmap nothing is known of a batch
            return ~torch.any(outside)
        place = tuple(int(k) for k in torch.argwhere(outside)[0])
        most = int(torch.broadcast_to(torch.as_tensor(size), outside.shape)[place]) - 1
        found = int(torch.broadcast_to(positions, outside.shape)[place])
        raise IndexError(f"{name}{list(place) or ''} is {found}, expected 0 ... {most}")
    return ~torch.any(outside)


def _or_nan(valid: Any, result: Any) -> Any:
    """The result where subscripts are valid; else no number of it is one, where nothing could be known before."""
    if valid is True:
        return result
    if isinstance(result, tuple):
        parts = [_or_nan(valid, part) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return torch.where(valid, result, torch.nan) if result.is_floating_point() else result  # as conditions are kept


def _copy(total: Any) -> Any:
    """A tensor, or several, that may be written over."""
    return tuple(map(_copy, total)) if isinstance(total, tuple) else total.clone()


def _maximum(x: Any, y: Any) -> Any:
    """The larger of two, of which one may be a number."""
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
        return torch.maximum(x, y)
    return x.clamp(min=y) if isinstance(x, torch.Tensor) else y.clamp(min=x)


def _minimum(x: Any, y: Any) -> Any:
    """The smaller of two, of which one may be a number."""
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor):
        return torch.minimum(x, y)
    return x.clamp(max=y) if isinstance(x, torch.Tensor) else y.clamp(max=x)


def _extremum(reduced: Any, x: Any, axes: Any, initial: float) -> Any:
    """The largest or smallest entries along axes, which may be empty: then `initial`, with which the others begin."""
    axes = tuple(range(x.ndim)) if axes is None else axes if isinstance(axes, tuple) else (axes,)
    if all(x.shape[axis] for axis in axes):
        made = reduced(x, dim=axes)
        return made.clamp(min=initial) if reduced is torch.amax else made.clamp(max=initial)
    return x.new_full([side for axis, side in enumerate(x.shape) if axis not in axes], initial)


def _prod(x: Any, axis: Any = None) -> Any:
    """The products along axes."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for one in sorted(axes, reverse=True):
        x = torch.prod(x, dim=one)
    return x


def _grid(sides: tuple[int, ...], device: Any) -> tuple[Any, ...]:
    """For each axis of a shape its subscripts, along that axis."""
    shapes = [[-1 if axis == other else 1 for other in range(len(sides))] for axis in range(len(sides))]
    return tuple(torch.arange(side, device=device).reshape(s) for side, s in zip(sides, shapes, strict=True))


def _added(array: Any, places: tuple[Any, ...], values: Any) -> Any:
    """The tensor with values added at places, each as often as it occurs."""
    values = values if isinstance(values, torch.Tensor) else array.new_tensor(values)
    picked = [isinstance(place, torch.Tensor) for place in places]
    if all(picked):
        return torch.index_put(array, places, values, accumulate=True)
    if not any(picked):
        made = array + values.new_zeros(())  # of a batch under vmap if the values are
        made[places] += values
        return made
    flat = torch.arange(array.numel(), device=array.device).reshape(array.shape)[places]
    made = torch.index_put(array.reshape(-1), (flat,), values, accumulate=True)
    return made.reshape(array.shape)


def _block(parts: Any) -> Any:
    """One array of nested lists of blocks, the innermost along the last axis."""

    def depth(one: Any) -> int:
        return 1 + depth(one[0]) if isinstance(one, list) else 0

    return torch.cat([_block(one) if isinstance(one, list) else one for one in parts], dim=-depth(parts))


def _solve(a: Any, b: Any) -> Any:
    """a⁻¹ b for one b of columns, or a vector, or one for each matrix of a stack."""
    if b.ndim == 1:
        return torch.linalg.solve(a, b[:, None])[..., 0]
    return torch.linalg.solve(a, b.expand(*a.shape[:-2], *b.shape[-2:]) if b.ndim < a.ndim else b)


def _definite_cholesky(a: Any, name: str) -> Any:
    """The lower Cholesky factor of each matrix of a stack; not a number where there is none and data cannot be seen."""
    factor, failed = torch.linalg.cholesky_ex(a)
    if not torch.compiler.is_compiling():
        try:
            if torch.any(failed) and not torch.any(torch.isnan(a)):
                said = f"{name} is not positive definite; the model has the fact that it is"
                raise torch.linalg.LinAlgError(said)
        except RuntimeError as error:  # under vmap nothing is known of a batch
            if isinstance(error, torch.linalg.LinAlgError):
                raise
    return torch.where((failed != 0)[..., None, None], torch.nan, factor)


def _adjugate(a: Any, det: Any) -> Any:
    """det·a⁻¹ of each matrix of a stack; where a is nearly singular from its singular values: it is finite there."""
    inverse = torch.linalg.inv_ex(a)[0]
    # det and inverse are each off by the condition times the rounding error: half of the digits at this limit
    condition = torch.linalg.matrix_norm(a) * torch.linalg.matrix_norm(inverse)
    regular = condition <= torch.finfo(a.dtype).eps ** -0.5
    u, s, vt = torch.linalg.svd(a)
    others = (torch.linalg.det(u) * torch.linalg.det(vt))[..., None] * _product_of_others(s, (-1,))
    singular = (vt.mT * others[..., None, :]) @ u.mT
    return torch.where(regular[..., None, None], det[..., None, None] * inverse, singular)


def _cbrt(x: Any) -> Any:
    """The real cube root."""
    root = torch.sign(x) * torch.abs(x) ** (1 / 3)
    # one step of Newton's method: 1/3 is no floating number
    step = (root - x / (root * root)) / 3
    return torch.where(torch.isfinite(step), root - step, root)


def _gamma(x: Any) -> Any:
    """Γ(x)."""
    return _gammasgn(x) * torch.exp(torch.special.gammaln(x))


def _gammasgn(x: Any) -> Any:
    """The sign of Γ(x)."""
    odd = torch.remainder(torch.floor(x), 2) != 0
    return torch.where((x < 0) & odd, -1.0, 1.0).to(x.dtype)


def _beta(a: Any, b: Any) -> Any:
    """Γ(a)·Γ(b)/Γ(a + b)."""
    signs = _gammasgn(a) * _gammasgn(b) * _gammasgn(a + b)
    return signs * torch.exp(torch.special.gammaln(a) + torch.special.gammaln(b) - torch.special.gammaln(a + b))


def _polygamma(n: int, x: Any) -> Any:
    """log Γ(x) (n = −1) or ψ⁽ⁿ⁾; for n = 1 by Hurwitz's ζ, as PyTorch's own has ten digits."""
    if n == -1:
        return torch.special.gammaln(x)
    if n != 1:
        return torch.special.digamma(x) if n == 0 else torch.special.polygamma(n, x)
    below = x <= 0
    made = torch.special.zeta(torch.full_like(x, 2), torch.where(below, 1 - x, x))
    return torch.where(below, (torch.pi / torch.sin(torch.pi * x)) ** 2 - made, made)


def _exp_ndtr(u: Any, x: Any) -> Any:
    """exp(u)·Φ(x), of which one factor may overflow and the other underflow."""
    return torch.exp(u + torch.special.log_ndtr(x))


def _finite_log(x: Any) -> Any:
    """log x, and where x is 0 a number that is finite with its cube: about -6e100, in float32 -7e10."""
    least = -0.01 * torch.finfo(x.dtype).max ** (1 / 3)
    return torch.where(x == 0, least, torch.log(torch.where(x == 0, 1, x)))


def _centred(x: Any, shares: Any, axis: int) -> Any:
    """x − Σ shares·x along an axis for shares that add up to 1, from the x with the largest share, which cancels."""
    x, shares = torch.broadcast_tensors(x, shares)
    x = x - torch.take_along_dim(x, torch.argmax(shares, axis, keepdim=True), axis)
    return x - torch.sum(shares * x, axis, keepdim=True)


def _without_largest(x: Any, sizes: Any, axis: int) -> tuple[Any, Any]:
    """x with 0 in place of the entry whose size is the largest along an axis, and where these are."""
    largest = torch.argmax(sizes, axis, keepdim=True)
    return torch.scatter(x, axis, largest, 0), largest


def _log_total(x: Any, total: Any, axis: int) -> Any:
    """log Σ x along an axis, of which the largest x is 1 if not all are 0, also where the others are small."""
    if not x.shape[axis]:
        return torch.log(total)
    return torch.log1p(torch.sum(_without_largest(x, x, axis)[0], axis))


def _balanced(x: Any, taken: Any, total: Any, axis: int) -> Any:
    """x − taken for x = c·exp(u)/total: where that is near 1, the entry of the largest x is minus the others."""
    x, taken = torch.broadcast_tensors(x, taken)
    others, largest = _without_largest(x - taken, torch.abs(x), axis)
    balanced = torch.scatter(others, axis, largest, -torch.sum(others, axis, keepdim=True))
    return torch.where(torch.unsqueeze(total < 1.1, axis), balanced, x - taken)


def _norm(x: Any, axis: Any = None) -> Any:
    """√Σ x² over axes, in units of the largest x."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not all(x.shape[one] for one in axes):
        return torch.sum(x, axes)
    unit = torch.amax(torch.abs(x), axes, keepdim=True)
    unit = torch.where((unit > 0) & (unit < torch.inf), unit, 1)
    return torch.sqrt(torch.sum((x / unit) ** 2, axes)) * unit.squeeze(axes)


def _product_of_others(x: Any, axes: tuple[int, ...]) -> Any:
    """For every entry the product of all others along the axes: right where entries are zero, too."""
    last = tuple(range(-len(axes), 0))
    moved = torch.moveaxis(x, axes, last)
    flat = moved.flatten(-len(axes))
    one = torch.ones_like(flat[..., :1])
    before = torch.cat([one, torch.cumprod(flat[..., :-1], -1)], -1)
    after = torch.cat([one, torch.cumprod(flat[..., 1:].flip(-1), -1)], -1).flip(-1)
    return torch.moveaxis((before * after).reshape(moved.shape), last, axes)


def _largest_so_far(x: Any, axis: int, backwards: bool) -> Any:
    """For every entry the largest up to it along an axis, or from it on."""
    x = x.flip(axis) if backwards else x
    made = torch.cummax(x, axis).values
    return made.flip(axis) if backwards else made


def _sums_of_exponentials(x: Any, weights: Any, axis: int, backwards: bool) -> Any:
    """Σ weights[k]·exp(x[k] − m) over the entries k up to each one, or from it on, with m the largest x among them."""
    x, weights = torch.broadcast_tensors(x, weights)
    least = torch.finfo(x.dtype).min
    x, weights = x.clamp(min=least), torch.where(x > -torch.inf, weights, 0)
    x, weights = (torch.moveaxis(one.flip(axis) if backwards else one, axis, -1) for one in (x, weights))
    step = 1
    while step < x.shape[-1]:  # sums of twice as many entries at each step
        earlier = torch.nn.functional.pad(x[..., :-step], (step, 0), value=least)
        before = torch.nn.functional.pad(weights[..., :-step], (step, 0))
        largest = torch.maximum(x, earlier)
        weights = weights * torch.exp(x - largest) + before * torch.exp(earlier - largest)
        x, step = largest, 2 * step
    made = torch.moveaxis(weights, -1, axis)
    return made.flip(axis) if backwards else made
