"""Calls: accepted once, begun by one at a time, ended once, and listed cheaply."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_runtime.functions.errors import Busy, Denied, InvalidName, NotFound
from pywasm_runtime.functions.model import (
    Call,
    CallRequest,
    CallState,
    Failure,
    FunctionSettings,
    Outcome,
)
from pywasm_runtime.storage import Storage

LEASE = 100.0
GONE = -1.0
"""A lease that has expired already."""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with Storage(tmp_path / "data") as storage:
        for user in ("ann", "bob"):
            storage.functions.add_version(
                user, "f", digest="a" * 64, archive=b"zip", settings=FunctionSettings(entry="go")
            )
        yield storage


def submit(storage: Storage, call_id: str | None = None, user: str = "ann") -> Call:
    return storage.calls.submit(CallRequest(user=user, function="f", input=b"\0in", call_id=call_id))


def finished(storage: Storage, outcome: Outcome | None = None) -> Call:
    call = submit(storage)
    assert storage.calls.claim("me", call.id, LEASE)
    assert storage.calls.finish(call.id, "me", outcome or Outcome())
    return storage.calls.get(call.id)


def test_the_life_of_a_call(storage: Storage) -> None:
    call = submit(storage)
    assert (call.state, call.version, call.entry, call.input) == (CallState.QUEUED, 1, "go", b"\0in")
    assert (call.attempt, call.started, call.ended, call.outcome, call.depth) == (0, None, None, None, 0)
    assert storage.calls.get(call.id) == call
    running = storage.calls.claim("me", call.id, LEASE)
    assert running and (running.state, running.attempt, running.input) == (CallState.RUNNING, 1, b"\0in")
    assert running.started and running.started >= call.created
    outcome = Outcome(output=b"\0out", stdout=b"o", stderr=b"e", seconds=0.5, cpu_seconds=0.25, memory_bytes=1 << 33)
    assert storage.calls.finish(call.id, "me", outcome)
    ended = storage.calls.get(call.id)
    assert (ended.state, ended.outcome) == (CallState.SUCCEEDED, outcome)
    assert ended.ended and ended.ended >= running.started


def test_a_failure_is_kept(storage: Storage) -> None:
    outcome = Outcome(status=-3, failure=Failure.EXCEPTION, error="no", traceback="Trace\nback", output=b"part")
    call = finished(storage, outcome)
    assert (call.state, call.outcome) == (CallState.FAILED, outcome)


def test_whatever_a_guest_says_can_be_kept(storage: Storage) -> None:
    odd = Outcome(
        status=1 << 80, failure=Failure.STATUS, error="a\0b\ud800", traceback="\udfff", output=bytes(range(256))
    )
    kept = finished(storage, odd).outcome
    assert kept
    assert kept.output == odd.output
    assert (kept.status, kept.error, kept.traceback) == ((1 << 31) - 1, "a\\x00b\\ud800", "\\udfff")


def test_a_version_and_an_entry_can_be_chosen(storage: Storage) -> None:
    storage.functions.add_version("ann", "f", digest="b" * 64, archive=b"new", settings=FunctionSettings())
    assert submit(storage).version == 2
    old = storage.calls.submit(CallRequest(user="ann", function="f", version=1, entry="other"))
    assert (old.version, old.entry) == (1, "other")
    with pytest.raises(NotFound):
        storage.calls.submit(CallRequest(user="ann", function="f", version=3))
    with pytest.raises(NotFound):
        storage.calls.submit(CallRequest(user="ann", function="g"))
    with pytest.raises(NotFound):
        storage.calls.submit(CallRequest(user="ann", function="f", version=1 << 70))


@pytest.mark.parametrize(
    "request_",
    [
        CallRequest(user="Ann", function="f"),
        CallRequest(user="ann", function="../f"),
        CallRequest(user="ann", function="f", entry="a b"),
        CallRequest(user="ann", function="f", entry=""),
        CallRequest(user="ann", function="f", call_id="1"),
        CallRequest(user="ann", function="f", call_id="0" * 32 + "\n"),
    ],
)
def test_wrong_requests_leave_nothing(storage: Storage, request_: CallRequest) -> None:
    with pytest.raises(InvalidName):
        storage.calls.submit(request_)
    assert storage.calls.recent(None, 10) == []


def test_a_known_id_gives_the_call_that_has_it(storage: Storage) -> None:
    parent = submit(storage)
    child = submit(storage, f"{parent.id}.0")
    assert (child.depth, child.parent) == (1, parent.id)
    assert submit(storage, child.id) == child
    storage.calls.claim("me", child.id, LEASE)
    storage.calls.finish(child.id, "me", Outcome(output=b"kept"))
    storage.functions.delete("ann", "f")
    again = submit(storage, child.id)  # its result is there though the function is not
    assert again.outcome and again.outcome.output == b"kept"
    assert len(storage.calls.recent(None, 10)) == 2
    with pytest.raises(Denied):
        submit(storage, child.id, user="bob")


def test_calls_are_of_one_user(storage: Storage) -> None:
    call = submit(storage)
    assert storage.calls.get(call.id, "ann") == call
    with pytest.raises(NotFound, match=call.id):
        storage.calls.get(call.id, "bob")
    with pytest.raises(NotFound):
        storage.calls.get("0" * 32)
    with pytest.raises(InvalidName):
        storage.calls.get("x' OR 1=1 --")


def test_a_full_queue(storage: Storage) -> None:
    first = storage.calls.submit(CallRequest(user="ann", function="f"), queue_limit=1)
    with pytest.raises(Busy) as caught:
        storage.calls.submit(CallRequest(user="ann", function="f"), queue_limit=1)
    assert caught.value.retry_after > 0
    storage.calls.claim("me", first.id, LEASE)
    assert storage.calls.submit(CallRequest(user="ann", function="f"), queue_limit=1)
    assert storage.calls.submit(CallRequest(user="ann", function="f", call_id=first.id), queue_limit=0).id == first.id


def test_a_call_can_be_claimed_as_it_is_accepted(storage: Storage) -> None:
    request = CallRequest(user="ann", function="f")
    call = storage.calls.submit(request, owner="me", lease_seconds=LEASE)
    assert (call.state, call.attempt) == (CallState.RUNNING, 1)
    assert storage.calls.claim("other", call.id, LEASE) is None
    assert storage.calls.finish(call.id, "me", Outcome())


def test_one_owner_at_a_time(storage: Storage) -> None:
    call = submit(storage)
    assert storage.calls.claim("me", call.id, LEASE)
    assert storage.calls.claim("other", call.id, LEASE) is None
    assert storage.calls.claim("me", call.id, LEASE) is None
    assert storage.calls.claimable(10) == []
    assert not storage.calls.finish(call.id, "other", Outcome())
    assert not storage.calls.give_back(call.id, "other")
    assert storage.calls.finish(call.id, "me", Outcome(output=b"1"))
    assert not storage.calls.finish(call.id, "me", Outcome(output=b"2"))
    assert storage.calls.claim("other", call.id, LEASE) is None
    outcome = storage.calls.get(call.id).outcome
    assert outcome and outcome.output == b"1"
    assert storage.calls.claim("me", "0" * 32, LEASE) is None


def test_an_expired_lease_is_taken_over(storage: Storage) -> None:
    call = submit(storage)
    storage.calls.claim("dead", call.id, GONE)
    assert storage.calls.claimable(10) == [call.id]
    taken = storage.calls.claim("me", call.id, LEASE)
    assert taken and taken.attempt == 2
    assert not storage.calls.finish(call.id, "dead", Outcome(output=b"late"))
    assert storage.calls.renew_leases("dead", LEASE) == 0
    assert storage.calls.finish(call.id, "me", Outcome())


def test_an_expired_lease_that_nobody_took_can_be_renewed_and_finished(storage: Storage) -> None:
    first, second = submit(storage), submit(storage)
    for call in (first, second):
        storage.calls.claim("me", call.id, GONE)
    assert storage.calls.finish(first.id, "me", Outcome())
    assert storage.calls.renew_leases("me", LEASE) == 1
    assert storage.calls.claimable(10) == []


def test_a_call_is_given_back(storage: Storage) -> None:
    call = submit(storage)
    storage.calls.claim("me", call.id, LEASE)
    assert storage.calls.give_back(call.id, "me")
    assert storage.calls.get(call.id).state is CallState.QUEUED
    assert not storage.calls.finish(call.id, "me", Outcome())
    again = storage.calls.claim("other", call.id, LEASE)
    assert again and again.attempt == 2


def test_the_deepest_then_the_oldest_come_first(storage: Storage) -> None:
    root = submit(storage)
    other = submit(storage)
    child = submit(storage, f"{other.id}.0")
    late_child = submit(storage, f"{root.id}.0")
    grandchild = submit(storage, f"{root.id}.0.0")
    storage.calls.claim("dead", late_child.id, GONE)
    assert storage.calls.claimable(10) == [grandchild.id, child.id, late_child.id, root.id, other.id]
    assert storage.calls.claimable(2) == [grandchild.id, child.id]
    assert storage.calls.claimable(0) == storage.calls.claimable(-5) == []


def test_recent_calls_are_listed_without_what_is_large(storage: Storage) -> None:
    failed = finished(storage, Outcome(status=1, failure=Failure.TRAP, error="why", output=b"x", traceback="t"))
    queued = submit(storage)
    bob = submit(storage, user="bob")
    newest, middle, oldest = storage.calls.recent(None, 10)
    assert (newest.id, middle.id, oldest.id) == (bob.id, queued.id, failed.id)
    assert (middle.input, middle.outcome) == (b"", None)
    assert oldest.outcome == Outcome(status=1, failure=Failure.TRAP, error="why")
    assert [call.id for call in storage.calls.recent("ann", 1)] == [queued.id]
    assert storage.calls.recent("nobody", 10) == storage.calls.recent(None, -1) == []
    assert len(storage.calls.recent(None, 1 << 80)) == 3


def test_calls_are_counted(storage: Storage) -> None:
    finished(storage), finished(storage, Outcome(status=1, failure=Failure.STATUS))
    submit(storage), storage.calls.claim("me", submit(storage).id, LEASE), submit(storage)
    assert storage.calls.counts() == {
        CallState.QUEUED: 2,
        CallState.RUNNING: 1,
        CallState.SUCCEEDED: 1,
        CallState.FAILED: 1,
    }


def test_old_calls_are_removed(storage: Storage, tmp_path: Path) -> None:
    ended = [finished(storage, Outcome(output=b"x" * 100_000)) for _ in range(5)]
    waiting = submit(storage)
    assert storage.calls.prune(3600) == 0
    assert storage.calls.prune(-1, limit=3) == 3
    assert storage.calls.prune(-1, limit=3) == 2
    assert [call.id for call in storage.calls.recent(None, 10)] == [waiting.id]
    for call in ended:
        with pytest.raises(NotFound):
            storage.calls.get(call.id)
    for _ in range(3):
        finished(storage, Outcome(output=b"x" * 100_000))
    assert sum(path.stat().st_size for path in (tmp_path / "data").glob("pywasm.sqlite")) < 1_000_000


def test_children_stay_while_a_parent_may_ask_for_them(storage: Storage) -> None:
    root = submit(storage)
    storage.calls.claim("me", root.id, LEASE)
    child = submit(storage, f"{root.id}.0")
    storage.calls.claim("me", child.id, LEASE)
    storage.calls.finish(child.id, "me", Outcome())
    assert storage.calls.prune(-1) == 0
    storage.calls.finish(root.id, "me", Outcome())
    assert storage.calls.prune(-1) == 2
