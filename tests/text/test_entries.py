"""Single entries, shifted indices, gathers, recurrences and conditions, against NumPy by hand."""

import numpy as np
import pytest

from symgrad import FormulaError, Model, ModelError, Problem, parse
from tests.families import one_in

rng = np.random.default_rng(4)
X, Z, x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 5)), rng.normal(size=6), rng.normal(size=4)
S = np.eye(3) * 3 + X.T @ X
at = np.array([3, 1, 4, 2])


def softmax(z: np.ndarray) -> np.ndarray:
    shifted = np.exp(z - z.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def recurrence() -> float:
    h = np.zeros(7)
    for t in range(6):
        h[t + 1] = np.tanh(0.5 * h[t] + x[t])
    return float(h[6] + (h**2).sum())


VALUES = [
    ("subscripts from 0; x: vector(N); x[0] + 2*x[N-1]", "x", {"x": x}, x[0] + 2 * x[5]),
    ("subscripts from 1; x: vector(N); x[1] + 2*x[N]", "x", {"x": x}, x[0] + 2 * x[5]),
    (
        "subscripts from 1; x: vector(N); sum[i=1:N-1] (x[i+1] - x[i])^2",
        "x",
        {"x": x},
        (np.diff(x) ** 2).sum(),
    ),
    (
        "subscripts from 0; x: vector(N); sum[i=1:N-2] (x[i+1] - 2*x[i] + x[i-1])^2",
        "x",
        {"x": x},
        (np.diff(x, 2) ** 2).sum(),
    ),
    (
        "subscripts from 1; at: integer vector(N); p[n,k] = softmax[k] Z[n,k]; -sum[n] log(p[n,at[n]])",
        "Z",
        {"Z": Z, "at": at},
        -np.log(softmax(Z)[np.arange(4), at - 1]).sum(),
    ),
    (
        "subscripts from 0; at: integer vector(N); sum[n] Z[n,at[n]]*y[n]",
        "Z",
        {"Z": Z, "at": at, "y": y},
        (Z[np.arange(4), at] * y).sum(),
    ),
    (
        "subscripts from 0; h: vector(T+1); x: vector(T); h[0] = 0; h[t+1] = tanh(h[t]/2 + x[t]); h[T] + sum[t] h[t]^2",
        "x",
        {"x": x},
        recurrence(),
    ),
    (
        "subscripts from 1; h: vector(T+1); x: vector(T); h[1] = 0\n"
        "h[t] = tanh(h[t-1]/2 + x[t-1]); h[T+1] + sum[t] h[t]^2",
        "x",
        {"x": x},
        recurrence(),
    ),
    (
        "sum[i=1:N] if(i > 2 & i < 5 | x[i] > 1, x[i], 0)",
        "x",
        {"x": x},
        sum(x[i - 1] for i in range(1, 7) if 2 < i < 5 or x[i - 1] > 1),
    ),
    ("sum(if(x > 0 & x < 1, x, 0))", "x", {"x": x[:, None]}, x[(x > 0) & (x < 1)].sum()),
    ("sum[i=1:N] if(i != 2, x[i], 0)", "x", {"x": x}, x.sum() - x[1]),
    ("sum[i,j] (Z[i,j] + delta(i, j))*y[i]", "Z", {"Z": Z, "y": y}, ((Z + np.eye(4, 5)) * y[:, None]).sum()),
    (
        "v: vector; sum[i,j] v[i]*(inv[i,j] S[i,j])*v[j] + logdet[i,j] S[i,j]",
        "S",
        {"v": x[:3], "S": S},
        x[:3] @ np.linalg.solve(S, x[:3]) + np.log(np.linalg.det(S)),
    ),
    ("sum[n] logsumexp[k] if(Z[n,k] > 0, Z[n,k], -inf)", "Z", {"Z": abs(Z)}, np.log(np.exp(abs(Z)).sum(1)).sum()),
    ("sum(constant(x) .* x)", "x", {"x": x[:, None]}, (x**2).sum()),
]


@pytest.mark.parametrize(("text", "by", "given", "expected"), one_in(4, VALUES))
def test_values(text: str, by: str, given: dict[str, np.ndarray], expected: float) -> None:
    assert Model.from_text(text, by).compile(check=False).value(**given) == pytest.approx(expected, rel=1e-12)
    assert Model.from_text(Model.from_text(text, by).to_text(), by).compile(check=False).value(
        **given
    ) == pytest.approx(expected, rel=1e-12)


def test_sizes_are_equal_where_they_are_computed_alike() -> None:
    text = "X: matrix(2*H + 1, N); y: vector(1 + H + H); sum(X'*y)"
    assert parse(text).reading.text() == "X: matrix(2*H+1, N)\ny: vector(2*H+1)"
    with pytest.raises(FormulaError, match=r"X has 2\*H\+1 rows|has 2\*H\+1 columns, y has 2\*H rows"):
        parse(text.replace("1 + H + H", "2*H"))


def test_what_is_assumed_is_a_fact() -> None:
    model = Model.from_text("t: matrix(N, K); -sum[n,k] t[n,k]*Z[n,k]; assume sum[k] t[n,k] = 1, t[n,k] >= 0", "Z")
    assert [str(fact) for fact in model.facts] == ["Eq(Sum(t[n, k], (k, 0, K - 1)), 1)", "t[n, k] >= 0"]


def test_a_constraint_holds_where_its_subscripts_are_inside() -> None:
    text = (
        "subscripts from 0; x: vector(N); u: vector(N-1); minimise sum(u.^2)\nsubject to x[t+1] = x[t] + u[t], x[0] = 1"
    )
    text = text.replace("sum(u.^2)", "sum[t=0:N-2] u[t]^2")
    problem = Problem.from_text(text, ["x", "u"])
    assert [str(one.ranges) for one in problem.constraints] == ["(Range(index=t, low=0, high=N - 2),)", "()"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x[1]", "a line says what they count from: subscripts from 0"),
        ("sum[i] x[i+1]", "a line says what they count from: subscripts from 0"),
        ("sum[i=1:N-1] x[i]", "over a part of one where a line says what subscripts count from"),
        ("subscripts from 0; sum[i] x[i+1]", "nothing says how far this index goes"),
        ("subscripts from 0; subscripts from 1; x[1]", "subscripts count from one number only"),
        ("subscripts from 0; sum[i] x[y[i]]", "subscripts are made of indices, whole numbers and integer arrays"),
        ("subscripts from 0; r[0] = 1; r[i] = x[i]; sum[i] r[i]", "this defines a part of r: say how large it is"),
        ("softmax[k] z[k]", r"softmax\[k\] is the entry at k: bind k around it"),
        ("p[k] = softmax[k,l] z[k]; sum[k] p[k]", r"write softmax\[k\] z\[k\]"),
        ("delta(x, y)", "of indices, whole numbers and integer arrays"),
        ("at: integer vector; sum(at .* x)", r"an array of whole numbers is written with subscripts: at\[i\]"),
        ("(x > 0) + 1", "a comparison is no value"),
        ("x & y", "& stands between two conditions"),
        ("if(x > 0 | y, 1, 2)", "| stands between two conditions"),
        ("assume x; x", "what is assumed are comparisons"),
        ("x: vector(N/2); sum(x)", "a size is a name, a positive whole number, or made of these"),
        ("minimise x'*x subject to x >= 0 & x <= 1", "constraints stand one by one"),
    ],
)
def test_what_is_not_said_is_asked_for(text: str, message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        assert parse(text).result is not None


@pytest.mark.parametrize(
    "text",
    [
        "subscripts from 0; x: vector(N); sum[i=0:N] x[i]^2",
        "subscripts from 1; x: vector(N); x[0]*x[1]",
        "subscripts from 0; x: vector(N); z: vector(M); sum[i=0:N-1] x[i]*z[i]",
    ],
)
def test_what_is_beyond_an_axis_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="subscript 1"):
        Model.from_text(text, "x")
