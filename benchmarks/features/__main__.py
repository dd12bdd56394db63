"""Measures the features path: `python -m benchmarks.features --json out.json --data FOLDER`.

Needs the extras `train` and `demo`, a machine without other work, and the data sets `fashion` and
`fashion-photos` in FOLDER. benchmarks/README.md describes the parts.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.features.parts import steps
from benchmarks.features.steps import PACKAGES, run_steps
from benchmarks.features.targets import TARGETS, judge
from benchmarks.machine import machine

RESULTS = Path(__file__).parents[1] / "results" / "features"
WORK = Path("build") / "benchmark-features"


def main() -> None:
    """Runs what has no result yet, prints the targets and writes all figures."""
    chosen = _arguments()
    all_steps = steps(chosen.data, chosen.work)
    known = {name for step in all_steps for name in (step.part, step.name)}
    if unknown := {*chosen.only, *chosen.again} - known:
        sys.exit(f"There is no part {sorted(unknown)[0]!r}; there are: {', '.join(sorted(known))}.")
    results = run_steps(all_steps, chosen.results, chosen.work, chosen.only, chosen.again)
    targets = judge(results)
    for name, each in targets.items():
        verdict = "met" if each["met"] else "MISSED"
        print(f"{name:72} {each['measured']:10} {each['bound']} {each['target']:g}: {verdict}")
    figures = {
        "command": " ".join(["python -m benchmarks.features", *sys.argv[1:]]),
        "machine": machine(PACKAGES),
        "targets": targets,
        "not_measured": [each.name for each in TARGETS if each.name not in targets],
        "steps": results,
    }
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--json", type=Path, help="the file to write all figures to")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="run this part or step, if it has no result; photos-end-to-end, which takes hours, "
        "runs only if it is named",
    )
    parser.add_argument(
        "--again",
        action="append",
        default=[],
        metavar="NAME",
        help="remove the results of this part or step, and run it",
    )
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="the folder of the results of each step"
    )
    parser.add_argument(
        "--work", type=Path, default=WORK, help="the folder for models and kept features"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
