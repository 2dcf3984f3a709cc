"""How functions are called: what every target knows of a function before and after it is printed."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sympy import MatrixSymbol, Symbol

from symgrad.arguments import Argument
from symgrad.codegen.arguments import labels
from symgrad.codegen.lines import WIDTH
from symgrad.codegen.sizes import tuple_text
from symgrad.frontend.program import Program
from symgrad.graph.nodes import Input, Node, Use, postorder
from symgrad.lowering.slices import loops
from symgrad.lowering.solutions import solved
from symgrad.outputs.first_order import VALUE
from symgrad.outputs.function import Array, Function, Record, Result, Sparse, arrays_of, changed, terms_of
from symgrad.outputs.requirements import lengths_of


def has_loss(functions: Iterable[Function]) -> bool:
    """Whether a module with these functions computes a loss, or an objective, with its gradient."""
    return any(isinstance(one.result, Record) and one.result.name == "Gradient" for one in functions)


def subject(functions: Collection[Function]) -> str:
    """What a module with these functions computes, for its docstring."""
    names = {function.name for function in functions}
    if VALUE in names:
        return "the loss and its analytic gradient"
    if has_loss(functions):
        return "objective and constraints with their derivatives"
    return "named quantities and their derivatives"


@dataclass(frozen=True)
class Signature:
    """A function before it is printed.

    Attributes
    ----------
    function : the function.
    result : what it returns, with recurrences as loops.
    roots : every term of the result with a name for it.
    arguments : what it takes, in order; the directions, first of these, come packed in one argument.
    given_shapes : for arguments in whose shape something is returned, the variable that has this shape.
    dtype : the text of the floating type.
    """

    function: Function
    result: Result
    roots: dict[str, Use]
    arguments: tuple[Argument, ...]
    given_shapes: dict[str, str]
    dtype: str

    @property
    def typed(self) -> str:
        """An argument of the floating type; none where all are integers."""
        return next((a.name for a in self.arguments if not a.integer), "")

    def changed(self, change: Callable[[Sequence[Use]], Sequence[Use]]) -> "Signature":
        """The same with what is made of its terms, all together, in place of these."""
        result = changed(self.result, change)
        return replace(self, result=result, roots=_roots(result))


def signature(function: Function, program: Program, otherwise: str) -> Signature:
    """How a function is called, and its terms; `otherwise` is the floating type of one that takes integers only."""
    result = changed(function.result, lambda terms: solved(loops(terms)))
    read = {node.name for node in postorder([use.node for use in terms_of(result)]) if isinstance(node, Input)}
    arguments = (
        *function.directions,
        *(a for a in function.arguments if function.takes_all or a.name in read | function.takes),
    )
    real = next((f"{a.name}.dtype" for a in arguments if not a.integer), otherwise)
    return Signature(function, result, _roots(result), arguments, _given_shapes(function, program), real)


def _roots(result: Result) -> dict[str, Use]:
    """Every term of a result with a name for it."""
    roots: dict[str, Use] = {}
    for array in arrays_of(result):
        terms = terms_of(array.values if isinstance(array, Sparse) else array)
        for number, use in enumerate(terms):
            roots[array.label + (f"_{number}" if number else "")] = use
    return roots


@dataclass(frozen=True)
class Called:
    """A printed function as it is called.

    Attributes
    ----------
    function : what was printed.
    nodes : those of its terms, as they were scheduled.
    arguments : what it takes, in order; the directions, first of these, come packed in one argument.
    given_shapes : the variables that hold the shapes in which arguments are given, by argument.
    """

    function: Function
    nodes: tuple[Node, ...]
    arguments: tuple[Argument, ...]
    given_shapes: dict[str, str]

    @property
    def results(self) -> list[Node]:
        """The nodes that are its results, each by itself."""
        return [use.node for use in terms_of(self.function.result)]

    @property
    def check(self) -> str:
        """The name of the function that checks its arguments."""
        return "_arguments" if self.function.takes_all else f"_arguments_of_{self.function.name}"

    @property
    def names(self) -> list[str]:
        """Of its arguments."""
        return [a.name for a in self.arguments]

    @property
    def takes(self) -> list[str]:
        """The names of its arguments as it is called."""
        directions = [a.name for a in self.function.directions]
        others = [name for name in self.names if name not in directions]
        return ["direction", *others] if directions else others

    @property
    def unused(self) -> list[str]:
        """The names of the model's other arguments, which it accepts."""
        names = set(self.names)
        return [a.name for a in self.function.arguments if a.name not in names]

    @property
    def doc(self) -> list[str]:
        """The lines of its docstring: what it does, and what it takes; one line if it fits."""
        if len(self.function.doc) == 1 and self.arguments and not self.unused:
            taken = "; ".join(described(a)["line"] for a in self.arguments)
            together = f"{self.function.doc[0].rstrip('.')}, for {taken}."
            if len(together) < WIDTH:
                return [together]
        made = [*self.function.doc, *([""] if len(self.function.doc) > 1 else [])]
        made += [described(a)["line"] for a in self.arguments if a not in self.function.directions]
        return made + ([f"{', '.join(self.unused)} : accepted, and not needed"] if self.unused else [])


def _given_shapes(function: Function, program: Program) -> dict[str, str]:
    """A variable for the shape in which an argument was given, where something is returned in it."""
    taken = {argument.name for argument in function.arguments} | {str(d) for d in program.dimensions}
    found: dict[str, str] = {}
    for array in arrays_of(function.result):
        like = array.like if isinstance(array, Array) else None
        if like is not None and 1 in like.shape and isinstance(like.symbol, MatrixSymbol):
            name = f"{like.name}_shape"
            while name in taken:
                name += "_given"
            taken.add(name)
            found[like.name] = name
    return found


def taken_arguments(made: Signature, mentioned: Collection[Symbol], program: Program) -> tuple[Argument, ...]:
    """What a function takes whose statements mention these dimensions: those, too, that no array determines."""
    if made.function.takes_all:
        return made.arguments
    found = {length.dimension for length in lengths_of(made.arguments)}
    sides = {s for a in made.arguments for side in (*a.shape, *filter(None, [a.upper])) for s in side.free_symbols}
    passed = {a.symbol: a for a in made.function.arguments if a.role == "dimension"}
    loose = [
        passed.get(d) or Argument(str(d), d, (), "dimension", True)
        for d in program.dimensions
        if d not in found and d in sides.union(mentioned)
    ]
    return (*made.arguments, *loose)


def described(argument: Argument) -> dict[str, Any]:
    """What a template says of an argument."""
    sides = labels(argument.shape)
    shape = tuple_text([str(side) for side in sides])
    kind = f"{argument.role}, integers" if argument.integer and argument.role == "data" else argument.role
    said = f"{shape if sides else 'scalar'}, {kind}" if argument.role != "dimension" else "integer size"
    return {"name": argument.name, "labels": sides, "line": f"{argument.name} : {said}"}
