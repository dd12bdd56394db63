import subprocess
import sys

import pytest

import dualhash


@pytest.mark.parametrize("name", dualhash.__all__)
def test_every_public_name_exists_and_is_documented(name: str):
    value = getattr(dualhash, name)
    assert name == "__version__" or value.__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        dualhash.tarin  # noqa: B018


def import_without_torch(*names: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.modules['torch'] = None; from dualhash import {', '.join(names)}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_only_training_needs_torch():
    done = import_without_torch(*(name for name in dualhash.__all__ if "train" not in name))
    assert not done.returncode, done.stderr


def test_training_without_torch_says_what_to_install():
    done = import_without_torch("train")
    assert "DualhashError: dualhash.train needs the package torch" in done.stderr
    assert "pip install 'dualhash[train]'" in done.stderr
