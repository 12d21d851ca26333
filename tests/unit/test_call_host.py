"""The host calls of one call, without a worker around it: what is checked before anything is done."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_runtime.functions.call_host import MAX_INPUT_BYTES, CallContext, CallHost
from pywasm_runtime.functions.call_line import ChildEnding
from pywasm_runtime.functions.end_call import EndCall
from pywasm_runtime.functions.errors import (
    CallFailed,
    Denied,
    FunctionError,
    InvalidName,
    LimitExceeded,
    NotFound,
    Unavailable,
)
from pywasm_runtime.functions.log_lines import LogLines
from pywasm_runtime.functions.model import Call, CallState, Failure, FunctionSettings, FunctionVersion, Limits
from pywasm_runtime.functions.state_access import StateAccess, WorkerStorage

ID = "0123456789abcdef" * 2


class FakeLine:
    """Stands for the supervisor: keeps what is chained, and ends the children as told."""

    def __init__(self) -> None:
        self.chained: list[tuple[int, str, str, bytes]] = []
        self.endings: dict[int, ChildEnding] = {}
        self.said: list[str] = []

    def chain(self, ordinal: int, function: str, entry: str, content: bytes) -> None:
        self.chained.append((ordinal, function, entry, content))

    def await_child(self, ordinal: int, *, output: bool) -> ChildEnding:
        self.said.append(f"await {ordinal} {output}")
        return self.endings[ordinal]

    def pause(self) -> None:
        self.said.append("pause")

    def resume(self) -> None:
        self.said.append("resume")

    def hold_locks(self) -> None:
        self.said.append("locks")


class Site:
    def __init__(self, folder: Path) -> None:
        self.storage = WorkerStorage(folder, folder / "state")
        self.line = FakeLine()

    def host(self, limits: Limits | None = None, *, call_id: str = ID, content: bytes = b"") -> CallHost:
        chosen = limits or Limits()
        settings = FunctionSettings(limits=chosen, config={"colour": "blü"}, environment={"X": "1"})
        function = FunctionVersion(user="ada", name="f", version=3, digest="d" * 64, settings=settings, created=0.0)
        call = Call(
            id=call_id,
            user="ada",
            function="f",
            version=3,
            entry="go",
            input=content,
            state=CallState.RUNNING,
            created=0.0,
            attempt=1,
        )
        state = StateAccess(
            self.storage, user="ada", holder=call.id, limit_bytes=chosen.state_bytes, deadline=time.monotonic() + 30
        )
        context = CallContext(call=call, function=function, module="main", preload=("numpy",))
        return CallHost(context, self.line, state)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.storage.close()


def test_input_and_output_are_bytes_as_they_are(site: Site) -> None:
    host = site.host(content=b"a\0\xff")
    assert host.read_input() == b"a\0\xff"
    host.write_output(b"first")
    host.write_output(b"\0second\xff")
    assert host.output == b"\0second\xff"


def test_too_much_output_ends_the_call(site: Site) -> None:
    host = site.host(Limits(output_bytes=4))
    host.write_output(b"1234")
    with pytest.raises(EndCall, match="5 bytes") as caught:
        host.write_output(b"12345")
    assert caught.value.failure == Failure.OUTPUT


def test_information_and_configuration(site: Site) -> None:
    host = site.host()
    found = json.loads(host.call_information())
    assert found["id"] == ID
    assert (found["module"], found["preload"], found["environment"]) == ("main", ["numpy"], {"X": "1"})
    assert host.config("colour").decode() == "blü"
    with pytest.raises(NotFound, match="'size'"):
        host.config("size")


def test_chains_have_numbers(site: Site) -> None:
    host = site.host()
    assert [host.chain("", "", b"0"), host.chain("g", "entry", b"1"), host.chain("ada/f", "", b"2")] == [0, 1, 2]
    assert site.line.chained == [(0, "", "", b"0"), (1, "g", "entry", b"1"), (2, "f", "", b"2")]
    assert host.call_id(2).decode() == f"{ID}.2"


@pytest.mark.parametrize(
    ("function", "entry", "error"),
    [
        ("bob/f", "", Denied),
        ("../f", "", InvalidName),
        ("/f", "", InvalidName),
        ("ada/", "", InvalidName),
        ("ada/bob/f", "", InvalidName),
        ("f\0", "", InvalidName),
        ("f" * 5000, "", InvalidName),
        ("", "import", InvalidName),
        ("", "a.b", InvalidName),
        ("", "\0", InvalidName),
    ],
)
def test_what_cannot_be_chained(site: Site, function: str, entry: str, error: type[FunctionError]) -> None:
    host = site.host()
    with pytest.raises(error):
        host.chain(function, entry, b"")
    assert site.line.chained == []
    with pytest.raises(NotFound):
        host.call_id(0)


def test_chains_are_limited_in_depth_number_and_size(site: Site) -> None:
    limits = Limits(chain_depth=2, children=1)
    host = site.host(limits, call_id=f"{ID}.0")
    with pytest.raises(LimitExceeded, match="limit"):
        host.chain("", "", bytes(MAX_INPUT_BYTES + 1))
    host.chain("", "", b"")
    with pytest.raises(LimitExceeded, match="1 calls"):
        host.chain("", "", b"")
    with pytest.raises(LimitExceeded, match="depth 2"):
        site.host(limits, call_id=f"{ID}.0.0").chain("", "", b"")


def test_only_own_children_are_awaited(site: Site) -> None:
    host = site.host()
    for wait in (host.await_call, host.await_output, host.call_id):
        with pytest.raises(NotFound):
            wait(0)
    host.chain("", "", b"")
    with pytest.raises(NotFound):
        host.await_call(1)
    assert site.line.said == []


def test_how_children_end(site: Site) -> None:
    host = site.host()
    good, bad = host.chain("", "", b""), host.chain("", "", b"")
    ending = ChildEnding(status=0, failure=Failure.NONE, error="", traceback="", output=b"\0out")
    site.line.endings[good] = ending
    failure = Failure.EXCEPTION
    site.line.endings[bad] = ChildEnding(
        status=1, failure=failure, error="KeyError: 'x'", traceback="Traceback of the child", output=b"some"
    )
    assert host.await_output(good) == b"\0out"
    assert json.loads(host.await_call(bad))["failure"] == "exception"
    with pytest.raises(CallFailed, match=r"exception.*KeyError: 'x'\nTraceback of the child"):
        host.await_output(bad)
    assert site.line.said == ["await 0 True", "await 1 False", "await 1 True"]


def test_state_through_both_tiers(site: Site) -> None:
    host = site.host()
    host.write_state("../key", b"\0value")
    host.write_state_range("../key", 10, 8, b"!!")
    assert host.read_state("../key") == b"\0value\0\0!!"
    assert (host.state_size("../key"), host.read_state_range("../key", 1, 5)) == (10, b"value")
    host.push_state("../key")
    host.write_state("../key", b"only here")
    host.pull_state("../key")
    assert host.state_size("../key") == 10
    host.delete_state("../key")
    with pytest.raises(NotFound):
        host.read_state("../key")
    for key in ("", "a\0b", "k" * 513):
        with pytest.raises(InvalidName):
            host.write_state(key, b"")


def test_appended_entries_have_their_length_before_them(site: Site) -> None:
    host = site.host()
    host.append_state("log", b"one")
    host.append_state("log", b"")
    assert host.read_appended("log", 0) == b"\3\0\0\0one\0\0\0\0"
    host.clear_appended("log")
    assert host.read_appended("log", 0) == b""


def test_state_is_mapped_only_where_that_is_possible(site: Site) -> None:
    host = site.host()
    host.write_state("key", b"mapped")
    with pytest.raises(Unavailable):
        host.map_state("key", 65536, 65536)
    mapped: list[tuple[int, int, bytes]] = []
    host.mapper = lambda address, size, path: mapped.append((address, size, path.read_bytes()[:6]))
    host.map_state("key", 65536, 65536)
    assert mapped == [(65536, 65536, b"mapped")]


def test_a_lock_is_the_calls_own(site: Site) -> None:
    host, other = site.host(), site.host(call_id="f" * 32)
    assert host.lock_state("key", 1, 0) == 1
    assert other.lock_state("key", 1, 0) == 0
    assert other.lock_state("key", 1, 20) == 0
    assert site.line.said == ["locks", "locks", "pause", "resume"]
    with pytest.raises(NotFound, match="'key'"):
        other.unlock_state("key")
    host.unlock_state("key")
    assert other.lock_state("key", 0, 0) == 1
    with pytest.raises(InvalidName):
        host.lock_state("", 1, 0)


def test_a_flood_of_log_lines_is_cut_and_says_so(site: Site) -> None:
    host = site.host(Limits(log_bytes=300))
    for _ in range(10_000):
        host.log(30, "x" * 90)
    assert len(host.log_lines.after(b"")) < 400
    assert host.log_lines.after(b"").startswith(b"WARNING xxx")
    assert b"the rest is left out" in host.log_lines.after(b"").splitlines()[-1]


def test_log_lines_come_after_what_was_printed() -> None:
    lines = LogLines(100)
    assert lines.after(b"printed") == b"printed"
    lines.add(20, "message \udcff")
    lines.add(7, "odd")
    assert lines.after(b"printed") == b"printed\nINFO message \\udcff\nLEVEL 7 odd\n"
    cut = lines.after(b"p" * 99)
    assert cut.startswith(b"p" * 99)
    assert b"left out" in cut.splitlines()[-1]
