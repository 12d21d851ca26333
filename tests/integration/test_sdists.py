"""Sdists as people write them, one for each build system and way to write an extension module, without a recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.chain import Checkout, printed
from tests.integration.shelf import make_shelf, write_sdist

C = r"""
#include <Python.h>
static PyObject *half(PyObject *module, PyObject *given)
{
    long number = PyLong_AsLong(given);
    if (number % 2) {
        PyErr_SetString(PyExc_ValueError, "odd");
        return NULL;
    }
    return PyLong_FromLong(number / 2);
}
static PyMethodDef methods[] = {{"half", half, METH_O, ""}, {NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_core", "", -1, methods};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&definition); }
"""
CPP = r"""
#include <BINDER/BINDER.h>
#include <stdexcept>
static int half(int number)
{
    if (number % 2) throw std::invalid_argument("odd");
    return number / 2;
}
MODULE(_core, module) { module.def("half", &half); }
"""
CYTHON = """
def half(int number):
    if number % 2:
        raise ValueError("odd")
    return number // 2
"""
NUMPY = """
import numpy as np
cimport numpy as cnp
cnp.import_array()

def half(int number):
    if number % 2:
        raise ValueError("odd")
    cdef cnp.ndarray array = np.zeros(number, np.int_)
    assert array.itemsize == sizeof(cnp.npy_intp)
    return array.shape[0] // 2
"""
PYBIND11 = CPP.replace("BINDER", "pybind11").replace("MODULE", "PYBIND11_MODULE")
NANOBIND = CPP.replace("BINDER", "nanobind").replace("MODULE", "NB_MODULE")
LIMITED = f"#define Py_LIMITED_API 0x030a0000\n{C}"


def pyproject(backend: str, *requires: str, more: str = "") -> str:
    lines = ["[build-system]", f"requires = {list(requires)}", f'build-backend = "{backend}"']
    return "\n".join([*lines, "[project]", 'name = "PACKAGE"', 'version = "1.0"', more])


def cmake(language: str, *lines: str) -> str:
    head = ["cmake_minimum_required(VERSION 3.15...4.0)", f"project(PACKAGE {language})"]
    return "\n".join([*head, *lines, "install(TARGETS _core LIBRARY DESTINATION PACKAGE)", ""])


def meson(languages: str, module: str) -> str:
    return f"""
project('PACKAGE', {languages}, version: '1.0', default_options: ['cpp_std=c++17'])
py = import('python').find_installation(pure: false)
py.install_sources('PACKAGE/__init__.py', subdir: 'PACKAGE')
py.extension_module('_core', {module}, install: true, subdir: 'PACKAGE')
"""


SKBUILD = "scikit_build_core.build"
SETUPTOOLS = "setuptools.build_meta"
PACKAGES = '[tool.setuptools]\npackages = ["PACKAGE"]\n'
FIND_PYTHON = "find_package(Python REQUIRED COMPONENTS Interpreter Development.Module"
# Files by name; in them PACKAGE is the package's name.
SDISTS = {
    "skbuild_c": {
        "core.c": C,
        "pyproject.toml": pyproject(SKBUILD, "scikit-build-core"),
        "CMakeLists.txt": cmake(
            "C",
            "find_package(Python3 REQUIRED COMPONENTS Interpreter Development)",
            "Python3_add_library(_core MODULE WITH_SOABI core.c)",
            "target_link_libraries(_core PRIVATE ${Python3_LIBRARIES})",
        ),
    },
    "skbuild_cython": {
        "_core.pyx": NUMPY,
        "pyproject.toml": pyproject(SKBUILD, "scikit-build-core", "cython", "numpy"),
        "CMakeLists.txt": cmake(
            "C",
            f"{FIND_PYTHON} NumPy)",
            "add_custom_command(OUTPUT _core.c DEPENDS _core.pyx VERBATIM COMMAND Python::Interpreter -m cython"
            " ${CMAKE_CURRENT_SOURCE_DIR}/_core.pyx -o _core.c)",
            "Python_add_library(_core MODULE WITH_SOABI ${CMAKE_CURRENT_BINARY_DIR}/_core.c)",
            "target_link_libraries(_core PRIVATE Python::NumPy)",
        ),
    },
    "skbuild_pybind11": {
        "core.cpp": PYBIND11,
        "pyproject.toml": pyproject(SKBUILD, "scikit-build-core", "pybind11"),
        "CMakeLists.txt": cmake(
            "CXX",
            "set(PYBIND11_FINDPYTHON ON)",
            "find_package(pybind11 CONFIG REQUIRED)",
            "pybind11_add_module(_core core.cpp)",
        ),
    },
    "skbuild_nanobind": {
        "core.cpp": NANOBIND,
        "pyproject.toml": pyproject(
            SKBUILD, "scikit-build-core", "nanobind", more='[tool.scikit-build]\nwheel.py-api = "cp312"\n'
        ),
        "CMakeLists.txt": cmake(
            "CXX",
            f"{FIND_PYTHON} OPTIONAL_COMPONENTS Development.SABIModule)",
            "find_package(nanobind CONFIG REQUIRED)",
            "nanobind_add_module(_core STABLE_ABI NB_STATIC core.cpp)",
        ),
    },
    "meson_cython": {
        "_core.pyx": NUMPY,
        "pyproject.toml": pyproject("mesonpy", "meson-python", "cython", "numpy"),
        "meson.build": meson("'c', 'cython'", "'_core.pyx', dependencies: dependency('numpy')"),
    },
    "meson_pybind11": {
        "core.cpp": PYBIND11,
        "pyproject.toml": pyproject("mesonpy", "meson-python", "pybind11"),
        "meson.build": meson("'cpp'", "'core.cpp', dependencies: dependency('pybind11')"),
    },
    "setuptools_cython": {
        "PACKAGE/_core.pyx": CYTHON,
        "pyproject.toml": pyproject(SETUPTOOLS, "setuptools", "cython", more=PACKAGES),
        "setup.py": "from setuptools import Extension, setup\n"
        "setup(ext_modules=[Extension('PACKAGE._core', ['PACKAGE/_core.pyx'])])\n",
    },
    "setuptools_limited": {
        "core.c": LIMITED,
        "pyproject.toml": pyproject(SETUPTOOLS, "setuptools", more=PACKAGES),
        "setup.py": "from setuptools import Extension, setup\n"
        "setup(ext_modules=[Extension('PACKAGE._core', ['core.c'], py_limited_api=True)],"
        " options={'bdist_wheel': {'py_limited_api': 'cp310'}})\n",
    },
    "setuptools_pybind11": {
        "core.cpp": PYBIND11,
        "pyproject.toml": pyproject(SETUPTOOLS, "setuptools", "pybind11", more=PACKAGES),
        "setup.py": "from pybind11.setup_helpers import Pybind11Extension, build_ext\nfrom setuptools import setup\n"
        "setup(ext_modules=[Pybind11Extension('PACKAGE._core', ['core.cpp'])], cmdclass={'build_ext': build_ext})\n",
    },
    "setuptools_cmake": {
        "core.cpp": PYBIND11,
        "pyproject.toml": pyproject(SETUPTOOLS, "setuptools", "pybind11", "cmake", "ninja", more=PACKAGES),
        "CMakeLists.txt": cmake("CXX", "find_package(pybind11 REQUIRED)", "pybind11_add_module(_core core.cpp)"),
        "setup.py": """
import subprocess, sys
from pathlib import Path
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

class Build(build_ext):
    def build_extension(self, extension):
        out = Path(self.get_ext_fullpath(extension.name)).resolve().parent
        options = [f"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={out}", f"-DPYTHON_EXECUTABLE={sys.executable}", "-GNinja"]
        subprocess.run(["cmake", "-S", ".", "-B", self.build_temp, *options], check=True)
        subprocess.run(["cmake", "--build", self.build_temp], check=True)

setup(ext_modules=[Extension("PACKAGE._core", sources=[])], cmdclass={"build_ext": Build})
""",
    },
    "hatchling_c": {
        "core.c": C,
        "pyproject.toml": pyproject(
            "hatchling.build", "hatchling", "setuptools", more="[tool.hatch.build.targets.wheel.hooks.custom]\n"
        ),
        "hatch_build.py": """
from pathlib import Path
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

class Hook(BuildHookInterface):
    def initialize(self, version, data):
        command = build_ext(Distribution({"ext_modules": [Extension("PACKAGE._core", ["core.c"])]}))
        command.ensure_finalized()
        command.run()
        data |= {"pure_python": False, "infer_tag": True}
        for file in command.get_outputs():
            data["force_include"][file] = str(Path(file).relative_to(command.build_lib))
""",
    },
    "poetry_c": {
        "core.c": C,
        "pyproject.toml": """
[tool.poetry]
name = "PACKAGE"
version = "1.0"
description = ""
authors = []
include = [{path = "PACKAGE/*.so", format = "wheel"}]
[tool.poetry.build]
script = "build.py"
generate-setup-file = false
[build-system]
requires = ["poetry-core", "setuptools"]
build-backend = "poetry.core.masonry.api"
""",
        "build.py": """
import shutil
from pathlib import Path
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

command = build_ext(Distribution({"ext_modules": [Extension("PACKAGE._core", ["core.c"])]}))
command.ensure_finalized()
command.run()
for file in command.get_outputs():
    shutil.copyfile(file, Path(file).relative_to(command.build_lib))
""",
    },
}
USE = """
import importlib, json, sys
said = {}
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    try:
        package.half(3)
    except ValueError as error:
        said[name] = [package.half(42), str(error), package._core.__file__.endswith(".so")]
json.dump(said, sys.stdout)
"""


def test_build_systems(scratch: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # With numpy's index: what is pinned may not be here yet.
    first = scratch.inv("libs.install", "--name", "numpy")
    assert first.returncode == 0, first.stderr
    shelf = make_shelf(tmp_path / "shelf", monkeypatch)
    for name, files in SDISTS.items():
        mine = {file.replace("PACKAGE", name): text.replace("PACKAGE", name) for file, text in files.items()}
        write_sdist(shelf, name, {f"{name}/__init__.py": "from ._core import half\n", **mine})
    ended = scratch.inv("libs.install", *(word for name in SDISTS for word in ("--name", name)))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    said = json.loads(printed(scratch.python("-c", USE, *SDISTS)))
    assert said == {name: [21, "odd", True] for name in SDISTS}


SETUP = """
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

class Build(build_ext):
    def finalize_options(self):
        super().finalize_options()
        import numpy
        self.include_dirs.append(numpy.get_include())

setup(
    name="asks-late",
    version="1.0",
    setup_requires=["numpy"],
    install_requires=["numpy"],
    ext_modules=[Extension("asks_late", ["asks_late.c"])],
    cmdclass={"build_ext": Build},
)
"""
MODULE = """
#include <Python.h>
#include <numpy/arrayobject.h>

static PyObject *total(PyObject *module, PyObject *given)
{
    PyArrayObject *array = (PyArrayObject *)PyArray_FROM_OTF(given, NPY_DOUBLE, NPY_ARRAY_IN_ARRAY);
    if (array == NULL)
        return NULL;
    double sum = 0;
    for (npy_intp i = 0; i < PyArray_SIZE(array); i++)
        sum += ((double *)PyArray_DATA(array))[i];
    Py_DECREF(array);
    return Py_BuildValue("di", sum, NPY_SIZEOF_LONG);
}

static PyMethodDef methods[] = {{"total", total, METH_O, ""}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "asks_late", "", -1, methods};

PyMODINIT_FUNC PyInit_asks_late(void)
{
    import_array();
    return PyModule_Create(&module);
}
"""


def test_numpy_that_only_setup_py_asks_for(scratch: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scratch.inv("libs.install", "--name", "numpy")
    assert first.returncode == 0, first.stderr
    shelf = make_shelf(tmp_path / "shelf", monkeypatch)
    write_sdist(shelf, "asks-late", {"setup.py": SETUP, "asks_late.c": MODULE}, requires=("numpy",))
    ended = scratch.inv("libs.install", "--name", "asks-late")
    assert ended.returncode == 0, ended.stderr
    assert printed(scratch.python("-c", "import asks_late; print(asks_late.total([1, 2.5]))")) == "(3.5, 4)"
