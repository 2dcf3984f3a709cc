"""The logistic function and its logarithm, however they are spelled, and differences of its values."""

from sympy import Rational, cosh, exp, log, tanh

from symgrad.functions import log_sigmoid, sigmoid, softplus
from symgrad.rewrite.record import LOGISTIC, MAECHLER
from symgrad.rewrite.rules.rule import Rule, x, y
from symgrad.univariate import log1mexp

LOGISTIC_FUNCTION = (
    Rule("sigmoid", "recognise", 1 / (1 + exp(x)), sigmoid(-x), "exp(x) overflows beyond 709", LOGISTIC),
    Rule("sigmoid of exp", "recognise", exp(x) * sigmoid(-x), sigmoid(x), "inf·0 for large x", LOGISTIC),
    Rule(
        "complement of exp",
        "recognise",
        exp(x) * (1 - sigmoid(x)),
        sigmoid(x),
        "inf·0 for large x",
        LOGISTIC,
    ),
    Rule(
        "sigmoid of tanh",
        "recognise",
        Rational(1, 2) + tanh(x) / 2,
        sigmoid(2 * x),
        "cancels for negative x",
        LOGISTIC,
    ),
    Rule(
        "sigmoid of a quotient",
        "recognise",
        exp(x) / (exp(x) + exp(y)),
        sigmoid(x - y),
        "both exponentials overflow beyond 709",
        LOGISTIC,
    ),
    Rule("sigmoid of cosh", "recognise", exp(x) / cosh(x), 2 * sigmoid(2 * x), "inf/inf for large x", LOGISTIC),
    Rule("mirrored sigmoid of cosh", "recognise", exp(-x) / cosh(x), 2 * sigmoid(-2 * x), "0/inf", LOGISTIC),
    Rule("softplus", "recognise", log(1 + exp(x)), softplus(x), "exp(x) overflows beyond 709", MAECHLER),
    Rule("log sigmoid", "recognise", log(sigmoid(x)), -softplus(-x), "σ(x) underflows below -745", MAECHLER),
    Rule(
        "log of one minus sigmoid", "recognise", log(1 - sigmoid(x)), -softplus(x), "1 - σ(x) is 0 beyond 37", MAECHLER
    ),
    Rule("log_sigmoid", "recognise", log_sigmoid(x), -softplus(-x), "one function for both spellings", MAECHLER),
    Rule("exp of log sigmoid", "recognise", exp(-softplus(x)), sigmoid(-x), "one function for both", LOGISTIC),
    Rule(
        "log of a difference of sigmoids",
        "recognise",
        log(sigmoid(x) - sigmoid(y)),
        -softplus(-x) - softplus(y) + log1mexp(x - y),
        "σ(x) - σ(y) cancels where x and y are near each other, or both large",
        MAECHLER,
        (0.5, 0.75, 1.5, 2.5, 30.0, 40.0),
    ),
    Rule("sigmoid less its mirror", "stabilise", 2 * sigmoid(x) - 1, tanh(x / 2), "cancels near 0", LOGISTIC),
    Rule("mirror less sigmoid", "stabilise", 1 - 2 * sigmoid(x), -tanh(x / 2), "cancels near 0", LOGISTIC),
    Rule(
        "sigmoid less a half",
        "stabilise",
        sigmoid(x) - Rational(1, 2),
        tanh(x / 2) / 2,
        "cancels near 0",
        LOGISTIC,
    ),
    Rule(
        "difference of sigmoids",
        "stabilise",
        sigmoid(x) - sigmoid(y),
        tanh((x - y) / 2) * (sigmoid(x) * sigmoid(-y) + sigmoid(y) * sigmoid(-x)),
        "σ(x) - σ(y) cancels where x and y are near each other, or both large",
        LOGISTIC,
    ),
)
