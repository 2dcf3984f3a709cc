"""What is imported when: NumPy where numbers are computed, and each command's libraries by that command."""

import subprocess
import sys

import pytest

HIDDEN = """
import importlib.abc
import sys


class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numpy", "scipy"):
            raise ModuleNotFoundError(f"{name} is hidden")


sys.meta_path.insert(0, Hidden())
"""

# From here on everything is what a user writes.
FORMULAS = (
    "norm2(X*w - y)^2 + lambda*w'*w",
    "sum(abs(X*w - y))",
    "sum[i] exp(w[i])*y[i]",
    "logdet(S) + w'*inv(S)*w",
    "sum(log(1 + exp(-y .* (X*w))))",
    "sum(log(exp(w) - 1)) + sum((exp(X*w) - 1) ./ (X*w))",  # what is chosen for code by errors over a grid
)


def run(script: str, *arguments: str) -> str:
    """What a script prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_deriving_showing_and_writing_code_need_no_numpy() -> None:
    script = f"""{HIDDEN}
import symgrad
from symgrad import Model, parse

for name in {{*dir(symgrad)}} - {{"Problem"}}:  # whose bounds are arrays
    getattr(symgrad, name)
for text in {FORMULAS!r}:
    model = Model.from_text(text, ["w"])
    assert parse(text) and model.gradient("w") is not None and model.to_text()
    for notation in ("text", "latex", "sympy", "html", "svg"):
        assert model.show(notation), notation
    assert model.show("latex", steps=True) and model.show("html", standalone=True)
    for target in ("numpy", "jax", "torch", "numba"):
        assert "def value" in model.source(hessian=True, hvp=True, target=target)
assert not {{"numpy", "scipy"}} & set(sys.modules)
try:
    model.check()
except ModuleNotFoundError as error:
    print(error)
"""
    assert run(script) == "numpy is hidden\n"


@pytest.mark.long
def test_the_text_without_numpy_is_the_text_with_it() -> None:
    script = f"""
from symgrad import Model

for text in {FORMULAS!r}:
    print(Model.from_text(text, ["w"]).source(hessian=True))
"""
    assert run(HIDDEN + script) == run(script)


# SymPy computes with mpmath, which takes gmpy2 where it is there.
OF_DERIVE = {"click", "lark", "mpmath", "sympy", "symgrad"}
OF_SYSTEM = {"gmpy2"}


@pytest.mark.long
def test_what_the_command_derive_imports() -> None:
    script = """
import sys

before = {name.partition(".")[0] for name in sys.modules}
from symgrad.cli import main

assert main(sys.argv[1:]) == 0
imported = {name.partition(".")[0] for name in sys.modules} - before - sys.stdlib_module_names
print(*sorted(name for name in imported if not name.startswith("_")))
"""
    formula = ("derive", "norm2(X*w - y)^2", "w")
    assert set(run(script, *formula).splitlines()[-1].split()) - OF_SYSTEM == OF_DERIVE
    code = set(run(script, *formula, "--code").splitlines()[-1].split()) - OF_SYSTEM
    assert code == OF_DERIVE | {"jinja2", "markupsafe"}
