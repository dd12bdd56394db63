"""HTTP as it is spoken with clients that nobody has looked at yet."""

from asyncio import TimerHandle, Transport
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dualhash.serve.http.errors import Problem
from dualhash.serve.http.middleware import HEADERS
from dualhash.serve.settings import Settings

HEAD_BYTES = 1 << 16
"""Longest head of a request, its trailers included."""

FIELD_BYTES = 32
"""What a field costs besides its name and its value, as HTTP/2 counts it."""

LINGER_SECONDS = 2.0
"""How long the rest of what is no request is thrown away: a connection that is closed on unread
bytes is reset, and the client never sees why."""

PIPELINED = 64
"""Requests that may wait on a connection behind the one that is answered."""


def protocol(settings: Settings) -> type[HttpToolsProtocol]:
    """Speaks HTTP within the limits of the settings."""

    class Impatient(HttpToolsProtocol):
        """Refuses heads that are too long, waits for none that are slow, and counts who is there.

        Outside the bodies of requests only so many bytes may come, whatever they are: what has no
        end is noticed before it is understood. Who does not take the answers is waited for no
        longer than who does not ask.
        """

        _waits: TimerHandle | None = None
        _taken: TimerHandle | None = None
        _refused = False
        _ending = False
        _in_head = True
        _outside = 0
        _fields = 0

        def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.app = self._answer
            self._wait(settings.idle_seconds, transport.abort)
            if len(self.connections) > settings.connections + settings.told:
                transport.abort()

        def data_received(self, data: bytes) -> None:
            if not self._refused:
                self._outside += len(data)
                super().data_received(data)
                self._judge()

        def on_message_begin(self) -> None:
            if len(self.pipeline) >= PIPELINED:
                raise ValueError("too many")  # ends the parser, which sends a 400 response
            super().on_message_begin()
            self._fields = 0

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            self._count(len(url))

        def on_header(self, name: bytes, value: bytes) -> None:
            self._count(len(name) + len(value) + FIELD_BYTES)
            if self._in_head:
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            super().on_headers_complete()
            self._in_head = False
            self.cycle.transport = _Ending(self.transport, self._end)  # type: ignore[assignment]

        def on_body(self, body: bytes) -> None:
            super().on_body(body)
            self._outside = 0

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self._in_head, self._outside = True, 0
            self._stop_waiting()
            if self._ending:
                self.transport.close()

        def on_response_complete(self) -> None:
            if self._ending:
                return
            super().on_response_complete()
            if self.pipeline:
                self.flow.pause_reading()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._taken = self.loop.call_later(settings.upload_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._taken is not None:
                self._taken.cancel()

        def timeout_keep_alive_handler(self) -> None:
            self._end()

        def send_400_response(self, msg: str) -> None:
            if self._fields > HEAD_BYTES:
                self._refuse_length()
            else:
                self._refuse(Problem("bad-request", "The request is not HTTP."))

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            self.resume_writing()
            super().connection_lost(exc)

        async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
            app = self.config.loaded_app
            if len(self.connections) > settings.connections and scope["path"] != "/healthz":
                app = _last_answer(Problem("busy", "Too many are connected; try again later."))
            elif _loses_body(dict(scope["headers"])):
                app = _last_answer(
                    Problem("bad-request", "Send the body without asking for another protocol.")
                )
            await app(scope, receive, send)

        def _judge(self) -> None:
            if self._refused:
                return
            if self._outside > HEAD_BYTES:
                self._refuse_length()
            elif self.cycle is not None and not self.cycle.response_complete:
                self._stop_waiting()
            elif self._waits is None and self._in_head:
                self._wait(settings.idle_seconds, self._end)
            elif self._waits is None:
                self._wait(settings.upload_seconds, self.transport.abort)

        def _count(self, length: int) -> None:
            self._fields += length
            if self._fields > HEAD_BYTES:
                raise ValueError("too long")  # ends the parser, which sends a 400 response

        def _refuse_length(self) -> None:
            limit = f"{HEAD_BYTES // 1024} KiB"
            self._refuse(Problem("head-too-large", f"The request's head is larger than {limit}."))

        def _refuse(self, problem: Problem) -> None:
            self._refused = True
            if not self._is_next():
                self.transport.abort()
                return
            if self.cycle is not None:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            answer = _last_answer(problem)
            fields = b"".join(b"%s: %s\r\n" % field for field in answer.raw_headers)
            status = HTTPStatus(answer.status_code)
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
            self.transport.write(b"".join((line, fields, b"\r\n", bytes(answer.body))))
            self.flow.resume_reading()
            self.transport.write_eof()
            self._wait(LINGER_SECONDS, self.transport.abort)

        def _end(self) -> None:
            """Closes the connection when all is sent, but not on a body that still comes."""
            self._ending = True
            self._wait(settings.upload_seconds, self.transport.abort)
            if self._in_head:
                self.transport.close()
            else:
                self.flow.resume_reading()
                self.transport.write_eof()

        def _is_next(self) -> bool:
            """Whether the next answer that the client expects is that to the request being read."""
            if self.pipeline:
                return False
            if self._in_head:
                return self.cycle is None or self.cycle.response_complete
            return not self.cycle.response_started

        def _wait(self, seconds: float, end: Callable[[], None]) -> None:
            self._stop_waiting()
            self._waits = self.loop.call_later(seconds, end)

        def _stop_waiting(self) -> None:
            if self._waits is not None:
                self._waits.cancel()
                self._waits = None

    return Impatient


def _loses_body(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the parser hands on no body: it takes what follows for the protocol of an upgrade."""
    asked = b"upgrade" in headers and b"upgrade" in headers.get(b"connection", b"").lower()
    return asked and bool({b"content-length", b"transfer-encoding"} & headers.keys())


@dataclass(frozen=True)
class _Ending:
    """What an answer needs of a transport; `close` is what is to be done in its place."""

    transport: Transport
    close: Callable[[], None]

    def write(self, data: bytes) -> None:
        """Sends something."""
        self.transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport.is_closing()


def _last_answer(problem: Problem) -> JSONResponse:
    """A problem, after which the connection is closed."""
    answer = problem.response()
    answer.headers.update({**HEADERS, "Connection": "close"})
    return answer
