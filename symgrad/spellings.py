"""Names that people know from elsewhere, and what they are called here; messages about unknown names quote them."""

ARGUMENTS = {
    **dict.fromkeys(("params", "parameter", "wrt", "variables", "vars", "argnums", "by"), "parameters"),
    **dict.fromkeys(("expr", "expression", "objective", "cost", "function", "f"), "loss"),
    **dict.fromkeys(("constraints", "assumptions", "assume", "conditions", "given"), "facts"),
    **dict.fromkeys(("let", "lets", "definitions", "intermediates", "equations", "subs"), "where"),
    **dict.fromkeys(("shapes", "dims", "dimensions", "shape"), "sizes"),
    **dict.fromkeys(("file", "filename", "output", "out", "to"), "path"),
    **dict.fromkeys(("backend", "framework", "language"), "target"),
    **dict.fromkeys(("verify", "test", "checked"), "check"),
    **dict.fromkeys(("random_state", "rng", "random_seed"), "seed"),
    **dict.fromkeys(("values", "data", "arguments", "point", "at"), "inputs"),
    **dict.fromkeys(("fmt", "style", "mode"), "format"),
    **dict.fromkeys(("hess", "second_order"), "hessian"),
    **dict.fromkeys(("jac", "jacobians"), "jacobian"),
}
"""Arguments of `Model` and its methods."""

_CALL = "compile(), whose module has value(...), gradient(...) and value_and_gradient(...)"
OF_MODELS = {
    **dict.fromkeys(("grad", "diff", "derivative", "derivatives", "gradients", "d", "dloss"), "gradient(parameter)"),
    **dict.fromkeys(("jac", "jacobians"), 'jacobian("name", parameter)'),
    **dict.fromkeys(("hess", "hvp"), "hessian(p, q)"),
    **dict.fromkeys(("latex", "to_latex", "as_latex"), 'show("latex")'),
    **dict.fromkeys(("html", "to_html", "mathml"), 'show("html")'),
    **dict.fromkeys(("svg", "graph", "plot", "draw"), 'show("svg")'),
    **dict.fromkeys(("print", "display", "text", "formulas", "pprint", "summary", "str"), "show()"),
    **dict.fromkeys(("steps", "explain", "derive", "trace"), "show(steps=True)"),
    **dict.fromkeys(("code", "generate", "codegen", "to_numpy", "to_python", "text_source"), "source()"),
    **dict.fromkeys(("build", "lambdify", "jit", "module", "make", "function"), "compile()"),
    **dict.fromkeys(("jax", "to_jax"), 'compile(target="jax")'),
    **dict.fromkeys(("save", "write", "export", "dump", "to_file"), 'compile(path="model_gradient.py")'),
    **dict.fromkeys(("value", "eval", "evaluate", "evalf", "forward", "backward", "run", "call"), _CALL),
    "predict": 'compile(quantities=["y"]), whose module has y(...), with the predictions as a name of `where`',
    "value_and_gradient": _CALL,
    "value_and_grad": _CALL,
    **dict.fromkeys(
        ("fit", "minimize", "optimize", "train", "solve"),
        "scipy.optimize.minimize(module.flat_value_and_gradient, start, args=data, jac=True) with module = "
        "model.compile()",
    ),
    **dict.fromkeys(("verify", "test", "validate", "gradcheck", "check_grad"), "check()"),
    **dict.fromkeys(("params", "variables", "wrt"), "parameters"),
    **dict.fromkeys(("data", "inputs", "args", "free_symbols", "shapes", "signature"), "arguments"),
    **dict.fromkeys(("names", "definitions", "equations"), "where"),
    **dict.fromkeys(("constraints", "assumptions"), "facts"),
    **dict.fromkeys(("objective", "cost", "expr", "expression"), "loss"),
}
"""Attributes of a `Model`."""

OF_MODULES = {
    **dict.fromkeys(
        ("loss", "f", "fun", "func", "cost", "objective", "evaluate", "eval", "forward", "predict"), "value"
    ),
    **dict.fromkeys(("grad", "gradients", "jac", "jacobian", "derivative", "diff", "backward", "df"), "gradient"),
    **dict.fromkeys(("value_and_grad", "loss_and_grad", "value_grad", "loss_and_gradient"), "value_and_gradient"),
    **dict.fromkeys(
        ("flat", "flat_value", "flat_gradient", "fun_and_jac", "minimize", "fit", "optimize", "flat_value_and_grad"),
        "flat_value_and_gradient",
    ),
    **dict.fromkeys(("hess", "hvp"), "model.compile(hessian=True) or model.compile(hvp=True) for second derivatives"),
    **dict.fromkeys(("flatten", "ravel", "to_vector"), "pack"),
    **dict.fromkeys(("unflatten", "unravel", "from_vector"), "unpack"),
    **dict.fromkeys(("with_data", "fix", "set_data"), "bind"),
    **dict.fromkeys(("params", "parameters"), "PARAMETERS"),
    **dict.fromkeys(("args", "arguments", "inputs", "data"), "ARGUMENTS"),
    **dict.fromkeys(("shape", "shapes", "sizes"), "SHAPES"),
    **dict.fromkeys(("source", "code"), "inspect.getsource(module), or model.source()"),
}
"""Attributes of a generated module."""

_LOG_SOFTMAX = "log(softmax(A)), which is computed stably"
_CROSS_ENTROPY = (
    "-dot(t, log(sigmoid(z))) - dot(1 - t, log(sigmoid(-z))) with OneMatrix(N, 1) for 1, or -dot(T, log(softmax(Z))) "
    "of classes in columns"
)
OF_THE_PACKAGE = {
    **dict.fromkeys(("sum", "reduce_sum"), "total(A), or Sum(x[i], (i, 0, N - 1)) of SymPy"),
    **dict.fromkeys(("mean", "average", "expectation"), "total(A)/N"),
    **dict.fromkeys(("var", "variance", "std"), "sumsq(a - OneMatrix(N, 1)*total(a)/N)/N"),
    **dict.fromkeys(("mse", "mse_loss", "mean_squared_error", "l2_loss"), "sumsq(r)/N"),
    **dict.fromkeys(("norm", "l2", "l2norm", "frobenius"), "norm2(A), norm1(A) or sumsq(A)"),
    "l1": "norm1(A)",
    **dict.fromkeys(("trace", "tr"), "Trace(A) of SymPy"),
    **dict.fromkeys(("transpose",), "A.T"),
    **dict.fromkeys(("matmul", "mm", "multiply_matrices"), "A*B or A @ B"),
    **dict.fromkeys(("multiply", "hadamard", "times"), "HadamardProduct(A, B) of SymPy"),
    **dict.fromkeys(("divide",), "HadamardProduct(A, power(B, -1)), with HadamardProduct of SymPy"),
    **dict.fromkeys(("square",), "power(A, 2)"),
    **dict.fromkeys(("pow",), "power(A, p)"),
    **dict.fromkeys(("inner", "vdot", "dotproduct"), "dot(a, b)"),
    "outer": "a*b.T",
    **dict.fromkeys(("inv",), "inverse(A)"),
    "solve": "inverse(A)*b, which is computed by solving",
    **dict.fromkeys(("slogdet", "log_det"), "logdet(A)"),
    **dict.fromkeys(
        ("max", "amax", "maxover"), "maximum(A, B) entry by entry, MaxOver(x[i], (i, 0, N - 1)) over an index"
    ),
    **dict.fromkeys(
        ("min", "amin", "minover"), "minimum(A, B) entry by entry, MinOver(x[i], (i, 0, N - 1)) over an index"
    ),
    **dict.fromkeys(("clip", "clamp"), "minimum(maximum(A, low), high)"),
    **dict.fromkeys(("logsumexp", "log_sum_exp"), "LogSumExp(x[i], (i, 0, N - 1))"),
    **dict.fromkeys(("log_softmax", "logsoftmax"), _LOG_SOFTMAX),
    **dict.fromkeys(("cross_entropy", "crossentropy", "bce", "binary_cross_entropy", "nll_loss"), _CROSS_ENTROPY),
    **dict.fromkeys(("hinge", "hinge_loss"), "maximum(OneMatrix(N, 1) - m, 0) of margins m"),
    **dict.fromkeys(("huber", "huber_loss"), "if_else(abs(r) <= d, r**2/2, d*(abs(r) - d/2)) of a scalar r"),
    "leaky_relu": "maximum(A, a*A) with a < 1",
    "elu": "if_else(x > 0, x, exp(x) - 1) of a scalar x",
    "gelu": "x*ndtr(x) of a scalar x",
    **dict.fromkeys(("silu", "swish"), "x*sigmoid(x) of a scalar x"),
    **dict.fromkeys(("logistic", "expit"), "sigmoid(A)"),
    "logit": "log(p) - log(1 - p)",
    **dict.fromkeys(("logsigmoid",), "log_sigmoid(A)"),
    **dict.fromkeys(("where", "select", "cond", "ifelse"), "if_else(condition, a, b) of scalars"),
    **dict.fromkeys(("heaviside", "indicator"), "step(A)"),
    **dict.fromkeys(("stop_gradient", "detach"), "constant(A)"),
    **dict.fromkeys(("normal_cdf", "norm_cdf", "phi"), "ndtr(A)"),
    **dict.fromkeys(("gammaln", "lgamma"), "loggamma(A)"),
    "psi": "digamma(A)",
    **dict.fromkeys(("ones", "ones_like"), "OneMatrix(N, M) of SymPy"),
    **dict.fromkeys(("zeros", "zeros_like"), "ZeroMatrix(N, M) of SymPy"),
    **dict.fromkeys(("eye", "identity"), "Identity(N) of SymPy"),
    **dict.fromkeys(("diag",), "DiagMatrix(a) of SymPy"),
    **dict.fromkeys(("grad", "gradient", "value_and_grad"), "Model(loss, [w]).gradient(w)"),
    **dict.fromkeys(("jit", "lambdify", "compile"), "Model(loss, [w]).compile()"),
    **dict.fromkeys(
        ("array", "tensor", "variable"), 'MatrixSymbol("X", N, M) of SymPy; numbers are given to the module'
    ),
}
"""Names of `symgrad`."""


def in_the_package(name: str) -> str:
    """What to write for a name that `symgrad` does not have; nothing if nobody knows it."""
    meant = OF_THE_PACKAGE.get(name.lower())
    if meant is not None:
        return f"; write {meant}"
    import sympy  # takes half a second, and is needed for this message alone

    return f"; it is SymPy's: from sympy import {name}" if hasattr(sympy, name) else ""
