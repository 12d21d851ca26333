"""From a requirement to a checked wheel: what is chosen, how it is built, and each way in which that fails."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pywasm_build import confinement
from pywasm_build.errors import (
    BuildError,
    CommandFailed,
    DownloadError,
    PatchError,
    PywasmError,
    RecipeError,
    WheelError,
)
from tests.unit.checkout import Checkout, make_checkout, publish, sdist_bytes, sdist_with_wheel, wheel_bytes
from tests.unit.fakes import WebServer, web_server

SDIST = sdist_with_wheel("pack")
SHA = sha256(SDIST).hexdigest()
PACK = Requirement("pack")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as server:
        yield server


@pytest.fixture
def checkout(tmp_path: Path, web: WebServer) -> Checkout:
    return make_checkout(tmp_path, os.environ, index=web.url)


def published(web: WebServer, checkout: Checkout, sdist: bytes, more: str = "") -> None:
    publish(web, "pack", {"pack-1.0.tar.gz": sdist})
    checkout.recipe("pack", sha256(sdist).hexdigest(), more=more)


# What is chosen


def test_an_unknown_package_gets_a_hint(checkout: Checkout) -> None:
    checkout.recipe("numpy", SHA)
    with pytest.raises(RecipeError, match=r"no index has a package for 'nunpy>1' \(did you mean 'numpy'\?\)"):
        checkout.builder.choose(Requirement("nunpy>1"))


def test_a_package_without_a_recipe_comes_with_a_warning(
    checkout: Checkout, web: WebServer, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(web, "pack", {"pack-1.0.tar.gz": SDIST})
    assert checkout.builder.choose(PACK).recipe is None
    said = capsys.readouterr().err
    assert said == "warning: pack is not in the registry; its sdist pack-1.0.tar.gz is built without patches\n"
    publish(web, "pack", {"pack-1.0-py3-none-any.whl": wheel_bytes("pack")})
    checkout.builder.choose(PACK)
    assert "its wheel pack-1.0-py3-none-any.whl is taken as it is" in capsys.readouterr().err


def test_what_is_no_package_cannot_be_installed(checkout: Checkout) -> None:
    for kind, name, what in (("library", "libx", "a native library"), ("interpreter", "cpy", "the interpreter")):
        folder = checkout.workspace.patches / name
        folder.mkdir()
        (folder / "recipe.toml").write_text(f'[{kind}]\nname = "{name}"\n')
        with pytest.raises(RecipeError, match=f"{name} is {what}, which cannot be installed by itself"):
            checkout.builder.choose(Requirement(name))


def test_an_experimental_recipe_must_be_asked_for(checkout: Checkout, web: WebServer) -> None:
    published(web, checkout, SDIST, more="experimental = true\n")
    with pytest.raises(RecipeError, match="pack is experimental; ask for it with --experimental"):
        checkout.builder.choose(PACK)
    assert checkout.builder.choose(PACK, experimental=True).release.sha256 == SHA


def test_a_pinned_sdist_whose_hash_differs_on_the_index(checkout: Checkout, web: WebServer) -> None:
    publish(web, "pack", {"pack-1.0.tar.gz": SDIST})
    checkout.recipe("pack", "b" * 64)
    with pytest.raises(RecipeError) as caught:
        checkout.builder.choose(PACK)
    for part in ("no index has the sdist of pack 1.0", "b" * 64, f"found: pack-1.0.tar.gz with {SHA}"):
        assert part in str(caught.value)


def test_a_pinned_sdist_needs_no_hash_of_the_index(checkout: Checkout, web: WebServer) -> None:
    publish(web, "pack", {"pack-1.0.tar.gz": SDIST}, hashes={"pack-1.0.tar.gz": ""})
    checkout.recipe("pack", SHA)
    job = checkout.builder.choose(PACK)
    assert checkout.builder.index.fetch(job.release).read_bytes() == SDIST


def test_without_a_recipe_the_index_must_give_a_hash(checkout: Checkout, web: WebServer) -> None:
    publish(web, "pack", {"pack-1.0.tar.gz": SDIST}, hashes={"pack-1.0.tar.gz": ""})
    job = checkout.builder.choose(PACK)
    with pytest.raises(DownloadError, match=r"gives no sha256 for pack-1.0.tar.gz, so it cannot be verified"):
        checkout.builder.build(job)


def test_a_pinned_sdist_in_the_cache_needs_no_index(checkout: Checkout, web: WebServer) -> None:
    published(web, checkout, SDIST)
    checkout.builder.index.fetch(checkout.builder.choose(PACK).release)
    web.asked.clear()
    assert checkout.builder.choose(PACK).release.sha256 == SHA
    assert web.asked == []


def test_another_version_than_the_recipes_comes_with_a_warning(
    checkout: Checkout, web: WebServer, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(web, "pack", {"pack-1.0.tar.gz": SDIST, "pack-2.0.tar.gz": sdist_bytes("pack", {}, "2.0")})
    checkout.recipe("pack", SHA)
    assert checkout.builder.choose(Requirement("pack==2.0")).release.version == "2.0"
    assert "the recipe of pack is for 1.0; trying it with 2.0" in capsys.readouterr().err
    with pytest.raises(RecipeError, match="no index has an sdist for 'pack==3'"):
        checkout.builder.choose(Requirement("pack==3"))


# How it is built


def test_a_build_writes_into_its_own_folder_alone(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    if not confinement.version():
        pytest.skip("this machine's kernel has no Landlock")
    outside = tmp_path / "outside"
    script = f'touch {outside} && exit 3\necho mine >"$HOME/mine" || exit 4\ncp prebuilt/*.whl "$1"\n'
    wheel = {"prebuilt/pack-1.0-py3-none-any.whl": wheel_bytes("pack")}
    publish(web, "pack", {"pack-1.0.tar.gz": sdist_bytes("pack", {"make-wheel": script.encode(), **wheel})})
    builder = checkout.builder
    assert builder.build(builder.choose(PACK)).name == "pack"
    assert not outside.exists()
    assert f"cannot touch '{outside}': Permission denied" in checkout.workspace.log("pack").read_text()


def test_an_sdist_becomes_a_checked_wheel_in_the_wheelhouse(checkout: Checkout, web: WebServer) -> None:
    published(web, checkout, SDIST, more='[build]\nrequires = ["setuptools"]\nenvironment = { MINE = "yes" }\n')
    builder = checkout.builder
    job = builder.choose(PACK)
    wheel = builder.build(job)
    assert (wheel.name, str(wheel.version)) == ("pack", "1.0")
    assert sorted(path.name for path in wheel.path.parent.iterdir()) == [wheel.path.name, "stamp.json"]
    offered = checkout.workspace.wheelhouse / builder.environment.key / wheel.path.name
    assert offered.samefile(wheel.path)
    log = checkout.workspace.log("pack").read_text()
    root = wheel.path.parent
    driver = builder.environment.host.toolchain.driver
    for line in (
        "MINE=yes",
        f"CC={driver('clang')}",
        f"PYTHONPATH={builder.environment.tools_path}",
    ):
        assert f"\n{line}\n" in log
    assert f"/cross/bin:{builder.environment.programs}:" in log
    for name in ("CFLAGS", "CXXFLAGS"):
        (flags,) = (line.split() for line in log.splitlines() if line.startswith(f"{name}="))
        assert {f"-ffile-prefix-map={root}/tree=.", "-DNDEBUG"} <= set(flags)
    before = checkout.workspace.log("pack").stat().st_size
    assert builder.build(job) == wheel
    assert checkout.workspace.log("pack").stat().st_size == before


def test_a_build_that_fails_ends_with_its_last_lines_and_its_log(checkout: Checkout, web: WebServer) -> None:
    lines = "".join(f"line {number}\n" for number in range(40)) + "fatal error: 'thread.h' file not found\n"
    published(web, checkout, sdist_bytes("pack", {"fail": lines.encode()}))
    with pytest.raises(CommandFailed) as caught:
        checkout.builder.build(checkout.builder.choose(PACK))
    text = str(caught.value)
    assert "failed with exit code 3" in text
    assert text.endswith(
        f"  | line 39\n  | fatal error: 'thread.h' file not found\nthe full log is {checkout.workspace.log('pack')}"
    )
    assert "line 1\n" not in text
    assert "line 1\n" in checkout.workspace.log("pack").read_text()


def test_patches_are_applied_before_the_build(checkout: Checkout, web: WebServer) -> None:
    failing = sdist_bytes("pack", {"fail": b"no\n", "prebuilt/pack-1.0-py3-none-any.whl": wheel_bytes("pack")})
    more = '[[patch]]\nfile = "0001.patch"\nreason = "r"\napplies-to = "<2"\nupstream = "u"\n'
    checkout.recipe("pack", "a" * 64)
    patch = checkout.workspace.patches / "pack" / "0001.patch"
    patch.write_text("--- a/fail\n+++ /dev/null\n@@ -1 +0,0 @@\n-no\n")
    published(web, checkout, failing, more)
    assert checkout.builder.build(checkout.builder.choose(PACK)).name == "pack"
    patch.write_text("--- a/fail\n+++ /dev/null\n@@ -1 +0,0 @@\n-yes\n")
    with pytest.raises(PatchError, match=r"0001.patch no longer applies:\n(.|\n)*error: patch failed: fail:1"):
        checkout.builder.build(checkout.builder.choose(PACK))


@pytest.mark.parametrize(
    ("prebuilt", "error", "reason"),
    [
        ({}, CommandFailed, "cp: "),
        ({"a-1-py3-none-any.whl": b"", "b-1-py3-none-any.whl": b""}, BuildError, "one wheel, it made a-1-py3-none-any"),
        ({"other-1.0-py3-none-any.whl": wheel_bytes("other")}, WheelError, "build of pack 1.0 made a wheel of other"),
        (
            {"pack-1.0-cp313-cp313-linux_x86_64.whl": wheel_bytes("pack", tag="cp313-cp313-linux_x86_64")},
            WheelError,
            "its tag cp313-cp313-linux_x86_64 does not suit Python 3.13 in wasm",
        ),
    ],
)
def test_a_build_must_make_the_right_wheel(
    checkout: Checkout, web: WebServer, prebuilt: dict[str, bytes], error: type[Exception], reason: str
) -> None:
    published(
        web, checkout, sdist_bytes("pack", {f"prebuilt/{name}": data for name, data in prebuilt.items()} or {"x": b""})
    )
    with pytest.raises(error, match=reason):
        checkout.builder.build(checkout.builder.choose(PACK))
    assert checkout.context.store.find(checkout.builder.stage(checkout.builder.choose(PACK))) is None


def test_paths_of_the_build_machine_are_replaced(checkout: Checkout, web: WebServer) -> None:
    host = checkout.host
    text = f"cc = '{host.toolchain.driver('clang')}'\nroot = '{checkout.workspace.store}/x'\nurl = '/cache/x'\n"
    publish(web, "pack", {"pack-1.0-py3-none-any.whl": wheel_bytes("pack", files={"pack.py": text.encode()})})
    wheel = checkout.builder.build(checkout.builder.choose(PACK))
    with zipfile.ZipFile(wheel.path) as opened:
        made = opened.read("pack.py").decode()
    assert made == "cc = 'wasm32-wasip1-clang'\nroot = '/nonexistent/x'\nurl = '/cache/x'\n"


def test_a_recipes_build_requirement_must_be_pinned(checkout: Checkout, web: WebServer) -> None:
    published(web, checkout, SDIST, more='[build]\nrequires = ["setuptools>=70", "cython>=3"]\n')
    with pytest.raises(RecipeError, match=r"pack needs cython>=3 to build, which is not in third-party/build-tools"):
        checkout.builder.build(checkout.builder.choose(PACK))


LIBRARY = '[library]\nname = "libx"\nheaders = ["x.h"]\nmake = ["all"]\n'


def test_a_package_without_a_recipe_gets_the_libraries_that_its_sources_include(
    checkout: Checkout, web: WebServer
) -> None:
    (checkout.workspace.patches / "libx").mkdir()
    (checkout.workspace.patches / "libx" / "recipe.toml").write_text(LIBRARY)
    publish(web, "pack", {"pack-1.0.tar.gz": sdist_bytes("pack", {"pack.c": b"#include <x.h>\n"})})
    with pytest.raises(PywasmError, match=r"sources\.toml"):
        # It is asked for, and this checkout has no sources of it.
        checkout.builder.build(checkout.builder.choose(PACK))
    publish(web, "pack", {"pack-1.0.tar.gz": SDIST})
    checkout.builder.build(checkout.builder.choose(PACK))


def test_builds_find_static_libraries_by_pkg_config(checkout: Checkout, web: WebServer, tmp_path: Path) -> None:
    real = tmp_path / "bin" / "pkg-config"
    real.parent.mkdir()
    real.write_text('#!/bin/sh\necho "real: $*"\n')
    real.chmod(0o755)
    script = b'pkg-config --libs x > said; cp prebuilt/*.whl "$1"; cat said >&2\n'
    files = {"make-wheel": script, "prebuilt/pack-1.0-py3-none-any.whl": wheel_bytes("pack")}
    publish(web, "pack", {"pack-1.0.tar.gz": sdist_bytes("pack", files)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{real.parent}:{os.environ['PATH']}")
        checkout.builder.build(checkout.builder.choose(PACK))
    assert "real: --static --define-prefix --libs x" in checkout.workspace.log("pack").read_text()


def test_the_pure_wheel_is_the_alternative_of_an_sdist(checkout: Checkout, web: WebServer) -> None:
    platform = "pack-1.0-cp313-cp313-manylinux_2_17_x86_64.whl"
    publish(web, "pack", {"pack-1.0.tar.gz": SDIST, "pack-1.0-py3-none-any.whl": wheel_bytes("pack"), platform: b""})
    job = checkout.builder.choose(PACK)
    assert not job.release.is_wheel
    other = checkout.builder.alternative(job)
    assert other is not None
    assert other.release.file == "pack-1.0-py3-none-any.whl"
    assert checkout.builder.alternative(other) is None
    checkout.recipe("pack", SHA)
    assert checkout.builder.alternative(checkout.builder.choose(PACK)) is None


def test_the_inputs_decide_the_key(checkout: Checkout, web: WebServer) -> None:
    def key(more: str = "") -> str:
        published(web, checkout, SDIST, more)
        builder = checkout.builder
        return builder.stage(builder.choose(PACK)).key

    assert key() == key()
    assert key() != key("[build]\nenvironment = { A = '1' }\n")
    assert key() != key("[build]\nconfig-settings = { setup-args = ['-Da=b'] }\n")
    assert key() == key("[test]\npackages = ['pack']\n")


# What an sdist says of its build
