"""The sample functions, uploaded and called: real sandboxes, real chained calls, real state."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.functions import Functions

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "functions"
# Before the one that reads what it wrote.
NAMES = sorted((path.stem for path in FOLDER.glob("*.py")), key=lambda name: name == "state_test_read")

Upload = Callable[[str], str]


@pytest.fixture(scope="module")
def upload(functions: Functions) -> Upload:
    """Upload a sample once; give the name of the function."""
    known: set[str] = set()

    def upload(name: str) -> str:
        if name not in known:
            version = functions.upload(name, (FOLDER / f"{name}.py").read_text("utf-8"))
            assert version.no_image == ""
            known.add(name)
        return name

    return upload


@pytest.mark.parametrize("name", NAMES)
def test_it_succeeds_without_input(functions: Functions, upload: Upload, name: str) -> None:
    functions.output(upload(name))


@pytest.mark.parametrize(
    ("name", "content", "output"),
    [
        ("echo", bytes(range(256)) * 1000, bytes(range(256)) * 1000),
        ("chain", b"", b"4321 56785678"),
        ("dir_test", b"/function", b"dir_test.py"),
        ("env_check", b'{"HOME": "/tmp"}', b"{}"),
        ("addup", struct.pack("<5d", 1, 2, 3, 4, 5.5), b"15.5"),
        ("deltablue", b'{"size": 3, "edits": 2}', b'{"chain": 6, "projection": 16}'),
        ("faasm_names", b"a\0b", b"a\0b0199956789"),
        ("state_test_read", b"", b"0199956789"),
    ],
)
def test_what_comes_out(functions: Functions, upload: Upload, name: str, content: bytes, output: bytes) -> None:
    assert functions.output(upload(name), content) == output


def test_a_matrix_product_by_seventy_two_calls(functions: Functions, upload: Upload) -> None:
    output = functions.output(upload("mat_mul"), b'{"size": 32, "levels": 2}')
    assert len(output) == 32 * 32 * 4


def test_the_configuration_of_numpy_is_the_guests(functions: Functions, upload: Upload) -> None:
    about = json.loads(functions.output(upload("numpy_conf"), b'{"size": 16}'))
    assert (about["machine"], about["numpy"][0]) == ("wasm32", "2")


def test_nothing_of_temporary_files_is_left(functions: Functions, upload: Upload) -> None:
    made = json.loads(functions.output(upload("dir_test"), entry="temporary"))
    assert made["names"] == ["moved.txt"]
    assert functions.output("dir_test", b"/tmp") == b""


def test_the_environment_of_the_upload_is_there(functions: Functions) -> None:
    source = (FOLDER / "env_check.py").read_text("utf-8")
    functions.upload("environment", source, environment={"GREETING": "hi"})
    functions.output("environment", b'{"GREETING": "hi"}')
    different = functions.call("environment", b'{"GREETING": null}').outcome
    assert different is not None
    assert (different.status, different.output) == (1, b'{"GREETING": "hi"}')
    assert functions.output("env_check", b'{"GREETING": null}') == b"{}"
