import subprocess
import sys

import pytest

import dualhash

NEEDS_TORCH = {"train"}


@pytest.mark.parametrize("name", dualhash.__all__)
def test_every_public_name_is_there_and_documented(name: str):
    value = getattr(dualhash, name)
    assert name == "__version__" or value.__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        dualhash.tarin  # noqa: B018


def without_torch(name: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.modules['torch'] = None; from dualhash import {name}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", sorted(set(dualhash.__all__) - NEEDS_TORCH))
def test_only_training_needs_torch(name: str):
    done = without_torch(name)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("name", sorted(NEEDS_TORCH))
def test_training_without_torch_says_what_to_install(name: str):
    done = without_torch(name)
    assert "DualhashError: Training needs the package torch" in done.stderr
    assert "pip install 'dualhash[train]'" in done.stderr
