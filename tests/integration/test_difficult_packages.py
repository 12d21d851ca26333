"""Packages without a recipe that cannot work, or mean harm: each is told in one line, and stops nothing else."""

import zipfile
from pathlib import Path

import pytest

from tests.integration.chain import Checkout, printed
from tests.integration.shelf import make_shelf, write_sdist

SETUP = "from setuptools import Extension, setup\nsetup(name='{name}', version='1.0', ext_modules=[{modules}])\n"
MODULE = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, "NAME", NULL, -1, NULL, NULL, NULL, NULL, NULL };
PyMODINIT_FUNC PyInit_NAME(void) {
    PyObject *module = PyModule_Create(&definition);
    ACTION
    return module;
}
"""
# What happens while it is imported.
ACTIONS = {
    "fine": 'PyModule_AddIntConstant(module, "answer", 42);',
    "starter": "if (!PyRun_String(\"__import__('threading').Thread(target=print).start()\", Py_eval_input,"
    " PyEval_GetBuiltins(), NULL)) return NULL;",
    "spawner": "if (!PyRun_String(\"__import__('subprocess').check_output(['ls'])\", Py_eval_input,"
    " PyEval_GetBuiltins(), NULL)) return NULL;",
    "dialer": "if (!PyRun_String(\"__import__('socket').create_connection(('127.0.0.1', 9))\", Py_eval_input,"
    " PyEval_GetBuiltins(), NULL)) return NULL;",
    "crasher": "__builtin_trap();",
}
TOLD = {
    "starter": "importing starter fails: RuntimeError: can't start new thread: WASI has none",
    "spawner": "importing spawner fails: OSError: [Errno 58] wasi does not support processes.",
    "dialer": "importing dialer fails: OSError: [Errno 58] WASI has no network",
    "crasher": "importing crasher fails: its import trapped: ",
    "picky": "platform wasi is not supported",
    "climber": "is refused because of its member 'climber-1.0/../../evil'",
    "wheeler": "is refused because of its member '../../evil.py': its name is not a plain relative path",
    "rusty": "it needs a Rust compiler (Cargo.toml)",
}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder that is the only place where pip looks for packages."""
    folder = make_shelf(tmp_path / "shelf", monkeypatch)
    for name, action in ACTIONS.items():
        code = MODULE.replace("NAME", name).replace("ACTION", action)
        setup = SETUP.format(name=name, modules=f"Extension('{name}', ['{name}.c'])")
        write_sdist(folder, name, {"setup.py": setup, f"{name}.c": code})
    write_sdist(folder, "picky", {"setup.py": "import sys; sys.exit(f'platform {sys.platform} is not supported')\n"})
    write_sdist(folder, "climber", {"../../evil": "x"})
    write_sdist(folder, "rusty", {"Cargo.toml": ""})
    with zipfile.ZipFile(folder / "wheeler-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("../../evil.py", "")
        for file in ("METADATA", "WHEEL", "RECORD"):
            wheel.writestr(f"wheeler-1.0.dist-info/{file}", "Metadata-Version: 2.1\nName: wheeler\nVersion: 1.0\n")
    return folder


def test_each_is_told_in_one_line(scratch: Checkout, shelf: Path) -> None:
    ended = scratch.inv("libs.install", *(word for name in (*TOLD, "fine") for word in ("--name", name)))
    assert ended.returncode == 1, ended.stderr
    rows = {line.split()[0]: line for line in ended.stdout.partition("time")[2].splitlines() if line}
    for name, words in TOLD.items():
        assert words in rows[name]
    assert "Traceback" not in ended.stdout + ended.stderr
    assert printed(scratch.python("-c", "import fine; print(fine.answer)")) == "42"
    log = (scratch.root / "build" / "logs" / "picky.log").read_text()
    assert "platform wasi is not supported" in log
    assert not list(shelf.parent.rglob("evil*"))
