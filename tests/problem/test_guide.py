"""The guide's section on problems runs as it is printed."""

import re
from pathlib import Path
from typing import Any

import numpy as np

GUIDE = Path(__file__).parents[2] / "examples" / "GUIDE.md"


def test_the_section_on_problems_runs() -> None:
    section = GUIDE.read_text(encoding="utf-8").split("## Problems with constraints")[1].split("\n## ")[0]
    (code,) = re.findall(r"^```python\n(.*?)^```$", section, flags=re.M | re.S)
    scope: dict[str, Any] = {"np": np}
    exec(re.sub(r"^print\(.*$", "", code, flags=re.M), scope)
    found = scope["found"]
    assert found.kkt_residual < 1e-7
    angle, speed = 0.0, 0.0
    for torque in found.x.torque[:-1]:
        speed += 0.1 * (torque - np.sin(angle))
        angle += 0.1 * speed
    assert abs(angle - 1) < 1e-9
    assert np.max(np.abs(found.multipliers["push"])) > 1
