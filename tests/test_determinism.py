"""One model has one text in every run: in whatever order sets are gone through, and whatever SymPy draws.

Processes with other hashes derive the same models, and print formulas and code. What is a node's hash otherwise is
its place in memory; here it follows from its structure and the seed.
"""

import os
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import pytest

from symgrad.cli.model_file import ModelReference, load_model
from symgrad.graph.node import Node
from tests import test_minus_infinity, test_models
from tests.models import language

ROOT = Path(__file__).parents[1]
EXAMPLES = ["cox", "factorisation", "gaussian_process", "graph", "logistic", "mixture", "poisson", "ridge", "softmax"]

GROUPS = {
    "weights and cancellation": lambda: [language.MASKS["powers"]()],
    "sums with a term in common": lambda: [test_minus_infinity.MODELS["two sums with a term in common"]()],
    "the language": lambda: [make() for make in [*test_models.MODELS.values()][::5]],
    "what is forbidden": lambda: [make() for make in [*test_minus_infinity.MODELS.values()][::5]],
    "examples": lambda: [load_model(ModelReference.parse(str(ROOT / "examples" / f"{name}.py"))) for name in EXAMPLES],
}


@pytest.mark.long
@pytest.mark.parametrize("group", GROUPS)
def test_a_model_has_one_text_whatever_the_hashes_are(group):
    texts = []
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, __file__, group, seed]
        made = subprocess.run(command, env=environment, cwd=ROOT, text=True, capture_output=True, check=False)
        assert made.returncode == 0, made.stderr
        texts.append(made.stdout)
    assert len(texts[0].splitlines()) > 50
    assert texts[0] == texts[1] == texts[2]


def _hash(seed):
    return lambda node: int.from_bytes(blake2b(node.digest, salt=seed.encode(), digest_size=7).digest(), "big")


if __name__ == "__main__":
    Node.__hash__ = _hash(sys.argv[2])  # type: ignore[method-assign]
    for model in GROUPS[sys.argv[1]]():
        print(model.show())
        print(model.source(hessian=True, hvp=True))
