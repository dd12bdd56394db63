"""Where machine code is kept, and other processors than this one."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dualhash

SEARCH = """
import numpy as np
from dualhash.search.kernels import Blocks, nearest
codes = np.arange(256, dtype=np.uint8).repeat(9).reshape(256, 9)
print(*nearest(Blocks.of(codes), codes[:1], 5)[1][0])
from dualhash.search.kernels.jit import _cache_folder
print(_cache_folder())
"""


def search(package: Path, **environment: str) -> tuple[str, Path]:
    done = subprocess.run(
        [sys.executable, "-c", SEARCH],
        env={**os.environ, "PYTHONPATH": str(package), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    found, folder = done.stdout.splitlines()
    return found, Path(folder)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that has never run."""
    source = Path(dualhash.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, tmp_path / "site" / "dualhash", ignore=ignored)
    return tmp_path / "site"


def test_machine_code_is_kept_beside_the_kernels_and_renewed_with_them(package: Path):
    kernels = package / "dualhash" / "search" / "kernels"
    found, folder = search(package)
    assert found == "0 1 2 4 8"
    assert folder.parent == kernels / "__pycache__"
    kept = {file: file.stat().st_mtime_ns for file in folder.rglob("*.nbc")}
    assert kept
    assert search(package) == (found, folder)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.nbc")} == kept
    lanes = kernels / "simd.py"
    lanes.write_text(lanes.read_text() + "\n# changed\n")
    assert search(package)[1] != folder


def test_a_folder_that_cannot_be_written_to_is_passed_by(package: Path, tmp_path: Path):
    (package / "dualhash" / "search" / "kernels" / "__pycache__").write_text("in the way")
    cache = tmp_path / "cache"
    assert search(package, XDG_CACHE_HOME=str(cache))[1].parent == cache
    cache.rename(tmp_path / "away")
    cache.write_text("in the way")
    (tmp_path / "home").write_text("in the way")
    blocked = {"XDG_CACHE_HOME": str(cache), "HOME": str(tmp_path / "home")}
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    found, folder = search(package, TMPDIR=str(temporary), **blocked)
    assert (found, folder.parent) == ("0 1 2 4 8", temporary)


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="names an x86 processor")
@pytest.mark.parametrize("processor", ["x86-64", "haswell"])
def test_older_processors_find_the_same(processor: str, tmp_path: Path):
    environment = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    package = Path(dualhash.__file__).parents[1]
    assert search(package, NUMBA_CACHE_DIR=str(tmp_path), **environment)[0] == "0 1 2 4 8"
