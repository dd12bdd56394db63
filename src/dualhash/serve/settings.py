"""What a server is told when it starts, and every limit it keeps."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from dualhash.errors import DualhashError

MIB = 1 << 20

TOKEN = re.compile("[!-~]+")
"""What headers, cookies and addresses can all carry."""


@dataclass(frozen=True)
class Settings:
    """How to serve. The defaults are for one person on this machine.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        token: What clients must show, in printable ASCII without spaces; None where everybody who
            reaches the port may ask.
        insecure: Whether other machines may ask without a token.
        trusted_hosts: Names by which clients may call this server, besides `localhost` and bare
            addresses. It keeps pages of other sites from reaching it by a name of their own.
        proxies: Addresses of proxies that say whom a request is from; of no others is it believed.
        cors_origins: Origins whose pages may read the answers.
        rate: Requests a second that one client may make on average; 0 for any number.
        burst: How many it may make at once.
        connections: How many may be open; who comes after is turned away.
        told: How many of those are told so; from others the connection is taken at once.
        waiting: Requests that may wait for each kind of work; more are turned away.
        upload_bytes: Largest body of a request.
        upload_rate: Bytes a second that a body has to come at, but for pauses.
        client_uploads: Uploads that are received from one client at a time; others of its wait.
        held_bytes: Largest sum of uploads that are being received or worked on.
        idle_seconds: Longest pause in a request's head or body.
        upload_seconds: Longest time that a body may take, and an answer to be taken.
        pixels: Most pixels that an upload may have.
        decoders: Processes that unpack images.
        decode_seconds: Longest time that unpacking an image may take.
        decode_bytes: Most memory that a process which unpacks images may ask for.
        drain_seconds: How long requests under way may take when the server is stopped.

    Raises:
        DualhashError: Other machines could reach it, and neither `token` nor `insecure` is given;
            or the token cannot be sent.
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
    told: int = 1000
    waiting: int = 64
    upload_bytes: int = 20 * MIB
    upload_rate: int = 64 * 1024
    client_uploads: int = 3
    held_bytes: int = 256 * MIB
    idle_seconds: float = 10.0
    upload_seconds: float = 60.0
    pixels: int = 50_000_000
    decoders: int = 2
    decode_seconds: float = 10.0
    decode_bytes: int = 1536 * MIB
    drain_seconds: int = 30

    def __post_init__(self) -> None:
        if self.token is not None and not self.token.strip():
            raise DualhashError("The token is empty; choose a long random one, or none.")
        if self.token is not None and not TOKEN.fullmatch(self.token):
            raise DualhashError(
                "The token has spaces, or characters besides the printable ones of ASCII, which "
                "cannot be sent everywhere; choose another, such as 32 letters and digits."
            )
        if not (is_loopback(self.host) or self.token or self.insecure):
            raise DualhashError(
                f"Other machines can reach {self.host}. Say --token SECRET so that only those who "
                "know it may ask, or --insecure if everybody may."
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
