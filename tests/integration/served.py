"""The server as its operators start it: `inv serve`, in a process of its own, on a data folder of the test's."""

from __future__ import annotations

import http.client
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.integration.chain import TIMEOUT, Chain, running


@dataclass(frozen=True, kw_only=True)
class Served:
    """Hold a running server, and the token of its admin."""

    process: subprocess.Popen[str]
    url: str
    token: str

    def client(self, token: str | None = None) -> httpx.Client:
        """Make a client; with an empty token it sends none."""
        token = self.token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60)

    def raw(self, method: str, target: str, *, token: str | None = None, body: bytes = b"") -> tuple[int, bytes]:
        """Send a request whose target goes out as it is, with nothing in it mended."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        try:
            connection.putrequest(method, target)
            connection.putheader("Authorization", f"Bearer {self.token if token is None else token}")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def kill(self) -> None:
        """Kill the server, with no chance to clean up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(TIMEOUT)

    def wait_for(self, user: str, call_id: str) -> httpx.Response:
        """Wait for the end of a call, and give its output."""
        end = time.monotonic() + TIMEOUT
        with self.client() as http_client:
            while http_client.get(f"/v1/users/{user}/calls/{call_id}?wait=5").status_code == 202:
                assert time.monotonic() < end, f"call {call_id} does not end"
            return http_client.get(f"/v1/users/{user}/calls/{call_id}/output")


@contextmanager
def serving(chain: Chain, folder: Path, *, slots: int = 2, token_file: str = "token") -> Iterator[Served]:
    """Serve <folder>/data for the length of a with block; the admin's token is in <folder>/<token_file>."""
    command: list[str | Path] = [chain.root / "bin" / "inv", "serve", "--port", "0", "--slots", str(slots)]
    file = folder / token_file
    with running([*command, "--token-file", str(file)], environ={"PYWASM_DATA": str(folder / "data")}) as process:
        assert process.stderr is not None
        said = ""
        while "serving" not in (line := process.stderr.readline()):
            assert line, f"the server ended: {said}"
            said += line
        yield Served(process=process, url=line.split(" on ")[1].split()[0], token=file.read_text("ascii").strip())
