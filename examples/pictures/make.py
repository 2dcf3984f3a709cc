"""Makes what the README shows: its printed formulas and code, the graph, a screenshot of the report, benchmarks.

    python examples/pictures/make.py

The screenshot needs a headless Chromium and is left as it is where there is none. The benchmarks take minutes, and
compare with whichever of JAX, PyTorch and autograd are installed.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from symgrad.cli.model_file import ModelReference, load_model

PICTURES = Path(__file__).resolve().parent
ROOT = PICTURES.parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CASES = "logistic-1000x50,logistic-100000x100,softmax-1797x64x10,mlp-256-64-100-10,mlp-60000-64-32-10"
WIDTH, HEIGHT = 1100, 1720  # the model, its graph, and formulas beside code


def main() -> None:
    """Write everything, and say what was written."""
    subprocess.run([sys.executable, ROOT / "tests" / "examples" / "test_readme.py"], check=True)
    print("README.md")
    model = load_model(ModelReference(ROOT / "examples" / "blocks.py"))
    (PICTURES / "graph.svg").write_text(model.show("svg"), encoding="utf-8")
    print("examples/pictures/graph.svg")
    run = [sys.executable, ROOT / "tests" / "benchmarks" / "run.py", "--quick", "--cpu-time", "--dtype", "float64"]
    subprocess.run([*run, "--cases", CASES, "--plot", PICTURES / "benchmark.png"], check=True)
    print("examples/pictures/benchmark.png")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("examples/pictures/report.png is left as it is: there is no Chromium")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        model.report().save(page)
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = [f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={PICTURES / 'report.png'}"]
        subprocess.run([browser, *options, *size, page.as_uri()], check=True, capture_output=True)
    print("examples/pictures/report.png")


if __name__ == "__main__":
    main()
