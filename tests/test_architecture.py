"""Rules for the source tree: imports, file lengths, names and package docstrings."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MARKED

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "dualhash"
MODULES = sorted(PACKAGE.rglob("*.py"))

TOP_LEVEL = "dualhash"
PACKAGES = (
    "catalogue",
    "codes",
    "search",
    "evaluation",
    "features",
    "network",
    "losses",
    "training",
    "baselines",
    "analysis",
    TOP_LEVEL,
    "serve",
    "cli",
)
"""A package imports only those above it."""

SHARED_MODULES = {
    *("array_cache", "errors", "file_lock", "files", "jit", "progress", "registry", "version"),
}
TORCH_FREE = SHARED_MODULES | {
    "catalogue",
    "codes",
    "search",
    "evaluation",
    "analysis",
    "cli",
    "serve",
}
TRAIN_EXTRA = {"lightning", "onnx", "onnxscript", "scipy", "timm", "torch", "torchvision"}
LONGEST_FILE = 450


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def package_of(module: str) -> str:
    """Returns `codes` for `dualhash.codes.packing`, and `TOP_LEVEL` for a public name."""
    package = module.partition(".")[2].partition(".")[0].replace("__main__", "cli")
    return package if package in SHARED_MODULES | set(PACKAGES) else TOP_LEVEL


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of everything imported anywhere in the tree, in functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def may_import(importer: str, imported: str) -> bool:
    """Whether a package may import another: itself, a shared module, or a package above it."""
    if importer in SHARED_MODULES:
        return imported in SHARED_MODULES
    if imported in SHARED_MODULES | {importer}:
        return True
    return PACKAGES.index(imported) < PACKAGES.index(importer)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path):
    importer = package_of(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
    for name in imports(ast.parse(path.read_text())):
        if name.partition(".")[0] == "dualhash":
            assert may_import(importer, package_of(name)), f"{name_of(path)} imports {name}"


def test_packages_other_than_training_import_without_torch():
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in MODULES
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") in TORCH_FREE
    ]
    code = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({sorted(TRAIN_EXTRA)}))
for module in {modules}:
    importlib.import_module(module)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_stay_short(path: Path):
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*/__init__.py")), ids=name_of)
def test_package_docstrings_name_inputs_outputs_and_imports(path: Path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert re.fullmatch(r".+\n\nIn: .+\nOut: .+\nMay import: .+", docstring or "", re.DOTALL)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_pickle(path: Path):
    text = path.read_text()
    assert not {"pickle", "joblib", "dill", "cloudpickle"} & {
        name.partition(".")[0] for name in imports(ast.parse(text))
    }
    assert "allow_pickle=True" not in text
    assert "weights_only=False" not in text


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_tracked_files_name_no_place_on_one_machine():
    place = re.compile(rb"(?<![\w.:/-])/(?:home|root|Users|work|mnt)/[\w.-]+")
    found = {
        str(path.relative_to(ROOT)): match.group().decode()
        for path in tracked_files()
        if (match := place.search(path.read_bytes())) and b"\0" not in path.read_bytes()[:8000]
    }
    assert not found


def test_every_test_file_mirrors_a_package():
    others = {"benchmarks", "oracles", "reproduction"}
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir()} | others
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders <= packages


def test_marked_test_files_exist():
    places = [place for marked in MARKED.values() for place in marked]
    assert [place for place in places if not (ROOT / "tests" / place).exists()] == []


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("search", "codes", True),
        ("codes", "search", False),
        ("network", "losses", False),
        ("cli", "training", True),
        ("training", "cli", False),
        ("catalogue", "errors", True),
        ("errors", "catalogue", False),
        ("cli", TOP_LEVEL, True),
        ("evaluation", TOP_LEVEL, False),
    ],
)
def test_import_rule_on_examples(importer: str, imported: str, allowed: bool):
    assert may_import(importer, imported) is allowed


def test_imports_within_functions_are_seen():
    tree = ast.parse("def f():\n    from dualhash.cli import app\n    import torch.nn\n")
    assert list(imports(tree)) == ["dualhash.cli.app", "torch.nn"]
