"""Prints nodes of the graph as JAX expressions and assignments.

A node used more than once, or named by the user, becomes a variable; everything else is written in place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sympy import Expr, Not, Number, Or, Pow, Product, Rational, S, polygamma

from symgrad.codegen.integers import whole_nodes
from symgrad.errors import UnsupportedError
from symgrad.frontend.dimensions import is_never_empty
from symgrad.functions import LargestOver, MaxOver, MinOver, has_no_sign, if_else, step
from symgrad.graph.axes import PRODUCT_OF_OTHERS, SUM_FROM, SUM_UP_TO
from symgrad.graph.build import number
from symgrad.graph.linear_algebra import CHOLESKY, INVERSE, KEEPS_SHAPE, sides_of
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Gather,
    Input,
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
from symgrad.graph.transform import own
from symgrad.targets.jax.contraction import contraction
from symgrad.targets.jax.functions import (
    CONNECTIVES,
    FORMATS,
    MATRIX,
    MATRIX_LABELS,
    OWN,
    PLAIN,
    RELATIONS,
    SPECIAL,
)
from symgrad.targets.jax.integers import integer_value, reads
from symgrad.targets.jax.operands import Operands, negative
from symgrad.targets.jax.subscripts import gathered, scattered
from symgrad.targets.jax.values import (
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
    size_text,
    transpose,
)
from symgrad.univariate import Univariate

MAX_LINE = 100  # a line of generated code longer than this is split by giving its parts names of their own
MAX_OPERANDS = 50  # of a sum or product in one expression: Python cannot parse thousands

_EXTREMA = {MaxOver: "max", LargestOver: "max", MinOver: "min", Or: "any", Product: "prod"}


class Printer(Operands):
    """Turns terms into assignments."""

    def compute(self, roots: dict[str, Use]) -> None:
        """Emit the assignments that the results need; `roots` are these by the names they should have."""
        self._labels = {use.node: name for name, use in reversed(roots.items())}
        self._emit(self._prepare(list(roots.values())))

    def _prepare(self, roots: Sequence[Use]) -> list[Node]:
        """The nodes to print, in order, with how often each is read."""
        nodes = list(postorder([use.node for use in roots], set(self._values)))
        self._whole = whole_nodes(nodes, self._positions(nodes))
        needed, stack = set[Node](), [use.node for use in roots]
        self._counts |= dict.fromkeys(stack, 1)
        while stack:
            node = stack.pop()
            if node in needed or node in self._values:
                continue
            needed.add(node)
            for use in reads(node, self._whole):
                self._counts[use.node] = self._counts.get(use.node, 0) + 1
                stack.append(use.node)
        self._definitions: dict[Node, str] = {}  # a definition that is too long for one line has the name itself
        for node in nodes:
            if isinstance(node, Named) and node.arg.letters == tuple(range(node.rank)):
                self._definitions.setdefault(node.arg.node, node.name)
        for use in roots:
            self._want(use, sorted(use.letters))
        for node in reversed(nodes):  # what is read in this order asks its operands for it
            if isinstance(node, Named):
                self._want(node.arg, range(node.rank))
            elif isinstance(node, Add | Apply) or (isinstance(node, Contract) and not node.bound):
                for use in node.uses():
                    self._want(use, self._wanted.get(node, range(node.rank)))
        return [node for node in nodes if node in needed]

    def _positions(self, nodes: Sequence[Node]) -> Iterable[Node]:
        """What becomes subscripts further in."""
        return ()

    def _emit(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            value = self._print(node)
            if not isinstance(node, Input | Const | Size) and self._deserves_name(node, value):
                value = self.assign(self._name(node), value)
            self._values[node] = value

    def _deserves_name(self, node: Node, value: Value) -> bool:
        if isinstance(node, Named):
            return not value.text.isidentifier()
        if number(own(node)) is not None:
            return False
        short = value.text.lstrip("-").isidentifier() or isinstance(node, Range) or value.kind == "python"
        return (self._counts[node] > 1 and not short) or len(value.text) > MAX_LINE

    def _name(self, node: Node) -> str:
        if isinstance(node, Named):
            return self.fresh(node.name)
        known = self._definitions.get(node) or self._labels.get(node)
        if known is not None:
            return self.fresh(known)
        match node:
            case Add(terms=terms):
                label = "diff" if any(c.is_negative for c, _ in terms) else "sum"
            case Contract(factors=factors):
                label = "sum" if node.bound and len(factors) == 1 else "prod"
            case Reduce(head=head):
                label = _EXTREMA.get(head, "reduced")
            case Apply(head=head):
                label = "chosen" if head is if_else else "is" if head in RELATIONS else head.__name__.lower()
            case MatrixFunction(head=head):
                label = MATRIX_LABELS[head]
            case _:
                label = type(node).__name__.lower()
        return self.labelled(label, node)

    def _print(self, node: Node) -> Value:
        if node in self._whole:
            whole = integer_value(node, self._use, self._layout(node), self.valid)
            if whole is not None:
                return whole
        match node:
            case Input(name=name):
                kind = "integer" if node.integer else "real"
                return Value(name, ATOM, tuple(range(node.rank)), kind, name)  # type: ignore[arg-type]
            case Const(value=value):
                if value in (S.true, S.false):
                    return Value(str(bool(value)), ATOM, (), "python")
                text = repr(str(value)) if value.is_Symbol else number_text(value)  # a symbol labels a message
                text = {S.Pi: "jnp.pi", S.Exp1: "jnp.e"}.get(value, text)
                return Value(text, UNARY if text.startswith("-") else ATOM, (), "python")
            case Size(value=value):
                short = value.is_Add and all(part.is_Symbol or part.is_Number for part in value.args)
                level = ATOM if value.is_Symbol else ADD if short else COMPARE
                return Value(size_text(value), level, (), "python", whole=True)
            case Range(shape=(length,)):
                return Value(f"jnp.arange({size_text(length)})", ATOM, (0,), "integer")
            case Delta(shape=(length, _)):
                return Value(f"jnp.eye({size_text(length)}, dtype={self.dtype})", ATOM, (0, 1))
            case Named(arg=arg, shape=shape):
                return self._full(self._use(arg), tuple(range(node.rank)), shape)
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
                return self._matrix_function(node)
            case Merge():
                return self._merge(node)
            case Split():
                return self._split(node)
            case Gather():
                return gathered(node, self._values[node.base.node], self.position)
            case Scatter():
                return scattered(node, self._real(self._use(node.value)), self.position, self.dtype)
        raise UnsupportedError(f"the target jax has no spelling of {type(node).__name__}")

    # --- sums and products --------------------------------------------------------------------------------------------

    def _sum(self, node: Add) -> Value:
        if not node.terms:
            return Value("0", ATOM, (), "python")
        letters = self._layout(node)
        parts = [
            (c, self.aligned(use, letters)) for c, use in sorted(node.terms, key=lambda term: bool(term[0].is_negative))
        ]
        kind = "python" if all(value.kind == "python" for _, value in parts) else "real"
        about = next((value.about for _, value in parts if value.about), "")
        whole = kind == "python" and any(value.whole for _, value in parts)
        total = Value("", ADD, letters, kind, about, whole=whole)  # type: ignore[arg-type]
        for n, (coefficient, value) in enumerate(parts):
            term, size = value, abs(coefficient)
            if value.text == "1":
                term = replace(value, text=number_text(size), level=ATOM)
            elif size != 1:
                term = replace(value, text=f"{number_text(size)} * {value.at(MUL)}", level=MUL)
            if n == 0:
                first = negative(term) if coefficient.is_negative else term
                total = replace(first, letters=letters, kind=total.kind, whole=total.whole)
                continue
            if n % MAX_OPERANDS == 0:
                total = self.assign(self.fresh("sum_1"), total)
            sign = "-" if coefficient.is_negative else "+"
            text = f"{total.text} {sign} {term.at(MATMUL)}"
            total = replace(total, text=text, level=ADD, inverse_of=None)
        return replace(total, about=about)

    def _product(self, node: Contract) -> Value:
        letters = range(node.rank + len(node.bound))
        above: list[Value] = []
        below: list[Value] = []
        inside: list[Value] = []
        for use, exponent in node.factors:
            value = self._use(use)
            lone = len(node.factors) == 1 and exponent == 1  # conditions that are counted
            value = value if lone else self._real(value)
            if any(letter >= node.rank for letter in value.letters):
                inside.append(self._power(value, exponent))
            elif exponent.is_negative:
                below.append(self._power(value, -exponent))
            else:
                above.append(self._power(value, exponent))
        assert set(range(node.rank, letters.stop)) <= {x for value in inside for x in value.letters}
        wanted = self._wanted.get(node, tuple(range(node.rank)))
        above += [contraction(inside, wanted, self.dtype)] if inside else []
        order = wanted if inside else self._layout(node)
        top = self._times(above, order)
        return self._quotient(top, self._times(below, order), order) if below else top

    def _quotient(self, above: Value, below: Value, order: Sequence[int]) -> Value:
        letters = tuple(x for x in order if x in above.letters or x in below.letters)
        top, bottom = broadcast(above, letters), broadcast(below, letters)
        kind = "python" if above.kind == below.kind == "python" else "real"
        text = f"{top.at(MUL)} / {bottom.at(UNARY)}"
        return Value(text, MUL, letters, kind, above.about or below.about)  # type: ignore[arg-type]

    def _times(self, values: Sequence[Value], order: Sequence[int]) -> Value:
        if len(values) < 2:
            return values[0] if values else Value("1", ATOM, (), "python")
        letters = tuple(x for x in order if any(x in value.letters for value in values))
        kind = "python" if all(value.kind == "python" for value in values) else "real"
        about = next((value.about for value in values if value.about), "")
        ordered = sorted(
            values, key=lambda value: (not value.whole, len(value.letters))
        )  # scalars first: fewer passes over the arrays
        texts = [broadcast(value, letters).at(UNARY) for value in ordered]
        if sum(value.whole for value in values) > 1:  # a product of sizes may be larger than JAX's integers
            texts[0] = f"float({ordered[0].text})"
        while len(texts) > MAX_OPERANDS:
            part = Value(" * ".join(texts[:MAX_OPERANDS]), MUL, letters)
            texts = [self.assign(self.fresh("prod_1"), part).text, *texts[MAX_OPERANDS:]]
        return Value(" * ".join(texts), MUL, letters, kind, about)  # type: ignore[arg-type]

    def _power(self, value: Value, exponent: Number) -> Value:
        if exponent == 1:
            return value
        if exponent.is_negative:
            return replace(
                value, text=f"1 / {self._power(value, -exponent).at(UNARY)}", level=MUL, inverse_of=None, whole=False
            )
        if exponent == Rational(1, 2) and value.kind != "python":
            return replace(value, text=f"jnp.sqrt({value.text})", level=ATOM, inverse_of=None)
        base = f"float({value.text})" if value.whole and exponent > 1 else value.at(ATOM)
        text = f"{base} ** {number_text(exponent)}"
        return replace(value, text=text, level=POWER, inverse_of=None, whole=False)

    # --- functions of entries -----------------------------------------------------------------------------------------

    def _apply(self, node: Apply) -> Value:
        letters, head = self._layout(node), node.head
        plain = [broadcast(self._use(use), letters) for use in node.args]
        about = next((arg.about for arg in plain if arg.about), "")
        if head in RELATIONS:
            text = f"{plain[0].at(ADD)} {RELATIONS[head]} {plain[1].at(ADD)}"
            return Value(text, COMPARE, letters, "boolean", about)
        if head in CONNECTIVES:
            joined = f" {CONNECTIVES[head]} ".join(arg.at(ATOM) for arg in plain)
            return Value(joined, COMPARE, letters, "boolean", about)
        if head is Not:
            return Value(f"jnp.logical_not({plain[0].text})", ATOM, letters, "boolean", about)
        if head is if_else:
            return replace(self._choice(plain), letters=letters, about=about)
        args = [self._real(arg) for arg in plain]
        if head is has_no_sign:
            return Value(f"~jnp.signbit({args[0].text})", UNARY, letters, "boolean", about)
        if head is step:
            return Value(f"{args[0].at(ADD)} > 0", COMPARE, letters, "boolean", about)
        kind = "python" if all(arg.kind == "python" for arg in args) else "real"
        if head is Pow:
            return Value(f"{args[0].at(ATOM)} ** {args[1].at(POWER)}", POWER, letters, kind, about)  # type: ignore[arg-type]
        numbers = [number(arg) for arg in node.args]
        if None not in numbers and (value := head(*numbers).evalf(17)).is_Float:
            return Value(number_text(value), ATOM if value >= 0 else UNARY, letters, "python")
        return Value(self._function(head, args), ATOM, letters, kind, about)  # type: ignore[arg-type]

    def _function(self, head: type, args: Sequence[Value]) -> str:
        texts = [arg.text for arg in args]
        if head in PLAIN:
            while len(texts) > 2 and PLAIN[head] in ("maximum", "minimum"):
                texts = [f"jnp.{PLAIN[head]}({texts[0]}, {texts[1]})", *texts[2:]]
            return f"jnp.{PLAIN[head]}({', '.join(texts)})"
        self.special |= head in SPECIAL or "scipy" in FORMATS.get(head, "")
        if head is polygamma and args[0].text == "0":
            return f"jax.scipy.special.digamma({texts[1]})"
        if head in SPECIAL:
            return f"jax.scipy.special.{SPECIAL[head]}({', '.join(texts)})"
        if head in FORMATS and len(args) == 1 + ("{b}" in FORMATS[head]):
            tight = {letter: arg.at(ATOM) for letter, arg in zip("AB", args, strict=False)}
            return FORMATS[head].format(**dict(zip("ab", texts, strict=False)), **tight, dtype=self.dtype)
        name = head.name if issubclass(head, Univariate) else head.__name__ if head in OWN else None
        if name is None:
            raise UnsupportedError(f"the target jax has no spelling of the function {head.__name__}")
        self.helpers.add(f"_{name}")
        return f"_{name}({', '.join(texts)})"

    def _choice(self, args: Sequence[Value]) -> Value:
        condition, yes, no = args
        if (yes.text, no.text) == ("1", "0"):
            return replace(condition, kind="boolean")
        yes, no = self._real(yes), self._real(no)
        text = f"jnp.where({condition.text}, {yes.text}, {no.text})"
        if yes.kind == no.kind == "python":
            text += f".astype({self.dtype})"
        return Value(text, ATOM, ())

    # --- functions of axes --------------------------------------------------------------------------------------------

    def _reduce(self, node: Reduce) -> Value:
        value = self._use(node.arg) if node.head is Or else self._real(self._use(node.arg))
        if node.head not in _EXTREMA:
            raise UnsupportedError(f"the target jax has no spelling of the reduction {node.head.__name__}")
        axes = [axis for axis, letter in enumerate(value.letters) if letter >= node.rank]
        kept = tuple(letter for letter in value.letters if letter < node.rank)
        options = [f"axis={axes[0] if len(axes) == 1 else tuple(axes)}"] if kept else []
        largest = node.head is LargestOver and not all(length.is_Integer for length in node.bound)
        if largest or (node.head in (MaxOver, MinOver) and not all(map(is_never_empty, node.bound))):
            options.append(f"initial={'' if node.head is MinOver else '-'}jnp.inf")
        text = f"{value.at(ATOM)}.{_EXTREMA[node.head]}({', '.join(options)})"
        return Value(text, ATOM, kept, "boolean" if node.head is Or else "real", value.about)

    def _axis_map(self, node: AxisMap) -> Value:
        value = self._real(self._use(node.arg))
        axes = tuple(value.letters.index(letter) for letter in node.over)
        if node.head in (SUM_UP_TO, SUM_FROM):
            backwards = ", reverse=True" if node.head == SUM_FROM else ""
            text = f"jax.lax.cumsum({value.text}, axis={axes[0]}{backwards})"
        elif node.head == PRODUCT_OF_OTHERS:
            self.helpers.add("_product_of_others")
            text = f"_product_of_others({value.text}, axes={axes})"
        else:
            raise UnsupportedError(f"the target jax has no spelling of {node.head}")
        return replace(value, text=text, level=ATOM, inverse_of=None)

    def _matrix_function(self, node: MatrixFunction) -> Value:
        row, column, _ = sides_of(node)
        value, *known = (self._real(self._use(use)) for use in node.uses())
        batch = [letter for letter in value.letters if letter not in (row, column)]
        # the inverse of a transposed matrix is that of the matrix, transposed
        turned = node.head != CHOLESKY and value.letters.index(row) > value.letters.index(column)
        matrix = transpose(value, [*batch, column, row] if turned else [*batch, row, column])
        spelling = MATRIX[node.head]
        self.helpers |= {name for name in ("_logdet", "_adjugate") if spelling.startswith(name)}
        text = spelling.format(matrix.text, *(transpose(part, batch).text for part in known))
        letters = matrix.letters if node.head in KEEPS_SHAPE else tuple(batch)
        return Value(text, ATOM, letters, "real", value.about, matrix if node.head == INVERSE else None)

    def _merge(self, node: Merge) -> Value:
        outer, inner = node.rank, node.rank + 1
        axes = [axis for axis in range(node.rank) if axis != node.axis]
        order = (*axes[: node.axis], outer, inner, *axes[node.axis :])
        lengths = {**dict(enumerate(node.shape)), outer: node.lengths[0], inner: node.lengths[1]}
        value = self._full(self._real(self._use(node.arg)), order, tuple(lengths[x] for x in order))
        return self._reshaped(value, node.shape, tuple(range(node.rank)))

    def _split(self, node: Split) -> Value:
        apart = [axis for axis in range(node.rank) if axis not in node.axes]
        first, second = node.axes
        order = (*apart[:first], node.rank, *apart[first:]) if second == first + 1 else (*apart, node.rank)
        lengths = {x: node.shape[x] for x in apart} | {node.rank: node.shape[first] * node.shape[second]}
        value = self._full(self._real(self._use(node.arg)), order, tuple(lengths[x] for x in order))
        letters = tuple(y for x in order for y in ((first, second) if x == node.rank else (x,)))
        return self._reshaped(value, [node.shape[x] for x in letters], letters)

    def _reshaped(self, value: Value, shape: Sequence[Expr], letters: tuple[int, ...]) -> Value:
        text = f"{value.at(ATOM)}.reshape({', '.join(map(size_text, shape))})"
        return Value(text, ATOM, letters, value.kind, value.about)
