from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pywasm_build import errors, store
from pywasm_build.errors import StoreError
from pywasm_build.store import JSON, Stage, Store, canonical, link, read_stamp, source_hash, tree_hash

STAGE = Stage("sysroot", {"version": "1", "flags": ["-O2"]})
ROOT = Path(__file__).parents[2]


class Maker:
    """Count how often a product was made."""

    def __init__(self, extra: Mapping[str, JSON] | None = None) -> None:
        self.count = 0
        self.extra = extra

    def __call__(self, product: Path) -> Mapping[str, JSON] | None:
        assert list(product.iterdir()) == []
        self.count += 1
        (product / "file").write_text(f"made {self.count}")
        return self.extra


@pytest.fixture
def shop(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", stream=io.StringIO())


def test_a_product_is_made_once(shop: Store) -> None:
    make = Maker({"python": {"version": "x"}})
    product = shop.build(STAGE, make)
    assert shop.build(STAGE, make) == product == shop.path(STAGE)
    assert make.count == 1
    stamp = read_stamp(product)
    assert stamp is not None
    assert stamp["inputs"] == {"version": "1", "flags": ["-O2"]}
    assert stamp["python"] == {"version": "x"}
    assert stamp["key"] == STAGE.key
    assert stamp["seconds"] >= 0


def test_clean_makes_it_again_at_the_same_path(shop: Store) -> None:
    make = Maker()
    first = shop.build(STAGE, make)
    assert shop.build(STAGE, make, clean=True) == first
    assert (first / "file").read_text() == "made 2"


def test_the_key_depends_on_name_and_inputs_but_not_on_order() -> None:
    assert Stage("a", {"x": 1, "y": 2}).key == Stage("a", {"y": 2, "x": 1}).key
    assert len({Stage("a", {"x": 1}).key, Stage("b", {"x": 1}).key, Stage("a", {"x": 2}).key}) == 3


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"inputs": {}}', '{"inputs": {"version": "2", "flags": ["-O2"]}}', "\xff"]
)
def test_a_corrupt_or_foreign_stamp_counts_as_not_made(shop: Store, text: str) -> None:
    make = Maker()
    product = shop.build(STAGE, make)
    (product / "stamp.json").write_text(text, encoding="latin-1")
    assert shop.find(STAGE) is None
    shop.build(STAGE, make)
    assert make.count == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_what_an_interruption_left_is_not_a_product(shop: Store, error: type[BaseException]) -> None:
    def fail(product: Path) -> None:
        (product / "half").touch()
        raise error

    with pytest.raises(error):
        shop.build(STAGE, fail)
    assert shop.find(STAGE) is None
    product = shop.build(STAGE, Maker())
    assert not (product / "half").exists()


def test_a_failed_clean_does_not_leave_the_old_product(shop: Store) -> None:
    shop.build(STAGE, Maker())

    def fail(product: Path) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        shop.build(STAGE, fail, clean=True)
    assert shop.find(STAGE) is None


def test_a_read_only_product_can_be_replaced(shop: Store) -> None:
    product = shop.build(STAGE, Maker())
    (product / "deep").mkdir()
    (product / "deep" / "file").touch()
    (product / "deep").chmod(0o555)
    shop.build(STAGE, Maker(), clean=True)


def test_the_builder_may_not_forge_the_stamp(shop: Store) -> None:
    with pytest.raises(StoreError, match="inputs"):
        shop.build(STAGE, Maker({"inputs": {}}))


@pytest.mark.parametrize("value", [float("nan"), Path("x"), {1, 2}])
def test_inputs_must_be_json(value: Any) -> None:
    with pytest.raises(StoreError, match="JSON"):
        canonical(value)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_a_stage_name_is_a_file_name(name: str) -> None:
    with pytest.raises(StoreError):
        Stage(name, {})


BUILDER = """
import sys, time
from pathlib import Path
from pywasm_build.store import Stage, Store
root, tell, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
def make(product):
    (product / "half").touch()
    with tell.open("a") as file: file.write("made\\n")
    time.sleep(seconds)
    (product / "whole").touch()
try:
    print(Store(root).build(Stage("slow", {}), make))
except KeyboardInterrupt:
    sys.exit(130)
"""


def start(tmp_path: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(tmp_path / "store"), str(tmp_path / "made"), str(seconds)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_made(tmp_path: Path) -> None:
    for _ in range(200):
        if (tmp_path / "made").exists():
            return
        time.sleep(0.05)
    raise AssertionError("the first process did not start")


def test_a_second_process_waits_says_so_once_and_uses_the_product(tmp_path: Path) -> None:
    with start(tmp_path, 1.5) as first:
        wait_until_made(tmp_path)
        with start(tmp_path, 0) as second:
            second_out, second_err = second.communicate(timeout=30)
            first_out, first_err = first.communicate(timeout=30)
            assert second_err == f"waiting for another inv (pid {first.pid}) that builds slow\n"
    assert first_err == ""
    assert first_out == second_out != ""
    assert (tmp_path / "made").read_text() == "made\n"
    assert (Path(first_out.strip()) / "whole").exists()


def test_a_second_thread_waits_in_silence(tmp_path: Path) -> None:
    said, making, made = io.StringIO(), threading.Event(), []

    def make(root: Path) -> None:
        made.append(root)
        making.set()
        time.sleep(0.3)

    threads = [threading.Thread(target=Store(tmp_path, stream=said).build, args=(STAGE, make)) for _ in range(2)]
    threads[0].start()
    assert making.wait(20)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert made == [tmp_path / STAGE.name / STAGE.key]
    assert said.getvalue() == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_after_an_interruption_the_next_run_goes_on(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with start(tmp_path, 60) as first:
        wait_until_made(tmp_path)
        first.send_signal(number)
        first.communicate(timeout=20)
        assert first.returncode == code
    with start(tmp_path, 0) as second:
        out, err = second.communicate(timeout=20)
    assert (Path(out.strip()) / "whole").exists()
    assert err == ""


def test_link_replaces_a_link_but_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    name = tmp_path / "build" / "runtime"
    link(name, tmp_path / "a")
    link(name, tmp_path / "b")
    assert name.readlink() == tmp_path / "b"
    assert [item.name for item in name.parent.iterdir()] == ["runtime"]
    with pytest.raises(StoreError, match="move it away"):
        link(tmp_path / "a", tmp_path / "b")


def test_link_replaces_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(tmp_path / "gone")
    link(tmp_path / "x", tmp_path)
    assert (tmp_path / "x").readlink() == tmp_path


CODE = 'def f(x):\n    """Say."""\n    # why\n    return x + 1\n'


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("def f( x ):\n\n    return (x+1)\n", True),
        ('"""Head."""\n' + CODE, True),
        ("def f(x):\n    return x + 2\n", False),
        ('def f(x):\n    y = """Say."""\n    return x + 1\n', False),
    ],
)
def test_source_hash_sees_code_only(tmp_path: Path, other: str, same: bool) -> None:
    file = tmp_path / "builder.py"
    file.write_text(CODE)
    before = source_hash(file)
    file.write_text(other)
    assert (source_hash(file) == before) is same


def test_source_hash_of_modules_folders_and_data(tmp_path: Path) -> None:
    assert source_hash(errors) == source_hash(Path(errors.__file__ or ""))
    assert source_hash(errors) != source_hash(errors, store)
    (tmp_path / "only_doc.py").write_text('def f():\n    """Doc."""\n')
    (tmp_path / "dlfcn.c").write_text("int x;")
    before = source_hash(tmp_path, tmp_path / "dlfcn.c")
    (tmp_path / "dlfcn.c").write_text("int  x;")
    assert source_hash(tmp_path, tmp_path / "dlfcn.c") != before


def test_tree_hash_sees_names_contents_links_and_the_executable_bit(tmp_path: Path) -> None:
    def change(number: int) -> str:
        tree = tmp_path / str(number)
        tree.mkdir()
        (tree / "file").write_text("y" if number == 1 else "x")
        (tree / ("other" if number == 2 else "name")).touch()
        (tree / "link").symlink_to("name" if number == 3 else "file")
        (tree / "file").chmod(0o755 if number == 4 else 0o644)
        if number == 5:
            (tree / "empty").mkdir()
        return tree_hash(tree)

    hashes = [change(number) for number in range(7)]
    assert len(set(hashes)) == 6
    assert hashes[0] == hashes[6]


def test_a_product_survives_only_with_valid_json_inputs(shop: Store) -> None:
    product = shop.build(STAGE, Maker())
    text = json.loads((product / "stamp.json").read_text())
    assert Stage(text["name"], text["inputs"]).key == STAGE.key
