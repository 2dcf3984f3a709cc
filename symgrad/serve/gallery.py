"""The examples that the page offers."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Example:
    """A formula to start from, with what to differentiate it by and the shapes that its letters do not say."""

    title: str
    text: str
    by: tuple[str, ...]
    shapes: Mapping[str, str] = field(default_factory=dict)


PROBLEMS = "Problems"  # which are derived with NumPy
_PORTFOLIO = {"S": "symmetric matrix", "r": "scalar"}

GALLERY: dict[str, tuple[Example, ...]] = {
    "Machine learning": (
        Example("Ridge regression", "norm2(X*w - y)^2 + lambda*w'*w", ("w",)),
        Example("Logistic regression, classes ±1", "sum(log(1 + exp(-y .* (X*w)))) + l*norm2(w)^2", ("w",)),
        Example("Logistic regression, classes 0 and 1", "p = sigmoid(X*w)\n-t'*log(p) - (1 - t)'*log(1 - p)", ("w",)),
        Example("Softmax regression", "P = softmax(X*W)\n-sum(T .* log(P))", ("W",)),
        Example("A network with one hidden layer", "H = tanh(X*V)\nnorm2(H*W - Y)^2", ("V", "W")),
        Example("Matrix factorisation with gaps", "norm2(M .* (U*V' - R))^2 + l*(norm2(U)^2 + norm2(V)^2)", ("U", "V")),
        Example("Support vector machine", "sum(max(1 - y .* (X*w), 0)) + l*norm2(w)^2", ("w",)),
        Example("Squared distances, with indices", "sum[n,k] P[n,k]*(x[n] - m[k])^2", ("m",)),
    ),
    "Statistics": (
        Example("Poisson regression", "sum(exp(X*w) - y .* (X*w))", ("w",)),
        Example("Normal distribution", "(x - m)'*inv(S)*(x - m)/2 + logdet(S)/2", ("m", "S"), {"S": "definite matrix"}),
        Example("Gaussian process", "y'*inv(K)*y/2 + logdet(K)/2", ("K",), {"K": "definite matrix"}),
        Example("Robust regression (Cauchy)", "sum(log(1 + (X*w - y).^2/s^2))", ("w",), {"s": "scalar"}),
        Example("Log-sum-exp", "logsumexp(X*w)", ("w",)),
    ),
    "Matrix calculus": (
        Example("Bilinear form", "a'*X*b", ("X",), {"a": "vector", "b": "vector"}),
        Example("Quadratic form", "x'*A*x", ("x",)),
        Example("Trace of a product", "tr(A*X*B)", ("X",)),
        Example("Trace of an inverse", "tr(A*inv(X)*B)", ("X",)),
        Example("Determinant", "det(X)", ("X",)),
        Example("Logarithm of a determinant", "logdet(X)", ("X",)),
        Example("Weighted norm", "(A*x - b)'*W*(A*x - b)", ("x",), {"b": "vector"}),
        Example("Jacobian of an affine map", "A*x + b", ("x",), {"b": "vector"}),
        Example("Jacobian of softmax", "softmax(x)", ("x",)),
    ),
    PROBLEMS: (
        Example("Portfolio", "minimise x'*S*x\nsubject to m'*x >= r, sum(x) = 1, x >= 0", ("x",), _PORTFOLIO),
        Example("Projection onto a plane", "minimise norm2(x - p)^2 subject to h'*x = c", ("x",)),
    ),
}
