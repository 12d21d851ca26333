"""The guest's tree: hard links, conflicts, RECORD, scripts, and nothing of the build machine."""

from __future__ import annotations

import csv
import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from pywasm_build.errors import RecipeError, StoreError, UsageError
from pywasm_build.runtime_root import link_tree, runtime_root, standard_library, unpacked_wheel
from pywasm_build.store import read_stamp
from pywasm_build.wheels import Wheel, normalise
from tests.unit.checkout import Checkout, make_checkout, wheel_bytes

SITE = Path("usr/lib/python3.13/site-packages")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path, os.environ)


def wheel(folder: Path, name: str, files: dict[str, bytes] | None = None, entry_points: str = "") -> Wheel:
    raw = folder / f"{name}-1.0-py3-none-any.whl"
    raw.write_bytes(wheel_bytes(name, files=files, entry_points=entry_points))
    return Wheel.read(normalise(raw, folder / "good", {}))


def test_the_standard_library_without_what_a_sandbox_cannot_use(checkout: Checkout) -> None:
    root = standard_library(checkout.context, checkout.host)
    library = root / "usr" / "lib" / "python3.13"
    assert (library / "json" / "__init__.py").is_file()
    assert (library / "site-packages").is_dir()
    assert (library / "lib-dynload").is_dir()
    assert not (library / "test").exists()
    assert not (library / "turtle.py").exists()
    assert list((library / "__pycache__").glob("os.*.pyc"))
    assert (root / "usr" / "bin" / "python3.13.wasm").is_file()
    assert (root / "dev" / "null").stat().st_size == 0
    assert (root / "tmp").is_dir()
    assert "ID=pywasm" in (root / "etc" / "os-release").read_text()
    assert (root / "usr" / "share" / "zoneinfo" / "UTC").read_bytes() == b"TZif"


def test_the_guest_can_tell_why_a_module_is_left_out(checkout: Checkout) -> None:
    modules = [
        {"name": "_curses", "state": "left out", "reason": "no terminal"},
        {"name": "math", "state": "built in"},
    ]
    (checkout.host.product / "modules.json").write_text(json.dumps(modules))
    root = standard_library(checkout.context, checkout.host)
    said = (root / "usr" / "lib" / "python3.13" / "_left_out.py").read_text()
    assert said == "REASONS = {'_curses': 'no terminal', 'turtle': 'no windows'}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[modules", "cannot read .*left-out.toml"),
        ("[modules]\nturtle = 1", "left-out.toml: the values in modules must be texts"),
        ("[module]", "left-out.toml: unknown key 'module' in the top level .did you mean 'modules'"),
    ],
)
def test_a_wrong_list_of_left_out_modules_is_named(checkout: Checkout, text: str, message: str) -> None:
    checkout.workspace.left_out_toml.write_text(text)
    with pytest.raises(RecipeError, match=message):
        standard_library(checkout.context, checkout.host)


def test_a_module_that_is_left_out_must_exist(checkout: Checkout) -> None:
    checkout.workspace.left_out_toml.write_text('[modules]\nturtel = "no windows"\n')
    with pytest.raises(UsageError, match=r"left-out.toml leaves out turtel, which this CPython does not have: remove"):
        standard_library(checkout.context, checkout.host)


def test_sysconfig_does_not_name_the_build_machine(checkout: Checkout) -> None:
    root = standard_library(checkout.context, checkout.host)
    data = root / "usr" / "lib" / "python3.13" / "_sysconfigdata__wasi_.py"
    assert data.read_text() == "CC = 'wasm32-wasip1-clang'\nSRC = '/nonexistent/tree/x'\n"


def test_a_wheel_is_unpacked_with_its_record_and_scripts_for_the_guest(checkout: Checkout, tmp_path: Path) -> None:
    files = {
        "tool.py": b"def main(): pass\n",
        "tool-1.0.data/scripts/old": b"#!python\nprint()\n",
        "tool-1.0.data/data/share/tool.txt": b"text",
    }
    points = "[console_scripts]\ntool = tool:main\n"
    root = unpacked_wheel(checkout.context, checkout.host, wheel(tmp_path, "tool", files, points))
    for script in ("tool", "old"):
        path = root / "usr" / "bin" / script
        assert path.read_text().startswith("#!/usr/bin/python3.13.wasm\n")
        assert os.access(path, os.X_OK)
    assert (root / "usr" / "share" / "tool.txt").read_text() == "text"
    info = root / SITE / "tool-1.0.dist-info"
    assert (info / "INSTALLER").read_text() == "pywasm\n"
    rows = {row[0]: row[1] for row in csv.reader((info / "RECORD").read_text().splitlines())}
    assert {"tool.py", "tool-1.0.dist-info/INSTALLER", "../../../bin/tool", "../../../share/tool.txt"} <= set(rows)
    assert all((root / SITE / name).resolve().is_file() for name in rows)
    assert list((root / SITE / "__pycache__").glob("tool.*.pyc"))
    assert (read_stamp(root) or {})["package"] == "tool"


def test_a_root_is_made_of_hard_links(checkout: Checkout, tmp_path: Path) -> None:
    one, two = wheel(tmp_path, "one"), wheel(tmp_path, "two")
    root = runtime_root(checkout.context, checkout.host, [one, two])
    assert checkout.workspace.runtime.resolve() == root.path
    unpacked = unpacked_wheel(checkout.context, checkout.host, one)
    assert (root.path / SITE / "one.py").samefile(unpacked / SITE / "one.py")
    assert (root.path / SITE / "two.py").is_file()
    assert (root.path / "usr/lib/python3.13/os.py").is_file()
    files = [path for path in root.path.rglob("*") if path.is_file()]
    assert (root.files, root.size) == (len(files), sum(path.stat().st_size for path in files))
    assert runtime_root(checkout.context, checkout.host, [two, one]).path == root.path
    assert runtime_root(checkout.context, checkout.host, [one]).path != root.path


def test_the_stamp_has_the_hashes_that_the_runtime_looks_up(checkout: Checkout, tmp_path: Path) -> None:
    files = {"fast/x.so": b"module", "fast/libx.so.1": b"library", "fast/x.so.txt": b"notes"}
    stamp = read_stamp(runtime_root(checkout.context, checkout.host, [wheel(tmp_path, "fast", files)]).path)
    assert stamp is not None
    assert stamp["python"] == {
        "version": "3.13.5",
        "main": "usr/bin/python3.13.wasm",
        "main_sha256": sha256(checkout.host.main_module.read_bytes()).hexdigest(),
    }
    assert stamp["side_modules"] == {
        f"{SITE}/fast/x.so": sha256(b"module").hexdigest(),
        f"{SITE}/fast/libx.so.1": sha256(b"library").hexdigest(),
    }


@pytest.mark.parametrize(
    ("one", "two", "place"),
    [
        ({"tests/a.py": b""}, {"tests/a.py": b""}, "tests/a.py"),
        ({"name": b""}, {"name/a.py": b""}, "name"),
        ({"name/a.py": b""}, {"name": b""}, "name"),
    ],
)
def test_two_wheels_with_one_file_are_refused(
    checkout: Checkout, tmp_path: Path, one: dict[str, bytes], two: dict[str, bytes], place: str
) -> None:
    wheels = [wheel(tmp_path, "one", one), wheel(tmp_path, "two", two)]
    with pytest.raises(StoreError) as caught:
        runtime_root(checkout.context, checkout.host, wheels)
    assert str(caught.value) == (f"two installs /{SITE}/{place}, and so does one; they cannot be installed together")


def test_a_wheel_must_not_replace_the_standard_library(checkout: Checkout, tmp_path: Path) -> None:
    evil = wheel(tmp_path, "evil", {"evil-1.0.data/data/lib/python3.13/os.py": b"evil"})
    with pytest.raises(StoreError, match=r"evil installs /usr/lib/python3.13/os.py, and so does the standard library"):
        runtime_root(checkout.context, checkout.host, [evil])


def test_a_stamp_is_no_part_of_a_tree(tmp_path: Path) -> None:
    for name in ("stamp.json", "inner/stamp.json"):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_text("{}")
    (tmp_path / "target").mkdir()
    link_tree(tmp_path / "source", tmp_path / "target")
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["inner"]
    assert (tmp_path / "target" / "inner" / "stamp.json").is_file()
