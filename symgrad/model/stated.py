"""A model as it is stated: read into the graph, its gradient derived, its symbols by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from sympy import Basic, IndexedBase

from symgrad.arguments import Argument
from symgrad.calls import checked, quoted, switch, without_attribute
from symgrad.collector import seldom
from symgrad.compiler import Derivation, derive, with_jacobians
from symgrad.deep import with_room
from symgrad.errors import ModelError
from symgrad.formula.indexed import IndexNames
from symgrad.frontend import given
from symgrad.frontend.names import base_symbol, label_of, name_of
from symgrad.frontend.program import Program, index_symbols, read_program
from symgrad.functions.defined import definitions
from symgrad.graph.nodes import Node, Use
from symgrad.model.without_loss import half_squares, refuse
from symgrad.outputs.request import Request
from symgrad.spellings import OF_MODELS
from symgrad.walk import depth

_T = TypeVar("_T")

# What modules have anyway, or may have, under names that a quantity could have.
FUNCTIONS = ("value", "gradient", "value_and_gradient", "hessian", "hessian_compact", "pack", "unpack", "bind")


class StatedModel:
    """A loss with its parameters, and what its names mean; see `Model`."""

    @checked("Model(sumsq(X*w - y), [w], where=[Eq(z, X*w)])")
    def __init__(
        self,
        loss: Any,
        parameters: Sequence[Any],
        *,
        where: Sequence[Any] | Mapping[Any, Any] = (),
        facts: Sequence[Any] = (),
        sizes: Mapping[Any, int] = MappingProxyType({}),
        name: str | None = None,
    ) -> None:
        self.loss = None if loss is None else given.expression(loss)
        equations = given.equations(where, self.loss)
        self.where: tuple[Any, ...] = (*definitions([self.loss, *equations]), *equations)
        self._stated = half_squares(self.where) if self.loss is None else self.loss
        parts = [part for part in (self._stated, *self.where) if isinstance(part, Basic)]
        self.parameters: tuple[Any, ...] = given.parameters(parameters, parts)
        self.facts: tuple[Any, ...] = given.listed(facts, "facts", "[x > 0]")
        self.name = given.model_name(name)
        parts += [part for part in self.facts if isinstance(part, Basic)]
        self._depth = depth(parts)
        program = self._run(lambda: with_jacobians(read_program(self._stated, self.parameters, self.where, self.facts)))
        self.program: Program = replace(program, sizes=given.sizes(sizes, program.dimensions))
        self._adjoints: dict[Any, Use] = {}

    def _run(self, function: Callable[[], _T]) -> _T:
        """`function()`, with room for SymPy's recursion over a deep model, and collecting garbage seldom."""
        with seldom():
            return with_room(self._depth, function)

    def __getattr__(self, name: str) -> Any:
        if name in dir(type(self)):  # a property that failed: say how
            return object.__getattribute__(self, name)
        raise without_attribute("Model", name, dir(type(self)), {} if name.startswith("_") else OF_MODELS)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """An error: a model is formulas, and its module has functions."""
        raise ModelError(
            f"a Model is no function; {self.name} is computed by the functions of model.compile(), such as "
            f"value({', '.join(argument.name for argument in self.arguments)})"
        )

    def __repr__(self) -> str:
        return f"Model({self.name}: by {', '.join(name_of(p) for p in self.parameters)})"

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments of the generated functions: parameters, data in alphabetical order, undetermined dimensions.

        Examples
        --------
        >>> from sympy import Symbol
        >>> from symgrad import Model
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> [(argument.name, argument.role) for argument in model.arguments]
        [('x', 'parameter'), ('a', 'data')]
        """
        return self.program.arguments

    @cached_property
    def derivation(self) -> Derivation:
        """The derived and simplified gradient, with the trace of its rewriting.

        Examples
        --------
        >>> from sympy import Symbol, exp, log
        >>> from symgrad import Model
        >>> x = Symbol("x", real=True)
        >>> [name for name, before, after in Model(log(1 + exp(x)), [x]).derivation.trace.steps]
        ['softplus']
        """
        return self._run(lambda: derive(self.program))

    def _called(self, quantity: Any) -> Any:
        """The parameter or name of `where` that a text means; a symbol is itself."""
        if not isinstance(quantity, str):
            return given.quantity(quantity)
        symbols = (*self.program.parameters, *self.program.names)
        known = {name_of(symbol): symbol for symbol in symbols} | {label_of(symbol): symbol for symbol in symbols}
        if quantity not in known:
            raise ModelError(
                f"{quantity!r} is neither a parameter nor a name of `where`; the model has {', '.join(known)}"
            )
        return known[quantity]

    def _parameter(self, parameter: Any) -> None:
        if base_symbol(parameter) not in self.program.parameters:
            known = ", ".join(name_of(p) for p in self.parameters)
            raise ModelError(f"{parameter} is not a parameter of this model; the parameters are {known}")

    def _quantity(self, name: Any) -> Any:
        """The name of `where` that a symbol or a text means."""
        base = base_symbol(given.quantity(name))
        for known in self.program.names:
            if base == known or name == name_of(known):
                return known
        found = ", ".join(map(name_of, self.program.names)) or "there are none"
        raise ModelError(
            f"{name} is not a name of `where`, which alone have functions and Jacobians; the names: {found}"
        )

    def _node(self, base: Any) -> Node:
        node: Node | None = self.program.parameters.get(base) or self.program.names.get(base)
        if node is None:
            known = ", ".join(name_of(s) for s in (*self.program.parameters, *self.program.names))
            raise ModelError(f"{base} is neither a parameter nor a name of `where`; the model has {known}")
        return node

    def _request(self, hessian: Any, hvp: Any, jacobian: Sequence[Any], quantities: Sequence[Any] = ()) -> Request:
        sparse, hvp = isinstance(hessian, str) and hessian == "sparse", switch("hvp", hvp)
        if isinstance(hessian, str) and not sparse:
            raise ModelError(f"hessian is {quoted(hessian)}; give True or False, or 'sparse'")
        hessian = not sparse and switch("hessian", hessian)
        if hessian or sparse or hvp:
            self._needs_loss("Hessian")
        named = self._quantities("jacobian", jacobian), self._quantities("quantities", quantities)
        return Request(hessian, hvp, *named, sparse)

    def _quantities(self, argument: str, named: Any) -> tuple[Any, ...]:
        """The names of `where` that an argument lists."""
        names = given.listed(
            [named] if isinstance(named, str | IndexedBase) else named, argument, '["z"], names of `where`'
        )
        found = tuple(dict.fromkeys(self._quantity(name) for name in names))
        for symbol in found if argument == "quantities" else ():
            if name_of(symbol) in FUNCTIONS:
                raise ModelError(
                    f"a module has a function {name_of(symbol)} of its own, so that none of a quantity can be called "
                    "so: rename the symbol"
                )
        return found

    def _needs_loss(self, what: str) -> None:
        """An error of a model without a loss."""
        instead = 'its quantities have Jacobians, as in jacobian("r", w) and compile(quantities=["r"], jacobian=["r"])'
        refuse(self.loss, what, instead)

    @cached_property
    def _index_names(self) -> IndexNames:
        return IndexNames(index_symbols([self._stated, *self.where, *self.facts], self.program))
