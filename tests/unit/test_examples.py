"""Each sample function runs in native Python, and does what it says; in the guest they run as integration tests."""

from __future__ import annotations

import importlib.util
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pywasm_host.testing import World, call

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "functions"
# What these import is not among the tools of this project.
OF_PACKAGES = {"addup": "numpy", "mat_mul": "numpy", "numpy_conf": "numpy", "numpy_test": "numpy"}
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Import examples by name, as the sandbox does: one module of that name."""

    def load(name: str) -> ModuleType:
        package = OF_PACKAGES.get(name)
        if package is not None and importlib.util.find_spec(package) is None:
            pytest.skip(f"{name} needs {package}, which is not installed in this Python")
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"state_test_read"}))
def test_it_succeeds_without_input(load: Load, name: str) -> None:
    result = call(load(name))
    assert (result.status, result.failure, result.traceback) == (0, "", "")


def test_all_samples_are_there() -> None:
    """Faasm's, and two of ours."""
    faasms = (
        "chain ctypes_check deltablue dict_state dir_test echo env_check hash_check hello lang_test mat_mul noop"
        " numpy_conf numpy_test pickle_check pyc_check state_test_read state_test_write"
    )
    assert sorted([*faasms.split(), "addup", "faasm_names"]) == NAMES


def test_hello(load: Load) -> None:
    hello = load("hello")
    assert call(hello).output.startswith(b"Hello, world! This is Python 3.")
    assert call(hello, "Größe").output.decode().startswith("Hello, Größe!")


@pytest.mark.parametrize("content", [b"", b"text", b"\0a\0", bytes(range(256)) * 1000])
def test_echo_is_exact(load: Load, content: bytes) -> None:
    assert call(load("echo"), content).output == content


def test_chain(load: Load) -> None:
    chain = load("chain")
    result = call(chain)
    assert result.output == b"4321 56785678"
    assert [child.output for child in result.children] == [b"4321", b"56785678"]
    seen = call(chain, entry="failing")
    assert (seen.status, seen.output) == (0, b"3 status")
    assert seen.children[0].output == b"x"


def test_dict_state(load: Load) -> None:
    assert json.loads(call(load("dict_state")).output)["epsilon"] == "zeta"


def test_state_is_shared_by_functions(load: Load) -> None:
    world = World()
    missing = call(load("state_test_read"), world=world)
    assert (missing.status, missing.failure) == (1, "exception")
    assert missing.error.startswith("NotFound: ") and "state_test" in missing.error
    assert call(load("state_test_write"), world=world).status == 0
    read = call(load("state_test_read"), world=world)
    assert (read.status, read.output) == (0, b"0199956789")


def test_ctypes_check(load: Load) -> None:
    assert json.loads(call(load("ctypes_check")).output)["qsort"] == [-3, 0, 5, 12]


def test_dir_test(load: Load, tmp_path: Path) -> None:
    dir_test = load("dir_test")
    for name in ("b", "a", "c.txt"):
        (tmp_path / name).touch()
    assert call(dir_test, str(tmp_path)).output == b"a,b,c.txt"
    assert call(dir_test, str(tmp_path / "none")).failure == "exception"
    assert json.loads(call(dir_test, entry="temporary").output)["names"] == ["moved.txt"]


def test_env_check(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    env_check = load("env_check")
    monkeypatch.setenv("GREETING", "hi")
    assert call(env_check, '{"GREETING": "hi", "NOWHERE": null}').status == 0
    different = call(env_check, '{"GREETING": "bye", "NOWHERE": "x"}')
    assert (different.status, json.loads(different.output)) == (1, {"GREETING": "hi", "NOWHERE": None})


def test_lang_test(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(load("lang_test")).output.count(b",") == 8
    assert capsys.readouterr() == ("stdout works\n", "stderr works\n")


def test_pyc_check(load: Load) -> None:
    counts = json.loads(call(load("pyc_check")).output)
    assert counts["bisect"] > counts["made"] > 3


def test_addup(load: Load) -> None:
    assert call(load("addup"), struct.pack("<5d", 1, 2, 3, 4, 5.5)).output == b"15.5"


def test_mat_mul_goes_down_by_levels(load: Load) -> None:
    result = call(load("mat_mul"), '{"size": 16, "levels": 2}')
    assert len(result.output) == 16 * 16 * 4
    assert len(result.children) == 8
    assert [len(child.children) for child in result.children] == [8] * 8
    assert call(load("mat_mul"), '{"size": 10, "levels": 2}').error.startswith("ValueError: a matrix of size 10")


def test_deltablue_computes_by_plans(load: Load) -> None:
    deltablue = load("deltablue")
    expected = {"chain": 2 * 3, "projection": 2 * (1 + 1 + 3 + 3)}
    assert json.loads(call(deltablue, '{"size": 3, "edits": 2}').output) == expected
    assert json.loads(call(deltablue).output) == {"chain": 100 * 100, "projection": 100 * (1 + 1 + 100 + 100)}


def test_deltablue_gives_weak_constraints_up(load: Load) -> None:
    d = load("deltablue")
    variable = d.Variable(5)
    weak, strong, required = (d.Constraint(strength, (d.Way(variable),)) for strength in list(d.Strength)[1:])
    for constraint in (strong, weak, required):
        d.add(constraint)
    assert [one.picked is not None for one in (weak, strong, required)] == [False, False, True]
    d.remove(required)
    assert [one.picked is not None for one in (weak, strong, required)] == [False, True, False]


def test_deltablue_refuses_what_cannot_hold(load: Load) -> None:
    d = load("deltablue")
    one, other, third = (d.Variable(number) for number in range(3))
    for pair in ((one, other), (other, third)):
        d.add(d.equal(*pair))
    with pytest.raises(ValueError, match="in a circle"):
        d.add(d.equal(third, one))
    alone = d.Variable()
    d.add(d.Constraint(d.Strength.REQUIRED, (d.Way(alone),)))
    with pytest.raises(ValueError, match="others that are required are in its way"):
        d.add(d.Constraint(d.Strength.REQUIRED, (d.Way(alone),)))


def test_numpy_conf(load: Load) -> None:
    assert set(json.loads(call(load("numpy_conf"), '{"size": 16}').output)) == {"numpy", "machine", "libraries"}


def test_functions_of_faasm_run_as_they_are(load: Load) -> None:
    result = call(load("faasm_names"), b"a\0b")
    assert result.output == b"a\0b0199956789"
    assert [child.status for child in result.children] == [0, 2]
