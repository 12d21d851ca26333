"""Plans: which packages, in which versions and order, from where and why; conflicts, circles, obstacles."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from pywasm_build.errors import BuildError, DownloadError, RecipeError, WheelError
from pywasm_build.installed import install_packages, parse_names, plan_packages
from pywasm_build.plan import Plan
from pywasm_build.plan_report import plan_text
from tests.unit.checkout import Checkout, make_checkout, offer, publish, sdist_bytes, sdist_with_wheel, wheel_bytes
from tests.unit.fakes import WebServer, web_server

PINS = f"""[[source]]
name = "libx"
version = "1"
file = "libx-1.tar.gz"
[[source.location]]
kind = "upstream"
url = "http://127.0.0.1:1/libx-1.tar.gz"
sha256 = "{"a" * 64}"
"""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as server:
        yield server


@pytest.fixture
def checkout(tmp_path: Path, web: WebServer) -> Checkout:
    return make_checkout(tmp_path, os.environ, index=web.url)


def offer_releases(web: WebServer, name: str, releases: dict[str, tuple[str, ...]]) -> None:
    """Offer wheels of several versions, each with its own requirements."""
    files = {f"{name}-{v}-py3-none-any.whl": wheel_bytes(name, v, requires=needs) for v, needs in releases.items()}
    publish(web, name, files)


def offer_sdist(web: WebServer, name: str, info: str = "") -> bytes:
    sdist = sdist_bytes(name, {"PKG-INFO": info.encode()} if info else {"x": b""})
    publish(web, name, {f"{name}-1.0.tar.gz": sdist})
    return sdist


def planned(checkout: Checkout, *names: str) -> Plan:
    return plan_packages(checkout.context, parse_names(names), builder=checkout.builder)


def titles(plan: Plan) -> list[str]:
    return [step.title for step in plan.steps]


def test_a_plan_says_what_from_where_and_why(checkout: Checkout, web: WebServer) -> None:
    offer_sdist(web, "app", 'Metadata-Version: 2.2\nRequires-Dist: lib>=1\nRequires-Dist: x; sys_platform == "linux"\n')
    offer(web, "lib", "base")
    base = offer_sdist(web, "base")
    checkout.recipe("base", sha256(base).hexdigest())
    assert plan_text(planned(checkout, "app", "base")).splitlines() == [
        "package  version  from        build system  why",
        "-------  -------  ----------  ------------  ----------------------------",
        "base     1.0      registry    setuptools    asked for, needed by lib 1.0",
        "lib      1.0      pure wheel  -             needed by app 1.0",
        "app      1.0      sdist       setuptools    asked for",
        "what else base may require is known after the build",
    ]


def test_a_plan_builds_and_changes_nothing(checkout: Checkout, web: WebServer) -> None:
    offer_sdist(web, "app", "Metadata-Version: 2.2\nRequires-Dist: lib\n")
    offer(web, "lib")
    before = sorted(path.name for path in checkout.workspace.store.iterdir())
    assert titles(planned(checkout, "app")) == ["lib 1.0", "app 1.0"]
    assert sorted(path.name for path in checkout.workspace.store.iterdir()) == sorted([*before, "survey"])
    assert not checkout.workspace.wheelhouse.exists()
    assert not checkout.workspace.runtime.is_symlink()
    assert list(checkout.workspace.build.glob("*.json")) == []


def test_what_is_built_is_cached(checkout: Checkout, web: WebServer) -> None:
    sdist = sdist_with_wheel("app", requires=("lib",))
    publish(web, "app", {"app-1.0.tar.gz": sdist})
    offer(web, "lib")
    assert [step.facts and step.facts.cached for step in planned(checkout, "app").steps] == [False]
    install_packages(checkout.context, parse_names(["app"]), builder=checkout.builder)
    plan = planned(checkout, "app")
    # Of a built one it is certain what it requires.
    assert titles(plan) == ["lib 1.0", "app 1.0"]
    assert "app      1.0      sdist, cached       setuptools    asked for" in plan_text(plan).splitlines()


def test_a_library_that_is_not_built_is_not_built_for_a_plan(checkout: Checkout, web: WebServer) -> None:
    sdist = offer_sdist(web, "app")
    folder = checkout.workspace.patches / "libx"
    folder.mkdir()
    (folder / "recipe.toml").write_text('[library]\nname = "libx"\n')
    checkout.workspace.sources_toml.write_text(PINS)
    checkout.recipe("app", sha256(sdist).hexdigest(), more='[build]\nlibraries = ["libx"]\n')
    (step,) = planned(checkout, "app").steps
    assert step.problem is None
    assert step.facts
    assert not step.facts.cached


def test_what_a_patch_makes_unnecessary_is_left_out(checkout: Checkout, web: WebServer) -> None:
    app = offer_sdist(web, "app", "Metadata-Version: 2.2\nRequires-Dist: lib\nRequires-Dist: Heavy_Lib>=2\n")
    offer(web, "lib")
    checkout.recipe("app", sha256(app).hexdigest(), more='without = ["heavy-lib"]\n')
    assert titles(planned(checkout, "app")) == ["lib 1.0", "app 1.0"]


def test_what_is_left_out_in_vain_is_a_mistake(checkout: Checkout, web: WebServer) -> None:
    app = offer_sdist(web, "app", "Metadata-Version: 2.2\nRequires-Dist: lib\n")
    offer(web, "lib")
    checkout.recipe("app", sha256(app).hexdigest(), more='without = ["heavy"]\n')
    (step,) = planned(checkout, "app").steps
    assert str(step.problem) == "the recipe of app has without = ['heavy'], which app 1.0 does not require"


def test_versions_that_all_take_are_found(checkout: Checkout, web: WebServer) -> None:
    offer(web, "app", "lib", "tool")
    offer(web, "tool", "lib<3,!=1.5")
    offer(web, "lib", versions=("1.0", "1.5", "2.0", "3.0"))
    assert titles(planned(checkout, "app")) == ["lib 2.0", "tool 1.0", "app 1.0"]


def test_another_version_may_require_something_else(checkout: Checkout, web: WebServer) -> None:
    offer(web, "app", "lib", "tool")
    offer(web, "tool", "lib<2")
    offer_releases(web, "lib", {"1.0": ("old",), "2.0": ("new",)})
    offer(web, "old")
    offer(web, "new")
    assert titles(planned(checkout, "app")) == ["old 1.0", "lib 1.0", "tool 1.0", "app 1.0"]


def test_a_conflict_is_named_in_words(checkout: Checkout, web: WebServer) -> None:
    offer(web, "app", "lib>=2")
    offer(web, "tool", "lib<2")
    offer(web, "lib", versions=("1.0", "2.0"))
    plan = planned(checkout, "app", "tool")
    (problem,) = (step.problem for step in plan.steps if step.problem)
    assert isinstance(problem, WheelError)
    said = "the versions of lib conflict: app 1.0 requires lib>=2, tool 1.0 requires lib<2; no version suits all"
    assert str(problem).startswith(said)
    lines = plan_text(plan).splitlines()
    assert [line for line in lines if "left out" in line] == [
        "app is left out: it needs lib",
        "tool is left out: it needs lib",
    ]


def test_what_is_installed_has_a_say(checkout: Checkout, web: WebServer) -> None:
    offer(web, "tool", "lib<2")
    offer(web, "lib", versions=("1.0", "2.0"))
    install_packages(checkout.context, parse_names(["tool"]), builder=checkout.builder)
    assert titles(planned(checkout, "lib")) == ["lib 1.0"]
    offer(web, "app", "lib>=2")
    (lib, _) = planned(checkout, "app").steps
    said = "the versions of lib conflict: app 1.0 requires lib>=2; lib 1.0 is installed. Name versions that fit"
    assert str(lib.problem).startswith(said)


def test_a_circle_is_named_in_words(checkout: Checkout, web: WebServer) -> None:
    offer(web, "egg", "hen[warm]")
    offer(web, "hen", "egg", "straw; extra == 'warm'")
    offer(web, "straw")
    plan = planned(checkout, "egg")
    assert plan.circles == (("egg", "hen"),)
    last = plan_text(plan).splitlines()[-1]
    assert last.startswith("these need each other (egg -> hen -> egg): they are built one after the other")


def test_obstacles_are_known_before_any_build(checkout: Checkout, web: WebServer) -> None:
    sdist = sdist_bytes("rusty", {"Cargo.toml": b"[package]\n", "src/lib.rs": b""})
    publish(web, "rusty", {"rusty-1.0.tar.gz": sdist})
    (step,) = planned(checkout, "rusty").steps
    assert isinstance(step.problem, BuildError)
    assert str(step.problem) == "rusty 1.0 cannot be built: it needs a Rust compiler (Cargo.toml)"
    checkout.recipe("rusty", sha256(sdist).hexdigest())
    (step,) = planned(checkout, "rusty").steps
    assert step.problem is None


def test_each_problem_belongs_to_its_package(checkout: Checkout, web: WebServer) -> None:
    offer(web, "good")
    offer(web, "app", "nowhere>=3", "from_url @ https://host.invalid/x.zip")
    publish(web, "unsure", {"unsure-1.0.tar.gz": sdist_bytes("unsure", {})}, hashes={"unsure-1.0.tar.gz": ""})
    plan = planned(checkout, "good", "app", "unsure", "nunpy")
    problems = {step.name: (type(step.problem), str(step.problem)) for step in plan.steps if step.problem}
    assert problems["nowhere"] == (RecipeError, "no index has a package for 'nowhere>=3'")
    assert problems["nunpy"] == (RecipeError, "no index has a package for 'nunpy'")
    assert problems["unsure"][0] is DownloadError
    assert problems["from-url"][1].startswith("from_url @ https://host.invalid/x.zip is required from a URL")
    assert len(problems) == 4


def test_a_package_for_other_machines_alone_is_told_from_an_unknown_one(checkout: Checkout, web: WebServer) -> None:
    file = "pack-1.0-cp313-cp313-manylinux_2_17_x86_64.whl"
    publish(web, "pack", {file: wheel_bytes("pack")})
    (step,) = planned(checkout, "pack").steps
    assert isinstance(step.problem, RecipeError)
    said = str(step.problem)
    assert said.startswith(
        "no index has pack for Python 3.13 in wasm, neither an sdist nor a pure wheel; what there is,"
    )
    assert file in said


def test_a_choice_is_made_once(checkout: Checkout, web: WebServer, capsys: pytest.CaptureFixture[str]) -> None:
    offer(web, "app", "lib", "tool")
    offer(web, "tool", "lib<2")
    offer(web, "lib", versions=("1.0", "2.0"))
    planned(checkout, "app")
    assert capsys.readouterr().err.count("warning: app is not in the registry") == 1
    assert web.asked.count("/files/app-1.0-py3-none-any.whl") == 1


def test_a_plan_needs_neither_a_toolchain_nor_an_index(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYWASM_"))}
    settings = {"PYWASM_CACHE": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    command = [sys.executable, "-P", "-m", "invoke", "libs.install", "--plan", "--name", "nowhere"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env={**kept, **settings}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.splitlines()[2].split() == ["nowhere", "-", "-", "-", "asked", "for"]
    assert done.stdout.splitlines()[3:] == ["error: no index has a package for 'nowhere'"]
    assert list(tmp_path.iterdir()) == []
