"""Installing: dependencies, circles, conflicts, and the file that remembers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pywasm_build.errors import RecipeError, StoreError, UsageError, WheelError
from pywasm_build.installed import Installation, install_packages, installed_releases, parse_names, state_path
from pywasm_build.store import read_stamp
from tests.unit.checkout import Checkout, make_checkout, offer, publish, sdist_with_wheel, wheel_bytes
from tests.unit.fakes import WebServer, web_server


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as server:
        yield server


@pytest.fixture
def checkout(tmp_path: Path, web: WebServer) -> Checkout:
    return make_checkout(tmp_path, os.environ, index=web.url)


def installing(checkout: Checkout, *names: str, clean: bool = False) -> Installation:
    wanted = parse_names(names)
    return install_packages(checkout.context, wanted, builder=checkout.builder, clean=clean)


def titles(done: Installation) -> list[str]:
    return [f"{wheel.name} {wheel.version}" for wheel in done.root.wheels]


def test_dependencies_come_along(checkout: Checkout, web: WebServer) -> None:
    offer(web, "app", "lib>=1", 'other; sys_platform == "linux"', "extra; extra == 'x'")
    offer(web, "lib", "base")
    offer(web, "base")
    done = installing(checkout, "app")
    assert titles(done) == ["app 1.0", "base 1.0", "lib 1.0"]
    assert [(outcome.job.release.name, outcome.built) for outcome in done.outcomes] == [
        ("base", True),
        ("lib", True),
        ("app", True),
    ]
    site = checkout.workspace.runtime / "usr" / "lib" / "python3.13" / "site-packages"
    assert (site / "base.py").is_file()
    again = installing(checkout, "app")
    assert [outcome.built for outcome in again.outcomes] == [False, False, False]
    assert again.root.path == done.root.path


def test_a_circle_ends(checkout: Checkout, web: WebServer) -> None:
    offer(web, "egg", "hen[warm]")
    offer(web, "hen", "egg", "egg[warm]; extra == 'warm'")
    assert titles(installing(checkout, "egg")) == ["egg 1.0", "hen 1.0"]


def test_extras_count_whenever_they_are_asked_for(checkout: Checkout, web: WebServer) -> None:
    offer(web, "app", "lib", "tool")
    offer(web, "tool", "lib[fast]")
    offer(web, "lib", "quick; extra == 'fast'")
    offer(web, "quick")
    assert "quick 1.0" in titles(installing(checkout, "app"))


def test_a_recipe_may_require_more(checkout: Checkout, web: WebServer) -> None:
    sdist = sdist_with_wheel("pack")
    publish(web, "pack", {"pack-1.0.tar.gz": sdist})
    checkout.recipe("pack", sha256(sdist).hexdigest(), more='requires = ["base"]\n')
    offer(web, "base")
    assert titles(installing(checkout, "pack")) == ["base 1.0", "pack 1.0"]


def test_versions_that_do_not_fit_together(checkout: Checkout, web: WebServer) -> None:
    offer(web, "app", "lib", "tool")
    offer(web, "tool", "lib<2")
    offer(web, "lib", versions=("1.0", "2.0"))
    with pytest.raises(WheelError, match=r"versions of lib conflict: lib==2.0 is asked for, lib==1.0 is asked for; no"):
        installing(checkout, "lib==2.0", "lib==1.0")
    with pytest.raises(WheelError, match=r"lib conflict: lib==2.0 is asked for, tool 1.0 requires lib<2; no version"):
        installing(checkout, "lib==2.0", "app")
    # Not the newest lib, but the newest that all take.
    assert titles(installing(checkout, "app")) == ["app 1.0", "lib 1.0", "tool 1.0"]


def test_what_is_installed_must_go_on_working(checkout: Checkout, web: WebServer) -> None:
    offer(web, "tool", "lib<2")
    offer(web, "lib", versions=("1.0", "2.0"))
    installing(checkout, "tool")
    before = checkout.workspace.runtime.readlink()
    with pytest.raises(WheelError, match=r"lib==2.0 is asked for, tool 1.0 requires lib<2; no version"):
        installing(checkout, "lib==2.0")
    assert checkout.workspace.runtime.readlink() == before
    assert [release.version for release in installed_releases(checkout.context)] == ["1.0", "1.0"]


def test_what_is_installed_stays_and_is_taken(checkout: Checkout, web: WebServer) -> None:
    offer(web, "lib")
    installing(checkout, "lib")
    offer(web, "lib", versions=("1.0", "2.0"))
    offer(web, "app", "lib")
    assert titles(installing(checkout, "app")) == ["app 1.0", "lib 1.0"]
    assert titles(installing(checkout, "lib")) == ["app 1.0", "lib 2.0"]
    assert titles(installing(checkout)) == ["app 1.0", "lib 2.0"]


def test_a_requirement_that_is_a_url_is_refused(checkout: Checkout, web: WebServer) -> None:
    offer(web, "app", "lib @ https://host.invalid/lib.zip")
    with pytest.raises(WheelError, match="is required from a URL"):
        installing(checkout, "app")
    assert installed_releases(checkout.context) == []


def test_an_unknown_dependency_names_itself(checkout: Checkout, web: WebServer) -> None:
    offer(web, "app", "lib>=3")
    with pytest.raises(RecipeError, match="no index has a package for 'lib>=3'"):
        installing(checkout, "app")


def test_clean_builds_what_is_named_again(checkout: Checkout, web: WebServer) -> None:
    offer(web, "app", "lib")
    offer(web, "lib")
    installing(checkout, "app")
    done = installing(checkout, "app", clean=True)
    assert [(outcome.job.release.name, outcome.built) for outcome in done.outcomes] == [("lib", False), ("app", True)]


def test_the_state_survives_the_loss_of_the_cache(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    offer(web, "app")
    done = installing(checkout, "app")
    state = json.loads(state_path(checkout.context).read_text())
    digest = sha256(wheel_bytes("app")).hexdigest()
    # No URL: it may have a password in it, and another mirror another one.
    assert state == [{"name": "app", "version": "1.0", "file": "app-1.0-py3-none-any.whl", "url": "", "sha256": digest}]
    for folder in (checkout.workspace.downloads / digest, done.outcomes[0].wheel.path.parent):
        folder.rename(tmp_path / folder.name)
    assert titles(installing(checkout)) == ["app 1.0"]


@pytest.mark.parametrize("text", ["", "{", "{}", "null", "[1]", '[{"name": "x"}]', '[{"nam": "x"}]', '[{"name": 1}]'])
def test_a_damaged_state_says_so(checkout: Checkout, text: str) -> None:
    path = state_path(checkout.context)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with pytest.raises(StoreError, match=r"installed.json is damaged \(.*\); delete it and install"):
        installed_releases(checkout.context)


def test_nothing_is_installed_at_first(checkout: Checkout) -> None:
    assert installed_releases(checkout.context) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("num py", "is not a package name"),
        ("", "is not a package name"),
        ("x @ https://host.invalid/x.zip", "has a URL"),
    ],
)
def test_a_name_that_is_none(name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=f"--name .*{reason}"):
        parse_names([name])


def test_names_may_have_versions() -> None:
    assert parse_names(["numpy==2.5.5", "six"]) == [Requirement("numpy==2.5.5"), Requirement("six")]


def test_the_runtime_root_knows_its_main_module(checkout: Checkout) -> None:
    stamp = read_stamp(installing(checkout).root.path)
    assert stamp is not None
    assert stamp["python"]["main"] == "usr/bin/python3.13.wasm"
