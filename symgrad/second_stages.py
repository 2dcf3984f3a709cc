"""Second derivatives and Jacobians as each stage of the compiler has them, for the check to compare."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symgrad.calculus.structure import Block, total
from symgrad.compiler import Derivation
from symgrad.graph.nodes import Shape, Use
from symgrad.graph.transform import own
from symgrad.requests import HESSIAN, PRODUCT, Request
from symgrad.schedule.pipeline import schedule
from symgrad.second_order import (
    derived_hessian,
    derived_jacobian,
    derived_product,
    hessian,
    hessian_vector_product,
    jacobian,
)
from symgrad.verify.second_chain import SecondStages


def second_stages(derivation: Derivation, request: Request) -> list[SecondStages]:
    """The stages of everything requested; of a Hessian H.p.q with p before q, whose transposed H.q.p is made of it."""
    found: list[SecondStages] = []
    if request.hessian:
        found += _hessians(derivation)
    if request.hvp:
        found += _products(derivation)
    for name in request.jacobian:
        found += _jacobians(derivation, name)
    return found


def _hessians(derivation: Derivation) -> list[SecondStages]:
    nodes = derivation.program.parameters
    order = list(nodes)
    made = []
    for number, q in enumerate(order):
        above = order[: number + 1]
        for p, derived in zip(above, derived_hessian(derivation, above, q), strict=True):
            first, second = nodes[p], nodes[q]
            parts = hessian(derivation, p, q)
            shape = first.shape + second.shape
            made.append(
                SecondStages(
                    HESSIAN,
                    f"H.{first.name}.{second.name}",
                    derivation.gradient[p],
                    first.shape,
                    (second,),
                    derived,
                    total(parts, shape),
                    _as_code(parts, shape, derivation),
                    _field(first.name, second.name),
                )
            )
    return made


def _products(derivation: Derivation) -> list[SecondStages]:
    nodes = derivation.program.parameters
    simplified = hessian_vector_product(derivation)
    (code,) = schedule([simplified], derivation.program.identities)
    terms = zip(derived_product(derivation), simplified, code, strict=True)
    every = tuple(nodes.values())
    return [
        SecondStages(
            PRODUCT,
            f"Hv.{node.name}",
            derivation.gradient[p],
            node.shape,
            every,
            derived,
            simple,
            planned,
            _field(node.name),
            product=True,
        )
        for (p, node), (derived, simple, planned) in zip(nodes.items(), terms, strict=True)
    ]


def _jacobians(derivation: Derivation, quantity: Any) -> list[SecondStages]:
    name = derivation.program.names[quantity]
    made = []
    for q, node in derivation.program.parameters.items():
        parts = jacobian(derivation, quantity, q)
        shape = name.shape + node.shape
        made.append(
            SecondStages(
                f"jacobian_{name.name}",
                f"J_{name.name}.{node.name}",
                own(name),
                name.shape,
                (node,),
                derived_jacobian(derivation, quantity, q),
                total(parts, shape),
                _as_code(parts, shape, derivation),
                _field(node.name),
            )
        )
    return made


def _as_code(parts: Sequence[Block], shape: Shape, derivation: Derivation) -> Use:
    """The sum of blocks whose cofactors are as code computes them."""
    (code,) = schedule([[part.cofactor for part in parts]], derivation.program.identities)
    return total([replace(part, cofactor=use) for part, use in zip(parts, code, strict=True)], shape)


def _field(*names: str) -> Callable[[Any], Any]:
    """One array of a result, dense."""

    def array(result: Any) -> Any:
        for name in names:
            result = getattr(result, name)
        return result.to_dense() if hasattr(result, "to_dense") else np.asarray(result)

    return array
