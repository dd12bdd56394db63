#!/usr/bin/env python3
"""Runs the commands in README.md and writes what they print below them.

Usage: .venv/bin/python tools/fill_readme.py [FOLDER]

The commands run one after the other in FOLDER, a new temporary folder by default. Their stderr is
not copied. README.md is changed only if all commands succeed.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def main() -> None:
    """Fills every console block."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="readme-"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def filled(block: re.Match[str]) -> str:
        commands = [line[2:] for line in block[1].splitlines() if line.startswith("$ ")]
        shown = []
        for command in commands:
            print(command, file=sys.stderr)
            done = subprocess.run(
                command,
                shell=True,
                cwd=folder,
                env=os.environ | {"PATH": path},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
            shown += [f"$ {command}", *lines]
        return "\n".join(["```console", *shown, "```"])

    README.write_text(BLOCK.sub(filled, README.read_text()))
    print(f"The files that the commands wrote are in {folder}.", file=sys.stderr)


if __name__ == "__main__":
    main()
