"""Where compiled code is cached, and when it is compiled again."""

import ast
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dualhash

ROOT = Path(__file__).parents[1]

SEARCH = """
import numpy as np
import dualhash.search.kernels as kernels
from dualhash.jit import kernel_cache_folder
codes = np.arange(256, dtype=np.uint8).repeat(9).reshape(256, 9)
print(*kernels.k_nearest(kernels.CodeMatrix.of(codes), codes[:1], 5)[1][0])
from pathlib import Path
print(kernel_cache_folder(Path(kernels.__file__).parent))
"""

EVALUATE = """
import numpy as np
from dualhash.evaluation.category_retrieval import category_precisions
print(category_precisions(np.array([[1], [1], [0]], bool), np.array([0, 0, 1]))[0])
"""


def run(code: str, package: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(package), **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def search(package: Path, **environment: str) -> tuple[str, Path]:
    positions, folder = run(SEARCH, package, **environment).stdout.splitlines()
    return positions, Path(folder)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that has never run."""
    source = Path(dualhash.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, tmp_path / "site" / "dualhash", ignore=ignored)
    return tmp_path / "site"


def test_compiled_code_is_cached_beside_the_kernels_until_one_changes(package: Path):
    kernels = package / "dualhash" / "search" / "kernels"
    positions, folder = search(package)
    assert positions == "0 1 2 4 8"
    assert folder.parent == kernels / "__pycache__"
    cached = {file: file.stat().st_mtime_ns for file in folder.rglob("*.nbc")}
    assert cached
    assert search(package) == (positions, folder)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.nbc")} == cached
    simd = kernels / "simd.py"
    simd.write_text(simd.read_text() + "\n# changed\n")
    assert search(package)[1] != folder


def test_a_kernel_of_evaluation_is_compiled_again_if_a_function_it_calls_changes(package: Path):
    assert run(EVALUATE, package).stdout.strip() == "1.0"
    called = package / "dualhash" / "evaluation" / "average_precision.py"
    text = called.read_text()
    assert text.count("return float(relevant / size * precision)") == 1
    called.write_text(text.replace("float(relevant", "float(0.25 * relevant"))
    assert run(EVALUATE, package).stdout.strip() == "0.25"


def test_the_next_folder_is_used_if_one_is_not_writable(package: Path, tmp_path: Path):
    (package / "dualhash" / "search" / "kernels" / "__pycache__").write_text("in the way")
    cache = tmp_path / "cache"
    assert search(package, XDG_CACHE_HOME=str(cache))[1].parent == cache
    cache.rename(tmp_path / "away")
    cache.write_text("in the way")
    (tmp_path / "home").write_text("in the way")
    blocked = {"XDG_CACHE_HOME": str(cache), "HOME": str(tmp_path / "home")}
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    positions, folder = search(package, TMPDIR=str(temporary), **blocked)
    assert (positions, folder.parent) == ("0 1 2 4 8", temporary)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit of file sizes")
def test_a_full_disk_does_not_stop_a_search(package: Path):
    """No file may grow beyond 0 bytes, so folders can be made and nothing can be saved."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    done = run(limit + SEARCH, package)
    assert done.stdout.splitlines()[0] == "0 1 2 4 8"
    assert done.stderr.count("RuntimeWarning: Compiled code is not cached") == 1
    assert "set NUMBA_CACHE_DIR to a writable folder" in done.stderr


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="names an x86 processor")
@pytest.mark.parametrize("processor", ["x86-64", "haswell"])
def test_older_processors_give_the_same_results(processor: str, tmp_path: Path):
    environment = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    package = Path(dualhash.__file__).parents[1]
    assert search(package, NUMBA_CACHE_DIR=str(tmp_path), **environment)[0] == "0 1 2 4 8"


def sources() -> list[Path]:
    folders = (ROOT / name for name in ("src", "reproduction"))
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def decorators(function: ast.FunctionDef) -> set[str]:
    return {ast.unparse(each).partition("(")[0] for each in function.decorator_list}


def test_numba_compiles_only_through_one_function():
    compilers = {"jit", "njit", "vectorize", "guvectorize", "cfunc", "stencil"}
    for path in sources():
        if path.name == "jit.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "numba":
                assert not compilers & {alias.name for alias in node.names}, path
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "numba":
                assert node.attr not in compilers, path


def test_kernels_use_code_and_constants_of_their_own_folder_only():
    """Since the cache folder is named after the files of that folder."""
    kernels = 0
    for path in sources():
        tree = ast.parse(path.read_text())
        imported = {
            alias.asname or alias.name: node.module
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            if "compiled" not in decorators(function):
                continue
            kernels += 1
            names = {n.id for part in function.body for n in ast.walk(part) if hasattr(n, "id")}
            for name in names & imported.keys():
                if imported[name].startswith(("dualhash", "reproduction")):
                    own = (imported[name].rpartition(".")[2], name)
                    assert any((path.parent / f"{module}.py").is_file() for module in own), (
                        f"{path}: {function.name} uses {name} of {imported[name]}"
                    )
    assert kernels > 30
