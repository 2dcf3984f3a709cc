"""The check that functions of a module that compute the same numbers agree."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from symgrad.verify.arrays import EPS, Array, largest
from symgrad.verify.calls import (
    BOTH,
    COMPACT,
    FLAT,
    GRADIENT,
    HESSIAN,
    PATTERN,
    PRODUCT,
    SPARSE,
    TOGETHER,
    VALUE,
    called,
)
from symgrad.verify.point import REPEAT, Point, close, difference, finding
from symgrad.verify.report import Finding

_AGREE = 1e-9  # two functions of second order, relative to the largest


def agreement_findings(point: Point) -> Iterator[Finding]:
    """Whether functions that compute the same numbers agree."""
    if point.value is None:
        return
    plain, shared = point.plain, [(BOTH, VALUE), (GRADIENT, BOTH), (FLAT, VALUE), *point.calls.vectors.items()]
    shared += [(f"{k}{TOGETHER}", one) for k in point.subject.second.values for one in (k, f"jacobian_{k}")]
    for function, other in shared:
        for label, got in plain.get(function, {}).items():
            if label in plain.get(other, {}) and (label == "value") == (other == VALUE):
                wanted = plain[other][label].reshape(got.shape)
                agrees = close(got, wanted, REPEAT, point.allowed(function, label))
                name = f"{function} has the same {f'gradient by {label}' if label in point.names else label} as {other}"
                yield finding(name, agrees, difference(label, got, wanted))
    if FLAT in plain:
        yield from _packed(point)
    if HESSIAN in plain or SPARSE in plain:
        yield from _hessians(point)
    if SPARSE in plain:
        yield from _places(point)


def _packed(point: Point) -> Iterator[Finding]:
    """Whether `pack` and `unpack` are what `flat_value_and_gradient` needs."""
    parameters, data = point.calls.flat_inputs(point.draw.inputs)
    theta = point.subject.module.pack(*parameters)
    expected = np.concatenate([np.ravel(part) for part in parameters])
    back = point.subject.module.unpack(theta, **data)
    same = all(np.array_equal(part, given) for part, given in zip(back, parameters, strict=True))
    yield finding("pack puts the parameters in a row", np.array_equal(theta, expected))
    yield finding("unpack undoes pack", same)


def _hessians(point: Point) -> Iterator[Finding]:
    """Whether both orders of differentiation agree, and the Hessian with the products and with its factors."""
    hessian = point.plain.get(HESSIAN) or point.plain[SPARSE]
    size = {name: math.prod(point.shape(name)) for name in point.names}
    rows = {(p, q): hessian[f"H.{p}.{q}"].reshape(size[p], size[q]) for p in point.names for q in point.names}
    # the directions in which the facts let parameters move; along tangents of a curved set the Hessian is another
    movable = {
        name: np.array([np.ravel(d.vector) for d in tangent.entries()]).reshape(len(tangent), size[name])
        for name, tangent in point.tangents.items()
        if not tangent.orthogonal
    }
    for number, p in enumerate(point.names):
        for q in point.names[: number + 1]:
            if p in movable and q in movable:
                there = movable[p] @ rows[p, q] @ movable[q].T
                back = movable[q] @ rows[q, p] @ movable[p].T
                yield _agrees(point, f"H.{p}.{q} is H.{q}.{p} transposed", there, back.T)
    for p, product in point.plain.get(PRODUCT, {}).items():
        name = p.removeprefix("Hv.")
        expected = sum(rows[name, q] @ np.ravel(point.vector(q, point.directions)) for q in point.names)
        statement = f"hessian and hessian_vector_product agree on {name}"
        yield _agrees(point, statement, np.ravel(product), np.asarray(expected))
    factors = point.subject.second.factors if COMPACT in point.plain else {}
    for (p, q), parts in factors.items():
        dense, combined = hessian[f"H.{p}.{q}"], np.zeros_like(hessian[f"H.{p}.{q}"])
        found = [array for label, array in point.plain[COMPACT].items() if label.split(".")[:3] == ["H", p, q]]
        for (ties, axes), part in zip(parts, found, strict=True):
            combined += combine(part, ties, axes, dense.shape)
        yield _agrees(point, f"hessian_compact has the factors of H.{p}.{q}", combined, dense)


def _places(point: Point) -> Iterator[Finding]:
    """Whether a sparse Hessian has each place once, and where its pattern says."""
    matrix, pattern = (called(point.subject.module, name, point.inputs, point.draw.sizes) for name in (SPARSE, PATTERN))
    places = np.stack([matrix.rows, matrix.columns])
    once = np.unique(places, axis=1).shape[1] == np.size(matrix.values) == places.shape[1]
    yield finding("hessian_sparse has each place once", once)
    same = np.array_equal(places, np.stack([pattern.rows, pattern.columns])) and matrix.shape == pattern.shape
    yield finding("hessian_pattern says where the entries of hessian_sparse stand", same)


def _agrees(point: Point, statement: str, got: Array, wanted: Array) -> Finding:
    off = largest(got - wanted)
    scale = largest(wanted)
    holds = off <= _AGREE * scale + 1e2 * EPS * max(1.0, point.terms) or not math.isfinite(off)
    return finding(statement, holds, f"they differ by {off:.3g}, of at most {scale:.3g}")


def combine(part: Any, ties: Sequence[tuple[int, int]], axes: Sequence[int], shape: tuple[int, ...]) -> Array:
    """Π δ · part as a dense array of the given shape: `part` has those of its axes that `axes` lists."""
    rows = {column: row for row, column in ties}
    letters = "abcdefghijklmnopqrstuvwxyz"
    out: Array = np.zeros(shape)
    kept = [axis for axis in range(len(shape)) if axis not in rows]
    # axes of the part that a delta of the part's own ties are axes of the view as well
    spec = "".join(letters[rows.get(axis, axis)] for axis in range(len(shape)))
    view = np.einsum(f"{spec}->{''.join(letters[axis] for axis in kept)}", out)
    index = tuple(slice(None) if axis in axes else None for axis in kept)
    view[...] = np.asarray(part)[index]
    return out
