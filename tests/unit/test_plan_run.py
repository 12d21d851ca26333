"""Carrying plans out: what fails stops only what needs it, and the closing table says why."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pywasm_build import packages
from pywasm_build.errors import BuildError, CommandFailed, PywasmError, WheelError
from pywasm_build.installed import Installation, install_packages, installed_releases, parse_names
from pywasm_build.packages import PackageBuilder
from pywasm_build.plan import Plan
from pywasm_build.plan_report import closing_text
from pywasm_build.plan_run import one_line
from tests.unit.checkout import Checkout, make_checkout, publish, sdist_bytes, sdist_with_wheel, wheel_bytes
from tests.unit.fakes import WebServer, web_server

FAILURE = b"src/x.c:1:10: fatal error: 'nope.h' file not found\nerror: command 'cc' failed with exit code 1\n"
NEEDS = "Metadata-Version: 2.2\nRequires-Dist: {}\n"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as server:
        yield server


@pytest.fixture(autouse=True)
def unconfined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let these builds write outside their folders: that is how they tell each other when they run."""
    monkeypatch.setattr(packages, "confined", lambda command, writable: command)


@pytest.fixture
def checkout(tmp_path: Path, web: WebServer) -> Checkout:
    return make_checkout(tmp_path, os.environ, index=web.url)


def offer(web: WebServer, name: str, *requires: str) -> None:
    publish(web, name, {f"{name}-1.0-py3-none-any.whl": wheel_bytes(name, requires=requires)})


def offer_failing(web: WebServer, name: str, requires: str = "") -> None:
    info = NEEDS.format(requires) if requires else "Metadata-Version: 2.2\n"
    publish(web, name, {f"{name}-1.0.tar.gz": sdist_bytes(name, {"fail": FAILURE, "PKG-INFO": info.encode()})})


def installing(checkout: Checkout, *names: str, plans: list[Plan] | None = None, clean: bool = False) -> Installation:
    show = plans.append if plans is not None else lambda plan: None
    wanted = parse_names(names)
    return install_packages(checkout.context, wanted, builder=checkout.builder, keep_going=True, show=show, clean=clean)


def results(done: Installation) -> dict[str, str]:
    found = {outcome.job.release.name: "built" if outcome.built else "cached" for outcome in done.outcomes}
    return found | {failure.name: "skipped" if failure.skipped else "failed" for failure in done.failures}


def test_a_failure_stops_only_what_needs_it(checkout: Checkout, web: WebServer) -> None:
    offer_failing(web, "bad")
    offer(web, "app", "bad", "good")
    offer(web, "suite", "app")
    offer(web, "good")
    done = installing(checkout, "suite", "good")
    assert results(done) == {"good": "built", "bad": "failed", "app": "skipped", "suite": "skipped"}
    assert [release.name for release in installed_releases(checkout.context)] == ["good"]
    reasons = {failure.name: failure.reason for failure in done.failures}
    assert reasons == {
        "bad": "src/x.c:1:10: fatal error: 'nope.h' file not found",
        "app": "it needs bad, which failed",
        "suite": "it needs app, which was skipped",
    }


def test_the_closing_table_has_the_reason_and_the_log(checkout: Checkout, web: WebServer) -> None:
    offer_failing(web, "bad")
    offer(web, "app", "bad")
    offer(web, "good")
    installing(checkout, "good")
    done = installing(checkout, "good", "app", "unknown")
    lines = closing_text(done.outcomes, done.failures, checkout.context.display).splitlines()
    assert lines[0].split() == ["package", "version", "result", "size", "time", "why"]
    assert lines[2].split()[:3] == ["good", "1.0", "cached"]
    told = "src/x.c:1:10: fatal error: 'nope.h' file not found (the full log is build/logs/bad.log)"
    assert [" ".join(line.split()) for line in lines[3:]] == [
        f"bad 1.0 failed - - {told}",
        "app 1.0 skipped - - it needs bad, which failed",
        "unknown - failed - - no index has a package for 'unknown'",
        "1 cached, 2 failed, 1 skipped",
    ]
    assert closing_text([], []) == ""


def test_what_is_known_to_fail_is_not_begun(checkout: Checkout, web: WebServer) -> None:
    rusty = sdist_bytes("rusty", {"Cargo.toml": b"", "fail": FAILURE})
    publish(web, "rusty", {"rusty-1.0.tar.gz": rusty})
    done = installing(checkout, "rusty")
    assert [failure.reason for failure in done.failures] == [
        "rusty 1.0 cannot be built: it needs a Rust compiler (Cargo.toml)"
    ]
    assert not checkout.workspace.log("rusty").exists()


def test_without_keep_going_the_first_failure_is_raised(checkout: Checkout, web: WebServer) -> None:
    offer_failing(web, "bad")
    offer(web, "good")
    with pytest.raises(CommandFailed):
        install_packages(checkout.context, parse_names(["bad", "good"]), builder=checkout.builder)
    assert installed_releases(checkout.context) == []


def test_what_a_build_reveals_is_planned_then(checkout: Checkout, web: WebServer) -> None:
    publish(web, "app", {"app-1.0.tar.gz": sdist_with_wheel("app", requires=("lib",))})
    publish(web, "lib", {"lib-1.0.tar.gz": sdist_with_wheel("lib", requires=("base",))})
    offer(web, "base")
    plans: list[Plan] = []
    done = installing(checkout, "app", plans=plans)
    assert [[step.name for step in plan.steps] for plan in plans] == [["app"], ["lib", "app"], ["base", "lib", "app"]]
    assert results(done) == {"base": "built", "lib": "built", "app": "built"}
    again = installing(checkout, "app", clean=True)
    assert results(again) == {"base": "cached", "lib": "cached", "app": "built"}


def test_what_a_build_reveals_may_be_missing(checkout: Checkout, web: WebServer) -> None:
    publish(web, "app", {"app-1.0.tar.gz": sdist_with_wheel("app", requires=("gone",))})
    done = installing(checkout, "app")
    assert results(done) == {"gone": "failed", "app": "skipped"}
    assert installed_releases(checkout.context) == []


@pytest.mark.parametrize("asked", ["egg", "hen"])
def test_a_circle_fails_as_a_whole(checkout: Checkout, web: WebServer, asked: str) -> None:
    offer(web, "egg", "hen")
    offer_failing(web, "hen", "egg")
    done = installing(checkout, asked)
    assert results(done) == {"hen": "failed", "egg": "skipped"}
    assert installed_releases(checkout.context) == []


def test_a_failed_upgrade_leaves_what_is_installed(checkout: Checkout, web: WebServer) -> None:
    offer(web, "pack")
    installing(checkout, "pack")
    publish(web, "pack", {"pack-2.0.tar.gz": sdist_bytes("pack", {"fail": FAILURE}, "2.0")})
    done = installing(checkout, "pack")
    assert results(done) == {"pack": "failed"}
    assert [f"{wheel.name} {wheel.version}" for wheel in done.root.wheels] == ["pack 1.0"]


def test_a_clean_build_that_fails_changes_nothing(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    switch = tmp_path / "checkout" / "fails"
    sdist = sdist_with_wheel("pack")
    publish(web, "pack", {"pack-1.0.tar.gz": sdist})
    installing(checkout, "pack")
    before = checkout.workspace.runtime.readlink()
    python = checkout.builder.environment.python
    python.write_text(f"#!/bin/sh\necho 'x.c:1:1: error: worse'\ntouch {switch}\nexit 3\n")
    with pytest.raises(
        BuildError, match=r"pack 1.0 is installed, but cannot be built any more: x.c:1:1: error: worse;"
    ):
        installing(checkout, "pack", clean=True)
    assert switch.exists()
    assert checkout.workspace.runtime.readlink() == before


def with_jobs(checkout: Checkout, jobs: int) -> PackageBuilder:
    return replace(checkout.builder, context=replace(checkout.context, jobs=jobs))


def offer_building(web: WebServer, name: str, script: str, *, requires: str = "", files: Sequence[str] = ()) -> None:
    """Offer an sdist whose build runs a script first."""
    wheel = f"{name}-1.0-py3-none-any.whl"
    info = "Metadata-Version: 2.2\n" + (f"Requires-Dist: {requires}\n" if requires else "")
    content = {
        "PKG-INFO": info.encode(),
        "make-wheel": f'{script}\ncp prebuilt/*.whl "$1"\n'.encode(),
        f"prebuilt/{wheel}": wheel_bytes(name, requires=(requires,) if requires else ()),
        **dict.fromkeys(files, b""),
    }
    publish(web, name, {f"{name}-1.0.tar.gz": sdist_bytes(name, content)})


def meeting(folder: Path, own: str, other: str) -> str:
    """Return a script that fails unless the other one runs at the same time."""
    wait = f"for i in $(seq 200); do [ -e {folder}/{other} ] && break; sleep 0.1; done; [ -e {folder}/{other} ]"
    return f"touch {folder}/{own}\n{wait} || exit 3"


def test_what_is_independent_is_built_at_the_same_time(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    offer_building(web, "left", meeting(tmp_path, "l", "r"))
    offer_building(web, "right", meeting(tmp_path, "r", "l"))
    done = install_packages(checkout.context, parse_names(["left", "right"]), builder=with_jobs(checkout, 2))
    assert results(done) == {"left": "built", "right": "built"}


def test_with_one_processor_builds_follow_the_plan(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    order = tmp_path / "order"

    def script(name: str) -> str:
        return f"echo {name} begins >>{order}; sleep 0.1; echo {name} ends >>{order}"

    offer_building(web, "base", script("base"))
    offer_building(web, "app", script("app"), requires="base")
    offer_building(web, "extra", script("extra"))
    done = install_packages(checkout.context, parse_names(["app", "extra"]), builder=with_jobs(checkout, 1))
    assert list(results(done)) == ["base", "app", "extra"]
    lines = [f"{name} {what}" for name in ("base", "app", "extra") for what in ("begins", "ends")]
    assert order.read_text().splitlines() == lines


def test_what_is_needed_is_built_before(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    offer_building(web, "base", f"{meeting(tmp_path, 'b', 'e')}\nsleep 0.3; touch {tmp_path}/base-ends")
    offer_building(web, "app", f"[ -e {tmp_path}/base-ends ] || exit 3", requires="base")
    offer_building(web, "extra", meeting(tmp_path, "e", "b"))
    done = install_packages(checkout.context, parse_names(["app", "extra"]), builder=with_jobs(checkout, 3))
    assert results(done) == {"base": "built", "app": "built", "extra": "built"}


def test_a_build_that_uses_all_processors_is_alone(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    alone = f"mkdir {tmp_path}/alone || exit 3; sleep 0.3; rmdir {tmp_path}/alone"
    system = b'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "mesonpy"\n'
    for name in ("first", "second", "third"):
        wheel = {f"prebuilt/{name}-1.0-py3-none-any.whl": wheel_bytes(name)}
        files = {"make-wheel": f'{alone}\ncp prebuilt/*.whl "$1"\n'.encode(), "pyproject.toml": system, **wheel}
        publish(web, name, {f"{name}-1.0.tar.gz": sdist_bytes(name, files)})
    wanted = parse_names(["first", "second", "third"])
    done = install_packages(checkout.context, wanted, builder=with_jobs(checkout, 2))
    assert results(done) == {"first": "built", "second": "built", "third": "built"}


def test_a_failure_does_not_end_what_is_built_beside_it(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    fails = f"{meeting(tmp_path, 'b', 'g')}\necho 'x.c:1:1: error: no'; exit 3"
    offer_building(web, "bad", fails)
    offer_building(web, "good", f"{meeting(tmp_path, 'g', 'b')}\nsleep 0.5")
    offer(web, "app", "bad")
    builder = with_jobs(checkout, 2)
    done = install_packages(checkout.context, parse_names(["good", "app"]), builder=builder, keep_going=True)
    assert results(done) == {"good": "built", "bad": "failed", "app": "skipped"}
    # Without keep_going it is raised, once the other one is built.
    (tmp_path / "b").unlink()
    (tmp_path / "g").unlink()
    with pytest.raises(CommandFailed):
        install_packages(checkout.context, parse_names(["good", "app"]), builder=builder, clean=True)
    assert builder.context.store.find(builder.stage(done.outcomes[0].job))


def test_what_is_cached_waits_for_nobody(checkout: Checkout, web: WebServer) -> None:
    builder = with_jobs(checkout, 1)
    shelf = checkout.workspace.wheelhouse / builder.environment.key
    there = " -a ".join(f"-e {shelf}/{name}-1.0-py3-none-any.whl" for name in ("ready", "lone"))
    offer_building(web, "slow", f"[ {there} ] || exit 3")
    offer(web, "ready", "slow")
    offer(web, "lone")
    for name in ("ready", "lone"):
        builder.build(builder.choose(Requirement(name)))
    shutil.rmtree(shelf)
    done = install_packages(checkout.context, parse_names(["slow", "ready", "lone"]), builder=builder)
    assert results(done) == {"slow": "built", "ready": "cached", "lone": "cached"}


def offer_both(web: WebServer, name: str, sdist: Mapping[str, bytes], *requires: str) -> None:
    """Offer a package with a compiled part, as an sdist and as a pure wheel."""
    wheels = {
        f"{name}-1.0-py3-none-any.whl": wheel_bytes(name, requires=requires),
        f"{name}-1.0-cp313-cp313-linux.whl": b"",
    }
    publish(web, name, {f"{name}-1.0.tar.gz": sdist_bytes(name, sdist), **wheels})


@pytest.mark.parametrize("keep_going", [True, False])
@pytest.mark.parametrize("certain", [True, False])
def test_what_cannot_be_built_is_taken_as_a_pure_wheel(
    checkout: Checkout, web: WebServer, keep_going: bool, certain: bool
) -> None:
    info = {"PKG-INFO": b"Metadata-Version: 2.2\n"} if certain else {}
    offer_both(web, "pack", {"fail": FAILURE, **info}, "lib")
    offer(web, "lib")
    offer_building(web, "app", "", requires="pack")
    plans: list[Plan] = []
    wanted = parse_names(["app"])
    done = install_packages(
        checkout.context, wanted, builder=checkout.builder, keep_going=keep_going, show=plans.append
    )
    assert results(done) == {"lib": "built", "pack": "built", "app": "built"}
    assert [release.file for release in installed_releases(checkout.context) if release.name == "pack"] == [
        "pack-1.0-py3-none-any.whl"
    ]
    lines = closing_text(done.outcomes, done.failures, checkout.context.display).splitlines()
    pack = next(" ".join(line.split()) for line in lines if line.startswith("pack "))
    assert pack.startswith("pack 1.0 pure wheel")
    told = "src/x.c:1:10: fatal error: 'nope.h' file not found (the full log is build/logs/pack.log)"
    assert pack.endswith(f"without its compiled part: {told}")
    assert lines[-1] == "2 built, 1 pure wheel"
    assert checkout.workspace.log("pack").is_file()
    # It stays what it is when something else is installed.
    assert results(installing(checkout, "lib")) == {"lib": "cached"}


def test_without_a_pure_wheel_it_fails_as_before(checkout: Checkout, web: WebServer) -> None:
    wheel = {"pack-1.0-cp313-cp313-linux.whl": b"", "pack-0.9-py3-none-any.whl": wheel_bytes("pack", "0.9")}
    publish(web, "pack", {"pack-1.0.tar.gz": sdist_bytes("pack", {"fail": FAILURE}), **wheel})
    assert results(installing(checkout, "pack")) == {"pack": "failed"}


def test_a_pure_wheel_that_is_no_good_either(checkout: Checkout, web: WebServer) -> None:
    wheels = {"pack-1.0-py3-none-any.whl": b"PK", "pack-1.0-cp313-cp313-linux.whl": b""}
    publish(web, "pack", {"pack-1.0.tar.gz": sdist_bytes("pack", {"fail": FAILURE}), **wheels})
    done = installing(checkout, "pack")
    assert results(done) == {"pack": "failed"}
    assert "is damaged or no wheel" in done.failures[0].reason


def test_ctrl_c_ends_all_builds(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    for name, other in (("left", "right"), ("right", "left")):
        offer_building(web, name, f"echo $$ >{tmp_path}/{name}.pid\n{meeting(tmp_path, name, other)}\nsleep 60")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        deadline = time.monotonic() + 30
        while not all((tmp_path / name).exists() for name in ("left", "right")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            install_packages(checkout.context, parse_names(["left", "right"]), builder=with_jobs(checkout, 2))
    finally:
        signal.signal(signal.SIGINT, before)
        thread.join()
    for name in ("left", "right"):
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / f"{name}.pid").read_text()), 0)
    assert installed_releases(checkout.context) == []


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PywasmError("what\nmore"), "what"),
        (PywasmError(""), "PywasmError"),
        (WheelError("x must not be installed:\n  - its tag is wrong\n  - and more"), "its tag is wrong"),
    ],
)
def test_an_error_in_one_line(error: PywasmError, line: str) -> None:
    assert one_line(error) == line
