"""The wheel of the guest library: what is in it, that it is deterministic, and when it is made anew."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from pywasm_build.errors import BuildError, CommandFailed
from pywasm_build.host_wheel import host_wheel
from pywasm_build.runtime_root import runtime_root
from tests.unit.checkout import Checkout, make_checkout

SITE = Path("usr/lib/python3.13/site-packages")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path, os.environ)


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def test_it_holds_both_packages_and_no_c_code(checkout: Checkout) -> None:
    native = checkout.workspace.native_sources
    native.mkdir()
    (native / "runner.c").write_text("int x;")
    (native / "generated.py").write_text("x = 1")
    wheel = host_wheel(checkout.context)
    assert (wheel.name, wheel.is_pure) == ("pywasm-host", True)
    assert names_in(wheel.path) == {
        "pywasm_host/__init__.py",
        "pywasm_host/py.typed",
        "pyfaasm/__init__.py",
        "pyfaasm/py.typed",
    }
    assert sorted(path.name for path in wheel.path.parent.iterdir()) == [wheel.path.name, "stamp.json"]


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    wheels = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        wheels.append(host_wheel(make_checkout(tmp_path / name, os.environ).context))
    assert wheels[0].path.parent.name == wheels[1].path.parent.name
    assert wheels[0].sha256 == wheels[1].sha256


def test_a_changed_source_gives_another_one(checkout: Checkout) -> None:
    before = host_wheel(checkout.context)
    assert host_wheel(checkout.context).path == before.path
    (checkout.workspace.faasm_names / "core.py").write_text('"""Say more."""\n')
    after = host_wheel(checkout.context)
    assert after.path != before.path
    assert names_in(after.path) - names_in(before.path) == {"pyfaasm/core.py"}


def test_every_root_has_it_compiled(checkout: Checkout) -> None:
    root = runtime_root(checkout.context, checkout.host, [])
    assert root.wheels == ()
    assert (root.path / SITE / "pyfaasm" / "__init__.py").is_file()
    assert list((root.path / SITE / "pywasm_host" / "__pycache__").glob("__init__.*.pyc"))


def test_a_checkout_without_it_is_named(checkout: Checkout) -> None:
    (checkout.workspace.guest_library / "pyproject.toml").unlink()
    with pytest.raises(BuildError, match=r"pywasm_host/pyproject.toml is missing: .* restore it"):
        host_wheel(checkout.context)


def test_a_project_that_cannot_be_built_is_named(checkout: Checkout) -> None:
    (checkout.workspace.guest_library / "pyproject.toml").write_text("[project]\nname = 1\n")
    with pytest.raises(CommandFailed):
        host_wheel(checkout.context)
