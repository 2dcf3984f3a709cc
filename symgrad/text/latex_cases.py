"""Cases and their conditions in LaTeX."""

from symgrad.text import tree
from symgrad.text.latex_names import Names
from symgrad.text.latex_tokens import Token

COMPARISONS = {r"\geq": ">=", r"\ge": ">=", r"\leq": "<=", r"\le": "<=", "<": "<", ">": ">", "=": "=="}
COMPARISONS |= {r"\neq": "!=", r"\ne": "!="}
_CONNECTED = {r"\wedge": tree.AND, r"\land": tree.AND, r"\vee": tree.OR, r"\lor": tree.OR}
IF, OTHERWISE = "if", "otherwise"


class Cases(Names):
    """Reads `\\begin{cases}`."""

    def at_cases(self) -> bool:
        """Whether the environment that begins here is that of cases."""
        return self.word() == "cases"

    def word(self) -> str:
        """The letters between the braces behind the next token."""
        letters = []
        count = 2
        while self.ahead(1) == "{" and self.ahead(count) not in ("}", ""):
            letters.append(self.ahead(count))
            count += 1
        return "".join(letters)

    def cases(self, token: Token) -> tree.Expression:
        """Values with their conditions, the last one without: if(condition, value, the others)."""
        name, _ = self.inside()
        if "".join(letter.text for letter in name) != "cases":
            raise self.wrong("inside a formula the only environment is that of cases", token.at)
        branches: list[tuple[tree.Condition, tree.Expression]] = []
        value = self._sum()
        while self._case_begins(IF):
            branches.append((self._condition(), value))
            self.wanted(r"\\", token)
            value = self._sum()
        if not branches or not self._case_begins(OTHERWISE):
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
        if self.next != r"\text" or self.word() != word:
            return False
        self.take()
        self.inside()
        return True

    def _condition(self) -> tree.Condition:
        """Comparisons, several of them in brackets with ∧ or ∨ between."""
        made = self._comparison()
        kinds = set()
        while self.next in _CONNECTED:
            sign = self.take()
            kinds.add(_CONNECTED[sign.text])
            if len(kinds) > 1:
                raise self.wrong("put brackets around what belongs together", sign.at)
            right = self._comparison()
            made = tree.Logical(_CONNECTED[sign.text], made, right, made.at.to(right.at))
        return made

    def _comparison(self) -> tree.Condition:
        if self.next == "(" and self._compares_inside():
            opened = self.take()
            made = self._condition()
            self.wanted(")", opened)
            return made
        left = self._sum()
        sign = self.take()
        if sign.text not in COMPARISONS:
            raise self.wrong("a condition compares two values", sign.at)
        right = self._sum()
        return tree.Comparison(COMPARISONS[sign.text], left, right, left.at.to(right.at))

    def _compares_inside(self) -> bool:
        """Whether the brackets that open here are those of a comparison."""
        depth, count = 0, 0
        while self.ahead(count):
            depth += {"(": 1, ")": -1}.get(self.ahead(count), 0)
            if not depth:
                return False
            if depth == 1 and (self.ahead(count) in COMPARISONS or self.ahead(count) in _CONNECTED):
                return True
            count += 1
        return False
