"""Runs a server until it is stopped."""

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
from threadpoolctl import threadpool_limits

from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.serve.app import create_app
from dualhash.serve.http.protocol import limited_protocol
from dualhash.serve.settings import Settings

OTHER_FILES = 128
"""Files that the server may open in addition to connections."""

SWITCH_SECONDS = 0.00005
"""How long a thread may hold Python's lock while others wait. A search releases the lock some
hundred times; with the default of 5 ms it would take half a second during a flood of requests."""


def run(
    path: Path,
    settings: Settings,
    model: Path | None = None,
    *,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serves an index until SIGINT or SIGTERM, then finishes the requests in progress.

    Args:
        path: The index file.
        settings: How to serve.
        model: The model folder, if it was moved since the index was made.
        ready: Called with the address when the server accepts requests.

    Raises:
        DualhashError: The index cannot be opened, or the server cannot listen on the address.
    """
    Index.open(path, model).close()
    settings = _fit_to_open_files(settings)
    listener = _listen(settings)
    server = _Server(
        uvicorn.Config(
            create_app(path, model, settings),
            http=limited_protocol(settings),
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=list(settings.proxies),
            backlog=1024,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=settings.grace_seconds,
        ),
        lambda: ready(_address(listener, settings)),
    )
    sys.setswitchinterval(SWITCH_SECONDS)
    # The matrix products of searches are small; threads for them would mostly wait, on all cores.
    with listener, threadpool_limits(1, user_api="blas"):
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Reports when it is ready, and exits with code 0 after a signal."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        signals = (signal.SIGINT, signal.SIGTERM)
        previous = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _fit_to_open_files(settings: Settings) -> Settings:
    """Raises the limit on open files as far as needed, or lowers the number of connections."""
    try:
        import resource
    except ImportError:
        return settings
    needed = settings.connections + settings.refused_connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return settings
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    refused = min(settings.refused_connections, allowed // 4)
    connections = max(1, allowed - refused - OTHER_FILES)
    return replace(settings, refused_connections=refused, connections=connections)


def _listen(settings: Settings) -> socket.socket:
    """Returns a listening socket. The protocol is named so that asyncio sets TCP_NODELAY."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise DualhashError(
            f"The server cannot listen on {settings.host} port {settings.port}: {reason}. Choose "
            "another port with --port, or any free one with --port 0."
        ) from error
    return listener


def _address(listener: socket.socket, settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    show_token = settings.token and sys.stdout.isatty()  # other people may read logs
    token = f"/?token={quote(settings.token or '', safe='')}" if show_token else ""
    return f"http://{host}:{listener.getsockname()[1]}{token}"
