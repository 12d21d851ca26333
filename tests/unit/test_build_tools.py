"""What builds require themselves: pinned tools, further ones, and packages of which they read the target's files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pywasm_build.build_tools import BuildTools, required_names
from pywasm_build.errors import BuildError, RecipeError
from pywasm_build.packages import Job
from pywasm_build.recipes import read_registry
from pywasm_build.workspace import Workspace
from tests.unit.checkout import Checkout, make_checkout, publish, sdist_bytes, wheel_bytes
from tests.unit.fakes import WebServer, web_server

HEADERS = {"arrays/__init__.py": b"guest", "arrays/include/sizes.h": b"32", "arrays/include/new.h": b"new"}
BUILD_FILES = 'build-files = ["arrays/include"]\n'


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as server:
        yield server


@pytest.fixture
def checkout(tmp_path: Path, web: WebServer) -> Checkout:
    """A checkout whose registry has `arrays`, which others read, and `user`, which reads it."""
    made = make_checkout(tmp_path, os.environ, index=web.url)
    wheel = wheel_bytes("arrays", files=HEADERS)
    sdist = sdist_bytes("arrays", {"prebuilt/arrays-1.0-py3-none-any.whl": wheel})
    publish(web, "arrays", {"arrays-1.0.tar.gz": sdist})
    made.recipe("arrays", sha256(sdist).hexdigest(), more=BUILD_FILES)
    return made


def install_natively(checkout: Checkout, version: str = "1.0") -> Path:
    tools = checkout.builder.environment.tools_path
    files = {
        "arrays/__init__.py": "native",
        "arrays/include/sizes.h": "64",
        f"arrays-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: arrays\nVersion: {version}\n",
    }
    for name, text in files.items():
        (tools / name).parent.mkdir(parents=True, exist_ok=True)
        (tools / name).write_text(text)
    record = "".join(f"{name},,\n" for name in [*files, "../../../bin/arrays-config"])
    (tools / f"arrays-{version}.dist-info" / "RECORD").write_text(record)
    return tools


def offer_user(
    checkout: Checkout, web: WebServer, requires: str = '["setuptools", "arrays"]', asked: str = "[]"
) -> Job:
    """Offer a package without recipe that is built against `arrays`; its log tells its environment.

    asked: what its backend answers when it is asked for more.
    """
    build = f"[build-system]\nrequires = {requires}\n".encode()
    wheel = wheel_bytes("user")
    files = {"pyproject.toml": build, "prebuilt/user-1.0-py3-none-any.whl": wheel, "asked": asked.encode()}
    publish(web, "user", {"user-1.0.tar.gz": sdist_bytes("user", files)})
    return checkout.builder.choose(Requirement("user"))


def python_path(checkout: Checkout) -> list[Path]:
    log = checkout.workspace.log("user").read_text("utf-8")
    (line,) = (line for line in log.splitlines() if line.startswith("PYTHONPATH="))
    return [Path(part) for part in line.removeprefix("PYTHONPATH=").split(":")]


def test_a_build_sees_the_native_package_with_the_targets_files(checkout: Checkout, web: WebServer) -> None:
    tools = install_natively(checkout)
    checkout.builder.build(offer_user(checkout, web))
    first, *others = python_path(checkout)
    assert others == [tools]
    assert (first / "arrays" / "__init__.py").read_text() == "native"
    assert (first / "arrays" / "include" / "sizes.h").read_text() == "32"
    assert (first / "arrays" / "include" / "new.h").read_text() == "new"
    assert not (first.parent / "bin").exists()
    # The tools' own copy shares nothing with it.
    assert (tools / "arrays" / "include" / "sizes.h").read_text() == "64"


@pytest.mark.parametrize("wanted", ["arrays", "arrays<1", "Arrays>=1; python_version>'3'"])
def test_the_registrys_version_is_the_one_that_is_built_against(
    checkout: Checkout, web: WebServer, wanted: str
) -> None:
    install_natively(checkout)
    checkout.builder.build(offer_user(checkout, web, requires=f'["{wanted}"]'))
    assert (python_path(checkout)[0] / "arrays" / "include" / "sizes.h").read_text() == "32"


def test_the_key_depends_on_what_is_read(checkout: Checkout, web: WebServer) -> None:
    plain = checkout.builder.stage(offer_user(checkout, web, requires='["setuptools"]')).key
    job = offer_user(checkout, web)
    first = checkout.builder.stage(job).key
    path = checkout.workspace.patches / "arrays" / "recipe.toml"
    path.write_text(path.read_text() + "[build]\nenvironment = { A = '1' }\n")
    assert len({plain, first, checkout.builder.stage(job).key}) == 3


def test_what_only_the_backend_asks_for(checkout: Checkout, web: WebServer) -> None:
    install_natively(checkout)
    job = offer_user(checkout, web, requires='["setuptools"]', asked='["arrays >= 1", "setuptools"]')
    before = checkout.builder.stage(job).key
    checkout.builder.build(job)
    assert (python_path(checkout)[0] / "arrays" / "include" / "sizes.h").read_text() == "32"
    path = checkout.workspace.patches / "arrays" / "recipe.toml"
    path.write_text(path.read_text() + "[build]\nenvironment = { A = '1' }\n")
    assert checkout.builder.stage(job).key != before


@pytest.mark.parametrize(("asked", "said"), [('["one", "setuptools"]', ["one"]), ('["two"]', ["one", "one, two"])])
def test_what_is_not_pinned_is_named_once(
    checkout: Checkout, web: WebServer, capsys: pytest.CaptureFixture[str], asked: str, said: list[str]
) -> None:
    checkout.builder.build(offer_user(checkout, web, requires='["setuptools", "one"]', asked=asked))
    lines = [line for line in capsys.readouterr().err.splitlines() if "not pinned" in line]
    assert lines == [f"warning: user 1.0 needs {names} to build, which is not pinned" for names in said]


@pytest.mark.parametrize(
    "answer", ["[", "{}", "[1]", '["six 1"]', '["x @ file:///x"]', "", pytest.param("[" * 100_000, id="deep")]
)
def test_an_answer_of_a_backend_that_makes_no_sense(checkout: Checkout, web: WebServer, answer: str) -> None:
    job = offer_user(checkout, web, requires='["setuptools"]', asked=answer)
    with pytest.raises(
        BuildError, match=r"backend setuptools.build_meta (gave no list|requires what is no|requires x from)"
    ):
        checkout.builder.build(job)


def test_the_build_tools_must_have_the_very_version(checkout: Checkout, web: WebServer) -> None:
    install_natively(checkout, version="0.9")
    with pytest.raises(RecipeError, match=r"built against arrays 1.0, so .*build-tools.lock must have.* not 0.9"):
        checkout.builder.build(offer_user(checkout, web))


def test_names_of_build_requirements() -> None:
    wanted = ["Arrays>=1", "oldest-supported-numpy", "absent; python_version<'3'"]
    assert required_names(wanted) == {"arrays", "numpy"}


def test_what_the_pinned_tools_lack(checkout: Checkout) -> None:
    tools = BuildTools(context=checkout.context, environment=checkout.builder.environment)
    wanted = ["setuptools>=70", "setuptools>=90", "cython", "arrays>=5", "absent; python_version<'3'"]
    assert tools.lacking(wanted, besides=["arrays"]) == ["setuptools>=90", "cython"]


def test_the_shipped_tools_have_what_packages_are_built_against() -> None:
    workspace = Workspace.discover({})
    lock = (workspace.root / "third-party" / "build-tools.lock").read_text("utf-8")
    read = [recipe for recipe in read_registry(workspace.patches).packages if recipe.build_files]
    assert [recipe.name for recipe in read] == ["numpy"]
    for recipe in read:
        assert f"\n{recipe.name}=={recipe.version} " in lock
