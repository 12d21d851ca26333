"""Time calls over HTTP: a real server in a process of its own, clients that keep their connections."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pywasm_runtime.functions.data_folder import DATA_VARIABLE

_START_SECONDS = 60.0
_URL = re.compile(r"http://127\.0\.0\.1:(\d+)")
_FUNCTION = "/v1/users/pywasm/functions/noop"


class Client:
    """Hold one connection to the server."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def request(self, method: str, path: str, body: bytes = b"", kind: str = "application/octet-stream") -> bytes:
        """Send a request and give what came back; RuntimeError if the server refused."""
        self._connection.request(method, path, body, {**self._headers, "Content-Type": kind})
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {content.decode('utf-8', 'replace')}")
        return content

    def call(self) -> float:
        """Call the no-op function and give the seconds that took."""
        started = time.perf_counter()
        self.request("POST", f"{_FUNCTION}/invoke")
        return time.perf_counter() - started

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def served(root: Path, data: Path, source: bytes) -> Iterator[tuple[int, str]]:
    """Run `inv serve` on a free port with the function uploaded; give the port and an admin's token."""
    data.mkdir(mode=0o700)
    token_file = data / "token"
    command = [str(root / "bin" / "inv"), "serve", "--port", "0", "--token-file", str(token_file)]
    environment = {**os.environ, DATA_VARIABLE: str(data)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        timer = threading.Timer(_START_SECONDS * 10, server.kill)
        timer.start()
        try:
            port = _port(server)
            token = token_file.read_text().strip()
            client = Client(port, token)
            client.request("PUT", _FUNCTION, source, "text/x-python")
            client.close()
            yield port, token
        finally:
            server.terminate()
            server.wait(_START_SECONDS)
            timer.cancel()


def _port(server: subprocess.Popen[str]) -> int:
    assert server.stderr is not None
    for line in server.stderr:
        if found := _URL.search(line):
            threading.Thread(target=server.stderr.read, daemon=True).start()  # what else it says must not fill the pipe
            return int(found[1])
    raise RuntimeError("the server ended before it served")


def calls_of_one_client(port: int, token: str, count: int) -> list[float]:
    """Time calls that follow each other on one connection."""
    client = Client(port, token)
    try:
        return [client.call() for _ in range(count)]
    finally:
        client.close()


def rate_of_clients(port: int, token: str, clients: int, count: int) -> float:
    """Give the calls a second that several clients get together."""
    threads = [threading.Thread(target=calls_of_one_client, args=(port, token, count)) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return clients * count / (time.perf_counter() - started)
