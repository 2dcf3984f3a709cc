"""LaTeX to the syntax tree: `\\|X w - y\\|_2^2 + \\lambda w^\\top w`.

The subset: sums; products side by side or with `\\cdot`, `\\odot`, `\\circ`, `\\oslash`, `/`; `\\frac`, `\\sqrt`;
powers, `^\\top` and `^T`, `^{-1}`; norms; functions (`\\log`, `\\operatorname{tr}`, `\\sigma(...)`, the logistic
function); `\\sum_{i=1}^{N}`, `\\max_k` and entries `A_{ij}` at indices that these bind, or after a comment
`% subscripts from 0` at what is computed of them; Kronecker's `\\delta_{ij}`; `e^{x}` of numbers, where e is no symbol;
`\\infty`; `\\begin{cases}`; `\\mathbf{1}`, the identity `I`, and lines that give names, of arrays, `r = X w`, or of
entries, `p_n = …`, in any order. Lines that say derivatives are passed over, so that what `show("latex")` writes of
models is read. What can be read in two ways, such as `\\log x y` or `|A|`, is an error that says what to write.
"""

from collections.abc import Sequence

from symgrad.errors import FormulaError
from symgrad.text import tree
from symgrad.text.latex_expressions import Expressions
from symgrad.text.latex_names import FONTS
from symgrad.text.latex_tokens import Token
from symgrad.text.reading import DEEPEST, LONGEST
from symgrad.text.tree import Span

_ENVIRONMENTS = ("aligned", "align", "align*", "equation", "equation*", "gathered")


def read_latex(source: str) -> tree.Program:
    """The syntax tree of a formula in LaTeX.

    Raises
    ------
    FormulaError : it is outside the subset, or can be read in two ways, with the place.

    Examples
    --------
    >>> read_latex("x^T A x").result.operator
    '*'
    """
    if len(source) > LONGEST:
        raise FormulaError(f"the text has more than {LONGEST} characters", source[:60] + "…", (0, 1))
    program = _Reader(source).program()
    for part in program.expressions():
        if tree.depth(part) > DEEPEST:
            place = part.at.start, part.at.end
            raise FormulaError(f"this is nested more than {DEEPEST} deep; give parts of it names", source, place)
    return program


class _Reader(Expressions):
    """Reads lines, which may give names; those that say derivatives follow from the others, and are passed over."""

    def program(self) -> tree.Program:
        """All lines; the last one without a name is the result."""
        around = self._environment(r"\begin") if self.next == r"\begin" and not self.at_cases() else ""
        definitions: list[tree.Definition] = []
        results: list[tree.Expression] = []
        while self.next and self.next != r"\end":
            if self._at_derivative():
                self._pass_over()
            elif self.next != r"\\":
                value = self._line()
                if isinstance(value, tree.Definition):
                    definitions.append(value)
                else:
                    results.append(value)
            if self.next not in ("", r"\\", r"\end"):
                token = self.take()
                raise self.wrong(f"{token.text} is not expected here", token.at)
            if self.next == r"\\":
                self.take()
        if around and self._environment(r"\end") != around:
            raise self.wrong(f"here the end of {around} is expected", self.tokens[self.place - 1].at)
        if self.next:
            raise self.wrong("nothing follows the formula", self.take().at)
        if len(results) > 1:
            raise self.wrong("there is a result already; give intermediate quantities names", results[1].at)
        if not results and not definitions:
            raise self.wrong("there is no formula", Span(0, len(self.source)))
        ordered = _in_order(definitions)
        result = results[0] if results else tree.Name(ordered[-1].name, ordered[-1].at)
        made = tree.Program(self.source, (), tuple(ordered), result, origin=self.origin)
        self._refuse_doubts(made)
        return made

    def _refuse_doubts(self, program: tree.Program) -> None:
        """An error where δ is Kronecker's delta and a symbol, or x has entries, one of which x_1 could be."""
        nodes = (node for part in program.expressions() for node in tree.walk(part))
        named = {node.text for node in nodes if isinstance(node, tree.Name)} | {one.name for one in program.definitions}
        if self.deltas and "delta" in named:
            raise self.wrong("Kronecker's delta, or a symbol? Give the symbol another letter", self.deltas[0])
        doubtful = [place for name, place in self.numbered.items() if name in self.arrays]
        if doubtful:
            raise self.wrong("an entry, or a symbol of its own? Give the symbol another letter", doubtful[0])

    def _at_derivative(self) -> bool:
        return [self.ahead(n) for n in range(3)] == [r"\frac", "{", r"\partial"]

    def _pass_over(self) -> None:
        """Go to the end of the line."""
        inside = 0
        while self.next and (inside or self.next not in (r"\\", r"\end")):
            inside += {r"\begin": 1, r"\end": -1}.get(self.take().text, 0)

    def _environment(self, command: str) -> str:
        token = self.wanted(command)
        name = "".join(letter.text for letter in self.inside()[0])
        if name not in _ENVIRONMENTS:
            raise self.wrong(f"the environment {name} is not part of the LaTeX that is read", token.at)
        return name

    def _line(self) -> tree.Expression | tree.Definition:
        self.bound = {letter: letter for letter in self._indices_on_the_left()}
        left = self._sum()
        if self.next != "=":
            return left
        self.take()
        subscripts: tuple[tree.Expression, ...] = ()
        name = left
        if isinstance(left, tree.Subscripted):
            name, subscripts = left.base, left.subscripts
        if not isinstance(name, tree.Name) or name.text == "eye":
            raise self.wrong("before = stands a name", left.at)
        value = self._sum()
        indices = tuple(one for one in tree.open_indices([left]) if one.text in self.bound)
        self.bound = {}
        return tree.Definition(name.text, subscripts, value, left.at.to(value.at), indices)

    def _indices_on_the_left(self) -> list[str]:
        """The indices of p_{n,k} in front of =, for all of which the line says something; else none."""
        start, inside = self.place, list[Token]()
        if self.next in FONTS:
            self.take()
        if self.next == "{":
            self.taken()
        elif self.next:
            self.take()
        if self.next == "_":
            self.take()
            inside = self.taken() if self.next == "{" else [self.take()] if self.next else []
        letters, depth = list[str](), 0
        for token in inside:
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            letters += [token.text] if not depth and token.text.isalpha() and token.text.isascii() else []
        is_definition = self.next == "="
        self.place = start
        return letters if is_definition else []


def _in_order(definitions: Sequence[tree.Definition]) -> list[tree.Definition]:
    """Definitions behind those that they use, otherwise as they are written; what no other uses is the last one."""
    uses = [
        {node.text for node in tree.walk(one.value) if isinstance(node, tree.Name)} - {one.name} for one in definitions
    ]
    unused = [one for one in definitions if not any(one.name in names for names in uses)]
    left = [*zip(definitions, uses, strict=True)]
    if len(unused) == 1:  # show("latex") begins with it
        left.sort(key=lambda pair: pair[0] is unused[0])
    ordered: list[tree.Definition] = []
    while left:
        names = {one.name for one, _ in left}
        ready = next((pair for pair in left if not pair[1] & (names - {pair[0].name})), left[0])
        left.remove(ready)
        ordered.append(ready[0])
    return ordered
