"""The processes of a training on several devices, one per device."""

import logging
import os
import signal
from collections.abc import Callable
from mmap import ALLOCATIONGRANULARITY
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch
from lightning.fabric.plugins.environments.lightning import find_free_network_port
from numpy.typing import NDArray
from torch.multiprocessing import SimpleQueue, get_context
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, spawn

from dualhash.errors import DualhashError


def check_devices(devices: int) -> None:
    """Checks that a training can have so many devices: GPUs, or without any, processor cores.

    Raises:
        DualhashError: It cannot.
    """
    gpus = torch.accelerator.device_count()
    most = gpus or os.cpu_count() or 1
    if not 1 <= devices <= most:
        kind = "GPUs" if gpus else "processor cores (it has no GPU)"
        raise DualhashError(
            f"A training here can have 1 to {most} devices, the number of {kind} of this machine, "
            f"not {devices}: change --devices."
        )


def run_processes(run: Callable[[int], object], number: int) -> None:
    """Calls `run` with 0 to `number` - 1, each in a new process, and waits for all.

    Lightning finds its rank in them. Memory maps in `run` are opened anew, not copied.

    Raises:
        DualhashError: `run` raised it, or a process was killed.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when a process loads torch
    errors = get_context("spawn").SimpleQueue()
    arguments = (run, number, find_free_network_port(), errors)
    processes = spawn(  # type: ignore[no-untyped-call]
        _call, arguments, nprocs=number, join=False
    )
    try:
        while not processes.join(grace_period=1):
            pass
    except ProcessExitedException as error:
        raise DualhashError(
            f"A process of the training ended too early: {error}. --resume continues from the "
            "last validation."
        ) from error
    except ProcessRaisedException as error:
        if errors.empty():
            raise
        raise DualhashError(errors.get()) from error
    finally:
        for process in processes.processes:
            process.kill()  # Lightning ignores SIGTERM
            process.join()


def _call(
    rank: int,
    run: Callable[[int], object],
    number: int,
    port: int,
    errors: "SimpleQueue[str]",
) -> None:
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # do not wait for the others at Ctrl-C
    logging.disable(logging.WARNING)
    torch.set_num_threads(max(1, torch.get_num_threads() // number))
    try:
        run(rank)
    except DualhashError as error:
        errors.put(str(error))
        raise


def _send_map(values: np.memmap[Any, Any]) -> Any:  # noqa: ANN401
    """Sends the memory map of a file to another process by name and place, not by content."""
    if values.filename is None:
        return np.asarray(values).__reduce__()
    address = np.frombuffer(values._mmap, np.uint8).ctypes.data  # type: ignore[attr-defined]
    first = values.offset - values.offset % ALLOCATIONGRANULARITY + values.ctypes.data - address
    return _open_map, (values.filename, values.dtype, values.shape, first, values.strides)


def _open_map(
    path: str, dtype: np.dtype[Any], shape: tuple[int, ...], first: int, strides: tuple[int, ...]
) -> NDArray[Any]:
    return np.ndarray(shape, dtype, np.memmap(path, np.uint8, "r"), first, strides)


ForkingPickler.register(np.memmap, _send_map)
