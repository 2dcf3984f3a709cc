"""Hessians, products with them, named quantities and their Jacobians as generated functions."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

from symgrad.compiler import Derivation
from symgrad.outputs.derivatives import direction, hessian, hessian_vector_product
from symgrad.outputs.documentation import factors_line, shape_line
from symgrad.outputs.function import Array, Function, Record, Result, Sparse, arrays_of, scheduled, whole
from symgrad.outputs.jacobians import jacobian
from symgrad.outputs.quantities import quantity_function, with_value
from symgrad.outputs.request import Request
from symgrad.outputs.sparse import is_sparse, lists_of, sparse_hessian, sparse_jacobian
from symgrad.outputs.structure import Factors, compact, dense, factors, joined, sliced

Formulas = Callable[[Any, Any], str | None]  # the text of the derivative of one thing by another, for docstrings

HESSIAN, COMPACT, PRODUCT = "hessian", "hessian_compact", "hessian_vector_product"
SPARSE, PATTERN = "hessian_sparse", "hessian_pattern"
_ENTRIES = (
    "Rows and columns count the entries of the parameters, in C order, one parameter behind the other. Each place is",
    "there once, in both triangles. pattern : what `hessian_pattern` gave for these sizes and data, if that is known.",
    "There are entries only where row and column are for",
)


def second_order(derivation: Derivation, request: Request, formulas: Formulas) -> list[Function]:
    """The functions that are wanted, as they are derived.

    Raises
    ------
    UnsupportedError : a derivative has no rule.
    """
    made: list[Function] = []
    if request.hessian:
        made += _hessians(derivation, formulas)
    if request.sparse:
        made.append(_sparse_hessian(derivation))
    if request.hvp:
        made.append(_product(derivation))
    made += [quantity_function(derivation, name) for name in request.quantities]
    for name in request.jacobian:
        made.append(_jacobian(derivation, name, formulas))
        if name in request.quantities:
            made.append(with_value(made[-1], derivation, name))
    return made


def ready(functions: list[Function], derivation: Derivation) -> list[Function]:
    """The same as code should compute them, each scheduled by itself: they are called one at a time.

    Before each are those that give the patterns of its sparse matrices.
    """
    program = derivation.program
    made: dict[str, Function] = {}
    for function in functions:
        (one,) = scheduled([function], program.identities, loss=program.loss)
        for array in arrays_of(one.result):
            if isinstance(array, Sparse) and array.pattern.function not in made:
                name, doc = array.pattern.function, ("Where entries may be different from zero.", *array.pattern.doc)
                made[name] = Function(name, doc, one.arguments, array.pattern)
        made[one.name] = one
    return list(made.values())


def _hessians(derivation: Derivation, formulas: Formulas) -> list[Function]:
    nodes = derivation.program.parameters
    full: dict[str, dict[str, Result]] = {node.name: {} for node in nodes.values()}
    small: dict[str, dict[str, Result]] = {}
    doc = ["The second derivatives of the loss: H.p.q has the axes of p, then those of q."]
    rules = ["The factors of those second derivatives that are structured; where the deltas are 0, so is H."]
    for (p, first), (q, second) in ((one, other) for one in nodes.items() for other in nodes.items()):
        shape = first.shape + second.shape
        parts = sliced(hessian(derivation, p, q), shape)
        array = Array(f"hessian_{first.name}_{second.name}", shape, joined(parts, shape))
        full[first.name][second.name] = array
        doc.append(shape_line(f"H.{first.name}.{second.name}", formulas(p, q), shape))
        found = compact(f"compact_{first.name}_{second.name}", parts, shape)
        if found is not None:
            small.setdefault(first.name, {})[second.name] = found
            rules.append(factors_line(f"{first.name}.{second.name}", parts, len(shape)))
    arguments = derivation.program.arguments
    made = [Function(HESSIAN, tuple(doc), arguments, _rows("Hessian", full), zeros=_is_mostly_zero(derivation))]
    if small:
        made.append(Function(COMPACT, tuple(rules), arguments, _rows("CompactHessian", small)))
    return made


def _is_mostly_zero(derivation: Derivation) -> bool:
    """Whether the second derivatives by two parameters of a size that is no number are sparse, and no others dense."""
    nodes = derivation.program.parameters
    large = [p for p, node in nodes.items() if any(not side.is_Integer for side in node.shape)]
    lists = [
        is_sparse(lists_of(hessian(derivation, p, q), nodes[p].rank, nodes[p].shape + nodes[q].shape), nodes[p].rank)
        for p, q in combinations_with_replacement(large, 2)
    ]
    return bool(lists) and all(lists)


def _sparse_hessian(derivation: Derivation) -> Function:
    matrix = sparse_hessian(derivation, "hessian", PATTERN)
    doc = (
        "The second derivatives of the loss by the flat vector of all parameters, as a sparse matrix.",
        *_ENTRIES,
        *(f"    {line}" for line in matrix.pattern.doc),
    )
    return Function(SPARSE, doc, derivation.program.arguments, matrix)


def _rows(name: str, rows: dict[str, dict[str, Result]]) -> Record:
    return Record(name, {p: Record(f"{name}_{p}", row) for p, row in rows.items()})


def factors_of_hessian(derivation: Derivation) -> dict[tuple[str, str], Factors]:
    """How the arrays of `hessian_compact` combine, by the names of the parameters."""
    nodes = derivation.program.parameters
    every = {(nodes[p].name, nodes[q].name): factors(hessian(derivation, p, q)) for p in nodes for q in nodes}
    return {names: found for names, found in every.items() if found}


def _product(derivation: Derivation) -> Function:
    program = derivation.program
    parameters = [a for a in program.arguments if a.role == "parameter"]
    directions, results = [], {}
    products = hessian_vector_product(derivation)
    for argument, (symbol, node), use in zip(parameters, program.parameters.items(), products, strict=True):
        along = direction(symbol, node)
        directions.append(replace(argument, name=along.name, symbol=along.symbol, role="direction"))
        results[argument.name] = whole(f"product_{argument.name}", use, node.shape, directions[-1])
    doc = (
        "The Hessian times a direction, at the cost of a gradient.",
        "direction : an array for each parameter, as a tuple (or a `Parameters`, or a `Gradient`); where there is one",
        "parameter a lone array will do. What comes back has the shapes of the direction.",
    )
    return Function(PRODUCT, doc, program.arguments, Record("Gradient", results), directions=tuple(directions))


def _jacobian(derivation: Derivation, name: Any, formulas: Formulas) -> Function:
    node = derivation.program.names[name]
    results: dict[str, Result] = {}
    doc = [f"The derivatives of {node.name}: J.q has the axes of {node.name}, then those of the parameter q."]
    for q, parameter in derivation.program.parameters.items():
        shape = node.shape + parameter.shape
        parts = jacobian(derivation, name, q)
        label, variable = f"J.{parameter.name}", f"jacobian_{parameter.name}"
        if shape and is_sparse(lists_of(parts, node.rank, shape), node.rank):
            found = sparse_jacobian(
                derivation, [name], [q], variable, f"pattern_of_jacobian_{node.name}_by_{parameter.name}"
            )
            results[parameter.name] = found
            doc += [f"{label} : sparse, with entries only where", *(f"    {line}" for line in found.pattern.doc)]
        else:
            results[parameter.name] = dense(variable, parts, shape)
            doc.append(shape_line(label, formulas(name, q), shape))
    record = Record(f"Jacobian_{node.name}", results)
    return Function(f"jacobian_{node.name}", tuple(doc), derivation.program.arguments, record, rows=node.rank)
