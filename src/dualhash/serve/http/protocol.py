"""The HTTP/1.1 protocol with limits on head size, idle time and connections."""

from asyncio import CancelledError, TimerHandle, Transport
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dualhash.serve.http.errors import ProblemError
from dualhash.serve.http.middleware import SECURITY_HEADERS
from dualhash.serve.settings import Settings

MAX_HEAD_BYTES = 1 << 16
"""Largest request line and headers, including trailers."""

FIELD_OVERHEAD = 32
"""Bytes that a header counts in addition to its name and value, as in HTTP/2."""

LINGER_SECONDS = 2.0
"""Time to discard what else arrives after a malformed request. Closing a connection with unread
bytes resets it, and the client never sees the response."""

MAX_PIPELINED = 64
"""Requests that may wait on a connection while an earlier one is answered."""


def limited_protocol(settings: Settings) -> type[HttpToolsProtocol]:
    """Returns the HTTP protocol with the limits of the settings."""

    class LimitedHttpProtocol(HttpToolsProtocol):
        """Refuses oversized heads, and closes connections that are idle or too many.

        Bytes outside of request bodies are counted as they arrive, so that endless heads are
        noticed before they are parsed. Clients that do not read responses time out as well.
        """

        _read_timer: TimerHandle | None = None
        _write_timer: TimerHandle | None = None
        _refused = False
        _closing = False
        _in_head = True
        _bytes_outside_body = 0
        _head_bytes = 0

        def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.app = self._handle
            self._start_read_timer(settings.idle_seconds, transport.abort)
            if len(self.connections) > settings.connections + settings.refused_connections:
                transport.abort()

        def data_received(self, data: bytes) -> None:
            if not self._refused:
                self._bytes_outside_body += len(data)
                super().data_received(data)
                self._update_read_timer()

        def on_message_begin(self) -> None:
            if len(self.pipeline) >= MAX_PIPELINED:
                raise ValueError("too many")  # stops the parser, which sends a 400 response
            super().on_message_begin()
            self._head_bytes = 0

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            self._count_head(len(url))

        def on_header(self, name: bytes, value: bytes) -> None:
            self._count_head(len(name) + len(value) + FIELD_OVERHEAD)
            if self._in_head:
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            super().on_headers_complete()
            self._in_head = False
            transport = _ResponseTransport(self.transport, self._close_when_sent)
            self.cycle.transport = transport  # type: ignore[assignment]

        def on_body(self, body: bytes) -> None:
            super().on_body(body)
            self._bytes_outside_body = 0

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self._in_head, self._bytes_outside_body = True, 0
            self._stop_read_timer()
            if self._closing:
                self.transport.close()

        def on_response_complete(self) -> None:
            if self._closing:
                return
            super().on_response_complete()
            if self.pipeline:
                self.flow.pause_reading()

        def pause_writing(self) -> None:
            super().pause_writing()
            timeout = settings.transfer_seconds
            self._write_timer = self.loop.call_later(timeout, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._write_timer is not None:
                self._write_timer.cancel()

        def timeout_keep_alive_handler(self) -> None:
            self._close_when_sent()

        def send_400_response(self, msg: str) -> None:
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head_size()
            else:
                self._refuse(ProblemError("bad-request", "The request is not valid HTTP."))

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_read_timer()
            self.resume_writing()
            super().connection_lost(exc)

        async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            app = self.config.loaded_app
            if len(self.connections) > settings.connections and scope["path"] != "/healthz":
                app = _final_response(
                    ProblemError("busy", "There are too many connections; try again later.")
                )
            elif _upgrade_hides_body(dict(scope["headers"])):
                app = _final_response(
                    ProblemError("bad-request", "Send the body without an Upgrade header.")
                )
            try:
                await app(scope, receive, send)
            except CancelledError:  # uvicorn would log it with a traceback
                self.flow.resume_writing()
                stopping = ProblemError("busy", "The server is stopping; try again later.")
                with suppress(RuntimeError):  # a part of the response was sent
                    await _final_response(stopping)(scope, receive, send)

        def _update_read_timer(self) -> None:
            if self._refused:
                return
            if self._bytes_outside_body > MAX_HEAD_BYTES:
                self._refuse_head_size()
            elif self.cycle is not None and not self.cycle.response_complete:
                self._stop_read_timer()
            elif self._read_timer is None and self._in_head:
                self._start_read_timer(settings.idle_seconds, self._close_when_sent)
            elif self._read_timer is None:
                self._start_read_timer(settings.transfer_seconds, self.transport.abort)

        def _count_head(self, length: int) -> None:
            self._head_bytes += length
            if self._head_bytes > MAX_HEAD_BYTES:
                raise ValueError("too long")  # stops the parser, which sends a 400 response

        def _refuse_head_size(self) -> None:
            limit = f"{MAX_HEAD_BYTES // 1024} KiB"
            message = f"The request line and headers are larger than {limit}."
            self._refuse(ProblemError("head-too-large", message))

        def _refuse(self, problem: ProblemError) -> None:
            self._refused = True
            if not self._is_next():
                self.transport.abort()
                return
            if self.cycle is not None:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            response = _final_response(problem)
            fields = b"".join(b"%s: %s\r\n" % field for field in response.raw_headers)
            status = HTTPStatus(response.status_code)
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
            self.transport.write(b"".join((line, fields, b"\r\n", bytes(response.body))))
            self.flow.resume_reading()
            self.transport.write_eof()
            self._start_read_timer(LINGER_SECONDS, self.transport.abort)

        def _close_when_sent(self) -> None:
            """Closes the connection after the response; a body still arriving is discarded."""
            self._closing = True
            self._start_read_timer(settings.transfer_seconds, self.transport.abort)
            if self._in_head:
                self.transport.close()
            else:
                self.flow.resume_reading()
                self.transport.write_eof()

        def _is_next(self) -> bool:
            """Whether the next response that the client expects is for the request being read."""
            if self.pipeline:
                return False
            if self._in_head:
                return self.cycle is None or self.cycle.response_complete
            return not self.cycle.response_started

        def _start_read_timer(self, seconds: float, action: Callable[[], None]) -> None:
            self._stop_read_timer()
            self._read_timer = self.loop.call_later(seconds, action)

        def _stop_read_timer(self) -> None:
            if self._read_timer is not None:
                self._read_timer.cancel()
                self._read_timer = None

    return LimitedHttpProtocol


def _upgrade_hides_body(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the parser takes the body for data of another protocol and does not deliver it."""
    upgrade = b"upgrade" in headers and b"upgrade" in headers.get(b"connection", b"").lower()
    return upgrade and bool({b"content-length", b"transfer-encoding"} & headers.keys())


@dataclass(frozen=True)
class _ResponseTransport:
    """The parts of a transport that a response uses, with another `close`."""

    transport: Transport
    close: Callable[[], None]

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def is_closing(self) -> bool:
        return self.transport.is_closing()


def _final_response(problem: ProblemError) -> JSONResponse:
    """A response after which the connection is closed."""
    response = problem.response()
    response.headers.update({**SECURITY_HEADERS, "Connection": "close"})
    return response
