"""The same sources give the same wheel: elsewhere, later, for another user, with inputs that change nothing in it."""

from __future__ import annotations

import os
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pywasm_build.wheels import Wheel
from tests.unit.checkout import Checkout, make_checkout, publish, sdist_bytes, with_runner
from tests.unit.fakes import web_server

# A build backend with all the vices: clock, order of sets and of the folder, file modes, language, absolute paths.
BACKEND = """
import os, pathlib, random, sys, time, zipfile
folder, info = pathlib.Path(sys.argv[1]), "pack-1.0.dist-info"
files = {
    "pack/made.py": f"when = {os.environ.get('SOURCE_DATE_EPOCH') or time.time()}",
    "pack/names.py": str(set("abcdefgh")),
    "pack/flags.txt": os.environ["CFLAGS"] + " in " + os.getcwd(),
    "pack/user.txt": os.environ.get("LC_ALL", "none") + os.environ.get("LANGUAGE", "") + os.environ.get("TZ", "none"),
    f"{info}/METADATA": "Metadata-Version: 2.1\\nName: pack\\nVersion: 1.0\\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
names = sorted(files)
random.shuffle(names)
with zipfile.ZipFile(folder / "pack-1.0-py3-none-any.whl", "w") as wheel:
    for name in names:
        item = zipfile.ZipInfo(name, time.localtime()[:6])
        item.external_attr = random.choice((0o100600, 0o100644, 0o100755)) << 16
        wheel.writestr(item, files[name])
    wheel.writestr(f"{info}/RECORD", "\\n".join(f"{name},," for name in names))
"""
SDIST = sdist_bytes(
    "pack", {"backend.py": BACKEND.encode(), "make-wheel": f'exec {sys.executable} backend.py "$1"\n'.encode()}
)


def build(checkout: Checkout, more: str = "") -> Wheel:
    checkout.recipe("pack", sha256(SDIST).hexdigest(), more=more)
    builder = checkout.builder
    return builder.build(builder.choose(Requirement("pack")))


@pytest.fixture
def checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Checkout]:
    """Give the same checkout at two places, with the sdist in their caches."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = []
    with web_server() as web:
        publish(web, "pack", {"pack-1.0.tar.gz": SDIST})
        for name in ("here", "at/another/place"):
            checkout = make_checkout(tmp_path / name, os.environ, index=web.url)
            checkout.recipe("pack", sha256(SDIST).hexdigest())
            builder = checkout.builder
            builder.index.fetch(builder.choose(Requirement("pack")).release)
            made.append(checkout)
    return made


def test_another_place_and_user_give_the_same_bytes(checkouts: list[Checkout]) -> None:
    here, there = checkouts
    first = build(here)
    second = build(with_runner(there, LC_ALL="de_DE.UTF-8", LANGUAGE="de", TZ="Asia/Kathmandu"))
    assert first.path != second.path
    assert first.path.read_bytes() == second.path.read_bytes()


def test_an_input_that_changes_nothing_gives_the_same_bytes(checkouts: list[Checkout]) -> None:
    here = checkouts[0]
    first, second = build(here), build(here, '[build]\nenvironment = { UNUSED = "1" }\n')
    assert first.path != second.path
    assert first.sha256 == second.sha256


def test_the_paths_in_a_wheel_have_no_keys(checkouts: list[Checkout]) -> None:
    with zipfile.ZipFile(build(checkouts[0]).path) as wheel:
        flags = wheel.read("pack/flags.txt").decode()
    assert "-ffile-prefix-map=/nonexistent/wheel/tree=. -ffile-prefix-map=/nonexistent/cpython/root=" in flags
    assert flags.endswith("-ffile-prefix-map=/nonexistent/toolchain= in /nonexistent/wheel/tree")


def test_a_wheel_that_is_only_tried_is_not_offered(checkouts: list[Checkout]) -> None:
    builder = checkouts[0].builder
    job = builder.choose(Requirement("pack"))
    assert builder.trial(job).name == "pack"
    assert not checkouts[0].workspace.wheelhouse.exists()
    wheel = builder.build(job)
    assert (checkouts[0].workspace.wheelhouse / builder.environment.key / wheel.path.name).is_file()
