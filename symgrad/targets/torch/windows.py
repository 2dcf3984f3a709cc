"""Windows of PyTorch's tensors as views, and values added where such windows lie, without a tensor of indices."""

import itertools
from typing import Any

import torch


def _windows(
    x: Any, shape: tuple[int, ...], axes: tuple[int, ...], steps: tuple[int, ...], start: tuple[int, ...] | None = None
) -> Any:
    """The entries of x along axes: that n of the result, of length shape[n], walks along axes[n] by steps[n]."""
    if 0 in shape:
        return x.new_zeros(shape)
    made: list[int] = []  # the axes of the result that are there, which come behind those of x
    for axis, (side, first) in enumerate(zip(x.shape, start or (0,) * x.ndim, strict=True)):
        mine = [n for n, along in enumerate(axes) if along == axis]
        ends = [steps[n] * (shape[n] - 1) for n in mine]
        low, high = (first + sum(pick(end, 0) for end in ends) for pick in (min, max))
        if low < 0 or high >= side:
            raise IndexError(f"windows from {low} to {high} leave axis {axis} of size {side}")
        if len(mine) == 2 and min(steps[n] for n in mine) > 0:
            m, n = mine
            x = x[low : high + 1].unfold(0, ends[1] + 1, steps[m])[..., :: steps[n]].movedim(0, -1)
            mine = [n, m]
        elif len(mine) == 1 and steps[mine[0]] > 0:
            x = x[low : high + 1 : steps[mine[0]]].movedim(0, -1)
        else:
            places = torch.tensor(first, device=x.device)
            for n in mine:
                places = places[..., None] + steps[n] * torch.arange(shape[n], device=x.device)
            x = x[places].movedim(tuple(range(len(mine))), tuple(range(-len(mine), 0)))
        made += mine
    return x.permute([made.index(n) for n in range(len(shape))])


def _add_windows(
    shape: tuple[int, ...],
    values: Any,
    axes: tuple[int, ...],
    steps: tuple[int, ...],
    start: tuple[int, ...] | None = None,
) -> Any:
    """Zeros of `shape` with the values added where such windows lie, one offset in the window after the other."""
    made = values.new_zeros(shape)  # of a batch under vmap if the values are
    # of the axes that walk along one axis the longest is added as a slice, the others offset by offset
    sliced = {axis: max((values.shape[n], -n) for n, along in enumerate(axes) if along == axis) for axis in set(axes)}
    whole = sorted((-n for _, n in sliced.values()), key=lambda n: axes[n])
    offsets = [range(1) if n in whole else range(length) for n, length in enumerate(values.shape)]
    for offset in itertools.product(*offsets) if 0 not in values.shape else ():
        place: list[Any] = list(start or (0,) * len(shape))
        for n, axis in enumerate(axes):
            place[axis] += steps[n] * offset[n]
        part = values[tuple(slice(None) if n in whole else k for n, k in enumerate(offset))]
        part = part.permute([sorted(whole).index(n) for n in whole])
        for k, n in enumerate(whole):
            low, step, length = place[axes[n]], steps[n], values.shape[n]
            ends = sorted((low, low + step * (length - 1)))
            place[axes[n]] = slice(ends[0], ends[1] + 1, abs(step))
            part = part.flip(k) if step < 0 else part
        made[tuple(place)] += part
    return made
