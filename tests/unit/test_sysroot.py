"""How the installed headers of the C library are amended."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pywasm_build.errors import BuildError
from pywasm_build.sysroot import ADDITIONS, amend_headers

GUARDS: list[str] = tomllib.loads((ADDITIONS / "provided.toml").read_text("utf-8"))["guards"]
DECLARATIONS = ADDITIONS / "declarations"


def guarded(comment: str) -> str:
    return f"#ifdef __wasilibc_unmodified_upstream /* {comment} */\nint hidden(void);\n#endif\n"


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    """Make headers with every guard that is opened, and one that stays."""
    for addition in DECLARATIONS.rglob("*.h"):
        header = tmp_path / addition.relative_to(DECLARATIONS)
        header.parent.mkdir(exist_ok=True)
        header.write_text("int before;\n", "utf-8")
    for number, comment in enumerate(GUARDS):
        (tmp_path / f"guarded{number}.h").write_text(guarded(comment) + guarded("WASI has no fork/exec"), "utf-8")
    return tmp_path


def test_guards_of_what_is_provided_are_opened(headers: Path) -> None:
    amend_headers(headers)
    for number in range(len(GUARDS)):
        text = (headers / f"guarded{number}.h").read_text("utf-8")
        assert text == "#if 1\nint hidden(void);\n#endif\n" + guarded("WASI has no fork/exec")


def test_a_guard_that_no_header_has_is_an_error(headers: Path) -> None:
    (headers / "guarded0.h").unlink()
    with pytest.raises(BuildError, match=f"no header in .*{GUARDS[0]}"):
        amend_headers(headers)


def test_declarations_are_included_by_the_header_of_their_name(headers: Path) -> None:
    amend_headers(headers)
    assert (headers / "sys/stat.h").read_text("utf-8") == "int before;\n\n#include <pywasm/sys/stat.h>\n"
    for addition in DECLARATIONS.rglob("*.h"):
        name = addition.relative_to(DECLARATIONS)
        assert (headers / "pywasm" / name).read_text("utf-8") == addition.read_text("utf-8")


def test_whole_headers_are_put_over_those_that_are_there(headers: Path) -> None:
    (headers / "pwd.h").write_text("before", "utf-8")
    amend_headers(headers)
    for whole in (ADDITIONS / "headers").rglob("*.h"):
        installed = headers / whole.relative_to(ADDITIONS / "headers")
        assert installed.read_text("utf-8") == whole.read_text("utf-8")


def test_a_declaration_for_a_header_that_is_not_there_is_an_error(headers: Path) -> None:
    (headers / "fcntl.h").unlink()
    with pytest.raises(BuildError, match=r"fcntl\.h"):
        amend_headers(headers)
