import json
import subprocess
import sys

import pytest

from dualhash import progress
from dualhash.baselines import METHODS
from dualhash.cli import app


def run(*arguments: str) -> int:
    progress.console.cache_clear()
    with pytest.raises(SystemExit) as left:
        app.main(["baselines", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_lists_every_method(capsys: pytest.CaptureFixture[str]):
    assert run() == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in METHODS)
    assert "Gong and" in printed


def test_json_lists_every_field(capsys: pytest.CaptureFixture[str]):
    assert run("--json") == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(listed) == list(METHODS)
    assert listed["jlbc"] == {
        "name": "jlbc",
        "title": "JLBC",
        "paper": "Li, Wang, Liu, Jiang, Shan and Chen, ICCV",
        "year": 2015,
        "labels": "joint",
        "bits": "multiples of 8 up to the length of the features",
        "answers": ["category", "attribute", "combined"],
    }


def test_a_missing_package_is_reported_with_the_command_to_install_it():
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from dualhash.cli import app; app.main(['baselines'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == app.USER_ERROR
    assert "pip install 'dualhash[train]'" in done.stderr
