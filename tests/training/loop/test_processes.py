"""Processes of a training: what they are sent, and how their errors are reported."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from dualhash.errors import DualhashError
from dualhash.training.loop.processes import run_processes


def _fail_in_one(rank: int) -> None:
    if rank:
        raise DualhashError("The training diverged.")
    threading.Event().wait()


def test_an_error_in_one_process_ends_all():
    with pytest.raises(DualhashError, match=r"^The training diverged\.$"):
        run_processes(_fail_in_one, 2)


def _die(rank: int) -> None:
    if rank:
        os.abort()
    threading.Event().wait()


def test_a_killed_process_is_reported():
    with pytest.raises(DualhashError, match=r"SIGABRT.*--resume continues"):
        run_processes(_die, 2)


def _interrupt_all(rank: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if rank:
        os.kill(os.getppid(), signal.SIGINT)
    threading.Event().wait()


def test_no_process_survives_an_interruption():
    with pytest.raises(KeyboardInterrupt):
        run_processes(_interrupt_all, 2)
    assert not multiprocessing.active_children()


def test_memory_maps_are_sent_by_name(tmp_path: Path):
    values = np.arange(2_000_000, dtype=np.float16).reshape(-1, 2, 100)
    np.save(tmp_path / "values.npy", values)
    part = np.load(tmp_path / "values.npy", mmap_mode="r")[3:, 1]
    sent = ForkingPickler.dumps(part)
    assert len(sent) < 1_000
    received = ForkingPickler.loads(sent)
    np.testing.assert_array_equal(received, values[3:, 1])
    assert isinstance(received.base, np.memmap)
