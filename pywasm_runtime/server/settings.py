"""Say what a server allows its clients."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Hold the limits that keep one client from taking what all need.

    body_bytes: the largest body of a request. buffered_bytes: what the bodies of all requests may hold together.
    requests: how many are answered at once; a further one is told to come again. body_idle_seconds, body_seconds: how
    long a client may be silent in a body, and take for the whole of it. open_metrics: `/metrics` needs no token.
    token_seconds: for how long a token that was found good is taken for good without looking.
    """

    body_bytes: int = 32 << 20
    buffered_bytes: int = 512 << 20
    requests: int = 1000
    body_idle_seconds: float = 20.0
    body_seconds: float = 300.0
    open_metrics: bool = False
    token_seconds: float = 1.0
