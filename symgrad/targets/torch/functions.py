"""What PyTorch and the functions of a generated module call operations, and how those are spelled that differ.

A function of PyTorch takes no number of Python's where a tensor is due, and what it makes of one has 32 bits: numbers
among the operands of functions become tensors of the arguments' type.
"""

from collections.abc import Callable

from symgrad.codegen.sizes import tuple_text
from symgrad.codegen.speller import ATOM, Dialect, Form, Speller, after, called
from symgrad.lowering.functions import RUNTIME, SPECIAL, UNIVARIATE
from symgrad.statements.expressions import (
    TUPLE,
    Expression,
    FloatingType,
    Group,
    Length,
    Number,
    Operation,
    Places,
    Read,
    Size,
    Slice,
    Subscript,
    Total,
)
from symgrad.targets.torch.lines import lines_of

# The functions of torch.special, by their names there
HAS = frozenset({"digamma", "erf", "erfc", "erfinv", "gammainc", "gammaincc", "gammaln", "log_ndtr", "ndtr"})
HAS |= {"xlogy", "zeta"}

# The functions that a generated module has itself: those of the runtime without Bessel functions, and others of PyTorch
_BESSEL = {"log_besseli", "besseli_ratio", "besseli_slope"}
OWN = ({function.__name__ for function in RUNTIME} - _BESSEL) | {"adjugate", "definite_cholesky", "in_range", "logdet"}
OWN |= {"balanced", "beta", "block", "cbrt", "centred", "gamma", "gammasgn", "largest_so_far", "log_total", "norm"}
OWN |= {"exp_ndtr", "or_nan", "polygamma", "prod", "product_of_others", "solve", "sums_of_exponentials"}
OWN |= {"windows", "add_windows"}

LACKS = (SPECIAL - HAS - OWN) | _BESSEL

_ARITHMETIC = frozenset({"multiply", "divide", "power", "negative", "add", "subtract", "mod", "floor_divide"})
_ARITHMETIC |= {"maximum", "minimum", "abs", "where", "float", "number", "whole", "least_number", "invert", "and", "or"}
_ARITHMETIC |= {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_not"}


def is_number(expression: Expression) -> bool:
    """Whether an expression computes a number of Python's rather than a tensor."""
    match expression:
        case Number() | Size() | Length():
            return True
        case Read(buffer=buffer):
            return buffer.kind == "python"
        case Operation(head="number" | "least_number"):
            return True
        case Total() | Operation():
            arithmetic = isinstance(expression, Total) or expression.head in _ARITHMETIC
            return arithmetic and all(map(is_number, expression.operands))
    return False


class TorchSpeller(Speller):
    """The text of expressions over tensors; `typed` is the one whose type and device new ones have."""

    @property
    def like(self) -> str:
        """A tensor of the arguments' floating type and device."""
        if self.typed:
            self.asks_for_type = True
            return self.typed
        self.calls.add("_like")  # of integers alone
        return f"_like({', '.join(self.arrays)})"

    def tensor(self, expression: Expression) -> str:
        """An operand of a function, which is a tensor."""
        text = self.text(expression)
        return f"{self.like}.new_tensor({text})" if is_number(expression) else text

    def text(self, expression: Expression) -> str:
        match expression:
            case Subscript(array=array, places=places) if any(_is_backwards(place) for place in places):
                axes = [axis for axis, place in enumerate(places) if _is_backwards(place)]
                return f"{self.at(array, ATOM)}.flip({', '.join(map(str, axes))})"
            case Places(places=places):
                return f"({', '.join(map(self._index, places))},)"
        return super().text(expression)

    def _index(self, place: object) -> str:
        """A place in a tensor as a value."""
        if isinstance(place, Slice):
            ends = [None if end is None else self.size(end) for end in (place.start, place.stop)]
            return f"slice({ends[0]}, {ends[1]}{'' if place.step == 1 else f', {self.size(place.step)}'})"
        return self._place(place)  # type: ignore[arg-type]

    def options(self, operation: Operation) -> list[str]:
        names = {"axis": "dim", "axis1": "dim1", "axis2": "dim2"}
        own = operation.head in self.dialect.own
        return [f"{name if own else names.get(name, name)}={self._option(value)}" for name, value in operation.options]

    def _operation(self, operation: Operation) -> str:
        head = operation.head
        if head in _SPELLED:
            return _SPELLED[head](self, operation)
        is_plain = head in _ARITHMETIC or head in _FORMS or head == "matmul" or self.dialect.form(head) is not None
        if is_plain and head not in ("einsum", UNIVARIATE):
            return super()._operation(operation)
        if head == UNIVARIATE:
            return f"_{operation.option('name')}({self.tensor(operation.parts[0])})"
        if head == "einsum":
            return _einsum(self, operation)
        as_they_are = 1 if head in ("polygamma", "polygamma_rise", "polygamma_excess", "in_range") else 0
        parts = [*map(self.text, operation.parts[:as_they_are])]
        parts += [one if isinstance(one, str) else self._given(one) for one in operation.parts[as_they_are:]]
        return f"{self.dialect.function_name(head)}({', '.join([*parts, *self.options(operation)])})"

    def _given(self, part: Expression) -> str:
        return self.tensor(part) if not isinstance(part, Length | Group) else self.text(part)


def _is_backwards(place: object) -> bool:
    return isinstance(place, Slice) and bool(place.step.is_negative)


# --- what is spelled in another way -----------------------------------------------------------------------------------


def _einsum(speller: TorchSpeller, operation: Operation) -> str:
    """A sum of products; of two operands the one with the result's last axis comes last, along which that then lies.

    PyTorch takes the second one's axes as the columns of a matrix product: LeNet's first convolution takes 0.5 ms in
    this order, and 3 in the other, after which each operation on its result jumps through memory.
    """
    inside, out = operation.option("letters")
    operands = [*zip(inside, operation.parts, strict=True)]
    if len(operands) == 2:
        first, second = inside
        last = next((letter for letter in reversed(out) if (letter in first) != (letter in second)), "")
        operands = operands[::-1] if last and last in first else operands
    letters = ",".join(letters for letters, _ in operands)
    return f'torch.einsum("{letters}->{out}", {", ".join(speller.tensor(part) for _, part in operands)})'


def _extremum(name: str, bound: str, plain: str) -> Callable[[TorchSpeller, Operation], str]:
    def spelled(speller: TorchSpeller, operation: Operation) -> str:
        first, second = operation.parts
        if is_number(first) and is_number(second):
            return f"{plain}({speller.text(first)}, {speller.text(second)})"
        if is_number(first) or is_number(second):
            array, number = (second, first) if is_number(first) else (first, second)
            return f"{speller.at(array, ATOM)}.clamp({bound}={speller.text(number)})"
        return f"torch.{name}({speller.text(first)}, {speller.text(second)})"

    return spelled


def _where(speller: TorchSpeller, operation: Operation) -> str:
    condition, yes, no = operation.parts
    if is_number(condition):
        return f"({speller.text(yes)} if {speller.text(condition)} else {speller.text(no)})"
    whole = all(isinstance(one, Number) and one.value.is_Integer for one in (yes, no))
    both = is_number(yes) and is_number(no) and not whole  # of two numbers PyTorch makes 32 bits
    texts = map(speller.tensor if both else speller.text, (yes, no))
    return f"torch.where({speller.text(condition)}, {', '.join(texts)})"


def _absolute(speller: TorchSpeller, operation: Operation) -> str:
    text = speller.text(operation.parts[0])
    return f"abs({text})" if is_number(operation.parts[0]) else f"torch.abs({text})"


def _not(speller: TorchSpeller, operation: Operation) -> str:
    (part,) = operation.parts
    return f"(not {speller.text(part)})" if is_number(part) else f"torch.logical_not({speller.text(part)})"


def _whole(speller: TorchSpeller, operation: Operation) -> str:
    (part,) = operation.parts
    return f"int({speller.text(part)})" if is_number(part) else f"{speller.at(part, ATOM)}.long()"


def _floating(speller: TorchSpeller, operation: Operation) -> str:
    (part,) = operation.parts
    if is_number(part):
        return speller.tensor(part)
    return f"{speller.at(part, ATOM)}.to({speller.dtype})"


def _number(speller: TorchSpeller, operation: Operation) -> str:
    """A function of numbers of Python's, which is one."""
    (inner,) = operation.parts
    if is_number(inner):
        return f"float({speller.text(inner)})"
    wide = TorchSpeller(speller.dialect, "wide.dtype", typed="torch.empty((), dtype=torch.float64)")
    text = f"{wide.text(inner)}.item()"
    speller.calls |= wide.calls
    return text


def _filled(name: str) -> Callable[[TorchSpeller, Operation], str]:
    """A new tensor, with all entries the same."""

    def spelled(speller: TorchSpeller, operation: Operation) -> str:
        shape, *values = (part for part in operation.parts if not isinstance(part, FloatingType))
        side = speller.text(shape)
        if values and not is_number(values[0]):
            return f"{speller.text(values[0])}.expand({side})"
        return f"{speller.like}.new_{name}({', '.join([_sides(side, shape), *map(speller.text, values)])})"

    return spelled


def _sides(text: str, shape: Expression) -> str:
    return f"({text},)" if isinstance(shape, Length) else text


def _eye(speller: TorchSpeller, operation: Operation) -> str:
    return f"torch.eye({speller.text(operation.parts[0])}, dtype={speller.dtype}, device={speller.like}.device)"


def _arange(speller: TorchSpeller, operation: Operation) -> str:
    kind = f", dtype={speller.dtype}" if isinstance(operation.option("dtype"), FloatingType) else ""
    return f"torch.arange({speller.text(operation.parts[0])}{kind}, device={_device(speller)})"


def _device(speller: TorchSpeller) -> str:
    speller.asks_for_type |= [*speller.arrays] == [speller.typed]  # where a part of a function has no arrays of its own
    return f"{speller.arrays[0]}.device" if speller.arrays else '"cpu"'


def _grid(speller: TorchSpeller, operation: Operation) -> str:
    speller.calls.add("_grid")
    return f"_grid({tuple_text(list(map(speller.size, operation.option('sides'))))}, {_device(speller)})"


def _rolled(speller: TorchSpeller, operation: Operation) -> str:
    array, shift = operation.parts
    return f"torch.roll({speller.text(array)}, {speller.text(shift)}, {operation.option('axis')})"


def _transpose(speller: TorchSpeller, operation: Operation) -> str:
    array, axes = speller.at(operation.parts[0], ATOM), operation.option("axes")
    return f"{array}.T" if axes == (1, 0) else f"{array}.permute({', '.join(map(str, axes))})"


def _vdot(speller: TorchSpeller, operation: Operation) -> str:
    return f"torch.vdot({', '.join(f'{speller.at(part, ATOM)}.reshape(-1)' for part in operation.parts)})"


def _reduction(name: str) -> Callable[[TorchSpeller, Operation], str]:
    """The largest or smallest entries along axes, and what that begins with."""

    def spelled(speller: TorchSpeller, operation: Operation) -> str:
        array, axis, initial = (operation.parts[0], operation.option("axis"), operation.option("initial"))
        if initial is None:
            axes = "" if axis is None else f"dim={speller._option(axis)}"
            return f"{speller.at(array, ATOM)}.a{name}({axes})"
        speller.calls.add("_extremum")
        given = f"{speller.text(array)}, {speller._option(axis)}, {speller.text(initial)}"
        return f"_extremum(torch.a{name}, {given})"

    return spelled


def _cumsum(speller: TorchSpeller, operation: Operation) -> str:
    return f"{speller.at(operation.parts[0], ATOM)}.cumsum({operation.option('axis') or 0})"


def _any(speller: TorchSpeller, operation: Operation) -> str:
    axis = operation.option("axis")
    return f"{speller.at(operation.parts[0], ATOM)}.any({'' if axis is None else f'dim={speller._option(axis)}'})"


def _logaddexp(speller: TorchSpeller, operation: Operation) -> str:
    return f"torch.logaddexp({', '.join(map(speller.tensor, operation.parts))})"


def _array(speller: TorchSpeller, operation: Operation) -> str:
    """A tensor of entries, or a copy that can be written to."""
    (part,) = operation.parts
    return _entries(speller, part) if isinstance(part, Group) else f"({speller.text(part)} - {speller.like})"


def _entries(speller: TorchSpeller, part: Expression) -> str:
    if isinstance(part, Group):
        return f"torch.stack([{', '.join(_entries(speller, one) for one in part.parts)}])"
    return speller.tensor(part)


def _concatenate(speller: TorchSpeller, operation: Operation) -> str:
    return f"torch.cat({speller.text(operation.parts[0])})"


def _index_of(speller: TorchSpeller, places: Expression) -> str:
    return speller.text(places) if isinstance(places, Places) else speller.text(Group(TUPLE, places.operands))


def _added(speller: TorchSpeller, operation: Operation) -> str:
    """Values added to a tensor at places in it."""
    array, places, values = operation.parts
    speller.calls.add("_added")
    return f"_added({speller.text(array)}, {_index_of(speller, places)}, {speller.text(values)})"


def _put(speller: TorchSpeller, operation: Operation) -> str:
    """Values in place of those at places in a tensor."""
    array, places, values = operation.parts
    return f"torch.index_put({speller.text(array)}, {_index_of(speller, places)}, {speller.tensor(values)})"


def _placed(speller: TorchSpeller, operation: Operation) -> str:
    """Zeros of a shape with values added at places."""
    shape, places, values, _ = operation.parts
    speller.calls.add("_added")
    zeros = f"{speller.like}.new_zeros({speller.text(shape)})"
    return f"_added({zeros}, {_index_of(speller, places)}, {speller.text(values)})"


_SPELLED: dict[str, Callable[[TorchSpeller, Operation], str]] = {
    "maximum": _extremum("maximum", "min", "max"),
    "minimum": _extremum("minimum", "max", "min"),
    "where": _where,
    "abs": _absolute,
    "logical_not": _not,
    "whole": _whole,
    "asarray": _floating,
    "scalar": _floating,
    "number": _number,
    **{name: _filled(name) for name in ("zeros", "ones", "empty", "full")},
    "eye": _eye,
    "arange": _arange,
    "grid": _grid,
    "rolled": _rolled,
    "transpose": _transpose,
    "vdot": _vdot,
    "max": _reduction("max"),
    "min": _reduction("min"),
    "cumsum": _cumsum,
    "any": _any,
    "array": _array,
    "concatenate": _concatenate,
    "added": _added,
    "put": _put,
    "place": _placed,
    "accumulate": _placed,
}

_FORMS: dict[str, Form] = {
    "real_part": after(".real"),
    "least_number": called("torch.finfo({dtype}).min"),
    "ascontiguousarray": after(".contiguous()"),
}

TORCH = Dialect(
    "torch",
    ("torch.special", HAS),
    {head: head for head in OWN},
    2**63,
    {},
    _FORMS,
    lines_of,
)
