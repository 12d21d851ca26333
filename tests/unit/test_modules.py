"""Setup.local, and the table of standard modules that a build ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from pywasm_build.errors import UsageError
from pywasm_build.modules import BUILT_IN, FAILED, LEFT_OUT, Module, module_table, read_setup_local

SETUP = """# What we leave out.
*static*
math
*disabled*
_ssl     # needs OpenSSL
zlib     # needs zlib # really

# a comment
_curses  # no terminal
"""


def test_left_out_modules_have_their_reason(tmp_path: Path) -> None:
    (tmp_path / "Setup.local").write_text(SETUP)
    assert read_setup_local(tmp_path / "Setup.local") == {
        "_ssl": "needs OpenSSL",
        "zlib": "needs zlib # really",
        "_curses": "no terminal",
    }


@pytest.mark.parametrize("line", ["_hashlib", "_hashlib   #", "_hashlib #  "])
def test_a_line_without_a_reason_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "Setup.local"
    path.write_text(SETUP + line + "\n")
    with pytest.raises(UsageError, match=r"Setup.local, line 10: _hashlib has no reason; write it behind a #"):
        read_setup_local(path)


def test_a_heading_that_makesetup_does_not_know_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Setup.local"
    path.write_text("*disable*\n_ssl # why\n")
    with pytest.raises(UsageError, match=r"line 1: \*disable\* is no heading; there are \*static\*"):
        read_setup_local(path)


def test_a_module_that_is_left_out_must_exist(tmp_path: Path) -> None:
    (tmp_path / "Modules").mkdir()
    (tmp_path / "Modules" / "config.c").write_text('    {"math", PyInit_math},\n')
    (tmp_path / "Makefile").write_text("MODULE_ZLIB_STATE=disabled\n")
    assert len(module_table(tmp_path, {"zlib": "why"})) == 2
    with pytest.raises(UsageError, match=r"Setup.local leaves out _zlib, which this CPython does not have"):
        module_table(tmp_path, {"zlib": "why", "_zlib": "why"})


def test_each_module_has_its_state(tmp_path: Path) -> None:
    (tmp_path / "Modules").mkdir()
    (tmp_path / "Modules" / "config.c").write_text(
        '    {"math", PyInit_math},\n    {"_testcapi", PyInit__testcapi},\n    {"_BLAKE", PyInit__BLAKE},\n'
        '    {"builtins", NULL},\n    {0, 0}\n'
    )
    (tmp_path / "Makefile").write_text(
        "MODULE_MATH_STATE=yes\nMODULE__BLAKE_STATE=yes\nMODULE_ZLIB_STATE=missing\nMODULE__SSL_STATE=disabled\n"
        "MODULE__CTYPES_STATE=yes\nMODULE__LZMA_STATE=missing\nMODULE_FCNTL_STATE=n/a\nMODULE_PWD_STATE=disabled\n"
        "MODULE__TESTCAPI_STATE=disabled\nMODULE_XXLIMITED_STATE=missing\nMODULE__CTYPES_TEST_STATE=missing\n"
        "MODULE_MATH_DEPS=x\n"
    )
    table = module_table(tmp_path, {"zlib": "needs zlib", "_ssl": "needs OpenSSL"})
    mend = "leave it out in Setup.local, or provide what it needs"
    assert table == [
        Module(name="_BLAKE", state=BUILT_IN),
        Module(name="builtins", state=BUILT_IN),
        Module(name="math", state=BUILT_IN),
        Module(name="_ctypes", state=FAILED, reason=f"configure wanted it; {mend}"),
        Module(name="_lzma", state=FAILED, reason=f"a library or header that it needs is missing; {mend}"),
        Module(name="fcntl", state=FAILED, reason="CPython's configure knows it for no WASI; say why in Setup.local"),
        Module(name="_ssl", state=LEFT_OUT, reason="needs OpenSSL"),
        Module(name="pwd", state=LEFT_OUT, reason="switched off by configure"),
        Module(name="zlib", state=LEFT_OUT, reason="needs zlib"),
    ]
