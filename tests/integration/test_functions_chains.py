"""Calls that call others: wide, deep, failing, awaited in any order or never, over versions and users."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pywasm_runtime.functions.errors import NotFound
from pywasm_runtime.functions.model import CallState, Failure
from tests.integration.functions import USER, Functions, running_functions
from tests.integration.test_functions_conformance import FOLDER
from tests.integration.waiting import begin, end, outcome, output_of, until

TREE = """
import json, pywasm_host as host

def faasm_main(content):
    width, depth = json.loads(content)
    below = json.dumps([width, depth - 1]).encode()
    calls = [host.chain(faasm_main, below) for _ in range(width)] if depth else []
    host.write_output(b"%d" % (1 + sum(int(call.output()) for call in calls)))

def descend(content):
    level = int(content or 0)
    try:
        below = host.chain(descend, b"%d" % (level + 1)).output()
    except host.LimitExceeded as error:
        below = str(error).encode()
    host.write_output(b"%d, " % level + below)

def any_order():
    calls = [host.chain(echo, b"%d" % number) for number in range(6)]
    backwards = [call.output() for call in reversed(calls)]
    again = [host.await_output(number) for number in (3, 0, 5, 3)]
    assert [call.wait().status for call in calls] == [0] * 6
    host.write_output(b" ".join(backwards + again))

def echo(content):
    host.write_output(content)

def strangers():
    for number in (0, 7, 1 << 31):
        try: host.await_call(number)
        except host.NotFound: continue
        raise AssertionError(number)
    host.chain(echo)
    host.await_call(0)
    try: host.await_call(1)
    except host.NotFound: host.write_output(b"none of mine")

def too_many():
    try:
        for number in range(100): host.chain(echo)
    except host.LimitExceeded as error: host.write_output(b"%d" % number)
    assert host.await_call(number - 1).status == 0

def leaves():
    for number in range(3): host.chain(marks, b"%d" % number)

def marks(content):
    host.append_state("marks", content)

def marked():
    host.write_output(b" ".join(host.read_appended("marks")))

def fails(content):
    raise LookupError("not in " + content.decode())

def exits():
    host.write_output(b"partly")
    raise SystemExit(4)

def sees_failures():
    status = host.chain(fails, b"here").wait()
    assert (status.status, status.failure, status.error) == (1, "exception", "LookupError: not in here"), status
    assert "in fails" in status.traceback
    status = host.chain(exits).wait()
    assert (status.status, status.failure) == (4, "status"), status
    try: host.chain(exits).output()
    except host.CallFailed: pass
    host.chain(fails, b"there").output()

def ids():
    calls = [host.chain(own_id) for _ in range(3)]
    assert [call.output().decode() for call in calls] == [call.id for call in calls]
    assert [call.id for call in calls] == [f"{host.call_id()}.{number}" for number in range(3)]

def own_id():
    host.write_output(host.call_id().encode())

def named(content):
    name, _, entry = content.decode().partition(" ")
    host.write_output(host.chain(name, b"hi", entry=entry or None).output())

def bounds(content):
    host.chain(echo, bytes(int(content)))
"""


@pytest.fixture(scope="module")
def tree(functions: Functions) -> str:
    functions.upload("tree", TREE)
    functions.upload("shallow", TREE, chain_depth=3)
    functions.upload("few", TREE, entry="too_many", children=5)
    return "tree"


@pytest.fixture(scope="module")
def narrow(chain: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    """Run a service that runs one call at a time."""
    with running_functions(tmp_path_factory.mktemp("narrow"), slots=1) as running:
        running.upload("tree", TREE)
        yield running


def test_eight_calls_a_level(functions: Functions, tree: str) -> None:
    assert functions.output(tree, b"[8, 2]") == b"73"


def test_the_sample_of_eight_a_level_with_one_slot(narrow: Functions) -> None:
    narrow.upload("mat_mul", (FOLDER / "mat_mul.py").read_text("utf-8"))
    assert len(narrow.output("mat_mul", b'{"size": 32, "levels": 2}')) == 32 * 32 * 4


def test_three_hundred_calls_of_one_with_one_slot(narrow: Functions) -> None:
    assert narrow.output("tree", b"[300, 1]") == b"301"
    now = narrow.service.statistics()
    assert (now.running, now.waiting, now.queued) == (0, 0, 0)


def test_calls_that_wait_take_no_slot(narrow: Functions) -> None:
    assert narrow.output("tree", b"[1, 14]") == b"15"
    assert narrow.output("tree", b"[2, 5]") == b"63"


def test_as_deep_as_the_limit_and_no_deeper(functions: Functions, tree: str) -> None:
    said = functions.output("shallow", entry="descend").decode()
    assert said.startswith("0, 1, 2, 3, ")
    assert "at depth 3 may chain no further" in said
    assert functions.output(tree, entry="descend").startswith(
        b"0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, a"
    )
    uncaught = outcome(functions.call("shallow", b"[1, 4]"))
    assert uncaught.error.startswith("CallFailed: ")
    assert "LimitExceeded" in uncaught.traceback


def test_too_many_children(functions: Functions, tree: str) -> None:
    assert functions.output("few") == b"5"


def test_they_are_awaited_in_any_order_and_again(functions: Functions, tree: str) -> None:
    assert functions.output(tree, entry="any_order") == b"5 4 3 2 1 0 3 0 5 3"


def test_only_own_calls_can_be_awaited(functions: Functions, tree: str) -> None:
    assert functions.output(tree, entry="strangers") == b"none of mine"


def test_calls_that_nobody_awaits_run(functions: Functions, tree: str) -> None:
    call_id = begin(functions, tree, entry="leaves")
    output_of(functions, call_id)
    for number in range(3):
        assert end(functions, f"{call_id}.{number}").state is CallState.SUCCEEDED
    assert sorted(functions.output(tree, entry="marked").split()) == [b"0", b"1", b"2"]


def test_a_failure_is_seen_with_its_traceback(functions: Functions, tree: str) -> None:
    ended = outcome(functions.call(tree, entry="sees_failures"))
    assert ended.failure is Failure.EXCEPTION
    assert ended.error.startswith("CallFailed: call ")
    assert "LookupError: not in there" in ended.error
    for line in ("in sees_failures", "in fails", "LookupError: not in there"):
        assert line in ended.traceback


def test_ids_of_chained_calls(functions: Functions, tree: str) -> None:
    functions.output(tree, entry="ids")


def test_other_functions_of_the_same_user_and_of_others(functions: Functions, tree: str) -> None:
    functions.upload(
        "polite",
        "import pywasm_host as h\ndef faasm_main(): h.write_output(h.user().encode())\ndef b(x): h.write_output(x)\n",
    )
    functions.upload("polite", "def faasm_main(): pass\n", user="stranger")
    assert functions.output(tree, b"polite", entry="named") == USER.encode()
    assert functions.output(tree, f"{USER}/polite".encode(), entry="named") == USER.encode()
    assert functions.output(tree, b"polite b", entry="named") == b"hi"

    def error(content: str) -> str:
        return outcome(functions.call(tree, content.encode(), entry="named")).error.split(":")[0]

    assert error("stranger/polite") == "AccessDenied"
    assert error("stranger/no-such") == "AccessDenied", "nor is told what a stranger has"
    assert error("no-such") == "NotFound"
    assert error(f"{USER}/no-such") == "NotFound"
    for name in ("../stranger/polite", "stranger/../tree", "/polite", "polite/", "a\0b", "-x", "stranger//polite", "."):
        assert error(name) in ("InvalidRequest", "AccessDenied"), name
    assert error("polite no_such_entry") == "CallFailed"
    assert error("polite not-a-name") == "InvalidRequest"
    assert error("polite __import__") == "CallFailed"


def test_an_input_over_its_limit(functions: Functions, tree: str) -> None:
    functions.output(tree, b"1000000", entry="bounds")
    assert outcome(functions.call(tree, b"%d" % (80 << 20), entry="bounds")).error.startswith("LimitExceeded")


VERSIONED = """
import time, pywasm_host as host

def faasm_main():
    host.append_state("versions", b"began %(number)d")
    while b"go on" not in host.read_appended("versions"): time.sleep(0.01)
    own, named = host.chain(number), host.chain("versioned", entry="number")
    host.write_output(b"%(number)d " + own.output() + b" " + named.output())

def number(content):
    host.write_output(b"%(number)d")

def go_on():
    host.append_state("versions", b"go on")

def began():
    host.write_output(b", ".join(host.read_appended("versions")))
"""


def test_a_running_call_ends_on_its_version(functions: Functions) -> None:
    assert functions.upload("versioned", VERSIONED % {"number": 1}).version == 1
    old = begin(functions, "versioned")
    until(lambda: functions.output("versioned", entry="began") == b"began 1")
    queued = begin(functions, "versioned", entry="number")
    assert functions.upload("versioned", VERSIONED % {"number": 2}).version == 2
    assert functions.output("versioned", entry="number") == b"2"
    functions.output("versioned", entry="go_on")
    assert output_of(functions, old) == b"1 1 1"
    assert output_of(functions, queued) == b"1", "it was accepted before"
    assert functions.output("versioned") == b"2 2 2"


def test_back_to_an_older_version(functions: Functions) -> None:
    for number in (1, 2, 3):
        functions.upload("rolled", VERSIONED % {"number": number})
    service = functions.service
    assert functions.wait(service.roll_back(USER, "rolled", 1)).version == 1
    assert functions.output("rolled", entry="number") == b"1"
    assert functions.output("rolled", entry="number", version=3) == b"3"
    assert [version.version for version in functions.wait(service.versions(USER, "rolled"))] == [3, 2, 1]
    assert functions.upload("rolled", VERSIONED % {"number": 4}).version == 4
    assert functions.output("rolled", entry="number") == b"4"


def test_a_deleted_function_ends_what_was_accepted(functions: Functions) -> None:
    source = VERSIONED.replace("versioned", "doomed").replace("versions", "doomed") % {"number": 1}
    functions.upload("doomed", source)
    functions.upload("release", source)
    running = begin(functions, "doomed")
    until(lambda: functions.output("release", entry="began") == b"began 1")
    functions.wait(functions.service.delete(USER, "doomed"))
    assert outcome(functions.call("release", entry="go_on")).error == ""
    assert output_of(functions, running) == b"1 1 1", "its children are of the same version"
    with pytest.raises(NotFound):
        functions.call("doomed")
    functions.upload("doomed", "import pywasm_host as host\ndef faasm_main(): host.write_output(b'anew')\n")
    assert functions.output("doomed") == b"anew"


def test_parents_of_many_threads_do_not_lock_each_other_out(functions: Functions, tree: str) -> None:
    outputs: list[bytes] = []
    threads = [threading.Thread(target=lambda: outputs.append(functions.output(tree, b"[3, 2]"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == [b"13"] * 6
