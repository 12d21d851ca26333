"""Sandboxes without wasm: a call's entry names a Python body of this module, which runs in the worker itself."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywasm_runtime.functions.end_call import EndCall
from pywasm_runtime.functions.errors import FunctionError
from pywasm_runtime.functions.model import Failure, FunctionVersion, ImageReport


class DeadlineExceeded(Exception):
    pass


@dataclass(frozen=True, kw_only=True)
class Result:
    status: int = 0
    failure: Failure = Failure.NONE
    error: str = ""
    traceback: str = ""
    stdout: bytes = b""
    stderr: bytes = b""
    memory_bytes: int = 1 << 20


class FakeSandbox:
    def __init__(self, tmp: Path) -> None:
        self.tmp = tmp
        self.interrupted = threading.Event()

    def run(self, host: Any, entry: str) -> Result:
        try:
            status = BODIES[entry](self, host) or 0
        except EndCall as ending:
            return Result(status=1, failure=ending.failure, error=ending.error)
        except (DeadlineExceeded, FunctionError, OSError) as error:
            text = traceback.format_exc()
            return Result(status=1, failure=Failure.EXCEPTION, error=repr(error), traceback=text)
        failure = Failure.STATUS if status else Failure.NONE
        return Result(status=status, failure=failure, error=f"status {status}" if status else "", stderr=b"printed\n")

    def interrupt(self, reason: str) -> None:
        self.interrupted.set()

    def close(self) -> None:
        pass

    def check(self) -> None:
        if self.interrupted.is_set():
            raise DeadlineExceeded


class FakeSandboxes:
    def __init__(self, settings: Any) -> None:
        del settings
        self.tmp = Path("/nonexistent")

    def warm_up(self) -> None:
        pass

    def use_tmp(self, folder: Path) -> None:
        self.tmp = folder

    def make_image(
        self, function: FunctionVersion, code: Path, started: Callable[[Callable[[str], None]], None]
    ) -> ImageReport:
        source = "".join(path.read_text() for path in code.glob("*.py"))
        if source.startswith("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        if source.startswith("hang"):
            time.sleep(60)
        if source.startswith("wrong"):
            return ImageReport(error="SyntaxError", traceback="Traceback \udcff")
        return ImageReport(entries=tuple(BODIES), image_bytes=len(source))

    def prepare(self, function: FunctionVersion, code: Path) -> FakeSandbox:
        if not code.is_dir():
            raise FunctionError(f"no code in {code}")
        return FakeSandbox(self.tmp)


class BrokenSandboxes(FakeSandboxes):
    def warm_up(self) -> None:
        raise FunctionError("the image is damaged")


class ThreadedSandboxes(FakeSandboxes):
    """Leaves a thread behind, as wasmtime's compiler does; the next process has nothing to compile."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._mark = Path(os.environ["FAKE_COMPILED"])

    def warm_up(self) -> None:
        if not self._mark.exists():
            self._mark.touch()
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def _information(host: Any) -> dict[str, Any]:
    found = json.loads(host.call_information())
    assert isinstance(found, dict)
    return found


def noop(sandbox: FakeSandbox, host: Any) -> None:
    pass


def echo(sandbox: FakeSandbox, host: Any) -> None:
    host.write_output(host.read_input())


def fail(sandbox: FakeSandbox, host: Any) -> int:
    host.write_output(b"kept")
    host.log(20, "about to fail")
    return 3


def information(sandbox: FakeSandbox, host: Any) -> None:
    host.write_output(host.call_information())


def flood(sandbox: FakeSandbox, host: Any) -> None:
    host.write_output(bytes(int(host.read_input())))


def sleep(sandbox: FakeSandbox, host: Any) -> None:
    end = time.monotonic() + float(host.read_input())
    while time.monotonic() < end:
        sandbox.check()
        time.sleep(0.005)


def spin(sandbox: FakeSandbox, host: Any) -> None:
    while True:
        sandbox.check()


def stubborn(sandbox: FakeSandbox, host: Any) -> None:
    host.log(20, "on and on")
    while True:
        time.sleep(0.01)


def stubborn_for_a_while(sandbox: FakeSandbox, host: Any) -> None:
    time.sleep(1.5)


def frozen(sandbox: FakeSandbox, host: Any) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(60)  # this thread may go on for a moment, until all have stopped


def die(sandbox: FakeSandbox, host: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(sandbox: FakeSandbox, host: Any) -> None:
    if _information(host)["attempt"] == 1:
        os.abort()
    host.write_output(b"the second time")


def defect(sandbox: FakeSandbox, host: Any) -> None:
    raise ZeroDivisionError


def recurse(sandbox: FakeSandbox, host: Any) -> None:
    number = int(host.read_input())
    if number:
        child = host.chain("", "recurse", b"%d" % (number - 1))
        number += int(host.await_output(child))
    host.write_output(b"%d" % number)


def tree(sandbox: FakeSandbox, host: Any) -> None:
    depth, width = map(int, host.read_input().split())
    children = [host.chain("", "tree", b"%d %d" % (depth - 1, width)) for _ in range(width if depth else 0)]
    host.write_output(b"%d" % (1 + sum(int(host.await_output(child)) for child in children)))


def fan(sandbox: FakeSandbox, host: Any) -> None:
    children = [host.chain("", "echo", b"%d" % number) for number in range(int(host.read_input()))]
    host.write_output(b" ".join(host.await_output(child) for child in children))


def fan_and_die_once(sandbox: FakeSandbox, host: Any) -> None:
    children = [host.chain("", "count", b"") for _ in range(3)]
    outputs = [host.await_output(child) for child in children]
    if _information(host)["attempt"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    host.write_output(b" ".join(outputs))


def count(sandbox: FakeSandbox, host: Any) -> None:
    host.append_state("count", b"x")
    host.write_output(_information(host)["id"].encode())


def counted(sandbox: FakeSandbox, host: Any) -> None:
    host.write_output(host.read_appended("count", 0))


def chain_named(sandbox: FakeSandbox, host: Any) -> None:
    function, entry = host.read_input().decode().split()
    host.write_output(host.await_call(host.chain(function, entry, b"0")))
    sandbox.check()


def chain_output(sandbox: FakeSandbox, host: Any) -> None:
    host.write_output(host.await_output(host.chain("", host.read_input().decode(), b"")))


def chain_many(sandbox: FakeSandbox, host: Any) -> None:
    for _ in range(int(host.read_input())):
        host.chain("", "noop", b"")


def chain_sleep(sandbox: FakeSandbox, host: Any) -> None:
    host.await_call(host.chain("", "sleep", host.read_input()))
    sandbox.check()


def leave_file(sandbox: FakeSandbox, host: Any) -> None:
    left = sorted(path.name for path in sandbox.tmp.iterdir())
    (sandbox.tmp / "folder").mkdir()
    (sandbox.tmp / "folder" / "file").write_bytes(b"secret")
    host.write_output(json.dumps(left).encode())


def fill_tmp(sandbox: FakeSandbox, host: Any) -> None:
    for number in range(int(host.read_input())):
        (sandbox.tmp / f"file-{number}").write_bytes(bytes(4096))
    while True:  # where nothing else stops it, the watchdog does
        sandbox.check()
        time.sleep(0.01)


def add_one(sandbox: FakeSandbox, host: Any) -> None:
    assert host.lock_state("number", 1, 20_000) == 1
    host.pull_state("number")
    number = int(host.read_state("number"))
    time.sleep(0.002)
    host.write_state("number", b"%d" % (number + 1))
    host.push_state("number")
    host.unlock_state("number")


def lock_and_chain(sandbox: FakeSandbox, host: Any) -> None:
    assert host.lock_state("together", 1, 20_000) == 1
    host.write_output(host.await_output(host.chain("", "echo", host.read_input())))
    host.unlock_state("together")


def hold_lock(sandbox: FakeSandbox, host: Any) -> None:
    assert host.lock_state("held", 1, 0) == 1
    sleep(sandbox, host)


def try_lock(sandbox: FakeSandbox, host: Any) -> None:
    host.write_output(b"%d" % host.lock_state("held", 1, int(host.read_input())))


def process_id(sandbox: FakeSandbox, host: Any) -> None:
    host.write_output(b"%d" % os.getpid())


def descriptors(sandbox: FakeSandbox, host: Any) -> None:
    host.read_appended("count", 0)  # whichever worker this is, it has the storage open now
    host.write_output(b"%d %d" % (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()))


BODIES: dict[str, Callable[[FakeSandbox, Any], int | None]] = {
    body.__name__: body
    for body in (
        noop, echo, fail, information, flood, sleep, spin, stubborn,
        stubborn_for_a_while, frozen, die, die_once, defect, recurse, tree, fan,
        fan_and_die_once, count, counted, chain_named, chain_output, chain_many, chain_sleep, leave_file, fill_tmp,
        add_one, lock_and_chain, hold_lock, try_lock, process_id, descriptors,
    )
}  # fmt: skip
