"""What is told of a derivation: sections of steps, with their equations and the rewrites that fired."""

from dataclasses import dataclass, field

from symgrad.formula.boxes import Box
from symgrad.rewrite.record import Reason


@dataclass(frozen=True)
class Shown:
    """A formula as text and laid out (no layout: too long to be shown)."""

    text: str
    box: Box | None


@dataclass(frozen=True)
class Equation:
    """What an equation is, in words, and its sides."""

    words: str
    left: Shown
    right: Shown


@dataclass(frozen=True)
class Rewrite:
    """A rewrite that fired: what it was applied to, what it gave, and the operations of both."""

    name: str
    reason: Reason
    before: Shown
    after: Shown
    operations: tuple[int, int]


@dataclass(frozen=True)
class Step:
    """One step: equations in order, the rewrites, the operations before and after, and what comes out."""

    title: Shown
    equations: tuple[Equation, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    operations: tuple[int, int] | None = None
    outcome: Equation | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to tell but one equation."""
        return len(self.equations) == 1 and not self.equations[0].words


@dataclass(frozen=True)
class Section:
    """Steps that belong together."""

    title: str
    words: str
    steps: tuple[Step, ...] = field(default=())
