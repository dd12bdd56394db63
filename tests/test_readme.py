"""The README's commands and Python code run as they are, with short training and few images."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.serve.server_process import serving

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def shortened(text: str) -> str:
    """The same with a training of two batches."""
    shorter = re.sub(r"^dualhash train .*", r"\g<0> --iterations 2", text)
    return shorter.replace("bits=128)", "bits=128, iterations=2)")


def run(arguments: list[str], folder: Path, cache: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=os.environ | {"PATH": path, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(arguments)}\n{done.stderr}"
    return done.stdout


def test_readme_commands_run_in_order(tmp_path: Path, few_emojis: Path):
    for command in commands():
        arguments = shlex.split(shortened(command))
        assert run(arguments, tmp_path, few_emojis), f"{command} prints nothing"
    assert (tmp_path / "build" / "dark.png").is_file()
    assert (tmp_path / "build" / "emoji.json").is_file()


def test_readme_shows_these_five_commands():
    assert [command.split()[1] for command in commands()] == [
        "catalogue",
        "train",
        "index",
        "search",
        "evaluate",
    ]


def test_readme_python_code_runs(tmp_path: Path, few_emojis: Path):
    remote, code = blocks("python")
    assert len(code.strip().splitlines()) <= 12
    printed = run([sys.executable, "-c", shortened(code)], tmp_path, few_emojis)
    assert "value=" in printed
    with serving(tmp_path / "emoji.dhx") as live:
        assert "http://localhost:8000" in remote
        here = remote.replace("http://localhost:8000", live.address)
        run([sys.executable, "-c", here], tmp_path, few_emojis)


def test_readme_links_and_pictures_exist():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
