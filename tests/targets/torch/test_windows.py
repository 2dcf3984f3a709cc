"""Windows of tensors, and values added where they lie, are those of NumPy's modules; under vmap, too."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from symgrad.runtime.places import _add_windows as added_by_numpy
from symgrad.runtime.places import _windows as of_numpy

torch = pytest.importorskip("torch")

from symgrad.targets.torch.windows import _add_windows, _windows  # noqa: E402


def _drawn(count: int) -> Iterator[tuple[Any, tuple[Any, ...], bool]]:
    """An array, how windows walk over it, and whether they walk along each of its axes."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        sides, letters = int(rng.integers(1, 4)), int(rng.integers(1, 6))
        axes = tuple(map(int, rng.integers(0, sides, letters)))
        steps, shape = (
            tuple(map(int, rng.choice([1, 1, 2, 3, -1, -2], letters))),
            tuple(map(int, rng.integers(1, 4, letters))),
        )
        walks = list(zip(axes, steps, shape, strict=True))
        ends = [[step * (length - 1) for along, step, length in walks if along == axis] for axis in range(sides)]
        start = tuple(int(rng.integers(0, 2)) - sum(min(end, 0) for end in each) for each in ends)
        whole = [at + sum(max(end, 0) for end in each) + 1 for at, each in zip(start, ends, strict=True)]
        x = rng.normal(size=[side + int(rng.integers(0, 2)) for side in whole])
        yield x, (shape, axes, steps, start), set(axes) == set(range(sides))


def test_they_are_those_of_numpy() -> None:
    for x, (shape, *walk), everywhere in _drawn(200):
        np.testing.assert_array_equal(_windows(torch.tensor(x), shape, *walk), of_numpy(x, shape, *walk))
        if everywhere:
            values = np.random.default_rng(1).normal(size=shape)
            made = _add_windows(x.shape, torch.tensor(values), *walk)
            np.testing.assert_allclose(made, added_by_numpy(x.shape, values, *walk), atol=1e-13)


def test_batches_of_them_are_batches() -> None:
    for x, (shape, *walk), everywhere in _drawn(30):
        many = torch.tensor(np.stack([x, 2 * x]))
        made = torch.func.vmap(lambda one, shape=shape, walk=walk: _windows(one, shape, *walk))(many)
        torch.testing.assert_close(made[1], _windows(many[1], shape, *walk))
        if everywhere:
            sums = torch.func.vmap(lambda one, x=x, walk=walk: _add_windows(x.shape, one, *walk))(made)
            torch.testing.assert_close(sums[1], _add_windows(x.shape, made[1], *walk))


def test_empty_ones_and_such_as_leave_the_tensor() -> None:
    x = torch.arange(5.0)
    assert _windows(x, (0, 3), (0, 0), (1, 1)).shape == (0, 3)
    assert torch.equal(_add_windows((5,), x.new_zeros((0, 3)), (0, 0), (1, 1)), x.new_zeros(5))
    with pytest.raises(IndexError, match="windows from 0 to 5 leave axis 0 of size 5"):
        _windows(x, (4, 3), (0, 0), (1, 1))
