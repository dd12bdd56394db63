"""Listening, until somebody says stop."""

import os
import signal
import socket
import sys
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.serve.app import create_app
from dualhash.serve.settings import Settings

CONNECTIONS = 1000
"""More than so many at a time are turned away."""

HEAD_BYTES = 1 << 16
"""Longest head of a request."""

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
    listening = _listen(settings)
    server = _Server(
        uvicorn.Config(
            create_app(path, model, settings),
            http=_protocol(settings.idle_seconds),
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            limit_concurrency=CONNECTIONS,
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


def _protocol(seconds: float) -> type[HttpToolsProtocol]:
    class Impatient(HttpToolsProtocol):
        """Hangs up on those whose head of a request is too long or takes some seconds too long."""

        _waits: TimerHandle | None = None
        _head: int | None = None

        def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._waits = self.loop.call_later(seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_waiting()
            elif self._waits is None:
                self._waits = self.loop.call_later(seconds, self.transport.close)
            if self._head is not None:
                self._head += len(data)
                if self._head > HEAD_BYTES:
                    self.transport.close()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._head = 0

        def on_headers_complete(self) -> None:
            super().on_headers_complete()
            self._head = None

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _stop_waiting(self) -> None:
            if self._waits is not None:
                self._waits.cancel()
                self._waits = None

    return Impatient


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
    token = f"/?token={quote(settings.token)}" if settings.token else ""
    return f"http://{host}:{listening.getsockname()[1]}{token}"
