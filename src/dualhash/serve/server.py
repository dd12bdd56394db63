"""Listening, until somebody says stop."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import uvicorn

from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.serve.app import create_app
from dualhash.serve.http.protocol import protocol
from dualhash.serve.settings import Settings

FILES = 128
"""How many may be open besides connections."""

TURN_SECONDS = 0.00005
"""How long one thread keeps Python from another: a search lets go of Python some hundred times, and
with the default of 5 ms would take half a second while others are being turned away."""


def run(
    path: Path,
    settings: Settings,
    model: Path | None = None,
    *,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serves an index until SIGINT or SIGTERM; requests under way are then finished.

    Args:
        path: The index file.
        settings: How to serve.
        model: The model folder, where it is not where it was when the index was made.
        ready: Called with the address when requests are answered.

    Raises:
        DualhashError: The index cannot be opened, or the address not be listened on.
    """
    Index.open(path, model).close()
    settings = _with_room(settings)
    listening = _listen(settings)
    server = _Server(
        uvicorn.Config(
            create_app(path, model, settings),
            http=protocol(settings),
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=list(settings.proxies),
            backlog=1024,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=settings.drain_seconds,
        ),
        lambda: ready(_address(listening, settings)),
    )
    sys.setswitchinterval(TURN_SECONDS)
    with listening:
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says when it is ready, and ends like a program that did what it was told."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        stops = (signal.SIGINT, signal.SIGTERM)
        before = {stop: signal.signal(stop, self.handle_exit) for stop in stops}
        try:
            yield
        finally:
            for stop, handler in before.items():
                signal.signal(stop, handler)


def _with_room(settings: Settings) -> Settings:
    """Has the system allow the files that connections need; fewer of them where it does not."""
    try:
        import resource
    except ImportError:
        return settings
    needed = settings.connections + settings.told + FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return settings
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    told = min(settings.told, allowed // 4)
    return replace(settings, told=told, connections=max(1, allowed - told - FILES))


def _listen(settings: Settings) -> socket.socket:
    """A listening socket; of one that is known to be TCP's, answers are sent without delay."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise DualhashError(
            f"{settings.host} port {settings.port} cannot be listened on: {reason}. Choose another "
            "with --port, or any free one with --port 0."
        ) from error
    return listening


def _address(listening: socket.socket, settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    shown = settings.token and sys.stdout.isatty()  # logs are read by others
    token = f"/?token={quote(settings.token or '', safe='')}" if shown else ""
    return f"http://{host}:{listening.getsockname()[1]}{token}"
