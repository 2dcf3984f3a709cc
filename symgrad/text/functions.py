"""The functions of the grammar, and what shapes they take and give; what they mean is in `elaboration`."""

from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto

from symgrad.text.tree import LARGEST, LOG_SUM_EXP, SMALLEST, SUM


class Kind(Enum):
    """What a function does with shapes."""

    ENTRIES = auto()  # entry by entry: the shape of the argument
    ENTRIES_OF_TWO = auto()  # entry by entry of two: both of one shape, or one a scalar
    SAME = auto()  # another array of the same shape, which is no function of single entries
    NUMBER = auto()  # a number of all entries
    NUMBER_OF_TWO = auto()  # a number of two arrays of one shape
    SQUARE_NUMBER = auto()  # a number of a square matrix
    SQUARE = auto()  # a square matrix of a square matrix
    TRANSPOSED = auto()
    DIAGONAL = auto()  # a diagonal matrix of a vector, the diagonal of a square matrix
    FORM = auto()  # quad(x, A): x'*A*x
    VECTOR = auto()  # a vector of equal entries, as long as its place says
    MATRIX = auto()  # a matrix of equal entries
    IDENTITY = auto()
    FILLED = auto()  # ones or zeros, of sizes that are given
    INDICES = auto()  # a number of two indices or whole numbers
    SIZE = auto()  # a number of rows, columns or entries
    CHOICE = auto()  # if(x > 0, a, b)


@dataclass(frozen=True)
class Signature:
    """A function: its kind, and how many arguments it may have."""

    kind: Kind
    fewest: int
    most: int
    example: str


_OF_ENTRIES = (
    *("abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "digamma", "erf", "erfc", "exp"),
    *("expm1", "gamma", "log", "log1p", "loggamma", "sign", "sin", "sinh", "sqrt", "tan", "tanh"),
    *("sigmoid", "softplus", "relu", "log_sigmoid", "step", "ndtr", "log_ndtr", "constant"),
)

FUNCTIONS: dict[str, Signature] = {
    **{name: Signature(Kind.ENTRIES, 1, 1, f"{name}(x)") for name in _OF_ENTRIES},
    **{name: Signature(Kind.ENTRIES_OF_TWO, 2, 2, f"{name}(x, y)") for name in ("atan2", "maximum", "minimum")},
    **{name: Signature(Kind.NUMBER, 1, 1, f"{name}(x)") for name in (SUM, "mean", "norm1", "norm2", "sumsq", "normF")},
    LOG_SUM_EXP: Signature(Kind.NUMBER, 1, 1, "logsumexp(x)"),
    LARGEST: Signature(Kind.NUMBER, 1, 2, "max(x), the largest entry, or max(x, y)"),
    SMALLEST: Signature(Kind.NUMBER, 1, 2, "min(x), the smallest entry, or min(x, y)"),
    "delta": Signature(Kind.INDICES, 2, 2, "delta(i, j), which is 1 where i = j, else 0"),
    "softmax": Signature(Kind.SAME, 1, 1, "softmax(x)"),
    "dot": Signature(Kind.NUMBER_OF_TWO, 2, 2, "dot(x, y)"),
    "quad": Signature(Kind.FORM, 2, 2, "quad(x, A)"),
    **{name: Signature(Kind.SQUARE_NUMBER, 1, 1, f"{name}(A)") for name in ("det", "logdet", "tr")},
    **{name: Signature(Kind.SQUARE, 1, 1, f"{name}(A)") for name in ("inv", "cholesky")},
    "transpose": Signature(Kind.TRANSPOSED, 1, 1, "transpose(A)"),
    "diag": Signature(Kind.DIAGONAL, 1, 1, "diag(x)"),
    "vector": Signature(Kind.VECTOR, 1, 1, "vector(1)"),
    "matrix": Signature(Kind.MATRIX, 1, 1, "matrix(1)"),
    **{n: Signature(Kind.FILLED, 2, 2, f"{n}(N, 1) or {n}(N, M), with both sizes") for n in ("ones", "zeros")},
    "eye": Signature(Kind.IDENTITY, 0, 1, "eye or eye(N)"),
    **{name: Signature(Kind.SIZE, 1, 1, f"{name}(A)") for name in ("rows", "columns", "numel")},
    "if": Signature(Kind.CHOICE, 3, 3, "if(x > 0, a, b)"),
}

ALIASES = {"ln": "log", "trace": "tr", "chol": "cholesky", "logistic": "sigmoid", "arctan": "atan", "length": "numel"}
BARS = "|"  # |x|: an absolute value, where x is no matrix, whose determinant it could be
NORM = "norm"  # of a vector
ALIASES |= {BARS: "abs", NORM: "norm2"}
ALIASES |= {"inverse": "inv", "arcsin": "asin", "arccos": "acos", "norm_1": "norm1", "norm_2": "norm2"}

# What is a function of MATLAB or NumPy and has another name or form here.
CURES = {
    "log2": "write log(x)/log(2)",
    "log10": "write log(x)/log(10)",
    "where": "write if(x > 0, a, b)",
    "kron": "Kronecker products are not part of formulas; a model in SymPy has them",
    "pinv": "write inv(A'*A)*A'",
    "vec": "write sum(A .* B) for the scalar product of vec(A) and vec(B)",
    "std": "write sqrt(mean((x - mean(x)).^2))",
    "cumsum": "write s[i] = sum[j=1:N] if(j <= i, x[j], 0) in lines of their own",
    "cross": "write c[i] = sum[j,k] E[i,j,k]*a[j]*b[k], with the signs of permutations E",
    "repmat": "write x*vector(1)'",
    "bsxfun": "write x*vector(1)' for columns that are all x",
    "expm": "matrix exponentials are not part of formulas",
    "sqrtm": "roots of matrices are not part of formulas; cholesky(A) is a factor",
    "argmax": "it has no derivative; max(x) has one",
    "argmin": "it has no derivative; min(x) has one",
    "var": "write mean((x - mean(x)).^2)",
    "sec": "write 1/cos(x)",
    "cot": "write 1/tan(x)",
    "csc": "write 1/sin(x)",
    "square": "write x.^2",
    "size": "write rows(A) or columns(A)",
}

CONSTANTS = ("pi", "inf")
# functions whose names may be those of symbols, too
NAMES_TOO = ("gamma", "step", "matrix", "vector", "sign", "delta", "constant", "norm", "ones", "zeros")


def signature(name: str) -> Signature | None:
    """The function of a name, by whichever of its names; None where there is none."""
    return FUNCTIONS.get(ALIASES.get(name, name))


def canonical(name: str) -> str:
    """The first of a function's names."""
    return ALIASES.get(name, name)


def unknown(name: str, known_names: tuple[str, ...]) -> str:
    """What is wrong with calling something that is no function."""
    if name in CURES:
        return f"there is no function {name}: {CURES[name]}"
    near = get_close_matches(name, [*FUNCTIONS, *ALIASES], n=1)
    if name in known_names or len(name) == 1 or not near:
        return f"{name} is no function; a product is written with *: {name}*(...), an entry with brackets: {name}[i]"
    return f"there is no function {name}; did you mean {near[0]}?"
