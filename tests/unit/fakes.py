"""Stand-ins with the interface of the real thing: a runner without processes, an ill-mannered web server."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pywasm_build.command import Argument, Changes, Completed
from pywasm_build.errors import CommandFailed, MachineError

Answer = Callable[[Sequence[str]], Completed]


def completed(stdout: str = "", returncode: int = 0) -> Completed:
    return Completed(returncode=returncode, stdout=stdout, seconds=0.0)


@dataclass(kw_only=True)
class FakeRunner:
    """Answer each command by its program's name; a program without an answer does not exist."""

    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    changes: list[dict[str, str | None]] = field(default_factory=list)
    terminated: int = 0

    def run(
        self,
        args: Sequence[Argument],
        *,
        cwd: Path,
        env: Changes | None = None,
        log: Path | None = None,
        title: str | None = None,
        capture: bool = False,
        check: bool = True,
        timeout: float | None = None,
    ) -> Completed:
        words = [str(arg) for arg in args]
        self.calls.append(words)
        self.changes.append(dict(env or {}))
        name = Path(words[0]).name
        if name not in self.answers:
            raise MachineError(f"the program {name} is not on this machine")
        done = self.answers[name](words)
        if check and done.returncode:
            raise CommandFailed(f"{name} failed", args=words, returncode=done.returncode, log=log)
        return done

    def terminate(self) -> None:
        self.terminated += 1


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server says to one request; `claim` is a Content-Length that may be a lie, None for none."""

    status: int = 200
    body: bytes = b""
    claim: int | None = -1
    content_type: str = ""


@dataclass(kw_only=True)
class WebServer:
    """A server on loopback; each path has its replies, the last one is repeated. Unknown paths get 404."""

    url: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def next_reply(self, path: str) -> Reply:
        self.asked.append(path)
        replies = self.replies.get(path, [Reply(status=404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]


@contextlib.contextmanager
def web_server() -> Iterator[WebServer]:
    state = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = state.next_reply(self.path)
            self.send_response(reply.status)
            if reply.claim is not None:
                length = len(reply.body) if reply.claim == -1 else reply.claim
                self.send_header("Content-Length", str(length))
            if reply.content_type:
                self.send_header("Content-Type", reply.content_type)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
