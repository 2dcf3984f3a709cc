"""Prints what is JAX's own: functions, positions that are added to, and recurrences as `lax.fori_loop`."""

from collections.abc import Sequence
from typing import Any

from sympy import S, Symbol, polygamma

from symgrad.codegen.loops import Steps
from symgrad.codegen.slices import Loop
from symgrad.codegen.subscripts import index_text
from symgrad.codegen.values import ATOM, Value, broadcast, size_text, tuple_text
from symgrad.errors import UnsupportedError
from symgrad.graph.axes import (
    EXPONENTIALS_FROM,
    LARGEST_FROM,
    LARGEST_UP_TO,
    PRODUCT_OF_OTHERS,
    RUNNING,
    SUM_FROM,
    SUM_UP_TO,
)
from symgrad.graph.build import is_zero
from symgrad.graph.dimensions import is_never_empty
from symgrad.graph.nodes import Scatter, State, Update, Use, postorder
from symgrad.targets.jax.functions import FORMATS, MATRIX, OWN, PARTS, PLAIN, SPECIAL
from symgrad.univariate import Univariate


class Printer(Steps):
    """Turns terms into assignments."""

    target, library = "jax", "jnp"

    # --- functions ----------------------------------------------------------------------------------------------------

    def _function(self, head: Any, args: Sequence[Value]) -> str:
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
            raise self._missing(f"the function {head.__name__}")
        self.helpers.add(f"_{name}")
        return f"_{name}({', '.join(texts)})"

    def _along(self, head: Any, text: str, axes: tuple[int, ...]) -> str:
        if head in (SUM_UP_TO, SUM_FROM):
            return f"jax.lax.cumsum({text}, axis={axes[0]}{', reverse=True' if head == SUM_FROM else ''})"
        if head in RUNNING:
            name = "_largest_so_far" if head in (LARGEST_FROM, LARGEST_UP_TO) else "_sums_of_exponentials"
            self.helpers.add(name)
            return f"{name}({text}, axis={axes[0]}, backwards={head in (LARGEST_FROM, EXPONENTIALS_FROM)})"
        if head != PRODUCT_OF_OTHERS:
            raise self._missing(str(head))
        self.helpers.add("_product_of_others")
        return f"_product_of_others({text}, axes={axes})"

    def _of_matrices(self, head: str, *texts: str) -> str:
        name = MATRIX[head]
        self.helpers |= {name} if name.startswith("_") else set()
        return f"{name}({', '.join(texts)}){PARTS.get(head, '')}"

    def _scatter(self, node: Scatter) -> Value:
        value = self._real(self._use(node.value))
        text = f"jnp.zeros({tuple_text(node.shape)}, {self.dtype}){self._landing(node, value)}"
        return Value(text, ATOM, tuple(range(node.rank)), "real", value.about)

    def _landing(self, node: Scatter, value: Value) -> str:
        """What adds the values to an array at their positions."""
        index, letters = index_text(node.subs, node.shape, self.position)
        return f".at[{index or '...'}].add({broadcast(value, letters).text})"

    # --- recurrences --------------------------------------------------------------------------------------------------

    def _loop(self, node: Loop) -> None:
        arrays = [self.fresh(state.name) for state in node.states]
        for number, array in enumerate(arrays):
            self._trajectories[node, number] = array
            self._start(node, number, array)
        inner = Printer(self.dtype, ())
        inner.helpers, inner._taken, inner._values = self.helpers, self._taken, dict(self._values)
        inner._arrays = dict(zip(node.states, arrays, strict=True))
        inner._clocks, inner._clock = self._clocks, self._clock_of(node.clock[0])
        clock = inner._clock
        inner._position = Symbol(clock, integer=True) - node.clock[1]
        inner.fill(node)
        self.special |= inner.special
        if inner.checks:
            raise UnsupportedError("the target jax cannot check subscripts that a step of a recurrence computes")
        if not inner.lines:  # nothing flows back through a recurrence that does not refer to itself
            return
        changed = list(dict.fromkeys(arrays[update.state] for update in node.updates))
        carry, first, after = ", ".join(changed), S(node.clock[1]), node.clock[1] + node.steps
        states = f"({carry})" if len(changed) > 1 else carry
        step, number_of_step = self.fresh("step"), self._clock_of("step_number") if node.descending else clock
        self.lines += ["", f"def {step}({number_of_step}: Any, states: Any) -> Any:", f"    {carry} = states"]
        if node.descending:
            self.lines.append(f"    {clock} = {size_text(after - 1 - Symbol(number_of_step, integer=True))}")
            first, after = S.Zero, node.steps
        self.lines += [*(f"    {line}" for line in inner.lines), f"    return {carry}", ""]
        call = f"{carry} = jax.lax.fori_loop({size_text(first)}, {size_text(after)}, {step}, {states})"
        if is_never_empty(node.steps):
            self.lines.append(call)
        else:  # of an empty array JAX takes no entry, not even in a step that is never done
            self.lines += [f"if {size_text(node.steps)} > 0:", f"    {call}"]

    def _start(self, node: Loop, number: int, array: str) -> None:
        """An array for a state, with its base cases or its initial values."""
        state, initial = node.states[number], node.initial[number]
        if initial is not None and not is_zero(initial):
            self.lines.append(f"{array} = {self.full(initial, state.shape).text}")
            return
        changes = [
            f".at[{_place(state, size_text(position))}].set({self._over(use, state).text})"
            for owner, position, use in node.bases
            if owner == number and not is_zero(use)
        ]
        self.lines.append(f"{array} = jnp.zeros({tuple_text(state.shape)}, {self.dtype}){''.join(changes)}")

    def _over(self, use: Use, state: State) -> Value:
        """A term over the axes of a state beside the time, ready to be stored there."""
        return self.aligned(use, [axis for axis in range(len(state.shape)) if axis != state.axis])

    def fill(self, node: Loop) -> None:
        """The statements of one step."""
        nodes = self._prepare([update.term for update in node.updates])
        for update in node.updates:
            array = self._arrays[node.states[update.state]]
            term = update.term
            below = set(postorder([term.node]))
            if update.lag is None and isinstance(term.node, Scatter) and term.letters == tuple(range(term.node.rank)):
                below.remove(term.node)  # its values are added to the array itself
            self._emit([part for part in nodes if part in below and part not in self._values])
            self.lines.append(f"{array} = {array}{self._changed(update, node)}")

    def _changed(self, update: Update, node: Loop) -> str:
        """What is done with the array of a state."""
        use, state = update.term, node.states[update.state]
        if update.lag is None and use.node not in self._values:
            assert isinstance(use.node, Scatter)
            return self._landing(use.node, self._real(self._use(use.node.value)))
        if update.lag is None:
            return f" + {broadcast(self._real(self._use(use)), range(len(state.shape))).text}"
        place = _place(state, self._at(S(state.start - update.lag)))
        change = "set" if node.initial[update.state] is None else "add"
        return f".at[{place}].{change}({self._over(use, state).text})"


def _place(state: State, position: str) -> str:
    """The entries of a state's array at a time, as a subscript."""
    return ", ".join([*[":"] * state.axis, position])
