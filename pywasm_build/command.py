"""Run commands: the one place of the build that starts processes.

Arguments are a list and never go through a shell. A command gets a cleaned environment plus the changes
that its caller names, so that a CFLAGS or PYTHONPATH of the user cannot leak into a product. Everything it
prints goes to a log file; the terminal shows one line. The child has its own process group, so Ctrl-C or a
timeout ends it together with whatever it started.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from types import FrameType
from typing import IO, Protocol, TextIO, TypeVar

from pywasm_build.errors import CommandFailed, MachineError
from pywasm_build.progress import Status, say

T = TypeVar("T")
Argument = str | Path
# None as a value removes the variable.
Changes = Mapping[str, str | None]

TAIL_LINES = 20
_GRACE_SECONDS = 5.0
# fmt: off
_KEEP = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TZ", "TMPDIR",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "DEVELOPER_DIR", "SDKROOT",
))
# fmt: on
_KEEP_PREFIXES = ("LC_", "PIP_", "XDG_", "PYWASM_", "PYENV_")


@dataclass(frozen=True, kw_only=True)
class Completed:
    """What a command left: its exit code, what it printed on stdout (if captured) and how long it took."""

    returncode: int
    stdout: str
    seconds: float


class Runner(Protocol):
    """Run commands; the tests have a fake of it."""

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
        """Run a command to its end.

        args: program and arguments. The program is searched on the PATH that the command will have.
        env: changes to the cleaned environment; None as a value removes a variable.
        log: file that gets the command and all that it prints, appended.
        title: what the terminal shows while it runs; without a title the terminal shows nothing.
        capture: return stdout (stderr still goes to the log).
        check: raise CommandFailed for an exit code other than 0.
        timeout: seconds until the command and what it started are ended; then CommandFailed.

        Raises CommandFailed, and MachineError when the program does not exist.
        """
        ...

    def terminate(self) -> None:
        """End every command that another thread is running now."""
        ...


class SubprocessRunner:
    """Run commands as processes of this machine."""

    def __init__(self, environ: Mapping[str, str], *, stream: TextIO | None = None) -> None:
        self.base = clean_environment(environ)
        self._stream = stream
        self._live: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

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
        """Run a command to its end; see Runner.run."""
        words = [str(arg) for arg in args]
        line = shell_line(words, cwd=cwd, env=env or {})
        environment = apply_changes(self.base, env or {})
        program = find_program(words[0], cwd=cwd, path=environment.get("PATH", os.defpath))
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(_open_log(log)) if log else None
            if file:
                file.write(f"+ {line}\n".encode())
            if title:
                self._echo(line)
            status = stack.enter_context(Status(title, stream=self._stream)) if title else None
            child = stack.enter_context(self._child([program, *words[1:]], cwd=cwd, env=environment, capture=capture))
            sink = _Sink(file, status)
            in_time = sink.drain(child, timeout=timeout)
            if not in_time:
                _end(child)
            returncode = child.wait()
        if not in_time or (check and returncode):
            why = _reason(title or _short(words), cwd, None if not in_time else returncode, timeout)
            raise CommandFailed(why, args=words, returncode=returncode if in_time else None, tail=sink.tail, log=log)
        return Completed(returncode=returncode, stdout=sink.text, seconds=time.monotonic() - started)

    def terminate(self) -> None:
        """End every command that another thread is running now."""
        with self._lock:
            live = list(self._live)
        for child in live:
            _signal_group(child, signal.SIGTERM)

    @contextlib.contextmanager
    def _child(
        self, args: Sequence[str], *, cwd: Path, env: Mapping[str, str], capture: bool
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a process in a group of its own; leave no process behind, whatever happens."""
        with terminate_as_exit():
            try:
                child = subprocess.Popen(
                    args,
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE if capture else subprocess.STDOUT,
                    process_group=0,
                )
            except OSError as error:
                raise MachineError(f"cannot start {args[0]} in {cwd}: {error.strerror}") from error
            with self._lock:
                self._live.add(child)
            try:
                yield child
            except BaseException:
                _end(child)
                raise
            finally:
                with self._lock:
                    self._live.discard(child)
                for pipe in (child.stdout, child.stderr):
                    if pipe is not None:
                        pipe.close()

    def _echo(self, line: str) -> None:
        say(f"+ {line}", self._stream)


class _Sink:
    """Read what a child prints: into the log, the status line, the tail, and the captured text."""

    def __init__(self, log: IO[bytes] | None, status: Status | None) -> None:
        self._log = log
        self._status = status
        self._captured: list[bytes] = []
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._rest = b""

    @property
    def text(self) -> str:
        """What was captured."""
        return b"".join(self._captured).decode("utf-8", "replace")

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines, a line without its end included."""
        lines = [*self._lines, self._rest.decode("utf-8", "replace").rstrip()]
        return tuple(line for line in lines if line)[-TAIL_LINES:]

    def drain(self, child: subprocess.Popen[bytes], *, timeout: float | None) -> bool:
        """Read until the child has ended; return False when the timeout (seconds) came first."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with DefaultSelector() as selector:
            for pipe in (child.stdout, child.stderr):
                if pipe is not None:
                    selector.register(pipe, EVENT_READ, child.stderr is not None and pipe is child.stdout)
            while selector.get_map():
                ready = selector.select(0.2)
                for key, _ in ready:
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                    self._take(data, captured=key.data)
                if self._status:
                    self._status.update(self._lines[-1] if self._lines else "")
                if deadline is not None and time.monotonic() > deadline:
                    return False
                # A daemon that the command left behind may hold the pipe open for ever.
                if not ready and child.poll() is not None:
                    return True
        remaining = None if deadline is None else max(deadline - time.monotonic(), 0)
        try:
            child.wait(remaining)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _take(self, data: bytes, *, captured: bool) -> None:
        if captured:
            self._captured.append(data)
        if self._log:
            self._log.write(data)
            self._log.flush()
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-4096:]
        self._lines.extend(line[-4096:].decode("utf-8", "replace").rstrip() for line in lines[-TAIL_LINES:])


def run_attached(args: Sequence[Argument], *, cwd: Path) -> int:
    """Run a program that talks to the terminal itself, with the user's environment; return its exit code."""
    return subprocess.call([str(arg) for arg in args], cwd=cwd)


def in_parallel(runner: Runner, calls: Iterable[Callable[[], T]], *, jobs: int) -> list[T]:
    """Call functions that run commands in `jobs` threads; return their results in order.

    The first failure, or Ctrl-C, ends the commands that run, starts no further one, and is raised.
    """
    with ThreadPoolExecutor(max_workers=max(jobs, 1)) as pool:
        futures = [pool.submit(call) for call in calls]
        try:
            done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        except BaseException:
            waiting, done = set(futures), set()
        if not waiting and not any(future.exception() for future in done):
            return [future.result() for future in futures]
        pool.shutdown(wait=False, cancel_futures=True)
        # More than once: a thread may be about to start its next command right now.
        while any(not future.done() for future in futures):
            runner.terminate()
            wait(futures, timeout=0.1)
        for future in done:
            future.result()
    raise KeyboardInterrupt


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a command may know of the user's environment: no flags, no Python or compiler settings."""
    return {name: value for name, value in environ.items() if name.upper() in _KEEP or name.startswith(_KEEP_PREFIXES)}


def apply_changes(base: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """Return `base` with the changes made; a change to None removes the variable."""
    merged: dict[str, str | None] = {**base, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def shell_line(args: Sequence[str], *, cwd: Path, env: Changes) -> str:
    """Return one line that does the same when it is pasted into a shell."""
    unset = [word for name, value in env.items() if value is None for word in ("-u", name)]
    settings = [f"{name}={shlex.quote(value)}" for name, value in env.items() if value is not None]
    words = [*(["env", *unset] if unset else []), *settings, shlex.join(args)]
    return f"(cd {shlex.quote(str(cwd))} && {' '.join(words)})"


def find_program(name: str, *, cwd: Path, path: str) -> str:
    """Return the absolute path of a program; raise MachineError when there is none.

    A name with a slash is relative to `cwd`, as it would be in a shell.
    """
    candidate = str(cwd / name) if "/" in name else name
    found = shutil.which(candidate, path=path)
    if found is None:
        raise MachineError(f"the program {name} is not on this machine; `bin/inv doctor` shows what is missing")
    return found


def _short(args: Sequence[str]) -> str:
    line = shlex.join(args)
    return line if len(line) < 200 else f"{line[:200]} ..."


def _reason(what: str, cwd: Path, returncode: int | None, timeout: float | None) -> str:
    if returncode is None:
        return f"{what} (in {cwd}) took longer than {timeout:.0f} s and was ended"
    how = f"exit code {returncode}" if returncode > 0 else f"signal {_signal_name(-returncode)}"
    return f"{what} (in {cwd}) failed with {how}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child's process group: politely first, then for sure."""
    _signal_group(child, signal.SIGTERM)
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_group(child, signal.SIGKILL)
        child.wait()


@contextlib.contextmanager
def terminate_as_exit() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, or the child's group would go on alone."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
