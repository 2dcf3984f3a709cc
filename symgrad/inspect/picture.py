"""The graph of a model as boxes and arrows: what is drawn, before it has a place.

With names from `where` each is a box; without, each operation is one. Large graphs collapse: a part that repeats
itself, as the layers of a network do, is drawn once at its beginning and once at its end, with one box for all between.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from sympy import MatrixSymbol

from symgrad.calls import shortened
from symgrad.formula.listing import known_sums
from symgrad.formula.text import TOO_LONG, text
from symgrad.graph.nodes import Add, Contract, Input, Named, Node, Scan, Trajectory, Use, postorder
from symgrad.graph.transform import dependents
from symgrad.inspect.writing import Writer, shape_text

MOST_BOXES = 14  # blocks that are all drawn; of more, repeated ones collapse
MOST_EVER = 40  # blocks that a picture has room for, however little they repeat themselves
LONGEST_PERIOD = 12
LONGEST_FORMULA = 30
LONGEST_LABEL = 8

Kind = Literal["parameter", "data", "block", "loss", "more"]


@dataclass(frozen=True)
class Block:
    """A box: its name, a formula below it, and the whole formula for those who ask."""

    key: str
    kind: Kind
    title: str
    formula: str = ""
    tip: str = ""


@dataclass(frozen=True)
class Arrow:
    """From a box to one that uses it, with the shape of what flows; where it is active, an adjoint flows back."""

    source: str
    target: str
    shape: str
    adjoint: str = ""
    active: bool = False


@dataclass
class Picture:
    """Boxes and arrows; `summary` says in words what there is to see."""

    title: str
    blocks: list[Block] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    summary: str = ""


def picture(model: Any) -> Picture:
    """The graph of a model as it was written."""
    return _Drawer(model).draw()


class _Drawer:
    def __init__(self, model: Any) -> None:
        self._model = model
        self._program = model.program
        self._loss = model.program.loss
        self._writer = Writer(model)
        self._loss_name = model.program.loss_name
        self._active = dependents([self._loss.node], model.program.parameters.values())
        self._blocks = self._boxes()
        self._keys: dict[Node, str] = {}

    def _boxes(self) -> list[Node]:
        """The nodes that are boxes, inputs aside, operands first; the loss is the last."""
        names = set(self._program.names.values())
        nodes = [
            node
            for node in postorder([self._loss.node])
            if (node in names if names else node.uses() and not self._is_hidden(node))
        ]
        return [node for node in nodes if node is not self._loss.node] + [self._loss.node]

    def _is_hidden(self, node: Node) -> bool:
        """Numbers, and multiples of one term, which show in the formula of what uses them."""
        if isinstance(node, Add) and len(node.terms) == 1 and node is not self._loss.node:
            return True
        return not any(isinstance(below, Input) for below in postorder([node]))

    def draw(self) -> Picture:
        drawn = set(self._blocks)
        uses = {node: self._near(node, drawn) for node in self._blocks}
        stands_for = self._collapsed()
        made = Picture(self._model.name)
        inputs: dict[Input, None] = {}
        for node in self._blocks:
            for below in uses[node]:
                if isinstance(below, Input) and node not in stands_for:
                    inputs[below] = None
        for below in inputs:
            made.blocks.append(self._input(below))
        for node in self._blocks:
            block = self._collapse_box(node, stands_for) if node in stands_for else self._block(node)
            if block.key not in {known.key for known in made.blocks}:
                made.blocks.append(block)
        keys = {node: stands_for.get(node, self._key(node)) for node in self._blocks}
        seen: set[tuple[str, str, str]] = set()
        for node in self._blocks:
            for below in uses[node]:
                if isinstance(below, Input) and below not in inputs:
                    continue
                source = keys.get(below, self._key(below))
                arrow = Arrow(source, keys[node], self._shape(below), self._adjoint(below), below in self._active)
                if source != keys[node] and (source, keys[node], arrow.shape) not in seen:
                    seen.add((source, keys[node], arrow.shape))
                    made.arrows.append(arrow)
        made.summary = self._summary(made)
        return made

    # --- boxes --------------------------------------------------------------------------------------------------------

    def _key(self, node: Node) -> str:
        if node not in self._keys:
            self._keys[node] = f"b{len(self._keys)}"
        return self._keys[node]

    def _input(self, node: Input) -> Block:
        is_parameter = node in self._program.parameters.values()
        shape = self._shape(node)
        kind: Kind = "parameter" if is_parameter else "data"
        return Block(self._key(node), kind, node.name, "", f"{node.name}, {kind}{', ' + shape if shape else ''}")

    def _block(self, node: Node) -> Block:
        kind: Kind = "loss" if node is self._loss.node else "block"
        if isinstance(node, Named):
            title = ", ".join([node.name, *self._computed_with(node)])
            formula = self._written(node.name) or self._writer.text(node)
            if node is self._loss.node and self._loss_name != node.name:
                title = f"{self._loss_name} = {node.name}"
        elif node is self._loss.node:
            written = text(self._model.loss, known_sums(self._model))
            if len(written) > LONGEST_FORMULA:
                written = min(written, self._writer.text(self._loss.node), key=len)
            title, formula = self._loss_name, written
        else:
            formula = self._writer.text(node)
            if formula != TOO_LONG and len(formula) <= LONGEST_FORMULA:
                return Block(self._key(node), kind, _with_sigma(formula), "", formula)
            title = _operation(node)
            return Block(self._key(node), kind, title, "", formula)
        formula = _with_sigma(formula)
        return Block(self._key(node), kind, title, shortened(formula, LONGEST_FORMULA), f"{title} = {formula}")

    def _computed_with(self, node: Named) -> list[str]:
        """The states of the recurrence of a name that have no box of their own."""
        scan = node.arg.node.scan.node if isinstance(node.arg.node, Trajectory) else None
        if not isinstance(scan, Scan):
            return []
        boxes = {block.name for block in self._blocks if isinstance(block, Named)}
        return [state.name for state in scan.states if state.name not in boxes]

    def _written(self, name: str) -> str:
        """The definition of a name; of a recurrence its step, which comes after where it begins."""
        for equation in reversed(self._model.where):
            left = getattr(equation.lhs, "base", getattr(equation.lhs, "parent", equation.lhs))
            if str(getattr(left, "label", left)) == name:
                return text(equation.rhs, known_sums(self._model))
        return ""

    def _shape(self, node: Node) -> str:
        symbol = getattr(node, "symbol", None)
        return shape_text(symbol.shape if isinstance(symbol, MatrixSymbol) else node.shape)

    def _adjoint(self, node: Node) -> str:
        if node not in self._active:
            return ""
        name = getattr(node, "name", "")
        if not name:
            formula = self._writer.text(node)
            name = f"({formula})" if len(formula) <= LONGEST_LABEL else ""
        return f"∂{self._loss_name}/∂{name}" if name else ""

    def _near(self, node: Node, drawn: set[Node]) -> list[Node]:
        """The boxes and inputs that a box uses directly."""
        found: dict[Node, None] = {}
        seen: set[Node] = set()
        stack: list[Use] = list(reversed(node.uses()))
        while stack:
            part = stack.pop().node
            if part in drawn or isinstance(part, Input):
                found[part] = None
            elif part not in seen:
                seen.add(part)
                stack.extend(reversed(part.uses()))
        return list(found)

    # --- collapsing ---------------------------------------------------------------------------------------------------

    def _collapsed(self) -> dict[Node, str]:
        """The key of the common box for each block that is not drawn."""
        hidden: dict[Node, str] = {}
        shown: list[Node | str] = list(self._blocks)  # the key of a common box stands in the place of its blocks
        signatures = {node: self._signature(node) for node in self._blocks}
        while len(shown) > MOST_BOXES:
            run = _longest_run([signatures[item] if isinstance(item, Node) else "" for item in shown])
            if run is None:
                break
            self._hide(shown, *run, hidden)
        if len(shown) > MOST_EVER:
            half = MOST_EVER // 2
            self._hide(shown, half, len(shown) - half, hidden)
        return hidden

    def _hide(self, shown: list[Node | str], start: int, stop: int, hidden: dict[Node, str]) -> None:
        key = f"m{len(hidden)}"
        gone = set(shown[start:stop])
        hidden.update({node: key for node in self._blocks if node in gone or hidden.get(node) in gone})
        shown[start:stop] = [key]

    def _collapse_box(self, node: Node, stands_for: dict[Node, str]) -> Block:
        key = stands_for[node]
        members = [other for other in self._blocks if stands_for.get(other) == key]
        names = [getattr(member, "name", "") or _operation(member) for member in members]
        formula = f"{names[0]} … {names[-1]}" if names[0] != names[-1] else names[0]
        return Block(key, "more", f"⋯ {len(members)} more", formula, f"{len(members)} blocks: {', '.join(names)}")

    def _signature(self, node: Node) -> str:
        """What a block computes, whatever its operands are called and in whatever order they come."""
        found: dict[Node, str] = {}
        for below in postorder([node], set(self._blocks) - {node}):
            kind = "parameter" if below in self._program.parameters.values() else type(below).__name__
            operands = sorted(found.get(use.node, "block") for use in below.uses())
            text = f"{kind} {getattr(below, 'head', '')} {below.rank} {operands}"
            found[below] = blake2b(text.encode(), digest_size=16).hexdigest()
        return found[node]

    def _summary(self, made: Picture) -> str:
        titles = [block.title for block in made.blocks if block.kind in ("block", "loss", "more")]
        inputs = [block.title for block in made.blocks if block.kind in ("parameter", "data")]
        return f"From the inputs {', '.join(inputs)} through {', then '.join(titles)}; the derivatives flow back."


def _with_sigma(formula: str) -> str:
    named = formula.replace("log_ndtr(", "log Φ(").replace("ndtr(", "Φ(")
    return named.replace("log_sigmoid(", "log σ(").replace("sigmoid(", "σ(")


def _operation(node: Node) -> str:
    """The name of an operation: its function's, or the sign of a sum or product."""
    head = getattr(node, "head", None)
    if head is not None:
        return str(getattr(head, "__name__", head))
    if isinstance(node, Add):
        return "+"
    if isinstance(node, Contract):
        return "Σ ×" if node.bound else "×"
    return type(node).__name__


def _longest_run(signatures: Sequence[str]) -> tuple[int, int] | None:
    """The places between the first and the last repetition of the part that repeats itself over the longest way."""
    best: tuple[int, int, int] | None = None
    for period in range(1, LONGEST_PERIOD + 1):
        start = None
        alike = [a == b != "" for a, b in zip(signatures, signatures[period:], strict=False)]
        for place, same in enumerate([*alike, False]):
            if same and start is None:
                start = place
            elif not same and start is not None:
                length = (place - start) // period * period + period  # whole repetitions
                if length >= 4 * period and (best is None or length - 2 * period > best[0]):
                    best = (length - 2 * period, start + period, start + length - period)
                start = None
    return None if best is None else best[1:]
