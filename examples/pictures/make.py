"""Makes what the READMEs show: printed formulas and code, the graph, solved problems, screenshots, benchmarks.

    python examples/pictures/make.py

The screenshots need a headless Chromium and are left as they are where there is none. The benchmarks take minutes, and
compare with whichever of JAX, PyTorch and autograd are installed.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from symgrad.cli.model_file import ModelReference, load_model
from symgrad.serve.answers import answer
from symgrad.serve.server import PageServer

PICTURES = Path(__file__).resolve().parent
ROOT = PICTURES.parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CASES = "logistic-1000x50,logistic-100000x100,softmax-1797x64x10,mlp-256-64-100-10,mlp-60000-64-32-10"
WIDTH, HEIGHT = 1100, 1720  # the model, its graph, and formulas beside code
FORMULA = "sum(log(1 %2B exp(-y .* (X*w)))) %2B l*norm2(w)^2"  # in the page where formulas are typed


def main() -> None:
    """Write everything, and say what was written."""
    subprocess.run([sys.executable, ROOT / "tests" / "examples" / "test_readme.py"], check=True)
    print("README.md")
    model = load_model(ModelReference(ROOT / "examples" / "blocks.py"))
    (PICTURES / "graph.svg").write_text(model.show("svg"), encoding="utf-8")
    print("examples/pictures/graph.svg")
    for problem in ("swing_up", "obstacle", "power_flow"):
        script, picture = ROOT / "examples" / f"{problem}.py", PICTURES / f"{problem}.png"
        subprocess.run([sys.executable, script, "--picture", picture], check=True, capture_output=True)
        print(f"examples/pictures/{problem}.png")
    run = [sys.executable, ROOT / "tests" / "benchmarks" / "run.py", "--quick", "--cpu-time", "--dtype", "float64"]
    subprocess.run([*run, "--cases", CASES, "--plot", PICTURES / "benchmark.png"], check=True)
    print("examples/pictures/benchmark.png")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("report.png and page.png of examples/pictures are left as they are: there is no Chromium")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        model.report().save(page)
        _photograph(browser, page.as_uri(), "report.png", (WIDTH, HEIGHT))
    server = PageServer(0, answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _photograph(browser, f"{server.address}#f={FORMULA}&by=w", "page.png", (1200, 820))
    server.shutdown()


def _photograph(browser: str, address: str, name: str, size: tuple[int, int]) -> None:
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=10000"]
    options += [f"--window-size={size[0]},{size[1]}", f"--screenshot={PICTURES / name}"]
    subprocess.run([browser, *options, address], check=True, capture_output=True)
    print(f"examples/pictures/{name}")


if __name__ == "__main__":
    main()
