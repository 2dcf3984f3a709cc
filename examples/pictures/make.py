"""Makes what the README shows: its printed formulas and code, the graph, and a screenshot of the report.

    python examples/pictures/make.py

The screenshot needs a headless Chromium and is left as it is where there is none; all else needs nothing.
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
WIDTH, HEIGHT = 1100, 1720  # the model, its graph, and formulas beside code


def main() -> None:
    """Write everything, and say what was written."""
    subprocess.run([sys.executable, ROOT / "tests" / "examples" / "test_readme.py"], check=True)
    print("README.md")
    model = load_model(ModelReference(ROOT / "examples" / "blocks.py"))
    (PICTURES / "graph.svg").write_text(model.show("svg"), encoding="utf-8")
    print("examples/pictures/graph.svg")
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
