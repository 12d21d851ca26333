"""A crew: calls at once while there is room; at rest afterwards, whatever happens."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pywasm_build import crew as module
from pywasm_build.command import SubprocessRunner
from pywasm_build.crew import Crew
from pywasm_build.errors import CommandFailed, PywasmError
from tests.unit.fakes import FakeRunner


@pytest.fixture
def sigint() -> Iterator[None]:
    """Take Ctrl-C as usual: a shell has its background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def failing(error: BaseException) -> Callable[[], str]:
    def call() -> str:
        raise error

    return call


def test_calls_wait_for_each_other_s_start() -> None:
    both = threading.Barrier(2, timeout=20)
    with Crew[int](runner=FakeRunner(), room=2) as workers:
        for name in ("a", "b"):
            workers.start(name, both.wait)
        ended = dict(workers.next_ended() for _ in range(2))
    assert sorted(map(str, ended.values())) == ["0", "1"]
    assert not workers.busy


def test_room() -> None:
    go = threading.Event()
    with Crew[bool](runner=FakeRunner(), room=2) as workers:
        assert workers.has_room(5)  # alone
        workers.start("small", go.wait)
        assert workers.has_room(1)
        assert not workers.has_room(2)
        go.set()
        assert workers.next_ended() == ("small", True)
        assert workers.has_room(2)


def test_our_errors_are_told_and_others_raised() -> None:
    error = PywasmError("no")
    with pytest.raises(ZeroDivisionError), Crew[str](runner=FakeRunner(), room=1) as workers:
        workers.start("bad", failing(error))
        assert workers.next_ended() == ("bad", error)
        workers.start("wrong", failing(ZeroDivisionError()))
        workers.next_ended()


def test_an_error_lets_the_others_end() -> None:
    done: list[str] = []

    def slow() -> None:
        time.sleep(0.2)
        done.append("slow")

    runner = FakeRunner()
    with pytest.raises(PywasmError, match="first"), Crew[None](runner=runner, room=2) as workers:
        workers.start("slow", slow)
        raise PywasmError("first")
    assert done == ["slow"]
    assert runner.terminated == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_commands(tmp_path: Path, sigint: None, number: signal.Signals) -> None:
    runner, both, failures = SubprocessRunner(os.environ), threading.Barrier(3, timeout=20), []

    def long() -> None:
        both.wait()
        try:
            runner.run(["sleep", "60"], cwd=tmp_path)
        except CommandFailed as error:
            failures.append(error.returncode)
            raise

    def interrupt() -> None:
        both.wait()
        os.kill(os.getpid(), number)

    started = time.monotonic()
    with pytest.raises((KeyboardInterrupt, SystemExit)), Crew[None](runner=runner, room=2) as workers:
        workers.start("a", long)
        workers.start("b", long)
        threading.Thread(target=interrupt).start()
        workers.next_ended()
    assert failures == [-signal.SIGTERM] * 2
    assert time.monotonic() - started < 5


def test_ctrl_c_does_not_wait_for_what_cannot_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRACE_SECONDS", 0.2)
    runner, never = FakeRunner(), threading.Event()
    with pytest.raises(KeyboardInterrupt), Crew[bool](runner=runner, room=1) as workers:
        workers.start("deaf", never.wait)
        raise KeyboardInterrupt
    assert runner.terminated > 1
    never.set()
