"""The benchmarks without the other libraries."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("argument", "printed"),
    [("--help", "usage: "), ("--quick", "This benchmark needs the package faiss: pip install")],
)
def test_search_benchmark_needs_faiss_only_to_run(argument: str, printed: str):
    code = f"""
import sys
sys.modules["faiss"] = None
sys.argv[1:] = [{argument!r}]
from benchmarks.search import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert printed in done.stdout + done.stderr
