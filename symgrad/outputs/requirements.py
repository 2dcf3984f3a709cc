"""What a generated function requires of its arguments: sides that fit, lengths that are enough, entries to reduce."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from sympy import Abs, Expr, MatrixSymbol, Max, Min, Mod, Mul, Pow, S, Symbol, ceiling, floor
from sympy import Add as SymAdd
from sympy.core.function import Application

from symgrad.arguments import Argument
from symgrad.calculus.projection import note
from symgrad.frontend.program import Program
from symgrad.frontend.signature import determined
from symgrad.functions import MaxOver, MinOver, relu, step
from symgrad.functions.norms import reciprocal_norm, reciprocal_root
from symgrad.graph.affine import along_one
from symgrad.graph.dimensions import difference, is_never_empty, is_never_negative, may_be_zero
from symgrad.graph.masks import masks_all
from symgrad.graph.nodes import Add, Const, Contract, Gather, Node, Reduce, Scatter, Shape, Size, Use
from symgrad.outputs.function import axes_of


@dataclass(frozen=True)
class Length:
    """A dimension as it is read off an array: `expression` of the length of its axis (`signature.SIDE`) and others."""

    dimension: Symbol
    array: Argument
    axis: int
    expression: Expr


@dataclass(frozen=True)
class Extremum:
    """A maximum or minimum over so many entries, of which there are to be some if there are any `times`."""

    what: str
    over: Expr
    times: Expr


@dataclass(frozen=True)
class Requirements:
    """What the arguments of a function have to fulfil before its terms are computed.

    Attributes
    ----------
    arguments : those of the function, in order.
    lengths : every dimension that is read off an array, in an order in which each uses only earlier ones.
    needed : the dimensions among these that something here mentions.
    fitting : the arguments whose shapes may differ from what the dimensions say.
    minimum : the least size of a dimension, and what is to blame for a smaller one.
    nonnegative : expressions of dimensions that may not be negative.
    divisors : expressions of dimensions that may not be 0.
    extrema : the maxima and minima that have no value over no entries.
    """

    arguments: tuple[Argument, ...]
    lengths: tuple[Length, ...]
    needed: frozenset[Symbol]
    fitting: tuple[Argument, ...]
    minimum: tuple[tuple[Symbol, str, int], ...]
    nonnegative: tuple[Expr, ...]
    divisors: tuple[Expr, ...]
    extrema: tuple[Extremum, ...]


def requirements(
    program: Program, arguments: Sequence[Argument], nodes: Sequence[Node], results: Collection[Node] = ()
) -> Requirements:
    """What a check of these arguments looks at, before terms of these nodes, `results` among them, are computed.

    An array off whose sides alone its dimensions are read has no shape to check.
    """
    lengths = lengths_of(arguments)
    known = {length.dimension for length in lengths} | {a.symbol for a in arguments if a.role == "dimension"}
    fitting = [a for a in arguments if a.role != "dimension" and not _gives_all(a, lengths)]
    counted = _counted(program, nodes, results)
    divisors = _divisors(program, nodes)
    minimum = [one for one in _minimum(program, lengths, counted, divisors) if one[0] in known]
    divisors = [d for d in divisors if not d.is_Symbol and d.free_symbols <= known]
    extrema = [one for one in _extrema(nodes) if (one.over.free_symbols | one.times.free_symbols) <= known]
    promised = dict.fromkeys((*program.lengths, *program.promises, *(one for one in counted if not _is_of_one(one))))
    said: set[Any] = {symbol for length in promised for symbol in length.free_symbols} | {one[0] for one in minimum}
    said |= {symbol for divisor in divisors for symbol in divisor.free_symbols}
    said |= {symbol for one in extrema for side in (one.over, one.times) for symbol in side.free_symbols}
    said |= {symbol for a in fitting for side in axes_of(a) for symbol in side.free_symbols}
    said |= {symbol for a in arguments if a.upper is not None for symbol in a.upper.free_symbols}
    for length in reversed(lengths):  # each may be computed from those before it
        said |= length.expression.free_symbols if length.dimension in said else set()
    return Requirements(
        tuple(arguments),
        tuple(lengths),
        frozenset(length.dimension for length in lengths if length.dimension in said),
        tuple(fitting),
        tuple(minimum),
        tuple(length for length in promised if length.free_symbols <= known),
        tuple(divisors),
        tuple(extrema),
    )


def lengths_of(arguments: Sequence[Argument]) -> list[Length]:
    """How each dimension is read off the arrays, in an order in which each uses only earlier ones."""
    arrays = [a for a in arguments if a.role != "dimension"]
    found = determined([axes_of(a) for a in arrays])
    return [Length(dimension, arrays[n], axis, expression) for dimension, (n, axis, expression) in found.items()]


def is_thin(argument: Argument) -> bool:
    """Whether an argument is a matrix with a side of one, which has no axis for it in code."""
    return isinstance(argument.symbol, MatrixSymbol) and S.One in argument.shape


def _gives_all(argument: Argument, lengths: Sequence[Length]) -> bool:
    own = [length.dimension for length in lengths if length.array == argument]
    sides: Shape = axes_of(argument)
    return list(sides) == own


def _counted(program: Program, nodes: Sequence[Node], results: Collection[Node]) -> list[Expr]:
    """The lengths that are negative where a dimension is 0, and that are numbers in these nodes: Σ_t c = (T - 1)·c.

    A range so long is empty: its sums over arrays are 0 without more ado, the product is not. Nor does a length count
    in what has no entries itself then, such as the places T - 1 - t. A slice of an array that has entries then is none.
    """
    found: dict[Expr, None] = {}
    for length in program.shrinking:
        low = dict.fromkeys(length.free_symbols, S.Zero) if _is_of_one(length) else {}

        def empty(node: Node, length: Expr = length, low: dict[Any, Any] = low) -> bool:
            sides = (*node.shape, *getattr(node, "bound", ()))
            return any(side == length or (low and side.xreplace(low).is_nonpositive) for side in sides)

        def counts(node: Node, length: Expr = length) -> bool:
            return (
                isinstance(node, Size)
                and length.free_symbols <= node.value.free_symbols
                and not is_never_negative(node.value)
            )

        if (
            any(counts(node) for node in results)
            or any(counts(use.node) for node in nodes if not empty(node) for use in node.uses())
            or any(_is_cut_short(node, length) for node in nodes if isinstance(node, Gather | Scatter))
        ):
            found[length] = None
    return list(found)


def _is_cut_short(node: Gather | Scatter, length: Expr) -> bool:
    """Whether a slice of so many entries may have some where dimensions are 0: `x[:T - 1]` is all but the last then."""
    low = dict.fromkeys(length.free_symbols, S.Zero)
    shape = node.base.node.shape if isinstance(node, Gather) else node.shape
    for sub, side in zip(node.subs, shape, strict=True):
        letter, _, start = along_one(sub) or (None, S.One, S.Zero)
        if letter is not None and sub.node.shape[sub.letters.index(letter)] == length:
            one = (side.xreplace(low) - 1).is_nonpositive
            if not one and not start.xreplace(low).is_positive:
                return True
    return False


def _is_of_one(length: Expr) -> bool:
    return len(length.free_symbols) == 1


def _minimum(
    program: Program, lengths: Sequence[Length], counted: Iterable[Expr], divisors: Iterable[Expr]
) -> list[tuple[Symbol, str, int]]:
    """The least sizes that literal subscripts, counts and divisors allow."""
    least = dict(program.minimum_sizes)
    for length in filter(_is_of_one, counted):
        (dimension,) = length.free_symbols
        least[dimension] = max(1, least.get(dimension, 0))  # of ranges that are none for one, the program knows
    for divisor in divisors:
        if divisor.is_Symbol:
            least[divisor] = max(1, least.get(divisor, 0))
    sources = {length.dimension: length.array.name for length in lengths}
    return [(d, sources.get(d, str(d)), least[d]) for d in program.dimensions if least.get(d, 0) > 0]


def _divisors(program: Program, nodes: Sequence[Node]) -> list[Expr]:
    """What the model divides by that NumPy does not see: it has cancelled, or Python divides by it, which has no 1/0.

    Where an array or a number of NumPy's is divided by 0, that is infinite or not a number, and NumPy warns. Logarithms
    and other functions of sizes are such numbers.
    """
    seen: set[Expr] = set()
    found: dict[Expr, None] = {}
    if not nodes:  # the arguments alone
        return []
    for node in nodes:
        if isinstance(node, Contract):
            below = [size for use, e in node.factors if e.is_negative and (size := _of_sizes(use)) is not None]
            seen.update(below)
            if below and all(_of_sizes(use) is not None for use in node.uses()):
                found |= dict.fromkeys(size for size in below if may_be_zero(size))
    cancelled = (d for d in program.divisors if not any(difference(d, size) == 0 for size in seen))
    return [divisor for divisor in dict.fromkeys((*cancelled, *found)) if _is_exact(divisor)]


def _is_exact(size: Expr) -> bool:
    """Whether Python computes an expression of dimensions in integers."""
    functions = all(isinstance(part, floor | ceiling | Mod | Max | Min | Abs) for part in size.atoms(Application))
    return functions and all(power.exp.is_Integer for power in size.atoms(Pow))


def _of_sizes(use: Use) -> Expr | None:
    """A term as an expression of dimensions; None if there is something else in it."""
    match use.node:
        case Size(value=value) | Const(value=value):
            return value
        case Add(terms=terms):
            parts = [(c, _of_sizes(term)) for c, term in terms]
            return None if any(part is None for _, part in parts) else SymAdd(*(c * part for c, part in parts))
        case Contract(factors=factors, bound=()):
            powers = [(_of_sizes(factor), e) for factor, e in factors]
            return None if any(part is None for part, _ in powers) else Mul(*(part**e for part, e in powers))
    return None


def _extrema(nodes: Sequence[Node]) -> list[Extremum]:
    """What each maximum and minimum runs over: over no entries it has no value, unless there are none of it either."""
    heads = {MaxOver: "maximum", MinOver: "minimum"}
    found: dict[tuple[Expr, Expr], str] = {}
    for node in nodes:
        if isinstance(node, Reduce) and node.head in heads:
            for length in node.bound:
                if is_never_empty(length):
                    found[length, S.One] = heads[node.head]
                elif not masks_all(node.head, node.arg):
                    found[length, Mul(*node.shape)] = heads[node.head]
    return [Extremum(what, over, times) for (over, times), what in found.items() if not over.is_Integer]


# --- what a module says of itself -------------------------------------------------------------------------------------

# At points and sizes where a definition is a matter of convention, if its model has such points.
_CONVENTIONS: tuple[tuple[str, Any], ...] = (
    ("relu'(0) = 0", (relu, step)),
    ("|x|'(0) = 0", (Abs,)),
    ("the gradient of a norm √(Σ x²) at 0 is 0", (reciprocal_norm, reciprocal_root)),
    ("entries that tie in a maximum or minimum share its derivative equally", (Max, Min, MaxOver, MinOver)),
)


def conventions(nodes: Iterable[Node]) -> str:
    """The conventions of a model's functions, as a paragraph."""
    heads = {getattr(node, "head", None) for node in nodes}
    said = [text for text, those in _CONVENTIONS if not heads.isdisjoint(those)]
    return fill(
        f"Conventions: {'; '.join([*said, 'an empty sum is 0'])}. Not-a-number and infinite data are propagated.", 120
    )


def notes(program: Program) -> list[str]:
    """What a module's docstring says of its gradient and its products."""
    said = [text for node in program.parameters.values() if (text := note(node)) is not None]
    if program.sizes:
        said.append(f"Products are ordered for {', '.join(f'{d} = {size}' for d, size in program.sizes.items())}.")
    return said
