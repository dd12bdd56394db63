"""HEAD requests: what GET answers, without its body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """Answers HEAD wherever GET is answered (RFC 9110, section 9.3.2), which FastAPI does not."""

    def __init__(self, app: ASGIApp) -> None:
        """Asks `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, HEAD as GET."""

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        if scope["type"] == "http" and scope["method"] == "HEAD":
            without_extensions = {**scope, "method": "GET", "extensions": {}}  # one sends files
            await self._app(without_extensions, receive, without_body)
        else:
            await self._app(scope, receive, send)
