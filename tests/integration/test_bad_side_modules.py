"""Whatever lies under the name of a side module: an ImportError that says what is wrong, and Python goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pywasm_binary.sections import split_sections
from tests.integration.chain import Chain, printed

CODE = 10
"""The number of the code section."""

MODULE = r"""
static char large[100000] = {1};
static PyObject *run(PyObject *module, PyObject *none) { return PyLong_FromLong(large[0]); }
EXTENSION(sample, {"run", run, METH_NOARGS, NULL})
"""
ATTEMPT = """
try:
    import sample
except ImportError as error:
    print(type(error).__name__, error, error.path)
import math
print(math.sqrt(4))
"""


@pytest.fixture(scope="module")
def good(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return chain.extension(tmp_path_factory.mktemp("good"), "sample", MODULE).read_bytes()


def attempt(chain: Chain, folder: Path, content: bytes) -> str:
    """Give what the ImportError says."""
    (folder / "sample.so").write_bytes(content)
    message, after = printed(chain.python_in(folder, ATTEMPT)).splitlines()
    assert after == "2.0"
    prefix, suffix = "ImportError /modules/sample.so: ", " /modules/sample.so"
    assert message.startswith(prefix)
    assert message.endswith(suffix)
    return message.removeprefix(prefix).removesuffix(suffix)


def test_the_good_one_works(chain: Chain, tmp_path: Path, good: bytes) -> None:
    (tmp_path / "sample.so").write_bytes(good)
    assert printed(chain.python_in(tmp_path, "import sample; print(sample.run())")) == "1"


def with_invalid_code(good: bytes) -> bytes:
    """Put an unknown instruction before the end of the last function; wasmtime is who finds out."""
    (code,) = (section for section in split_sections(good) if section.id == CODE)
    return good[: code.end - 2] + b"\xff" + good[code.end - 1 :]


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda good: b"", "not a wasm"),
    "text": (lambda good: b"print('hello')\n", "not a wasm"),
    "ELF": (lambda good: b"\x7fELF\x02\x01\x01" + bytes(4000), "not a wasm"),
    "header only": (lambda good: good[:8], "dylink.0"),
    "half": (lambda good: good[: len(good) // 2], "byte"),
    "all but the end": (lambda good: good[:-1], "byte"),
    "another ABI": (lambda good: good.replace(b"pywasm-2", b"pywasm-0"), "'pywasm-0', this runtime is 'pywasm-2'"),
    "no ABI": (lambda good: good.replace(b"pywasm.abi", b"pywasm.xyz"), "no section pywasm.abi"),
    "invalid code": (with_invalid_code, "Invalid"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file(chain: Chain, tmp_path: Path, good: bytes, name: str) -> None:
    change, expected = BROKEN[name]
    message = attempt(chain, tmp_path, change(good))
    assert expected in message
    assert message


def test_a_program_is_no_side_module(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "p.c").write_text("int main(void) { return 0; }\n")
    chain.compile("p.c", "-o", "p.wasm", cwd=tmp_path)
    assert attempt(chain, tmp_path, (tmp_path / "p.wasm").read_bytes()) == (
        "not a side module (it has no dylink.0 section)"
    )


def test_every_missing_symbol_is_listed(chain: Chain, tmp_path: Path) -> None:
    names = [f"absent_{number}" for number in range(30)]
    source = "".join(f"extern int {name}_data; int {name}(void);\n" for name in names)
    calls = " + ".join(f"{name}() + {name}_data" for name in names)
    source += f"static PyObject *run(PyObject *m, PyObject *n) {{ return PyLong_FromLong({calls}); }}\n"
    chain.extension(tmp_path, "sample", source + 'EXTENSION(sample, {"run", run, METH_NOARGS, NULL})')
    message = attempt(chain, tmp_path, (tmp_path / "sample.so").read_bytes())
    kind, _, listed = message.partition(": ")
    assert kind == "missing symbols"
    assert sorted(listed.split(", ")) == sorted(names + [f"{name}_data" for name in names])


def test_a_missing_library(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "other.c").write_text("int other(void) { return 4; }\n")
    chain.compile("-shared", "-fPIC", "other.c", "-o", "libother.so", cwd=tmp_path)
    source = """
int other(void);
static PyObject *run(PyObject *module, PyObject *none) { return PyLong_FromLong(other()); }
EXTENSION(sample, {"run", run, METH_NOARGS, NULL})
"""
    chain.extension(tmp_path, "sample", source, link=("-L.", "-lother"))
    assert printed(chain.python_in(tmp_path, "import sample; print(sample.run())")) == "4"
    (tmp_path / "libother.so").unlink()
    message = attempt(chain, tmp_path, (tmp_path / "sample.so").read_bytes())
    assert message == "needs libother.so, which is in none of /modules"


def test_a_module_without_its_init_function(chain: Chain, tmp_path: Path, good: bytes) -> None:
    (tmp_path / "other.so").write_bytes(good)
    ended = chain.python_in(tmp_path, "import other")
    assert ended.returncode == 1
    assert "ImportError: dynamic module does not define module export function (PyInit_other)" in ended.stderr


def test_a_constructor_that_fails(chain: Chain, tmp_path: Path, good: bytes) -> None:
    trap = "__attribute__((constructor)) static void fail(void) { __builtin_trap(); }\n"
    chain.extension(tmp_path, "sample", trap + MODULE)
    message = attempt(chain, tmp_path, (tmp_path / "sample.so").read_bytes())
    assert "__wasm_call_ctors failed: " in message
    leave = "#include <stdlib.h>\n__attribute__((constructor)) static void leave(void) { _Exit(9); }\n"
    chain.extension(tmp_path, "sample", leave + MODULE)
    assert chain.python_in(tmp_path, "import sample").returncode == 9


def test_a_link_that_leads_out_of_the_folder(chain: Chain, tmp_path: Path, good: bytes) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "outer.so").write_bytes(good)
    (tmp_path / "inner" / "sample.so").symlink_to(tmp_path / "outer.so")
    ended = chain.python_in(tmp_path / "inner", "import sample")
    assert ended.returncode == 1
    assert "Error" in ended.stderr.splitlines()[-1]
