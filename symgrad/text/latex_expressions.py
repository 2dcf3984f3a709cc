"""Expressions in LaTeX, from sums to factors; see `latex` for the subset."""

import re
from dataclasses import replace
from itertools import count

from symgrad.text import functions, tree
from symgrad.text.latex_cases import COMPARISONS, IF, OTHERWISE, Cases
from symgrad.text.latex_names import FONTS, GREEK
from symgrad.text.latex_tokens import Token
from symgrad.text.tree import Span

MOST_LEVELS = 60  # brackets, fractions, functions inside each other
_FUNCTIONS = ("log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "max", "min", "det")
_SUMS = {r"\sum": tree.SUM, r"\prod": tree.PRODUCT}
_PRODUCTS = {r"\cdot": tree.TIMES, "*": tree.TIMES, "/": tree.OVER}
_PRODUCTS |= {r"\odot": tree.DOT_TIMES, r"\circ": tree.DOT_TIMES, r"\oslash": tree.DOT_OVER}
_REDUCED = (tree.LOG_SUM_EXP, tree.LARGEST, tree.SMALLEST, tree.SOFTMAX, *tree.OF_MATRICES)  # with indices below
_CONSTANTS = {r"\pi": "pi", "I": "eye", r"\infty": "inf"}

_CLOSING = {"(": ")", "[": "]", r"\{": r"\}", "{": "}"}
_BEGINS = {*_SUMS, *FONTS, *_CLOSING, r"\frac", r"\sqrt", r"\operatorname", r"\pi", r"\infty", r"\text", "|", r"\begin"}
_BEGINS |= {rf"\{name}" for name in (*GREEK, *_FUNCTIONS)}


class Expressions(Cases):
    """Reads from left to right; every method leaves the place behind what it has read.

    Attributes
    ----------
    norms, absolutes : how many norms and absolute values are open since the last bracket; a bar closes or opens one.
    reaches : whether the last factor is a function without brackets, which may be meant to reach further.
    bars : where norms begin.
    """

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.norms = self.absolutes = self.levels = 0
        self.reaches = False
        self.bars: set[Span] = set()

    # --- sums and products --------------------------------------------------------------------------------------------

    def _sum(self) -> tree.Expression:
        sign = self.take() if self.next in ("+", "-") else None
        made = self._product()
        if sign is not None and sign.text == "-":
            made = tree.Negative(made, sign.at.to(made.at))
        while self.next in ("+", "-"):
            sign = self.take()
            right = self._product()
            made = tree.Binary(sign.text, made, right, made.at.to(right.at), sign.at)
        return made

    def _product(self) -> tree.Expression:
        made = self._factor()
        kinds: set[str] = set()
        while self.next in _PRODUCTS or self._begins_factor():
            if self.reaches:
                raise self.wrong("how far does this function reach? Put its argument in brackets", made.at)
            sign = self.take() if self.next in _PRODUCTS else None
            if sign is None and self.next[0] in ".0123456789":
                raise self.wrong("an operator is missing before this number", self.take().at)
            left = made.at.end
            right = self._factor()
            operator = tree.TIMES if sign is None else _PRODUCTS[sign.text]
            place = Span(left, max(right.at.start, left)) if sign is None else sign.at
            if not isinstance(made, tree.Number) or operator == tree.OVER:
                kinds.add(operator)
            if len(kinds) > 1 and kinds != {tree.DOT_TIMES, tree.DOT_OVER}:
                raise self.wrong(
                    "this product can be read in two ways: put brackets around what belongs together", right.at
                )
            made = tree.Binary(operator, made, right, made.at.to(right.at), place)
        return made

    def _begins_factor(self) -> bool:
        text = self.next
        if text == r"\|":
            return not self.norms
        if text == "|":
            return not self.absolutes
        if text == r"\text" and self.word() in (IF, OTHERWISE):
            return False
        return bool(text) and (text in _BEGINS or (text[0] != "\\" and (text.isalnum() or text[0] == ".")))

    def _enclosed(self, opened: Token) -> tuple[list[tree.Expression], Token]:
        """What stands in brackets, between commas, and what closes them."""
        open_bars = self.norms, self.absolutes
        self.norms = self.absolutes = 0
        parts = [self._sum()]
        while self.next == "," and opened.text in ("(", "["):
            self.take()
            parts.append(self._sum())
        self.norms, self.absolutes = open_bars
        return parts, self.wanted(_CLOSING[opened.text], opened)

    # --- factors ------------------------------------------------------------------------------------------------------

    def _factor(self) -> tree.Expression:
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise self.wrong(f"this is nested more than {MOST_LEVELS} deep; give parts of it names", self.take().at)
        name = self._function_name()
        if self.next in _SUMS:
            made, reaches = self._reduction(), False
        elif name is not None:
            made, reaches = self._call(*name)
        else:
            made, reaches = self._raised(self._atom()), False
        self.levels -= 1
        self.reaches = reaches
        return made

    def _atom(self) -> tree.Expression:
        token = self.take()
        text = token.text
        if re.fullmatch(r"\d*\.?\d+", text):
            return tree.Number(text, token.at)
        if text == "{" and self._is_name_in_braces():
            return self._grouped(token)
        if text in _CLOSING:
            parts, end = self._enclosed(token)
            if len(parts) > 1:
                raise self.wrong("lists of numbers are not part of the LaTeX that is read", token.at.to(end.at))
            (part,) = parts
            if text == "{" and self.next == "_" and isinstance(part, tree.Reduction) and part.kind in tree.ENTRIES_OF:
                return self._entry_of(part)
            if text == "{" and self.next == "_" and isinstance(part, tree.Call) and part.place in self.bars:
                value = part.arguments[0]
                assert not isinstance(value, tree.Condition)
                return self._norm_of(value, token.at.to(end.at), part.place)
            return part
        if text == r"\|":
            return self._norm(token)
        if text == "|":
            self.absolutes += 1
            value = self._sum()
            self.absolutes -= 1
            return tree.Call(functions.BARS, (value,), token.at.to(self.wanted("|", token).at), token.at)
        if text == r"\frac":
            (top,), _ = self._enclosed(self.wanted("{"))
            (bottom,), end = self._enclosed(self.wanted("{"))
            return tree.Binary(tree.OVER, top, bottom, token.at.to(end.at), token.at)
        if text == r"\sqrt":
            (value,), end = self._enclosed(self.wanted("{"))
            return tree.Call("sqrt", (value,), token.at.to(end.at), token.at)
        if text == r"\begin":
            return self.cases(token)
        if text in FONTS:
            return self._lettered(token)
        if text in _CONSTANTS:
            return tree.Name(_CONSTANTS[text], token.at)
        if text.isalpha() and text.isascii():
            return self._name(text, token.at)
        if text[1:] in GREEK:
            return self._name(text[1:].removeprefix("var"), token.at)
        raise self.wrong(f"{text} is not part of the LaTeX that is read, or not here", token.at)

    def _is_name_in_braces(self) -> bool:
        """Whether a name with a subscript of its own stands in the braces that are open, and another one follows."""
        depth, count = 1, 0
        while depth and self.ahead(count):
            depth += {"{": 1, "}": -1}.get(self.ahead(count), 0)
            count += 1
        is_name = self.next in FONTS or self.next[1:] in GREEK or (self.next.isalpha() and self.next.isascii())
        letters = [self.ahead(n) for n in range(count)] or [""]
        below = letters.index("_") if "_" in letters else -1
        single = below == 1 or (letters[0] in FONTS and below > 0 and letters[below - 1] == "}")
        return is_name and single and self.ahead(count) == "_"

    def _grouped(self, opened: Token) -> tree.Expression:
        """An entry of what has a name with a subscript: {W_q}_{ij}."""
        self.is_grouped = True
        name = self._atom()
        self.is_grouped = False
        end = self.wanted("}", opened)
        if not isinstance(name, tree.Name):
            raise self.wrong("in braces with a subscript stands a name", opened.at.to(end.at))
        return self._with_subscript(tree.Name(name.text, opened.at.to(end.at)))

    def _entry_of(self, part: tree.Reduction) -> tree.Expression:
        """The entry of an inverse at the indices of its rows and columns."""
        at = self.take().at
        written = (
            [token.text for token in self.taken() if token.text != ","] if self.next == "{" else [self.take().text]
        )
        if written != [binder.index for binder in part.binders]:
            raise self.wrong("the entry of a matrix with rows i and columns j is that at i and j", at)
        return part

    def _norm(self, token: Token) -> tree.Expression:
        self.norms += 1
        value = self._sum()
        self.norms -= 1
        end = self.wanted(r"\|", token)
        self.bars.add(token.at)
        return self._norm_of(value, token.at.to(end.at), token.at)

    def _norm_of(self, value: tree.Expression, at: Span, place: Span) -> tree.Expression:
        """The norm that a subscript says, the Euclidean one without."""
        kind = "2"
        if self.next == "_":
            self.take()
            kind = "".join(one.text for one in self.inside()[0]) if self.next == "{" else self.take().text
        if kind not in ("1", "2", "F"):
            raise self.wrong("the norms that are read are those with index 1, 2 and F", place)
        return tree.Call("norm1" if kind == "1" else "norm2", (value,), at, place)

    # --- powers -------------------------------------------------------------------------------------------------------

    def _raised(self, base: tree.Expression) -> tree.Expression:
        """A factor with its power, or transposed."""
        if self.next == "^":
            base = self._power(base, self.take())
            if self.next == "^":
                raise self.wrong("a power of a power needs brackets", self.take().at)
        if self.next == "_":
            raise self.wrong("subscripts follow a name, before its power", self.take().at)
        return base

    def _power(self, base: tree.Expression, sign: Token) -> tree.Expression:
        if self.next != "{":
            token = self.take()
            at = base.at.to(token.at)
            if token.text in (r"\top", "T"):
                return tree.Transposed(base, at)
            return tree.Binary(tree.POWER, base, self._single(token), at, sign.at)
        opened = self.take()
        minus = self.next == "-"
        if self.ahead(minus) in (r"\top", "T") and self.ahead(minus + 1) == "}":
            self.place += minus + 1
            at = base.at.to(self.take().at)
            return tree.Transposed(tree.Call("inv", (base,), at, sign.at) if minus else base, at)
        operator = tree.DOT_POWER if self.next in (r"\odot", r"\circ") else tree.POWER
        self.place += operator == tree.DOT_POWER
        (exponent,), end = self._enclosed(opened)
        return tree.Binary(operator, base, exponent, base.at.to(end.at), sign.at)

    # --- functions and sums over indices ------------------------------------------------------------------------------

    def _function_name(self) -> tuple[str, Span] | None:
        if self.next == r"\sigma" and self.ahead(1) == "(":
            return "sigmoid", self.take().at
        if self.next.startswith("\\") and self.next[1:] in _FUNCTIONS:
            token = self.take()
            if token.text == r"\log" and self.next == r"\Gamma" and self.ahead(1) == "(":
                return "loggamma", token.at.to(self.take().at)
            return functions.canonical(token.text[1:]), token.at
        if self.next in (r"\operatorname", r"\mathrm", r"\text") and self.ahead(1) == "{":
            start, token = self.place, self.take()
            letters, place = self.inside()
            name, at = "".join(letter.text for letter in letters).replace(r"\_", "_"), token.at.to(place)
            is_symbol = token.text == r"\mathrm" and name in functions.NAMES_TOO and self.next not in ("(", "[")
            if functions.signature(name) is not None and not is_symbol:
                return name if name == functions.NORM else functions.canonical(name), at
            if token.text != r"\mathrm":
                raise self.wrong(functions.unknown(name, ()), at)
            self.place = start
        return None

    def _call(self, name: str, at: Span) -> tuple[tree.Expression, bool]:
        """A function with its argument, and whether that has no brackets."""
        sign = self.take() if self.next == "^" else None
        exponent = self._single(self.take()) if sign is not None else None
        if self.next == "_" and name in _REDUCED and sign is None:
            return self._over(name, at), False
        if self.next == "_":
            raise self.wrong("a function has no subscript", self.take().at)
        opened = self.take() if self.next in ("(", "[") else None
        if opened is not None:
            arguments, _ = self._enclosed(opened)
            if self.next in ("^", "_"):
                raise self.wrong("is this of the function or of its argument? Put brackets around one", self.take().at)
        else:
            arguments = [self._factor()]
        made: tree.Expression = tree.Call(name, tuple(arguments), at.to(self.tokens[self.place - 1].at), at)
        if sign is not None and exponent is not None:
            made = tree.Binary(tree.POWER, made, exponent, made.at, sign.at)
        return made, opened is None

    def _reduction(self) -> tree.Expression:
        sign = self.take()
        return self._over(_SUMS[sign.text], sign.at)

    def _over(self, kind: str, place: Span) -> tree.Expression:
        """A reduction over the indices that follow, of the product behind these."""
        self.wanted("_")
        if self.next == "{":
            opened = self.take()
            binders = [self._binder()]
            while self.next == ",":
                self.take()
                binders.append(self._binder())
            self.wanted("}", opened)
        else:
            binders = [self._binder()]
        lower = binders[0].lower
        if self.next == "^":
            self.take()
            upper = self._atom() if self.next == "{" else self._single(self.take())
            if len(binders) > 1 or lower is None or binders[0].upper is not None:
                raise self.wrong(r"an upper bound needs a lower one, as in \sum_{i=1}^{N}", upper.at)
            binders = [tree.Binder(binders[0].index, lower, upper, binders[0].at.to(upper.at))]
        elif any(binder.lower is not None and binder.upper is None for binder in binders):
            raise self.wrong(r"a lower bound needs an upper one, as in \sum_{i=1}^{N}", place)
        outside, self.bound = self.bound, dict(self.bound)
        binders = [self._inner(binder, kind in tree.ENTRIES_OF) for binder in binders]
        body = self._product()
        self.bound = outside
        return tree.Reduction(kind, tuple(binders), body, place.to(body.at), place)

    def _inner(self, binder: tree.Binder, is_entry: bool) -> tree.Binder:
        """A bound index; one that is bound further out, too, is another one, and gets another name here."""
        letter = name = binder.index
        if letter in self.bound and not is_entry:
            taken = {*self.bound.values()}
            name = next(one for one in (f"{letter}{n}" for n in count(1)) if one not in taken)
        self.bound[letter] = name
        return replace(binder, index=name)

    def _binder(self) -> tree.Binder:
        token = self.take()
        if token.text.isdigit() and COMPARISONS.get(self.next) == "<=":  # 0 ≤ i ≤ N − 1
            self.take()
            index = self.take()
            sign = self.take()
            if COMPARISONS.get(sign.text) != "<=":
                raise self.wrong(r"a range is written as 0 \leq i \leq N - 1", sign.at)
            upper = self._sum()
            return tree.Binder(index.text, tree.Number(token.text, token.at), upper, token.at.to(upper.at))
        if not (token.text.isalpha() and token.text.isascii()):
            raise self.wrong("an index is a letter", token.at)
        if self.next != "=":
            return tree.Binder(token.text, None, None, token.at)
        self.take()
        return tree.Binder(token.text, self._sum(), None, token.at)
