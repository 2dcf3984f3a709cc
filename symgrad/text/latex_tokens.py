"""What LaTeX is made of, with places: commands, letters, numbers and signs, without what only moves them."""

import re
from dataclasses import dataclass
from itertools import pairwise

from symgrad.errors import FormulaError
from symgrad.text.tree import Span

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\.\d+|[A-Za-z]|\s+|.", re.DOTALL)
_BLANK = {*(rf"\{mark}" for mark in ",;:! "), r"\quad", r"\qquad", r"\left", r"\right", r"\displaystyle", "&", "~"}
_BLANK |= {rf"\{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r")}
_SAME = {r"\lVert": r"\|", r"\rVert": r"\|", r"\Vert": r"\|", r"\lvert": "|", r"\rvert": "|", r"\vert": "|"}
_SAME |= {r"\intercal": r"\top", r"\ln": r"\log", r"\lbrack": "[", r"\rbrack": "]", "−": "-"}

# What is followed by letters that are one word.
_WORDS = {
    rf"\{name}" for name in ("mathbf", "boldsymbol", "mathrm", "mathit", "bm", "operatorname", "text", "begin", "end")
}


@dataclass(frozen=True)
class Token:
    """A command, letter, number or sign, and its place."""

    text: str
    at: Span


class Tokens:
    """The tokens of a text from left to right, and the place up to which they are read.

    `origin` is what subscripts count from, where a comment says it: `% subscripts from 0`.
    """

    def __init__(self, source: str) -> None:
        self.source, self.place = source, 0
        said = re.search(r"(?<!\\)%[ \t]*subscripts from ([01])[ \t]*$", source, re.MULTILINE)
        self.origin = int(said.group(1)) if said else None
        source = re.sub(r"(?<!\\)%.*", lambda comment: " " * len(comment.group()), source)
        self.tokens = [
            Token(_SAME.get(found.group(), found.group()), Span(found.start(), found.end()))
            for found in _TOKEN.finditer(source)
            if not found.group().isspace() and found.group() not in _BLANK
        ]

    @property
    def next(self) -> str:
        """The next token; empty at the end."""
        return self.ahead(0)

    def ahead(self, count: int) -> str:
        """The token after `count` others; empty behind the end."""
        return self.tokens[self.place + count].text if self.place + count < len(self.tokens) else ""

    def has_symbol(self, letter: str) -> bool:
        """Whether a letter stands anywhere by itself, other than with a power."""
        inside = ""
        for token, after in pairwise((*self.tokens, Token("", Span(0, 0)))):
            if token.text in _WORDS and after.text == "{":
                inside = token.text
            elif token.text == letter and after.text != "^" and not inside:
                return True
            elif token.text == "}":
                inside = ""
        return False

    def take(self) -> Token:
        """The next token, which is read by this."""
        if self.place == len(self.tokens):
            last = self.tokens[-1].at if self.tokens else Span(0, max(len(self.source), 1))
            raise self.wrong("the formula ends here, and something is missing", last)
        self.place += 1
        return self.tokens[self.place - 1]

    def wanted(self, text: str, opened: Token | None = None) -> Token:
        """The next token, which has to be this one."""
        if opened is not None and not self.next:
            raise self.wrong(f"this {opened.text} is not closed", opened.at)
        token = self.take()
        if token.text != text:
            raise self.wrong(f"here {text} is expected, not {token.text}", token.at)
        return token

    def inside(self) -> tuple[list[Token], Span]:
        """The tokens between braces, and the place of all of it."""
        opened = self.wanted("{")
        found = []
        while self.next not in ("}", "{", ""):
            found.append(self.take())
        return found, opened.at.to(self.wanted("}", opened).at)

    def wrong(self, message: str, at: Span) -> FormulaError:
        """An error at a place."""
        return FormulaError(message, self.source, (at.start, at.end))
