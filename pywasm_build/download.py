"""Download one URL to one file: verified, or not at all.

The bytes go to a temporary file beside the target, which gets its name only when length and sha256 are right.
Half a file is never resumed. A server's passing trouble is retried with growing pauses; an answer that will
not change (4xx) is not. Proxies are those of the environment, as everywhere in urllib.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, TextIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from pywasm_build.errors import DownloadError, HashMismatch, Offline
from pywasm_build.progress import Bar

_CHUNK = 256 * 1024
_RETRY_CODES = frozenset((408, 425, 429, 500, 502, 503, 504))


@dataclass(kw_only=True)
class Downloader:
    """Download files; remembers for its lifetime which hosts cannot be reached.

    connect_timeout: seconds for a host to take the connection; short, so that the next location's turn comes.
    read_timeout: seconds without a byte after which a transfer counts as broken.
    attempts: how often a URL is tried; the pause before the n-th retry is `pause * 2**n` seconds.
    """

    connect_timeout: float = 4
    read_timeout: float = 60
    attempts: int = 4
    pause: float = 0.5
    max_bytes: int = 4 * 1024**3
    sleep: Callable[[float], None] = time.sleep
    stream: TextIO | None = None
    unreachable: dict[str, str] = field(default_factory=dict)

    def download(self, url: str, target: Path, sha256: str) -> Path:
        """Download `url` to `target` and return it.

        Raises HashMismatch, Offline when the host cannot be reached, and DownloadError for all else.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DownloadError(f"{url} is no http or https URL")
        if reason := self.unreachable.get(parts.netloc):
            raise Offline(f"{parts.netloc} was not reachable before in this run: {reason}")
        target.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(self.pause * 2 ** (attempt - 1))
            try:
                return self._try(url, target, sha256)
            except _Passing as error:
                last = str(error)
            except _Unreachable as error:
                self.unreachable[parts.netloc] = str(error)
                raise Offline(f"{parts.netloc} cannot be reached: {error}") from error
        raise DownloadError(f"{url} failed {self.attempts} times, the last time: {last}")

    def _try(self, url: str, target: Path, sha256: str) -> Path:
        with contextlib.ExitStack() as stack:
            try:
                request = Request(url, headers={"User-Agent": "pywasm", "Accept-Encoding": "identity"})
                response = stack.enter_context(self._opener().open(request, timeout=self.read_timeout))
            except HTTPError as error:
                error.close()
                if error.code in _RETRY_CODES:
                    raise _Passing(f"the server answered {error.code} {error.reason}") from error
                raise DownloadError(f"{url}: the server answered {error.code} {error.reason}") from error
            except (URLError, OSError, http.client.HTTPException) as error:
                raise _connection_trouble(error) from error
            temporary = stack.enter_context(_temporary_beside(target))
            digest = self._receive(response, temporary, target.name)
            if digest != sha256:
                raise HashMismatch(
                    url,
                    expected=sha256,
                    actual=digest,
                    advice="The download was deleted. If a proxy or mirror put something else in its place, "
                    "get the file elsewhere and name its folder in PYWASM_SOURCES",
                )
            Path(temporary.name).replace(target)
        return target

    def _receive(self, response: Any, file: IO[bytes], title: str) -> str:
        """Copy a response to a file and return its sha256; raise _Passing when it ends early."""
        header = response.headers.get("Content-Length", "")
        total = int(header) if header.isdigit() else None
        if total is not None and total > self.max_bytes:
            raise DownloadError(f"{response.url} is too big: {total} bytes")
        digest = hashlib.sha256()
        with Bar(f"download {title}", total, stream=self.stream) as bar:
            while chunk := _read(response):
                file.write(chunk)
                digest.update(chunk)
                bar.advance(len(chunk))
                if bar.done > self.max_bytes:
                    raise DownloadError(f"{response.url} is too big: over {self.max_bytes} bytes")
            if total is not None and bar.done != total:
                raise _Passing(f"the transfer ended after {bar.done} of {total} bytes")
        file.flush()
        os.fsync(file.fileno())
        return digest.hexdigest()

    def _opener(self) -> OpenerDirector:
        return build_opener(_Http(self.connect_timeout), _Https(self.connect_timeout))


class _Passing(Exception):
    """Something that may go better when it is tried again."""


class _Unreachable(Exception):
    """No connection to the host."""


class _ConnectFailed(OSError):
    """Tell a failure to connect from a failure later on: urllib wraps both in URLError."""


def _connection_trouble(error: Exception) -> Exception:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(f"the server's certificate is refused: {reason}; SSL_CERT_FILE can name your CA's file")
    if isinstance(reason, _ConnectFailed):
        return _Unreachable(str(reason))
    return _Passing(str(reason) or type(reason).__name__)


def _read(response: Any) -> bytes:
    try:
        chunk: bytes = response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _Passing(f"the transfer broke: {error or type(error).__name__}") from error
    return chunk


@contextlib.contextmanager
def _temporary_beside(target: Path) -> Any:
    """Give a file in the folder of `target` that is gone afterwards, unless it was renamed."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


def _connect(connection: http.client.HTTPConnection, connect: Callable[[], None], seconds: float) -> None:
    """Connect with a timeout of its own, then go on with the one for reading."""
    reading, connection.timeout = connection.timeout, seconds
    try:
        connect()
    except ssl.SSLError:
        raise
    except OSError as error:
        raise _ConnectFailed(error.strerror or str(error)) from error
    connection.sock.settimeout(reading)


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, *, connect_timeout: float, **options: Any) -> None:
        super().__init__(host, **options)
        self._seconds = connect_timeout

    def connect(self) -> None:
        _connect(self, super().connect, self._seconds)


class _SecureConnection(http.client.HTTPSConnection):
    def __init__(self, host: str, *, connect_timeout: float, **options: Any) -> None:
        super().__init__(host, **options)
        self._seconds = connect_timeout

    def connect(self) -> None:
        _connect(self, super().connect, self._seconds)


class _Http(HTTPHandler):
    def __init__(self, connect_timeout: float) -> None:
        super().__init__()
        self._open = partial(_Connection, connect_timeout=connect_timeout)

    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(self._open, req)


class _Https(HTTPSHandler):
    def __init__(self, connect_timeout: float) -> None:
        super().__init__()
        self._open = partial(_SecureConnection, connect_timeout=connect_timeout)

    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(self._open, req, context=ssl.create_default_context())
