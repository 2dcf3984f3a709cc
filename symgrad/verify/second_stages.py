"""Second derivatives and Jacobians as each stage of the compiler has them, for the check to compare."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from symgrad.compiler import Derivation
from symgrad.graph.nodes import Input, Shape, Use
from symgrad.graph.transform import own
from symgrad.outputs.derivatives import derived_hessian, derived_jacobian, derived_product
from symgrad.outputs.function import Record, Result, phases, term_of
from symgrad.outputs.second_order import HESSIAN, PRODUCT, Request, second_order
from symgrad.verify.second_chain import SecondStages

Path = tuple[str, ...]  # the fields that lead to an array of a result


class _Derived(NamedTuple):
    """A derivative straight from forward mode: where it is in a result, what of, and by what."""

    path: Path
    label: str
    of: Use
    shape: Shape
    by: tuple[Input, ...]
    use: Use


def second_stages(derivation: Derivation, request: Request) -> list[SecondStages]:
    """The stages of everything requested; of a Hessian H.p.q with p before q, whose transposed H.q.p is made of it."""
    simplified = second_order(derivation, request, lambda of, by: None)
    derived = {}
    if request.hessian:
        derived[HESSIAN] = list(_hessian(derivation))
    if request.hvp:
        derived[PRODUCT] = list(_product(derivation))
    for name in request.jacobian:
        derived[f"jacobian_{derivation.program.names[name].name}"] = list(_jacobian(derivation, name))
    made = []
    for before in simplified:
        left = dict(_terms(before.result))
        after = [(name, dict(_terms(one.result))) for name, (one,) in phases([before], derivation.program.identities)]
        for path, label, of, shape, by, use in derived.get(before.name, ()):
            product = before.name == PRODUCT
            code = tuple((name, terms[path]) for name, terms in after)
            made.append(SecondStages(before.name, label, of, shape, by, use, left[path], code, path, product))
    return made


def _terms(result: Result, path: Path = ()) -> Iterator[tuple[Path, Use]]:
    """The arrays of a result as terms, with the fields that lead to them."""
    if isinstance(result, Record):
        for name, part in result.fields.items():
            yield from _terms(part, (*path, name))
    elif not isinstance(result, tuple):
        yield path, term_of(result)


def _hessian(derivation: Derivation) -> Iterator[_Derived]:
    nodes = derivation.program.parameters
    order = list(nodes)
    for number, q in enumerate(order):
        above = order[: number + 1]
        for p, use in zip(above, derived_hessian(derivation, above, q), strict=True):
            first, second = nodes[p], nodes[q]
            label = f"H.{first.name}.{second.name}"
            yield _Derived((first.name, second.name), label, derivation.gradient[p], first.shape, (second,), use)


def _product(derivation: Derivation) -> Iterator[_Derived]:
    nodes = derivation.program.parameters
    for (p, node), use in zip(nodes.items(), derived_product(derivation), strict=True):
        yield _Derived((node.name,), f"Hv.{node.name}", derivation.gradient[p], node.shape, tuple(nodes.values()), use)


def _jacobian(derivation: Derivation, quantity: Any) -> Iterator[_Derived]:
    name = derivation.program.names[quantity]
    for q, node in derivation.program.parameters.items():
        use = derived_jacobian(derivation, quantity, q)
        yield _Derived((node.name,), f"J_{name.name}.{node.name}", own(name), name.shape, (node,), use)
