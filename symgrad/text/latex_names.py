"""Names and entries in LaTeX: letters in fonts, with subscripts that belong to the name or say which entry."""

import re
from abc import abstractmethod

from symgrad.text import tree
from symgrad.text.latex_tokens import Token, Tokens
from symgrad.text.tree import Span

GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu"),
    *("nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda"),
    *("Xi", "Phi", "Psi", "Omega", "Sigma"),
)
FONTS = (r"\mathbf", r"\boldsymbol", r"\mathrm", r"\mathit", r"\bm")


class Names(Tokens):
    """Reads names and entries.

    Attributes
    ----------
    bound : the indices of the sums around the place, by their letters.
    spelled : how each name is written.
    is_grouped : whether the place is a name in braces, whose subscript belongs to it: `{W_q}_{ij}`.
    deltas : where Kronecker's deltas stand.
    numbered : the letters of names that have a number, such as x_1, and where one stands.
    arrays : the names that have entries.
    """

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.bound: dict[str, str] = {}
        self.spelled: dict[str, str] = {}
        self.is_grouped = False
        self.deltas: list[Span] = []
        self.numbered: dict[str, Span] = {}
        self.arrays: set[str] = set()

    @abstractmethod
    def _sum(self) -> tree.Expression:
        """A sum, or whatever stands at its place."""

    @abstractmethod
    def _enclosed(self, opened: Token) -> tuple[list[tree.Expression], Token]:
        """What stands in brackets, between commas, and what closes them."""

    def _lettered(self, token: Token) -> tree.Expression:
        """A name in a font of its own."""
        letters, place = self.inside()
        word, at = "".join(letter.text for letter in letters), token.at.to(place)
        if word == "1":
            return tree.Call("vector", (tree.Number("1", at),), at, at)
        plain = word.removeprefix("\\")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", plain) or (word[0] == "\\" and plain not in GREEK):
            raise self.wrong("a name is made of letters", at)
        return self._name(plain if plain == word else plain.removeprefix("var"), at)

    def _name(self, text: str, at: Span) -> tree.Expression:
        """A name, or an entry of it at indices that sums bind."""
        if text in self.bound:
            return tree.Name(self.bound[text], at)
        spelled = self.source[at.start : at.end]
        if self.spelled.setdefault(text, spelled) != spelled:
            raise self.wrong(f"is this the same as {self.spelled[text]}? Write it in one way", at)
        if text == "e" and self.next == "^":
            return self._exponential(at)
        if self.next != "_":
            return tree.Name(text, at)
        return self._with_subscript(tree.Name(text, at))

    def _with_subscript(self, name: tree.Name) -> tree.Expression:
        """A name that a subscript belongs to, or an entry."""
        self.take()
        start = self.place
        inside = self.taken() if self.next == "{" else [self.take()]
        whole = name.at.to(self.tokens[self.place - 1].at)
        parts = [token for token in inside if token.text != ","]
        own = self._own(inside)
        if own and not all(token.text in self.bound for token in parts):
            if own.isdigit() and not self.is_grouped:
                self.numbered.setdefault(name.text, whole)
            return tree.Name(f"{name.text}_{own}", whole)
        if parts and all(token.text in self.bound for token in parts):
            subscripts: tuple[tree.Expression, ...] = tuple(
                tree.Name(self.bound[token.text], token.at) for token in parts
            )
        elif self.origin is None or self.tokens[start].text != "{":
            message = r"a subscript is a number, or is made of indices that a sum binds: \sum_i x_i; what is computed, "
            raise self.wrong(message + "such as x_{i+1}, needs a comment % subscripts from 0 (or 1)", whole)
        else:
            subscripts = self._computed(start)
        return self.entry(name, subscripts, whole)

    def _own(self, inside: list[Token]) -> str:
        """A subscript that is a part of a name: a number, a word in a font; of a name in braces a letter, too."""
        word = "".join(token.text for token in inside)
        plain = re.fullmatch(r"\\mathrm\{(\w+)\}", word)
        if plain:
            return plain.group(1)
        if word.isdigit():
            return word
        is_word = self.is_grouped and re.fullmatch(r"[A-Za-z0-9]+", word)
        if is_word and not any(one.text in self.bound for one in inside):
            return word
        greek = word.removeprefix("\\")
        return greek.removeprefix("var") if self.is_grouped and greek != word and greek in GREEK else ""

    def taken(self) -> list[Token]:
        """The tokens between braces, which may have braces inside."""
        opened, depth, found = self.take(), 1, list[Token]()
        while depth:
            if not self.next:
                raise self.wrong("this { is not closed", opened.at)
            token = self.take()
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            found.append(token)
        return found[:-1]

    def _computed(self, start: int) -> tuple[tree.Expression, ...]:
        """Subscripts between commas."""
        self.place = start
        opened = self.take()
        grouped, self.is_grouped = self.is_grouped, False
        parts = [self._sum()]
        while self.next == ",":
            self.take()
            parts.append(self._sum())
        self.wanted("}", opened)
        self.is_grouped = grouped
        return tuple(parts)

    def entry(self, name: tree.Name, subscripts: tuple[tree.Expression, ...], at: Span) -> tree.Expression:
        """An entry, or Kronecker's delta."""
        self.arrays.add(name.text)
        if name.text != "delta" or self.source[name.at.start : name.at.end] != r"\delta" or len(subscripts) != 2:
            return tree.Subscripted(name, subscripts, at)
        self.deltas.append(at)
        return tree.Call("delta", subscripts, at, name.at)

    def _single(self, token: Token) -> tree.Expression:
        """An exponent, or a bound, without braces."""
        if token.text.isdigit() and len(token.text) == 1:
            return tree.Number(token.text, token.at)
        if token.text.isalpha() and token.text.isascii():
            return tree.Name(token.text, token.at)
        raise self.wrong("this needs braces", token.at)

    def _exponential(self, at: Span) -> tree.Expression:
        """A power of Euler's number; the power, not the function, since its exponent is a number and no array."""
        if self.has_symbol("e"):
            raise self.wrong(r"a power of e, or of a symbol? Write \exp(x), or another letter", at)
        sign = self.take()
        if self.next == "{":
            (exponent,), end = self._enclosed(self.take())
            place = at.to(end.at)
        else:
            exponent = self._single(self.take())
            place = at.to(exponent.at)
        base = tree.Call("exp", (tree.Number("1", at),), at, at)
        return tree.Binary(tree.POWER, base, exponent, place, sign.at)
