"""The nodes printed so far as operands: in the letters of their consumer, in their axes, and floating."""

from collections.abc import Sequence
from dataclasses import replace

from symgrad.codegen.values import ATOM, COMPARE, MUL, UNARY, Value, broadcast, transpose, tuple_text
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Input, Letter, Named, Node, Shape, Use, postorder

# A name made of more labels, such as sum_exp_prod_X, is cut to what it is about: names would grow with the nesting.
MOST_LABELS = 3


class Operands:
    """The values of nodes so far, with the assignments that compute them.

    Attributes
    ----------
    library : the name of the module of array functions.
    dtype : the text of the floating type.
    lines : the assignments, in order.
    helpers : the functions of the module that they call.
    special : whether they call special functions, which are in another module.
    checks : those among them that say whether positions are on their axes.
    """

    library: str

    def __init__(self, dtype: str, taken: Sequence[str]) -> None:
        self.dtype = dtype
        self.lines: list[str] = []
        self.helpers: set[str] = set()
        self.checks: list[str] = []
        self.special = False
        self._taken = set(taken)
        self._subjects: dict[str, tuple[str, int]] = {}  # of a made-up name, what it is about, and how many labels
        self._values: dict[Node, Value] = {}
        self._counts: dict[Node, int] = {}
        self._labels: dict[Node, str] = {}  # what results should be called
        self._wanted: dict[Node, tuple[int, ...]] = {}  # the order of axes in which most is read as it is

    def fresh(self, wanted: str) -> str:
        """A variable name that nothing else has."""
        name, n = wanted, 1
        while name in self._taken:
            n += 1
            name = f"{wanted}_{n}"
        self._taken.add(name)
        return name

    def assign(self, name: str, value: Value) -> Value:
        """Assign a value to a variable."""
        self.lines.append(f"{name} = {value.text}")
        return Value(name, ATOM, value.letters, value.kind, name)

    def labelled(self, label: str, node: Node) -> str:
        """A name for what has none: what it is, and what it is about."""
        found = (self._values[use.node].about for use in node.uses() if use.node in self._values)
        below = (part.name for part in postorder([node]) if isinstance(part, Input | Named))
        about = next((name for name in found if name), None) or next(below, None)
        if about is None:
            return self.fresh(f"{label}_1")
        root, labels = self._subjects.get(about, (about, 0))
        if labels >= MOST_LABELS:
            about, labels = root, 0
        name = self.fresh(f"{label}_{about}")
        self._subjects[name] = root, labels + 1
        return name

    def aligned(self, use: Use, letters: Sequence[Letter]) -> Value:
        """A term as a floating array that broadcasts along the given letters."""
        return broadcast(self._real(self._use(use)), letters)

    def position(self, use: Use, letters: Sequence[Letter]) -> str:
        """A subscript as an array that broadcasts along the given letters."""
        return broadcast(self._use(use), letters).text

    def full(self, use: Use, shape: Shape, order: Sequence[Letter] | None = None) -> Value:
        """A term over axes of this shape as a floating array that has them all."""
        return self._full(self._use(use), tuple(range(len(shape))) if order is None else tuple(order), shape)

    def _full(self, value: Value, order: tuple[Letter, ...], shape: Shape) -> Value:
        value = self._real(value) if value.kind == "boolean" else value
        if set(value.letters) == set(order):
            return transpose(value, order)
        sides, shaped = tuple_text(shape), broadcast(value, order)
        if shaped.kind == "python":
            text = f"{self.library}.full({sides}, {shaped.text}, {self.dtype})"
            return Value(text, ATOM, order, "real", shaped.about)
        return replace(shaped, text=f"{self.library}.broadcast_to({shaped.text}, {sides})", level=ATOM, letters=order)

    def _use(self, use: Use) -> Value:
        """A node's value in the letters of its consumer; a repeated letter takes the diagonal."""
        value = self._values[use.node]
        letters = tuple(use.letters[k] for k in value.letters)
        matrix = value.inverse_of
        if matrix is not None and self._counts.get(use.node) == 1 and len(set(letters)) == len(letters):
            turned = replace(matrix, letters=tuple(use.letters[k] for k in matrix.letters))
            return replace(value, letters=letters, inverse_of=turned)
        text, level = value.text, value.level
        while len(set(letters)) < len(letters):
            twice = next(letter for letter in letters if letters.count(letter) > 1)
            first, second, *_ = (k for k, letter in enumerate(letters) if letter == twice)  # a third one comes next
            axes = "" if (first, second, len(letters)) == (0, 1, 2) else f", axis1={first}, axis2={second}"
            text, level = f"{self.library}.diagonal({text}{axes})", ATOM
            letters = (*(letter for k, letter in enumerate(letters) if k not in (first, second)), twice)
        return replace(value, text=text, level=level, letters=letters, inverse_of=None)

    def _real(self, value: Value) -> Value:
        """The value in the floating type of the arguments; Python numbers take that of what they meet."""
        if value.whole and value.level == COMPARE:  # perhaps larger than an array's integers
            return replace(value, text=f"float({value.text})", level=ATOM, whole=False)
        if value.kind in ("real", "python"):
            return value
        return replace(value, text=f"{value.at(ATOM)}.astype({self.dtype})", level=ATOM, kind="real")

    def _layout(self, node: Node) -> tuple[Letter, ...]:
        """The order of axes: the one asked for, else that of the largest operand, which needs the fewest transposes."""
        if node in self._wanted:
            return self._wanted[node]
        known = [self._use(use).letters if use.node in self._values else use.letters for use in node.uses()]
        longest = max(known, key=len, default=())
        return distinct([x for x in (*longest, *range(node.rank)) if x < node.rank])

    def _want(self, use: Use, order: Sequence[Letter]) -> None:
        """Ask for the layout in which the operand's letters come in this order, unless another was asked for."""
        present = [letter for letter in order if letter in use.letters]
        if len(present) == len(use.letters) == len(set(use.letters)):
            self._wanted.setdefault(use.node, tuple(use.letters.index(letter) for letter in present))


def negative(value: Value) -> Value:
    """The value times -1."""
    return replace(value, text=f"-{value.at(MUL)}", level=min(max(value.level, MUL), UNARY), inverse_of=None)
