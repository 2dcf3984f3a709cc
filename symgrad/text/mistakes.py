"""What is wrong with a text that the parser does not take, in words."""

import re

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from symgrad.errors import FormulaError


def unexpected(error: UnexpectedInput, source: str, text: str) -> FormulaError:
    """What the parser did not expect, in words."""
    if isinstance(error, UnexpectedCharacters):
        at = error.pos_in_stream or 0
        return FormulaError(_about_character(text[at : at + 1], text[at:]), source, (at, at + 1))
    if isinstance(error, UnexpectedEOF) or not isinstance(error, UnexpectedToken) or error.token.type == "$END":
        at = max(len(text.rstrip(" \t\r\n;")) - 1, 0)
        return FormulaError("the formula ends here, and something is missing", source, (at, at + 1))
    token = error.token
    at, end = token.start_pos, token.end_pos
    if token.type == "_END":
        before = max(len(text[:at].rstrip()) - 1, 0)
        return FormulaError("the line ends here, and something is missing", source, (before, before + 1))
    return FormulaError(_about_token(token, text, set(error.accepts or error.expected)), source, (at, end))


_CURES = {
    "\\": 'solve A*z = b with inv(A)*b; LaTeX is read by symgrad.parse(..., notation="latex")',
    "{": "sizes and subscripts stand in brackets, A[i,j]",
    "}": "sizes and subscripts stand in brackets, A[i,j]",
    "‖": "a norm is norm2(x) or norm1(x)",
    "∑": "a sum over indices is sum[i] x[i]",
    "Σ": "a sum over indices is sum[i] x[i]",
    "√": "a root is sqrt(x)",
    ".": "functions are called by their names alone: sum(x), not np.sum(x)",
    "@": "a product is written with *",
    "⊗": "Kronecker products are not part of formulas; a model in SymPy has them",
    "?": "write if(x > 0, a, b)",
    "!": "write gamma(n + 1)",
    "¹": "a power is written with ^",
    "_": "a name begins with a letter",
    "²": "a square is x^2",
    "³": "a cube is x^3",
}


def _about_character(character: str, after: str) -> str:
    """A character that no token begins with, and the text from there on."""
    if character == "'":
        return "nothing stands before this ' that it could transpose"
    cure = _CURES.get(character)
    if character == "." and re.match(r"\.T\b", after):
        cure = "the transpose is x'"
    return f"{character!r} has no meaning here" + (f"; {cure}" if cure else "")


def _about_token(token: Token, text: str, accepted: set[str]) -> str:
    """A token that does not belong where it is."""
    begins = {"NAME", "NUMBER", "LPAR", "REDUCTION"}
    operators = {"PLUS", "TIMES", "MINUS"}
    if token.type in ("POWER", "DOT_POWER") and "PLUS" in accepted:
        return "a power of a power can be read in two ways: write (a^b)^c or a^(b^c)"
    if token.type in begins and accepted & operators:
        before = re.search(r"\w+'?$", text[: token.start_pos].rstrip())
        left = before.group() if before else "what precedes"
        if left == "if":
            return "write if(x > 0, a, b)"
        if re.match(r"sum_|[ΣΠ]", left):
            return "a sum over indices is sum[i] x[i]"
        what = "a bracket" if token.type == "LPAR" else str(token)
        return f"an operator is missing between {left} and {what}; a product is written with *"
    if token.type in ("SUBJECT_TO", "MINIMISE"):
        return f"{token} begins a statement of a problem: minimise ..., then subject to ..."
    if token.type == "COMPARISON":
        return "a comparison stands alone (subject to x >= 0), or first in if(x > 0, a, b)"
    if token.type == "OR":
        return f"{token} stands between two conditions; a norm is norm2(x) or norm1(x), an absolute value abs(x)"
    if token.type == "AND":
        return f"{token} stands between two conditions: if(x > 0 & x < 1, a, b)"
    if token.type == "TRANSPOSE":
        return "nothing stands before this ' that it could transpose"
    if token.type == "LSQB":
        return "arrays of numbers are not part of formulas: give them a name"
    if token.type == "COLON":
        return "parts of arrays, such as A(:,1), are not part of formulas; entries are A[i,j]"
    if accepted & begins:
        return f"before {token} something is missing: a name, a number or a bracket"
    return f"{token} is not expected here"
