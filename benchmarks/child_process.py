"""Runs a command of dualhash in a process of its own, and measures its time and memory."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAUSE = 0.05
"""Seconds between two readings of the memory."""

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Ran:
    """What a command took.

    Attributes:
        seconds: From its start to its end.
        peak_megabytes: Most resident memory, memory-mapped files included; None without /proc.
        peak_own_megabytes: The same without mapped files, which the system can drop at any time.
    """

    seconds: float
    peak_megabytes: int | None
    peak_own_megabytes: int | None


def run_dualhash(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Ran:
    """Runs `dualhash ARGUMENTS`; what it prints is shown.

    The memory is read from /proc instead of `getrusage`, whose maximum begins with the memory of
    the process that started the command.

    Raises:
        SystemExit: The command failed.
    """
    program = [sys.executable, "-c", "from dualhash.cli.app import main; main()"]
    print("$ dualhash", *arguments, flush=True)
    start = time.perf_counter()
    peak, own = 0.0, 0.0
    with subprocess.Popen(
        [*program, *arguments], env={**os.environ, **(environment or {})}
    ) as process:
        while process.poll() is None:
            memory = _memory(process.pid)
            peak = max(peak, memory.get("VmHWM", 0.0))
            own = max(own, memory.get("RssAnon", 0.0))
            time.sleep(PAUSE)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"`dualhash {' '.join(arguments)}` ended with status {process.returncode}.")
    return Ran(seconds, round(peak) or None, round(own) or None)


def _memory(process: int) -> dict[str, float]:
    """Megabytes by the names of /proc/PROCESS/status; empty where there is none."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    fields = (line.partition(":") for line in lines if line.endswith(" kB"))
    return {name: int(value.removesuffix(" kB")) * 1024 / MEGABYTE for name, _, value in fields}
