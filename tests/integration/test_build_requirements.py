"""What a package asks for only while it is built: numpy, in setup.py alone, with the headers of the target."""

from pathlib import Path

import pytest

from tests.integration.chain import Checkout, printed
from tests.unit.checkout import sdist_bytes

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
FILES = {
    "PKG-INFO": "Metadata-Version: 2.2\nName: asks-late\nVersion: 1.0\nRequires-Dist: numpy\n",
    "setup.py": SETUP,
    "asks_late.c": MODULE,
}


def test_numpy_that_only_setup_py_asks_for(scratch: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scratch.inv("libs.install", "--name", "numpy")
    assert first.returncode == 0, first.stderr
    sdist = sdist_bytes("asks_late", {name: text.encode() for name, text in FILES.items()})
    (tmp_path / "asks_late-1.0.tar.gz").write_bytes(sdist)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    ended = scratch.inv("libs.install", "--name", "asks-late")
    assert ended.returncode == 0, ended.stderr
    assert printed(scratch.python("-c", "import asks_late; print(asks_late.total([1, 2.5]))")) == "(3.5, 4)"
