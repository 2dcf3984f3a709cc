"""The whole corpus: python tests/real_models/run.py [names]. A line for each model and input, and a count."""

import sys
import time
import traceback

from tests.real_models.comparison import cases, differences
from tests.real_models.corpus import CORPUS


def main(names: list[str]) -> int:
    """Compare all models, or those named; 1 if one is different from its reference."""
    wrong = 0
    count = 0
    for record in CORPUS:
        if names and record.name not in names:
            continue
        start = time.perf_counter()
        lines: list[str] = []
        for what, inputs in cases(record):
            count += 1
            try:
                lines += [f"{what}: {line}" for line in differences(record, what, inputs)]
            except Exception as error:  # whatever fails is a finding
                lines.append(f"{what}: {type(error).__name__}: {str(error)[:300]}")
                if names:
                    traceback.print_exc()
        wrong += bool(lines)
        print(f"{'WRONG' if lines else 'right'}  {record.name} ({time.perf_counter() - start:.1f} s)", flush=True)
        for line in lines:
            print(f"       {line}", flush=True)
    print(f"{wrong} of {len(CORPUS) if not names else len(names)} models wrong, {count} comparisons")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
