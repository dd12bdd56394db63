"""Who may ask, how often, and what browsers are told about every answer."""

import asyncio
import hmac
import socket
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import URL, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dualhash.serve.http.errors import Problem
from dualhash.serve.http.rate_limit import Rate
from dualhash.serve.settings import Settings

COOKIE = "dualhash_token"
"""How a browser shows the token; the port is added, for browsers share cookies between ports."""

PROBES = frozenset({"/healthz", "/readyz"})
"""Open to all, for they say nothing; and never too many."""

SEARCH = "/api/v1/search"

HOLD_SECONDS = 0.25
"""How long those who are turned away wait for their answer: programs that ask again at once would
otherwise take all the time there is."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Sealed:
    """Adds what browsers shall know to every answer."""

    def __init__(self, app: ASGIApp, cors: bool) -> None:
        """With `cors`, the answers may be read by the pages that CORS allows."""
        self._app = app
        self._headers = dict(HEADERS)
        if cors:
            del self._headers["Cross-Origin-Resource-Policy"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sealed)


class Gate:
    """Lets through those who call the server by its name, show the token, and do not ask too often.

    The files of the page are public: they hold nothing of the index.
    """

    def __init__(self, app: ASGIApp, settings: Settings, check_room: Callable[[], None]) -> None:
        """Guards `app`; `check_room` raises a problem where searches could not even wait."""
        self._app, self._token = app, settings.token
        self._check_room = check_room
        self._names = {"localhost", socket.gethostname().lower(), settings.host.lower()}
        self._names |= {name.lower() for name in settings.trusted_hosts}
        self._rate = Rate(settings.rate, settings.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._refusal(HTTPConnection(scope))
        if answer and answer.status_code in (429, 503):
            await asyncio.sleep(HOLD_SECONDS)
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, request: HTTPConnection) -> Response | None:
        try:
            self._check_name(request)
            path = request.scope["path"]
            if path in PROBES:
                return None
            self._check_rate(request)
            if self._token and "token" in request.query_params:
                return self._welcome(request)
            self._check_token(request)
            if path == SEARCH:
                self._check_room()
        except Problem as problem:
            return problem.response()
        return None

    def _check_name(self, request: HTTPConnection) -> None:
        host = request.headers.get("host", "")
        name = host_name(host)
        if name not in self._names and not _is_address(name):
            raise Problem(
                "unknown-host",
                f"This server does not go by the name {name!r}; start it with --trusted-host.",
            )

    def _check_rate(self, request: HTTPConnection) -> None:
        if not self._rate.allows(request.client.host if request.client else ""):
            raise Problem("too-many-requests", "You ask too often; wait a moment.")

    def _check_token(self, request: HTTPConnection) -> None:
        path = request.scope["path"]
        if self._token is None or not (path.startswith("/api/") or path == "/metrics"):
            return
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            shown = request.cookies.get(cookie_name(request), "")
        if not self._is_token(shown.strip()):
            raise Problem(
                "token-needed",
                "Show the token: as `Authorization: Bearer TOKEN`, or in a browser by opening the "
                "address with ?token=TOKEN at its end.",
            )

    def _welcome(self, request: HTTPConnection) -> Response:
        """Keeps a browser's token in a cookie, out of the address."""
        if not self._is_token(request.query_params["token"]):
            raise Problem("token-needed", "The token in the address is not the server's.")
        left = [pair for pair in parse_qsl(request.url.query) if pair[0] != "token"]
        target = URL(path="/" + request.url.path.lstrip("/"), query=urlencode(left))
        response = RedirectResponse(str(target), 303)
        response.set_cookie(
            cookie_name(request),
            self._token or "",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), (self._token or "").encode())


def cookie_name(request: HTTPConnection) -> str:
    """The cookie that shows the token to this server."""
    _, port = request.scope.get("server") or ("", None)
    return f"{COOKIE}_{port}"


def host_name(host: str) -> str:
    """The name or address in a `Host` header, without its port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    """Whether it is a bare address; no other site can give its pages one as their name."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
