"""Settings of a server, and all of its limits."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from dualhash.errors import DualhashError

MIB = 1 << 20

TOKEN = re.compile("[!-~]+")
"""Characters that headers, cookies and URLs can all carry."""


@dataclass(frozen=True)
class Settings:
    """How to serve. The defaults suit one person on this machine.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 chooses a free one.
        token: Secret that clients must send, printable ASCII without spaces; None to let everyone
            in who reaches the port.
        insecure: Whether other machines may use the server without a token.
        trusted_hosts: Host names that clients may use, besides `localhost` and IP addresses. This
            stops DNS rebinding: a page of another site cannot reach the server by its own name.
        proxies: Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
        cors_origins: Origins whose pages may read the responses.
        rate: Requests per second that one client may make on average; 0 for no limit.
        burst: Requests that one client may make at once.
        connections: Connections that are served at a time; more get a 503 response.
        refused_connections: Connections that get this response at a time; more are closed.
        queue_length: Requests that may wait for each kind of work; more get a 503 response.
        upload_bytes: Largest request body.
        upload_rate: Bytes per second that a body must arrive at, apart from short pauses.
        uploads_per_client: Uploads received from one client at a time; others wait.
        total_upload_bytes: Largest total of uploads that are being received or processed.
        idle_seconds: Longest pause in the head or body of a request.
        transfer_seconds: Longest time to receive a body, or to send a response.
        max_pixels: Most pixels that an uploaded image may have.
        decoder_processes: Processes that decode uploads.
        decode_seconds: Longest time to decode an image.
        decode_bytes: Most memory that a decoder process may allocate.
        grace_seconds: Time that requests in progress have to finish when the server is stopped.

    Raises:
        DualhashError: Other machines could reach the server without `token` or `insecure`; or the
            token has characters that cannot be sent.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    insecure: bool = False
    trusted_hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    rate: float = 100.0
    burst: int = 400
    connections: int = 1000
    refused_connections: int = 1000
    queue_length: int = 64
    upload_bytes: int = 20 * MIB
    upload_rate: int = 64 * 1024
    uploads_per_client: int = 3
    total_upload_bytes: int = 256 * MIB
    idle_seconds: float = 10.0
    transfer_seconds: float = 60.0
    max_pixels: int = 50_000_000
    decoder_processes: int = 2
    decode_seconds: float = 10.0
    decode_bytes: int = 1536 * MIB
    grace_seconds: int = 10

    def __post_init__(self) -> None:
        if self.token is not None and not self.token.strip():
            raise DualhashError("The token is empty; choose a long random one, or none.")
        if self.token is not None and not TOKEN.fullmatch(self.token):
            raise DualhashError(
                "The token must consist of printable ASCII characters without spaces; choose "
                "another, such as 32 letters and digits."
            )
        if not (is_loopback(self.host) or self.token or self.insecure):
            raise DualhashError(
                f"Other machines can reach {self.host}. Add --token SECRET to let in only clients "
                "that know it, or --insecure to let in everyone."
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
