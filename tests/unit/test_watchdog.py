"""The clocks of a call: told at the limit, ended after the grace, and nothing after its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pywasm_runtime.functions import watchdog
from pywasm_runtime.functions.model import Failure, Limits
from pywasm_runtime.functions.watchdog import Watch, Watchdog


class Call:
    def __init__(self) -> None:
        self.told = threading.Event()
        self.given_up = threading.Event()
        self.reason = ""
        self.failure = Failure.NONE

    def interrupt(self, reason: str) -> None:
        self.reason = reason
        self.told.set()

    def give_up(self, failure: Failure, reason: str) -> None:
        self.failure, self.reason = failure, reason
        self.given_up.set()

    def watch(self, limits: Limits, probe: Callable[[], str] | None = None) -> Watch:
        return Watch(limits, interrupt=self.interrupt, give_up=self.give_up, probe=probe)


@pytest.fixture
def dog() -> Iterator[Watchdog]:
    dog = Watchdog()
    yield dog
    dog.stop()


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "GRACE_SECONDS", 0.1)


def test_a_call_that_ends_in_time_is_left_alone(dog: Watchdog) -> None:
    call = Call()
    watch = call.watch(Limits(wall_seconds=0.05))
    dog.begin(watch)
    assert dog.finish(watch)
    time.sleep(0.2)
    assert not call.told.is_set()
    assert watch.exceeded == Failure.NONE


def test_wall_time_runs_while_the_call_sleeps(dog: Watchdog) -> None:
    call = Call()
    watch = call.watch(Limits(wall_seconds=0.05))
    dog.begin(watch)
    assert call.told.wait(10)
    assert dog.finish(watch)
    assert watch.exceeded == Failure.WALL_TIME
    assert "0.05 s" in call.reason
    time.sleep(0.2)
    assert not call.given_up.is_set()


def test_cpu_time_is_that_of_the_calls_thread(dog: Watchdog) -> None:
    call = Call()
    watch = call.watch(Limits(cpu_seconds=0.1, wall_seconds=60))
    dog.begin(watch)
    time.sleep(0.3)
    assert not call.told.is_set()  # it has slept
    while not call.told.is_set():
        sum(range(1000))
    assert dog.finish(watch)
    assert (watch.exceeded, watch.cpu_seconds() >= 0.1) == (Failure.CPU_TIME, True)


def test_a_call_that_does_not_listen_is_given_up(dog: Watchdog) -> None:
    call = Call()
    watch = call.watch(Limits(wall_seconds=0.05))
    dog.begin(watch)
    assert call.given_up.wait(10)
    assert call.failure == Failure.WALL_TIME
    assert not dog.finish(watch)


def test_a_probe_ends_a_call_at_once(dog: Watchdog) -> None:
    call = Call()
    watch = call.watch(Limits(wall_seconds=60), probe=lambda: "too many files")
    dog.begin(watch)
    assert call.given_up.wait(10)
    assert (call.failure, call.reason) == (Failure.OUTPUT, "too many files")
    assert not call.told.is_set()


def test_a_short_call_after_a_long_one_is_watched_in_time(dog: Watchdog) -> None:
    long, short = Call(), Call()
    first = long.watch(Limits(wall_seconds=3600, cpu_seconds=3600))
    dog.begin(first)
    time.sleep(0.05)  # the watchdog sleeps for an hour now
    assert dog.finish(first)
    second = short.watch(Limits(wall_seconds=0.05))
    dog.begin(second)
    assert short.told.wait(10)
    assert dog.finish(second)
    assert not long.told.is_set()


def finish(watch: Watch, results: list[bool]) -> None:
    results.append(watch.finish())


def test_only_one_of_call_and_watchdog_ends_it() -> None:
    for _ in range(200):
        call = Call()
        watch = call.watch(Limits())
        results: list[bool] = []
        threads = [threading.Thread(target=finish, args=(watch, results)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [False, False, False, True]
