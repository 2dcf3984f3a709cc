"""The grammar: what binds how tightly, where statements end, and what is said where a text leaves it."""

import pytest

from symgrad import FormulaError
from symgrad.text import tree
from symgrad.text.reading import DEEPEST, LONGEST, read


def brackets(node):
    """A tree as text with all its brackets."""
    match node:
        case tree.Number() | tree.Name():
            return node.text
        case tree.Negative():
            return f"(-{brackets(node.operand)})"
        case tree.Transposed():
            return f"{brackets(node.operand)}'"
        case tree.Binary() | tree.Comparison():
            return f"({brackets(node.left)} {node.operator} {brackets(node.right)})"
        case tree.Call():
            return f"{node.function}({', '.join(map(brackets, node.arguments))})"
        case tree.Subscripted():
            return f"{brackets(node.base)}[{', '.join(map(brackets, node.subscripts))}]"
        case tree.Reduction():
            return f"{node.kind}[{', '.join(binder.index for binder in node.binders)}]{{{brackets(node.body)}}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b*c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a/b*c", "((a / b) * c)"),
        ("-a^2", "(-(a ^ 2))"),
        ("-a*b", "((-a) * b)"),
        ("a^-2", "(a ^ (-2))"),
        ("2^x'", None),
        ("x^2'", "(x ^ 2)'"),
        ("w'*x", "(w' * x)"),
        ("w'^2", "(w' ^ 2)"),
        ("A''", "A''"),
        ("a .* b ./ c", "((a .* b) ./ c)"),
        ("2.*x", "(2 .* x)"),
        ("2.5*x", "(2.5 * x)"),
        ("2.^x", "(2 .^ x)"),
        ("1e-3*x", "(1e-3 * x)"),
        ("+x", "x"),
        ("a*-b", "(a * (-b))"),
        ("sum[i] x[i]*y[i] + 1", "(sum[i]{(x[i] * y[i])} + 1)"),
        ("2*sum[i,j] A[i,j]", "(2 * sum[i, j]{A[i, j]})"),
        ("sum[i] -x[i]", "sum[i]{(-x[i])}"),
        ("sum[i] x[i]^2", "sum[i]{(x[i] ^ 2)}"),
        ("max[k] sum[j] W[k,j]", "max[k]{sum[j]{W[k, j]}}"),
        ("sum(x)", "sum(x)"),
        ("if(x > 0, a, b)", "if((x > 0), a, b)"),
        ("lambda*w", "(lambda * w)"),
        ("x ** 2", "(x ^ 2)"),
        ("a·b − c", "((a * b) - c)"),
        ("Aᵀ x", None),
        ("Aᵀ*x", "(A' * x)"),
        ("θ*x", "(θ * x)"),
    ],
)
def test_binding(text, expected):
    if expected is None:
        with pytest.raises(FormulaError):
            read(text)
    else:
        assert brackets(read(text).result) == expected


def test_statements():
    program = read(
        "# least squares\nX: matrix(N, M); w, v: vector(M)\nr = X*w -\n  y\nz = norm2(\n r)  % a comment\nz^2\n"
    )
    assert [[name.text for name in line.names] for line in program.declarations] == [["X"], ["w", "v"]]
    assert [definition.name for definition in program.definitions] == ["r", "z"]
    assert brackets(program.definitions[0].value) == "((X * w) - y)"
    assert brackets(program.result) == "(z ^ 2)"


def test_the_last_name_is_the_result_where_there_is_no_other():
    assert brackets(read("r = X*w - y").result) == "r"


def test_problem():
    program = read("minimise norm2(x)^2\nsubject to A*x == b, x >= 0\n x <= 1")
    assert program.minimised
    assert [brackets(one.comparison) for one in program.constraints] == ["((A * x) == b)", "(x >= 0)", "(x <= 1)"]
    assert len(read("minimize f(x) subject to x >= 0").constraints) == 1


def test_places():
    text = "r = X*w\nnorm2( r - y )"
    program = read(text)
    for part in program.expressions():
        for node in tree.walk(part):
            written = text[node.at.start : node.at.end]
            if isinstance(node, tree.Name | tree.Number):
                assert written == node.text
            if isinstance(node, tree.Binary):
                assert text[node.place.start : node.place.end] == node.operator
    assert text[program.result.at.start : program.result.at.end] == "norm2( r - y )"


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("", "no formula", ""),
        ("a^b^c", "a power of a power can be read in two ways", "^"),
        ("x^y'", "can be read in two ways: write", "x^y'"),
        ("a b", "an operator is missing between a and b", "b"),
        ("2x", "an operator is missing between 2 and x", "x"),
        ("x'y", "an operator is missing between x' and y", "y"),
        ("X*", "the formula ends here", "*"),
        ("X*(y", "this ( is not closed", "("),
        ("(x))", "this ) closes nothing", ")"),
        ("A[i)", "here ] is expected", ")"),
        ("*x", "before * something is missing", "*"),
        ("|x|", "a norm is norm2(x)", "|"),
        ("x @ y", "'@' has no meaning here", "@"),
        ("'", "nothing stands before this '", "'"),
        ("f(x,)", "before ) something is missing", ")"),
        ("x\ny", "there is a result already", "y"),
        ("x > 0", "a comparison is no value", "x > 0"),
        ("a + b = 2", "before = stands a name", "a + b"),
        ("r[2]^2 = 3", "before = stands a name", "r[2]^2"),
        ("X: matrix(N", "not closed", "("),
        ("X = ", "something is missing", "="),
        ("x; subject to y", "what follows `subject to` are comparisons", "y"),
        ("f(x > 0 > 1)", "is not expected|stands alone", ">"),
        ("(" * (DEEPEST + 1) + "x" + ")" * (DEEPEST + 1), "nested more than", "("),
    ],
)
def test_errors_have_a_place(text, message, marked):
    with pytest.raises(FormulaError) as caught:
        read(text)
    error = caught.value
    assert any(part in error.message for part in message.split("|"))
    assert text[error.start : error.end] == marked


def test_a_text_that_is_too_long_is_refused():
    with pytest.raises(FormulaError, match="more than"):
        read("x + " * LONGEST + "x")


def test_deep_texts_are_read():
    assert tree.depth(read("+".join(["x"] * 300)).result) == 300
    assert tree.depth(read("(" * 300 + "-x" + ")" * 300).result) == 2


def test_the_error_shows_the_line():
    with pytest.raises(FormulaError) as caught:
        read("r = X*w\nr'*(y r)")
    assert str(caught.value).splitlines()[1:] == ["line 2:", "  r'*(y r)", "        ^"]
