"""Listening, until somebody says stop."""

import signal
import socket
import sys
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.serve.app import create_app
from dualhash.serve.settings import Settings

CONNECTIONS = 1000
"""More than so many at a time are turned away."""

TURN_SECONDS = 0.0005
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


def _protocol(seconds: float) -> type[H11Protocol]:
    class Impatient(H11Protocol):
        """Hangs up on those who do not finish the head of a request within some seconds."""

        _waits: TimerHandle | None = None

        def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._waits = self.loop.call_later(seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            answering = self.cycle is not None and not self.cycle.response_complete
            if answering:
                self._stop_waiting()
            elif self._waits is None:
                self._waits = self.loop.call_later(seconds, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _stop_waiting(self) -> None:
            if self._waits is not None:
                self._waits.cancel()
                self._waits = None

    return Impatient


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DualhashError(
            f"{settings.host} port {settings.port} cannot be listened on: {reason}. Choose another "
            "with --port, or any free one with --port 0."
        ) from error


def _address(listening: socket.socket, settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    token = f"/?token={quote(settings.token)}" if settings.token else ""
    return f"http://{host}:{listening.getsockname()[1]}{token}"
