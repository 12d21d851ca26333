"""Who gets a slot next. The model below runs whole trees of calls and finds that nothing ever stands still."""

from __future__ import annotations

import random

import pytest

from pywasm_runtime.functions.scheduler import Candidate, Scheduler


def call(name: str, *, function: str = "f", instances: int = 100, created: float = 0.0, depth: int = 0) -> Candidate:
    return Candidate(call_id=name, function=function, instances=instances, created=created, depth=depth)


def granted(scheduler: Scheduler) -> list[str]:
    names = []
    while (grant := scheduler.next()) is not None:
        names.append(("again " if grant.resumed else "") + grant.candidate.call_id)
    return names


def test_the_deepest_comes_first_then_the_oldest() -> None:
    scheduler = Scheduler(slots=10, most_begun=10)
    for candidate in (call("new", created=2), call("old", created=1), call("deep", created=3, depth=1), call("b")):
        scheduler.add(candidate)
    assert granted(scheduler) == ["deep", "b", "old", "new"]


def test_a_call_is_queued_once() -> None:
    scheduler = Scheduler(slots=10, most_begun=10)
    scheduler.add(call("a"))
    scheduler.add(call("a"))
    assert scheduler.queued == 1
    assert granted(scheduler) == ["a"]


def test_what_is_removed_does_not_begin_and_may_come_again() -> None:
    scheduler = Scheduler(slots=1, most_begun=10)
    scheduler.add(call("a"))
    scheduler.remove("a")
    assert granted(scheduler) == []
    scheduler.add(call("a"))
    scheduler.remove("a")
    scheduler.add(call("a"))
    assert (granted(scheduler), scheduler.queued) == (["a"], 0)


def test_a_waiting_call_gives_its_slot_up_and_goes_on_before_new_ones() -> None:
    scheduler = Scheduler(slots=1, most_begun=10)
    parent, child = call("parent"), call("child", depth=1)
    scheduler.add(parent)
    assert granted(scheduler) == ["parent"]
    scheduler.add(child)
    scheduler.add(call("other"))
    assert granted(scheduler) == []
    scheduler.pause(parent)
    assert granted(scheduler) == ["child"]
    assert (scheduler.running, scheduler.waiting, scheduler.queued) == (1, 1, 1)
    scheduler.resume(parent)
    assert granted(scheduler) == []
    scheduler.end(child)
    assert granted(scheduler) == ["again parent"]


def test_a_call_may_end_while_it_waits() -> None:
    scheduler = Scheduler(slots=1, most_begun=10)
    first, second = call("first"), call("second")
    for candidate in (first, second):
        scheduler.add(candidate)
        assert granted(scheduler) == [candidate.call_id]
        scheduler.pause(candidate)
    scheduler.resume(first)
    scheduler.end(first)
    scheduler.end(second)
    assert (scheduler.running, scheduler.waiting, granted(scheduler)) == (0, 0, [])


def test_a_function_at_its_limit_does_not_keep_others_back() -> None:
    scheduler = Scheduler(slots=10, most_begun=10)
    for number in range(3):
        scheduler.add(call(f"f{number}", instances=1, created=number))
    scheduler.add(call("g", function="g", created=9))
    assert granted(scheduler) == ["f0", "g"]
    scheduler.end(call("f0", instances=1, created=0))
    assert granted(scheduler) == ["f1"]


def test_a_child_begins_where_all_instances_wait() -> None:
    scheduler = Scheduler(slots=2, most_begun=10)
    parent = call("parent", instances=1)
    scheduler.add(parent)
    assert granted(scheduler) == ["parent"]
    scheduler.add(call("child", instances=1, depth=1))
    scheduler.add(call("root", instances=1))
    assert granted(scheduler) == []
    scheduler.pause(parent)
    assert granted(scheduler) == ["child"]


def test_no_more_calls_are_begun_than_allowed_but_for_children() -> None:
    scheduler = Scheduler(slots=1, most_begun=2)
    for name in ("a", "b", "c"):
        scheduler.add(call(name))
    for name in ("a", "b"):
        assert granted(scheduler) == [name]
        scheduler.pause(call(name))
    assert granted(scheduler) == []
    scheduler.add(call("child", depth=1))
    assert granted(scheduler) == ["child"]


class Model:
    """Runs trees of calls: a call chains its children at once, then awaits one after the other."""

    def __init__(self, scheduler: Scheduler, seed: int) -> None:
        self.scheduler = scheduler
        self.random = random.Random(seed)
        self.known: dict[str, Candidate] = {}
        self.ended: set[str] = set()
        self.children: dict[str, list[str]] = {}
        self.running: list[str] = []
        self.awaits: dict[str, str] = {}
        self.most_begun = 0

    def accept(self, name: str, shape: list[int], instances: int) -> None:
        depth = name.count(".")
        function = f"f{self.random.randrange(3)}"
        self.known[name] = call(name, function=function, instances=instances, created=len(self.known), depth=depth)
        self.children[name] = [f"{name}.{number}" for number in range(shape[0] if shape else 0)]
        self.scheduler.add(self.known[name])

    def run(self, shape: list[int], instances: int) -> None:
        for _ in range(100_000):
            while (grant := self.scheduler.next()) is not None:
                self.running.append(grant.candidate.call_id)
            self.most_begun = max(self.most_begun, self.scheduler.running + self.scheduler.waiting)
            if not self.running:
                return
            self.step(self.running.pop(self.random.randrange(len(self.running))), shape, instances)

    def step(self, name: str, shape: list[int], instances: int) -> None:
        for child in self.children[name]:
            if child not in self.known:
                self.accept(child, shape[child.count(".") :], instances)
        open_children = [child for child in self.children[name] if child not in self.ended]
        if open_children:
            self.scheduler.pause(self.known[name])
            self.awaits[name] = open_children[0]
            return
        self.scheduler.end(self.known[name])
        self.ended.add(name)
        for waiting in [waiting for waiting, child in self.awaits.items() if child == name]:
            del self.awaits[waiting]
            self.scheduler.resume(self.known[waiting])


@pytest.mark.parametrize("slots", [1, 2, 5])
@pytest.mark.parametrize("instances", [1, 3])
@pytest.mark.parametrize("shape", [[1] * 16, [3, 3, 3, 3], [20, 2], [4, 1, 4]])
def test_no_tree_of_calls_stands_still(slots: int, instances: int, shape: list[int]) -> None:
    model = Model(Scheduler(slots=slots, most_begun=8), seed=slots)
    for number in range(20):
        model.accept(f"root{number}", shape, instances)
    model.run(shape, instances)
    assert model.ended == model.known.keys()
    assert (model.scheduler.running, model.scheduler.waiting, model.scheduler.queued) == (0, 0, 0)


def test_waiting_calls_stay_few() -> None:
    model = Model(Scheduler(slots=2, most_begun=1000), seed=1)
    for number in range(200):
        model.accept(f"root{number}", [4, 4], 1000)
    model.run([4, 4], 1000)
    assert model.ended == model.known.keys()
    assert model.most_begun <= 12
