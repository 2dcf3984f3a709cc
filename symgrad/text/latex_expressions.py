"""Expressions in LaTeX, from sums to factors; see `latex` for the subset."""

import re

from symgrad.text import functions, tree
from symgrad.text.latex_tokens import Token, Tokens
from symgrad.text.tree import Span

MOST_LEVELS = 60  # brackets, fractions, functions inside each other
_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu"),
    *("nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda"),
    *("Xi", "Phi", "Psi", "Omega", "Sigma"),
)
_FUNCTIONS = ("log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "max", "min", "det")
FONTS = (r"\mathbf", r"\boldsymbol", r"\mathrm", r"\mathit", r"\bm")
_SUMS = {r"\sum": tree.SUM, r"\prod": tree.PRODUCT}
_PRODUCTS = {r"\cdot": tree.TIMES, "*": tree.TIMES, "/": tree.OVER}
_PRODUCTS |= {r"\odot": tree.DOT_TIMES, r"\circ": tree.DOT_TIMES, r"\oslash": tree.DOT_OVER}
_REDUCED = (tree.LOG_SUM_EXP, tree.LARGEST, tree.SMALLEST)  # with an index in their subscript
_COMPARISONS = {r"\geq": ">=", r"\ge": ">=", r"\leq": "<=", r"\le": "<=", "<": "<", ">": ">", "=": "=="}
_IF, _OTHERWISE = "if", "otherwise"
_CLOSING = {"(": ")", "[": "]", r"\{": r"\}", "{": "}"}
_BEGINS = {*_SUMS, *FONTS, *_CLOSING, r"\frac", r"\sqrt", r"\operatorname", r"\pi", r"\text", "|", r"\begin"}
_BEGINS |= {rf"\{name}" for name in (*_GREEK, *_FUNCTIONS)}


class Expressions(Tokens):
    """Reads from left to right; every method leaves the place behind what it has read.

    Attributes
    ----------
    bound : the indices of the sums around the place.
    norms : how many norms are open since the last bracket; a `\\|` closes one or opens one.
    reaches : whether the last factor is a function without brackets, which may be meant to reach further.
    bars : where norms begin.
    spelled : how each name is written.
    """

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.bound: list[str] = []
        self.norms = self.levels = 0
        self.reaches = False
        self.bars: set[Span] = set()
        self.spelled: dict[str, str] = {}

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
        if text == r"\text" and self._word() in (_IF, _OTHERWISE):
            return False
        return bool(text) and (text in _BEGINS or (text[0] != "\\" and (text.isalnum() or text[0] == ".")))

    def _enclosed(self, opened: Token) -> tuple[list[tree.Expression], Token]:
        """What stands in brackets, between commas, and what closes them."""
        norms, self.norms = self.norms, 0
        parts = [self._sum()]
        while self.next == "," and opened.text in ("(", "["):
            self.take()
            parts.append(self._sum())
        self.norms = norms
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
        if text in _CLOSING:
            parts, end = self._enclosed(token)
            if len(parts) > 1:
                raise self.wrong("lists of numbers are not part of the LaTeX that is read", token.at.to(end.at))
            (part,) = parts
            if text == "{" and self.next == "_" and isinstance(part, tree.Call) and part.place in self.bars:
                value = part.arguments[0]
                assert not isinstance(value, tree.Condition)
                return self._norm_of(value, token.at.to(end.at), part.place)
            return part
        if text == r"\|":
            return self._norm(token)
        if text == "|":
            raise self.wrong(r"an absolute value or a determinant? Write \operatorname{abs}(x) or \det(A)", token.at)
        if text == r"\frac":
            (top,), _ = self._enclosed(self.wanted("{"))
            (bottom,), end = self._enclosed(self.wanted("{"))
            return tree.Binary(tree.OVER, top, bottom, token.at.to(end.at), token.at)
        if text == r"\sqrt":
            (value,), end = self._enclosed(self.wanted("{"))
            return tree.Call("sqrt", (value,), token.at.to(end.at), token.at)
        if text == r"\begin":
            return self._cases(token)
        if text in FONTS:
            return self._lettered(token)
        if text in (r"\pi", "I"):
            return tree.Name("pi" if text == r"\pi" else "eye", token.at)
        if text.isalpha() and text.isascii():
            return self._name(text, token.at)
        if text[1:] in _GREEK:
            return self._name(text[1:].removeprefix("var"), token.at)
        raise self.wrong(f"{text} is not part of the LaTeX that is read, or not here", token.at)

    def _lettered(self, token: Token) -> tree.Expression:
        """A name in a font of its own."""
        letters, place = self.inside()
        word, at = "".join(letter.text for letter in letters), token.at.to(place)
        if word == "1":
            return tree.Call("vector", (tree.Number("1", at),), at, at)
        if not re.fullmatch(r"[A-Za-z]+", word.removeprefix("\\")) or (word[0] == "\\" and word[1:] not in _GREEK):
            raise self.wrong("a name is made of letters", at)
        return self._name(word.removeprefix("\\").removeprefix("var"), at)

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

    def _name(self, text: str, at: Span) -> tree.Expression:
        """A name, or an entry of it at indices that sums bind."""
        if text in self.bound:
            raise self.wrong(f"{text} is an index, from 0 or from 1; it stands in subscripts only", at)
        spelled = self.source[at.start : at.end]
        if self.spelled.setdefault(text, spelled) != spelled:
            raise self.wrong(f"is this the same as {self.spelled[text]}? Write it in one way", at)
        if text == "e" and self.next == "^":
            return self._exponential(at)
        if self.next != "_":
            return tree.Name(text, at)
        self.take()
        if self.next == "{":
            inside, place = self.inside()
        else:
            inside = [self.take()]
            place = inside[0].at
        whole = at.to(place)
        parts = [token for token in inside if token.text != ","]
        if len(parts) == 1 and parts[0].text.isdigit():
            return tree.Name(f"{text}_{parts[0].text}", whole)
        if not parts or not all(token.text in self.bound for token in parts):
            raise self.wrong(r"a subscript is a number, or is made of indices that a sum binds: \sum_i x_i", whole)
        if text == "delta" and len(parts) == 2:
            cure = r"the delta is \begin{cases}1 & \text{if } i = j \\ 0 & \text{otherwise}\end{cases}"
            raise self.wrong(f"Kronecker's delta, or a symbol? Give the symbol another letter; {cure}", whole)
        subscripts = tuple(tree.Name(token.text, token.at) for token in parts)
        return tree.Subscripted(tree.Name(text, at), subscripts, whole)

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

    def _single(self, token: Token) -> tree.Expression:
        """An exponent, or a bound, without braces."""
        if token.text.isdigit() and len(token.text) == 1:
            return tree.Number(token.text, token.at)
        if token.text.isalpha() and token.text.isascii():
            return tree.Name(token.text, token.at)
        raise self.wrong("this needs braces", token.at)

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
            if functions.signature(name) is not None:
                return functions.canonical(name), at
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
            if len(binders) > 1 or lower is None:
                raise self.wrong(r"an upper bound needs a lower one, as in \sum_{i=1}^{N}", upper.at)
            if not (
                isinstance(lower, tree.Number) and lower.text == "1" and isinstance(upper, tree.Name | tree.Number)
            ):
                raise self.wrong(r"a sum goes over a whole axis: \sum_{i=1}^{N}, or \sum_i", lower.at.to(upper.at))
            binders = [tree.Binder(binders[0].index, lower, upper, binders[0].at.to(upper.at))]
        elif any(binder.lower is not None for binder in binders):
            raise self.wrong(r"a lower bound needs an upper one, as in \sum_{i=1}^{N}", place)
        self.bound += [binder.index for binder in binders]
        body = self._product()
        del self.bound[len(self.bound) - len(binders) :]
        return tree.Reduction(kind, tuple(binders), body, place.to(body.at), place)

    def _binder(self) -> tree.Binder:
        token = self.take()
        if not (token.text.isalpha() and token.text.isascii()):
            raise self.wrong("an index is a letter", token.at)
        if self.next != "=":
            return tree.Binder(token.text, None, None, token.at)
        self.take()
        return tree.Binder(token.text, self._sum(), None, token.at)

    # --- cases --------------------------------------------------------------------------------------------------------

    def at_cases(self) -> bool:
        """Whether the environment that begins here is that of cases."""
        return self._word() == "cases"

    def _word(self) -> str:
        """The letters between the braces behind the next token."""
        letters = []
        count = 2
        while self.ahead(1) == "{" and self.ahead(count) not in ("}", ""):
            letters.append(self.ahead(count))
            count += 1
        return "".join(letters)

    def _cases(self, token: Token) -> tree.Expression:
        """Values with their conditions, the last one without: if(condition, value, the others)."""
        name, _ = self.inside()
        if "".join(letter.text for letter in name) != "cases":
            raise self.wrong("inside a formula the only environment is that of cases", token.at)
        branches: list[tuple[tree.Comparison, tree.Expression]] = []
        value = self._sum()
        while self._case_begins(_IF):
            branches.append((self._condition(), value))
            self.wanted(r"\\", token)
            value = self._sum()
        if not branches or not self._case_begins(_OTHERWISE):
            raise self.wrong(r"the last of the cases ends with \text{otherwise}, those before with \text{if}", token.at)
        if self.next == r"\\":
            self.take()
        self.wanted(r"\end", token)
        at = token.at.to(self.inside()[1])
        for condition, chosen in reversed(branches):
            value = tree.Call("if", (condition, chosen, value), at, token.at)
        return value

    def _case_begins(self, word: str) -> bool:
        """Whether \\text{word} is next; it is read then."""
        if self.next != r"\text" or self._word() != word:
            return False
        self.take()
        self.inside()
        return True

    def _condition(self) -> tree.Comparison:
        left = self._sum()
        sign = self.take()
        if sign.text not in _COMPARISONS:
            raise self.wrong("a condition compares two values", sign.at)
        right = self._sum()
        return tree.Comparison(_COMPARISONS[sign.text], left, right, left.at.to(right.at))

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
