"""Prints nodes of the graph as NumPy expressions and assignments.

A node used more than once, or named by the user, becomes a variable; everything else is written in place.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sympy import Expr, Not, Number, Pow, Product, Rational, S, polygamma

from symgrad.codegen.blocks import Grid, block_text, grid_of, kronecker_of, kronecker_text
from symgrad.codegen.contraction import contract
from symgrad.codegen.functions import CONNECTIVES, DOUBLE, FORMATS, RELATIONS, SCIPY, UFUNCS
from symgrad.codegen.integers import apply_value, product_value, whole_nodes
from symgrad.codegen.linear_algebra import LABELS, matrix_function_text, merge_text, split_text
from symgrad.codegen.sizes import lengths_as, size_text
from symgrad.codegen.subscripts import gather_text, is_window, scatter_text
from symgrad.codegen.values import (
    ADD,
    ATOM,
    COMPARE,
    MATMUL,
    MUL,
    POWER,
    UNARY,
    Value,
    broadcast,
    number_text,
    transpose,
)
from symgrad.errors import UnsupportedError
from symgrad.functions import MaxOver, MinOver, if_else, in_range, step
from symgrad.graph.build import add, number
from symgrad.graph.layout import natural_order
from symgrad.graph.letters import distinct
from symgrad.graph.linear_algebra import LOGDET
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Gather,
    Input,
    Letter,
    MatrixFunction,
    Merge,
    Named,
    Node,
    Range,
    Reduce,
    Scatter,
    Size,
    Split,
    Use,
    postorder,
)
from symgrad.graph.symmetry import symmetric
from symgrad.graph.transform import own
from symgrad.schedule.rows import RowPlan

# A line of generated code longer than this is split by giving its parts names of their own.
MAX_LINE = 100


# A sum or product of more operands is written in several lines: Python cannot parse thousands in one expression.
MAX_OPERANDS = 50

# Names for the results of operators and conditions
_RELATION_LABELS = {"<": "below", "<=": "below", ">": "above", ">=": "above", "==": "equal", "!=": "unequal"}
_LABELS = {
    if_else: "chosen",
    **{head: _RELATION_LABELS[sign] for head, sign in RELATIONS.items()},
    **dict.fromkeys(CONNECTIVES, "is"),
}


class Printer:
    """Turns terms into assignments; `lines` are the assignments so far, in order."""

    def __init__(
        self,
        dtype: str,
        arguments: Sequence[str],
        taken: Sequence[str],
        estimate: Callable[[Expr], float],
    ) -> None:
        self.dtype = dtype
        self.lines: list[str] = []
        self.helpers: set[str] = set()
        self.scipy: set[str] = set()
        self._taken = {*arguments, *taken}
        self._numbers: dict[str, int] = {}  # the last number that a name was given to set it apart
        self._estimate = estimate
        self._views = set(arguments)
        self._variables = set(arguments)
        self._values: dict[Node, Value] = {}
        self._counts: dict[Node, int] = {}
        self._wanted: dict[Node, tuple[int, ...]] = {}
        self._labels: dict[Node, str] = {}
        self._grids: dict[Node, Grid] = {}
        self._kroneckers: dict[Node, tuple[Use, Use]] = {}
        self._absorbed: set[Node] = set()  # nodes that are printed as part of a grid or a Kronecker product only
        self._whole: set[Node] = set()

    # --- driving ------------------------------------------------------------------------------------------------------

    def compute(self, roots: dict[str, Use], plan: RowPlan | None = None) -> None:
        """Emit the assignments that the results need; with a plan, what has rows goes into a function of a block.

        `roots` are the results by the names they should have.
        """
        for name, use in roots.items():
            self._labels.setdefault(use.node, name)
        nodes = list(postorder([use.node for use in roots.values()]))
        self._prepare(nodes, list(roots.values()))
        for use in roots.values():
            self._want(use, range(len(use.letters)))
        if plan is None:
            self._emit(nodes)
            return
        rows = {node for node in nodes if node in plan.local or node in plan.sums}
        before = [node for node in nodes if node not in rows and node not in plan.after]
        read = {use.node for node in rows for use in node.uses()}
        self._emit(before, named={node for node in before if node in read})
        self._emit_rows([node for node in nodes if node in rows], plan)
        self._emit([node for node in nodes if node in plan.after and node not in rows])

    def _prepare(self, nodes: Sequence[Node], roots: Sequence[Use]) -> None:
        """Count the uses of every node, and ask for layouts."""
        for use in [*roots, *(use for node in nodes for use in node.uses())]:
            self._counts[use.node] = self._counts.get(use.node, 0) + 1
        for node in nodes:
            if isinstance(node, Contract) and node.bound:
                for use, exponent in node.factors:  # a square under a sum is written as two factors
                    self._counts[use.node] += exponent == 2
        self._absorb(nodes)
        self._whole = whole_nodes(nodes)
        for node in nodes:
            self._lay_out(node)

    def _absorb(self, nodes: Sequence[Node]) -> None:
        """Find sums of blocks and Kronecker products, which are one expression over several nodes."""
        for node in nodes:
            if isinstance(node, Add):
                found = grid_of(node)
                parts = [use.node for use in node.uses() if isinstance(use.node, Scatter)]
                if found is not None and all(self._counts[part] == 1 for part in parts):
                    self._grids[node] = found
                    self._absorbed.update(parts)
            elif isinstance(node, Merge):
                halves = kronecker_of(node, set(nodes))
                inner = node.arg.node
                between = {inner, *(use.node for use in inner.uses())}
                if halves is not None and all(self._counts[part] == 1 for part in between):
                    self._kroneckers[node] = halves
                    self._absorbed |= between

    def _emit(self, nodes: Iterable[Node], named: Collection[Node] = ()) -> None:
        """Assignments for nodes that deserve a variable, and for the `named` ones that are no single word."""
        for node in nodes:
            if node in self._absorbed:
                continue
            value = self._print(node)
            if node.rank == 2 and symmetric(node) and value.letters == (1, 0):
                value = replace(value, letters=(0, 1))  # a symmetric matrix need not be transposed
            wanted = node in named and (value.level != ATOM or isinstance(node, MatrixFunction))
            if not isinstance(node, Input | Const | Size) and (self._deserves_name(node, value) or wanted):
                value = self._assign(self._name(node), value)
            self._values[node] = value

    def _emit_rows(self, nodes: Sequence[Node], plan: RowPlan) -> None:
        """A function that computes the sums for a block of rows, and its call for all of them."""
        outside, self.lines = self.lines, []
        with lengths_as({plan.dimension: f"{plan.arrays[0]}.shape[0]"}):
            self._emit([node for node in nodes if node not in plan.sums])
            sums = [self._print(node) for node in plan.sums]
        inside, self.lines = self.lines, outside
        arrays = ", ".join(plan.arrays)
        function = self.fresh("rows")
        self.lines += ["", f"def {function}({', '.join(f'{name}: Any' for name in plan.arrays)}) -> tuple[Any, ...]:"]
        self.lines += [f"    {line}" for line in [*inside, *_returned([value.text for value in sums])]]
        for node, value in zip(plan.sums, sums, strict=True):
            name = self.fresh(self._labels[node]) if node in self._labels else self._name(node)
            self._values[node] = Value(name, ATOM, value.letters, value.kind)
        names = [self._values[node].text for node in plan.sums]
        self._variables.update(names)
        left = f"({names[0]},)" if len(names) == 1 else ", ".join(names)
        self.lines += ["", f"{left} = _over_rows({function}, {plan.width}, {arrays})"]
        self.helpers.add("over_rows")

    def _lay_out(self, node: Node) -> None:
        """Ask for the operands' layouts that a node of fixed layout, or beside an operand of fixed layout, wants."""
        if isinstance(node, Named):
            self._want(node.arg, range(node.rank))
        elif isinstance(node, Add) or (isinstance(node, Contract) and not node.bound):
            order = natural_order(own(node))
            if order is not None:
                self._wanted.setdefault(node, order)
                for use in node.uses():
                    self._want(use, order)
        elif isinstance(node, Contract):
            for use in node.uses():  # windows with what is summed over last are the rows of one matrix product
                if isinstance(use.node, Gather) and is_window(use.node):
                    self._want(use, sorted(use.letters, key=lambda letter: letter >= node.rank))

    def _want(self, use: Use, order: Sequence[Letter]) -> None:
        """Ask for the layout in which the operand's letters come in this order, unless another was asked for."""
        letters = use.letters
        if len(letters) < 2 or sorted(letters) != sorted(order):
            return
        node, axes = use.node, tuple(letters.index(letter) for letter in order)
        self._wanted.setdefault(node, axes)
        if isinstance(node, Add) and len(node.terms) == 1:
            self._want(node.terms[0][1], axes)

    def result(self, variable: str, value: Value) -> str:
        """Keep a result under a name, unless it has one or is short."""
        if value.text.removesuffix(f".reshape({variable.removeprefix('grad_')}_shape)").isidentifier():
            return value.text
        return self._assign(self.fresh(variable), value).text

    def _deserves_name(self, node: Node, value: Value) -> bool:
        if isinstance(node, Named):
            return not value.text.isidentifier()
        if number(own(node)) is not None:
            return False
        trivial = (value.level == ATOM and len(value.text) < 12) or value.kind == "python"
        # positions are computed once where that is more than adding up indices, which windows and slices do not need
        if value.kind == "integer":
            trivial = trivial or not any(isinstance(below, Apply) for below in postorder([node]))
        trivial = trivial and not isinstance(node, MatrixFunction)
        trivial = trivial or value.text.removeprefix("-").isidentifier()
        return (self._counts[node] > 1 and not trivial) or len(value.text) > MAX_LINE

    def assign(self, name: str, value: Value) -> str:
        """Assign a value to a variable."""
        return self._assign(name, value).text

    def _assign(self, name: str, value: Value) -> Value:
        self.lines.append(f"{name} = {value.text}")
        self._variables.add(name)
        if self.is_view(value.text):
            self._views.add(name)
        return Value(name, ATOM, value.letters, value.kind)

    def is_view(self, text: str) -> bool:
        """Whether an array may share its memory with an argument or another result."""
        plain = re.sub(r"(\.T|\.transpose\([\d, ]*\))$", "", text)
        return (
            plain in self._views
            or re.fullmatch(r"\w+\[[^\]]*\]", plain) is not None
            or plain.startswith(("np.diagonal(", "np.broadcast_to(", "_windows("))
            or ".reshape(" in plain
        )

    def is_private(self, use: Use) -> bool:
        """Whether the term's value is an array of its own that nothing else is computed from."""
        text = self._values[use.node].text
        return self._counts[use.node] == 1 and not isinstance(use.node, Named) and not self.is_view(text)

    def fresh(self, wanted: str) -> str:
        """A variable name that nothing else has."""
        name, n = wanted, self._numbers.get(wanted, 1)
        while name in self._taken:
            n += 1
            name = f"{wanted}_{n}"
        self._taken.add(name)
        self._numbers[wanted] = n
        return name

    def _name(self, node: Node) -> str:
        if isinstance(node, Named):
            return self.fresh(node.name)
        texts = [self._values[use.node].text for use in node.uses() if use.node not in self._absorbed]
        about = next((found for text in texts if (found := self._first_variable(text))), None) or self._first_name(node)
        head: Any = getattr(node, "head", None)
        match node:
            case Add() if node in self._grids:
                label = "blocks"
            case Add(terms=terms):
                label = "diff" if any(c.is_negative for c, _ in terms) else "sum"
            case Contract(factors=factors):
                label = "sum" if node.bound and len(factors) == 1 else "prod"
            case Reduce():
                label = {MaxOver: "max", MinOver: "min"}.get(head, "prod")
            case Apply():
                label = _LABELS.get(head, head.__name__.lower())
            case MatrixFunction():
                label = LABELS[head]
            case Gather() if is_window(node):
                label = "windows"
            case _:
                label = type(node).__name__.lower()
        return self.fresh(f"{label}_{about}" if about else f"{label}_1")

    def _first_variable(self, text: str) -> str | None:
        """The first variable that an expression reads."""
        return next((word for word in re.findall(r"(?<![\w.])[^\W\d]\w*", text) if word in self._variables), None)

    def _first_name(self, node: Node) -> str | None:
        return next((below.name for below in postorder([node]) if isinstance(below, Input | Named)), None)

    def _use(self, use: Use) -> Value:
        """A node's value in the letters of its consumer; a repeated letter takes the diagonal."""
        value = self._values[use.node]
        letters = tuple(use.letters[k] for k in value.letters)
        if value.inverse_of is not None and self._counts[use.node] == 1 and len(set(letters)) == len(letters):
            matrix = value.inverse_of
            return replace(
                value,
                letters=letters,
                inverse_of=replace(matrix, letters=tuple(use.letters[k] for k in matrix.letters)),
            )
        while len(set(letters)) < len(letters):
            twice = next(letter for letter in letters if letters.count(letter) > 1)
            first, second = (k for k, letter in enumerate(letters) if letter == twice)
            rest = [letter for letter in letters if letter != twice]
            axes = "" if (first, second, len(letters)) == (0, 1, 2) else f", axis1={first}, axis2={second}"
            value = Value(f"np.diagonal({value.text}{axes})", ATOM, value.letters, value.kind)
            letters = (*rest, twice)
        return Value(value.text, value.level, letters, value.kind)

    # --- nodes --------------------------------------------------------------------------------------------------------

    def _print(self, node: Node) -> Value:
        match node:
            case Input():
                return Value(node.name, ATOM, tuple(range(node.rank)), "integer" if node.integer else "real")
            case Const(value=value):
                if value in (S.true, S.false):
                    return Value(str(bool(value)), ATOM, (), "python")
                if value.is_Symbol:  # a label for an error message
                    return Value(repr(str(value)), ATOM, (), "python")
                text = {S.Pi: "np.pi", S.Exp1: "np.e"}.get(value) or number_text(value)
                return Value(text, UNARY if text.startswith("-") else ATOM, (), "python")
            case Size(value=value):
                return Value(size_text(value), ATOM if value.is_Symbol else COMPARE, (), "python")
            case Range():
                return Value(f"np.arange({size_text(node.shape[0])})", ATOM, (0,), "integer")
            case Delta():
                return Value(f"np.eye({size_text(node.shape[0])}, dtype={self.dtype})", ATOM, (0, 1))
            case Named():
                return self._full(self._use(node.arg), node)
            case Add():
                return self._sum(node)
            case Contract():
                return self._product(node)
            case Apply():
                return self._apply(node)
            case Reduce():
                return self._reduce(node)
            case AxisMap():
                return self._axis_map(node)
            case MatrixFunction():
                if node.head == LOGDET:
                    self.helpers.add("logdet")
                return matrix_function_text(node, self._real(self._use(node.arg)))
            case Merge() if node in self._kroneckers:
                left, right = (self._real(self._use(half)) for half in self._kroneckers[node])
                return kronecker_text(left, right)
            case Merge():
                return merge_text(node, self._real(self._use(node.arg)))
            case Split():
                return split_text(node, self._real(self._use(node.arg)))
            case Gather():
                return gather_text(node, self._use, self._values[node.base.node], self._wanted.get(node), self.helpers)
            case Scatter():
                return scatter_text(node, self._use, self._real(self._use(node.value)), self.dtype, self.helpers)
        raise UnsupportedError(f"no NumPy spelling of {type(node).__name__}")

    def _full(self, value: Value, node: Node) -> Value:
        """A value with every axis of the node, in order."""
        value = self._real(value) if value.kind == "boolean" else value
        order = tuple(range(node.rank))
        if set(value.letters) == set(order):
            return transpose(value, order)
        shape = ", ".join(size_text(length) for length in node.shape)
        shaped = broadcast(value, order)
        if shaped.kind == "python":
            return Value(f"np.full(({shape},), {shaped.text}, dtype={self.dtype})", ATOM, order)
        return Value(f"np.broadcast_to({shaped.text}, ({shape},))", ATOM, order, shaped.kind)

    def full(self, use: Use, node: Node) -> Value:
        """A term over the axes of `node` as an array of the node's shape."""
        return self._full(self._real(self._use(use)), node)

    def aligned(self, use: Use, letters: Sequence[Letter], real: bool = True) -> Value:
        """A term as an array that broadcasts along the given letters."""
        value = self._use(use)
        return broadcast(self._real(value) if real else value, letters)

    def _real(self, value: Value) -> Value:
        """The value in the floating type of the arguments; Python numbers take that of what they meet."""
        if value.kind in ("real", "python"):
            return value
        if value.text.startswith("np.arange(") and value.text.endswith(")") and value.level == ATOM:
            return Value(f"{value.text[:-1]}, dtype={self.dtype})", ATOM, value.letters)
        return Value(f"np.asarray({value.text}, dtype={self.dtype})", ATOM, value.letters)

    def _layout(self, node: Node) -> tuple[Letter, ...]:
        """The order of axes: the one asked for, else that of the largest operand, which needs the fewest transposes."""
        if node in self._wanted:
            return self._wanted[node]
        uses = node.uses()
        if isinstance(node, Apply) and node.head is if_else:
            uses = (*uses[1:], uses[0])  # a condition is the cheapest to transpose
        orders = [self._use(use).letters for use in uses]
        longest = max(orders, key=len, default=())
        return distinct([x for x in (*longest, *range(node.rank)) if x < node.rank])

    def _sum(self, node: Add) -> Value:
        if not node.terms:
            return Value("0", ATOM, (), "python")
        negated = add([(-coefficient, use) for coefficient, use in node.terms])
        known = self._values.get(negated.node)
        if known is not None and known.text.isidentifier() and len(node.terms) > 1:  # y - t is there: t - y is -(y - t)
            return Value(f"-{known.text}", UNARY, tuple(negated.letters[k] for k in known.letters), known.kind)
        if node in self._grids:
            return block_text(self._grids[node], lambda use: self._real(self._use(use)), self.dtype)
        letters = self._layout(node)
        kinds = {self._values[use.node].kind for _, use in node.terms}
        whole = kinds <= {"integer", "python"} and all(c.is_Integer for c, _ in node.terms)
        counting = [c for c, use in node.terms if self._values[use.node].kind == "boolean"]
        # one condition beside real numbers counts as 0 or 1 by itself; two would be joined by `or`
        mixed = (
            len(counting) == 1 and "real" in kinds and (counting[0] == 1 or any(c.is_positive for c, _ in node.terms))
        )
        mixed = mixed and abs(counting[0]) == 1
        parts = []
        for coefficient, use in sorted(node.terms, key=lambda term: bool(term[0].is_negative)):
            plain = self._use(use)
            value = broadcast(plain if whole or (mixed and plain.kind == "boolean") else self._real(plain), letters)
            value, flipped = _without_sign(value)
            negative = bool(coefficient.is_negative) != flipped
            size = abs(coefficient)
            if value.text == "1" and value.kind == "python":
                text = number_text(size)
            else:
                lone = len(node.terms) == 1 and negative
                text = (
                    value.at(UNARY if lone else MATMUL)
                    if size == 1
                    else f"{number_text(size)} * {_after_number(value)}"
                )
            parts.append(("-" if negative else "+", text))
        kind = "python" if kinds <= {"python"} else "integer" if whole else "real"
        sign, text = parts[0]
        text = f"-{text}" if sign == "-" else text
        for n, (sign, part) in enumerate(parts[1:], start=1):
            if n % MAX_OPERANDS == 0:
                text = self._assign(self.fresh("sum_1"), Value(text, ADD, letters, kind)).text  # type: ignore[arg-type]
            text += f" {sign} {part}"
        level = ADD if len(parts) > 1 else MUL if " * " in text else UNARY
        return Value(text, level, letters, kind)  # type: ignore[arg-type]

    def _product(self, node: Contract) -> Value:
        if node in self._whole and not node.bound:
            return product_value(node, self._use, self._layout(node))
        mixed = any(self._values[use.node].kind == "real" for use, _ in node.factors)
        above: list[Value] = []
        below: list[Value] = []
        for use, exponent in node.factors:
            value = self._use(use)
            if value.kind != "boolean" or node.bound or not mixed:  # a condition times a number is a number
                value = self._real(value)
            if node.bound and exponent == 2:
                above.extend((value, value))
            elif exponent.is_negative and not any(letter >= node.rank for letter in value.letters):
                below.append(self._power(value, -exponent))
            else:
                above.append(self._power(value, exponent))
        sizes = self._sizes(node)
        out = self._layout(node)
        negative = False
        if node.bound:  # the sign of a sum rather than of an operand, which is larger
            above, flips = map(list, zip(*map(_without_sign, above), strict=True))
            negative = sum(flips) % 2 == 1
        if not above:
            top = Value("1", ATOM, (), "python")
        elif any(letter >= node.rank for value in above for letter in value.letters):
            top = contract(
                above,
                out if not below else tuple(x for x in out if any(x in v.letters for v in above)),
                sizes,
                self._estimate,
                self.dtype,
            )
        else:
            top = self._times(above, tuple(x for x in out if any(x in v.letters for v in above)))
        if below:
            letters = tuple(x for x in out if any(x in v.letters for v in (top, *below)))
            bottom = self._times(below, tuple(x for x in letters if any(x in v.letters for v in below)))
            first = broadcast(top, letters)
            above_text = first.text if first.level in (MUL, MATMUL) else first.at(UNARY)
            text = f"{above_text} / {broadcast(bottom, letters).at(UNARY)}"
            kind = "python" if top.kind == bottom.kind == "python" else "real"
            top = Value(text, MUL, letters, kind)  # type: ignore[arg-type]
        return Value(f"-{top.at(UNARY)}", UNARY, top.letters, top.kind) if negative else top

    def _sizes(self, node: Node) -> dict[Letter, Expr]:
        return {
            letter: length for use in node.uses() for letter, length in zip(use.letters, use.node.shape, strict=True)
        }

    def _times(self, values: Sequence[Value], letters: Sequence[Letter]) -> Value:
        if len(values) == 1:
            return values[0]
        # scalars first: fewer passes over the arrays; conditions last: a number times a condition alone is an integer
        ordered = sorted(values, key=lambda value: (value.kind == "boolean", len(value.letters)))
        texts: list[str] = []
        kind = "python" if all(v.kind == "python" for v in values) else "real"
        for n, value in enumerate(ordered):
            if len(texts) == MAX_OPERANDS:
                product = Value(" * ".join(texts), MUL, tuple(letters), kind)  # type: ignore[arg-type]
                texts = [self._assign(self.fresh("prod_1"), product).text]
            part = broadcast(value, letters)
            texts.append(part.text if part.level == MATMUL and n == 0 else part.at(UNARY))
        return Value(" * ".join(texts), MUL, tuple(letters), kind)  # type: ignore[arg-type]

    def _power(self, value: Value, exponent: Number) -> Value:
        if exponent == 1:
            return value
        if exponent.is_negative:
            inner = self._power(value, -exponent)
            return Value(f"1 / {inner.at(UNARY)}", MUL, inner.letters, inner.kind)
        if exponent == Rational(1, 2) and value.kind != "python":
            return Value(f"np.sqrt({value.text})", ATOM, value.letters)
        return Value(f"{value.at(ATOM)} ** {number_text(exponent)}", POWER, value.letters, value.kind)

    def _apply(self, node: Apply) -> Value:
        letters = self._layout(node)
        head = node.head
        if node in self._whole:
            whole = apply_value(node, self._use, letters)
            if whole is not None:
                self.helpers |= {"in_range"} if head is in_range else set()
                return whole
        args = [broadcast(self._use(use), letters) for use in node.args]
        if head in RELATIONS:
            text = f"{args[0].at(ADD)} {RELATIONS[head]} {args[1].at(ADD)}"
            return Value(text, COMPARE, letters, "boolean")
        if head in CONNECTIVES:
            return Value(f" {CONNECTIVES[head]} ".join(arg.at(ATOM) for arg in args), COMPARE, letters, "boolean")
        if head is Not:
            return Value(f"np.logical_not({args[0].text})", ATOM, letters, "boolean")
        if head is if_else:
            return self._choice(args, letters)
        args = [self._real(arg) for arg in args]
        if head is step:
            return Value(f"{args[0].at(ADD)} > 0", COMPARE, letters, "boolean")
        if head is Pow:
            return Value(f"{args[0].at(ATOM)} ** {args[1].at(POWER)}", POWER, letters, self._kind(args))  # type: ignore[arg-type]
        if head in UFUNCS:
            text = f"{UFUNCS[head]}({', '.join(arg.text for arg in args)})"
        elif head in FORMATS:
            text = FORMATS[head].format(*(arg.at(ATOM) if _is_tight(FORMATS[head]) else arg.text for arg in args))
            for helper in ("sigmoid", "reciprocal_root"):
                if FORMATS[head].startswith(f"_{helper}("):
                    self.helpers.add(helper)
        elif head in SCIPY:
            text = self._special(head, args)
        else:
            raise UnsupportedError(f"the function {head.__name__} has no NumPy spelling")
        if all(arg.kind == "python" for arg in args):  # a NumPy scalar would turn float32 arrays into float64
            return Value(f"float({text})", ATOM, letters, "python")
        return Value(text, ATOM, letters)

    def _special(self, head: Any, args: Sequence[Value]) -> str:
        """A function of SciPy, or an expression of several, by their full names."""
        spelling = SCIPY[head]
        if head is polygamma and args[0].text == "0":
            spelling = "digamma({1})"
        if spelling.isidentifier():
            spelling += f"({', '.join('{' + str(n) + '}' for n in range(len(args)))})"
        if set(re.findall(r"\{(\d)\}", spelling)) != {str(n) for n in range(len(args))} and head is not polygamma:
            raise UnsupportedError(f"the function {head.__name__} of {len(args)} arguments has no NumPy spelling")
        self.scipy.update(re.findall(r"(?<![\w.])(\w+)\(", spelling))
        spelling = re.sub(r"(?<![\w.])(\w+)\(", r"scipy.special.\1(", spelling)
        text = spelling.format(*(arg.at(ATOM) if _is_tight(spelling) else arg.text for arg in args))
        if head in DOUBLE and "special.digamma(" not in spelling:
            return f"np.asarray({text}, dtype={self.dtype})[()]"
        return f"({text})" if _is_loose(SCIPY[head]) else text

    def _kind(self, values: Sequence[Value]) -> str:
        return "python" if all(value.kind == "python" for value in values) else "real"

    def _choice(self, args: Sequence[Value], letters: tuple[Letter, ...]) -> Value:
        condition, yes, no = args
        if (yes.text, no.text) == ("1", "0"):
            return Value(condition.text, condition.level, letters, "boolean")
        yes, no = self._real(yes), self._real(no)
        text = f"np.where({condition.text}, {yes.text}, {no.text})"
        if yes.kind == no.kind == "python":
            text = f"np.asarray({text}, dtype={self.dtype})"
        return Value(text, ATOM, letters)

    def _reduce(self, node: Reduce) -> Value:
        value = self._real(self._use(node.arg))
        name = {MaxOver: "max", MinOver: "min", Product: "prod"}.get(node.head)
        if name is None:
            raise UnsupportedError(f"the reduction {node.head.__name__} has no NumPy spelling")
        axes = [value.letters.index(letter) for letter in value.letters if letter >= node.rank]
        kept = tuple(letter for letter in value.letters if letter < node.rank)
        where = "" if not kept else f", axis={axes[0] if len(axes) == 1 else tuple(axes)}"
        return Value(f"np.{name}({value.text}{where})", ATOM, kept)

    def _axis_map(self, node: AxisMap) -> Value:
        self.helpers.add("product_of_others")
        value = self._real(self._use(node.arg))
        axes = tuple(value.letters.index(letter) for letter in node.over)
        text = f"_product_of_others({value.text}, axes={axes})"
        return Value(text, ATOM, value.letters)


def _without_sign(value: Value) -> tuple[Value, bool]:
    """The value without a minus sign in front, and whether there was one."""
    if value.level != UNARY or value.kind != "real" or not value.text.startswith("-"):
        return value, False
    text = value.text[1:]
    return replace(value, text=text, level=ATOM if text.isidentifier() else POWER), True


def _returned(texts: Sequence[str]) -> list[str]:
    """A return statement of a tuple, over several lines if it is long."""
    together = ", ".join(texts) + ("," if len(texts) == 1 else "")
    if len(together) <= MAX_LINE:
        return [f"return {together}"]
    return ["return (", *(f"    {text}," for text in texts), ")"]


def _is_tight(spelling: str) -> bool:
    """Whether an argument stands beside an operator rather than between commas and parentheses."""
    return re.search(r"[-+*/] \{|\} [-+*/]|^\{", spelling) is not None


def _is_loose(spelling: str) -> bool:
    """Whether a spelling is a sum or product of calls."""
    return re.search(r"\) [-+*]", spelling) is not None


def _after_number(value: Value) -> str:
    """The text of a factor after `number *`; a product without `@` needs no parentheses."""
    return value.text if value.level == MUL and "@" not in value.text and "/" not in value.text else value.at(UNARY)
