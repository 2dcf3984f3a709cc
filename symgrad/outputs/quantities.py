"""Named quantities as generated functions: the value of a name of `where`, and value and Jacobian together."""

from dataclasses import replace
from typing import Any

from symgrad.compiler import Derivation
from symgrad.frontend.names import name_of
from symgrad.graph.transform import own
from symgrad.outputs.function import Array, Function, whole


def quantity_value(derivation: Derivation, name: Any) -> Array:
    """A name of `where` as an array of a result."""
    node = derivation.program.names[name]
    return whole(node.name, own(node), node.shape)


def quantity_function(derivation: Derivation, name: Any) -> Function:
    """`NAME`, which computes a name of `where`."""
    node = derivation.program.names[name]
    value = quantity_value(derivation, name)
    doc = f"{node.name}, as `where` defines it."
    return Function(function_of(name), (doc,), derivation.program.arguments, value, rows=node.rank)


def with_value(jacobian: Function, derivation: Derivation, name: Any) -> Function:
    """`NAME_and_jacobian`, which computes once what the quantity and its Jacobian share."""
    value = quantity_value(derivation, name)
    doc = (f"{value.label} and its Jacobian together.", *jacobian.doc[1:])
    return replace(jacobian, name=together(name), doc=doc, result=(value, jacobian.result), rows=None)


def function_of(name: Any) -> str:
    """What the function of a quantity is called."""
    return name_of(name)


def together(name: Any) -> str:
    """What the function of a quantity and its Jacobian is called."""
    return f"{name_of(name)}_and_jacobian"
