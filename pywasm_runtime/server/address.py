"""Open the address that a server listens on: this machine alone, unless the operator says otherwise."""

import ipaddress
import os
import socket

from pywasm_runtime.errors import UsageError

_BACKLOG = 1024
_MAX_PORT = 65535


def listen(host: str, port: int, *, allow_remote: bool) -> socket.socket:
    """Open a listening socket; port 0 lets the system choose. UsageError says what is wrong with the address."""
    address = _address(host)
    if not address.is_loopback and not allow_remote:
        raise UsageError(
            f"{host} can be reached from other machines, and what is sent to it, tokens too, is not encrypted: serve on"
            " 127.0.0.1 behind a proxy that speaks TLS, or allow it with --allow-remote"
        )
    if not 0 <= port <= _MAX_PORT:
        raise UsageError(f"port {port} is none; it must be 0 to {_MAX_PORT}")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(f"cannot listen on port {port} of {host}: {reason}; choose another with --port") from None


def url_of(listener: socket.socket) -> str:
    """Give the address of a listening socket as a browser takes it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UsageError(f"--host must be an IP address, such as 127.0.0.1 or ::1, not {host!r}") from None
