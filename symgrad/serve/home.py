"""Where the page's answers come from: a server of this machine, or Python in the browser."""

from collections.abc import Mapping
from dataclasses import dataclass

# What each lane of a server is asked, and after how many seconds an answer is given up.
LANES: dict[str, tuple[tuple[str, ...], float]] = {
    "formula": (("formula", "derivative"), 10.0),
    "more": (("code", "steps", "graph", "hessian"), 20.0),
    "check": (("check",), 60.0),
}
_SLOWER = 3.0  # times as long as on the machine itself, measured with Pyodide 314 over the gallery


@dataclass(frozen=True)
class Home:
    """What differs in the page.

    Attributes
    ----------
    script : the template of the function that asks.
    place : where formulas are derived, in words.
    policy : what the browser may do besides running the page's script, in the words of a Content-Security-Policy.
    local : whether there is no server, so that the page says itself what it may do.
    slower : how many times as long answers take as on the machine itself.
    wheel : the file of NumPy beside the page, if it has no server.
    """

    script: str
    place: str
    policy: tuple[str, ...]
    local: bool = False
    slower: float = 1.0
    wheel: str | None = None

    @property
    def checks(self) -> bool:
        """Whether generated modules can be checked, which takes NumPy."""
        return not self.local or self.wheel is not None

    @property
    def limits(self) -> Mapping[str, float]:
        """After how many seconds an answer is given up, by question."""
        return {question: self.slower * limit for questions, limit in LANES.values() for question in questions}


SERVER = Home("serve.server.js.j2", "on this machine", ("connect-src 'self'", "frame-ancestors 'none'"))


def in_browser(wheel: str | None) -> Home:
    """The page without a server, with the file of NumPy that it has, or None."""
    allowed = ("worker-src 'self'",)
    return Home("serve.pyodide.js.j2", "in this browser", allowed, local=True, slower=_SLOWER, wheel=wheel)
