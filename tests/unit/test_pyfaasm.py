"""Faasm's names: what they do, and which of Faasm's defects they do not have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pywasm_host as host
from pyfaasm import config, core
from pywasm_host.testing import World, call


@pytest.fixture(autouse=True)
def no_flags(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(core, "env_cache", {})
    monkeypatch.setattr(core, "_unpushed", {})
    monkeypatch.setattr(core, "output_data", None)
    monkeypatch.delenv("PYTHON_LOCAL_CHAINING", raising=False)
    monkeypatch.delenv("PYTHON_LOCAL_OUTPUT", raising=False)
    yield


def echoes() -> int:
    core.write_output(core.read_input(core.get_input_len()))
    return 5


def reads_a_part() -> None:
    core.set_output(core.read_input(3) + b"|" + core.get_input())


def chains() -> None:
    numbers = [core.chain(one, b"\0") for one in (returns_none, returns_seven, raises)]
    core.write_output(repr([core.await_call(number) for number in numbers]).encode())


def returns_none(content: bytes) -> None:
    assert content == b"\0"


def returns_seven(content: bytes) -> int:
    return 7


def raises(content: bytes) -> None:
    raise ValueError(content)


def uses_state() -> None:
    assert core.read_state_size("k") == 0
    core.write_state("k", b"0123456789")
    core.write_state("k", b"abc")
    assert (core.read_state_size("k"), core.read_state("k", 10)) == (3, b"abc")
    core.write_state_offset("k", 6, 4, b"ef")
    assert core.read_state_offset("k", 6, 2, 3) == b"c\0e"
    core.push_state_partial("k")
    core.write_state("k", b"lost")
    core.pull_state("k", 6)
    assert core.read_state("k", 6) == b"abc\0ef"


def pushes_parts() -> None:
    core.write_state_offset("k", 10, 1, b"B")
    core.write_state_offset("k", 10, 8, b"I")
    core.push_state_partial("k")
    core.pull_state("k", 10)
    core.write_output(core.read_state("k", 10))


def pushes_after_another_machine() -> None:
    core.read_state("k", 10)
    host.push_state("k")


def test_input_and_output_are_exact_and_stay() -> None:
    result = call(echoes, b"a\0b\xff")
    assert (result.status, result.output) == (5, b"a\0b\xff")
    assert call(reads_a_part, b"12345").output == b"123|12345"


def test_statuses_of_chained_functions() -> None:
    assert call(chains).output == b"[0, 7, 1]"


def test_state() -> None:
    assert call(uses_state).traceback == ""


def test_only_what_was_written_is_pushed_in_part() -> None:
    """What another machine pushed besides stays."""
    world = World()
    world.state.pushed["k"] = b"abcdefghij"
    world.state.local["k"] = bytearray(b"__________")
    assert call(pushes_parts, world=world).output == b"aBcdefghIj"


def test_a_missing_value_is_an_error_to_read() -> None:
    assert call(lambda: core.read_state("none", 4)).error.startswith("NotFound: ")
    assert call(lambda: core.pull_state("none", 4)).error.startswith("NotFound: ")


def test_local_chaining_calls_at_once() -> None:
    core.set_local_chaining(True)
    seen: list[bytes] = []
    assert core.await_call(core.chain(seen.append, b"x")) == 0
    assert (core.is_local_chaining(), seen) == (True, [b"x"])


def test_local_output_is_kept() -> None:
    with pytest.raises(RuntimeError, match="set_local_input_output"):
        core.get_output()
    core.set_local_input_output(True)
    core.write_output(b"kept")
    assert (core.is_local_output(), core.get_output()) == (True, b"kept")


def test_flags_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_FLAG", "0")
    assert core.get_env_bool("SOME_FLAG")
    core.set_env_bool("SOME_FLAG", False)
    assert not core.get_env_bool("SOME_FLAG")
    assert not core.get_env_bool("NO_FLAG")


@pytest.mark.parametrize(
    "use",
    [lambda: core.set_emulator_message("{}"), lambda: core.set_emulator_status(True), core.get_emulator_async_response],
)
def test_there_is_no_emulator(use: Callable[[], object]) -> None:
    with pytest.raises(host.HostUnavailable, match=r"emulator.*: there is no emulator of Faasm here; pywasm_host.test"):
        use()


def test_all_but_the_matrices_come_with_the_package() -> None:
    """As in Faasm: they alone need numpy."""
    code = "import sys, pyfaasm; pyfaasm.core, pyfaasm.config, pyfaasm.objects.Dictionary(); assert not "
    subprocess.run(
        [sys.executable, "-c", code + "{'numpy', 'pyfaasm.matrix', 'pyfaasm.matrix_data'} & set(sys.modules)"],
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )


def test_how_matrices_are_cut() -> None:
    conf = config.MatrixConf(64, 3)
    assert (conf.matrix_size, conf.n_splits, conf.bytes_per_matrix) == (64, 3, 64 * 64 * 4)
    assert [conf.get_submatrices_per_row(level) for level in range(4)] == [1, 2, 4, 8]
    assert [conf.get_submatrix_size(level) for level in range(4)] == [64, 32, 16, 8]
    assert conf.get_bytes_per_submatrix(conf.n_splits) == 8 * 8 * config.NP_ELEMENT_SIZE


def test_the_keys_of_matrices_are_faasms() -> None:
    """What other programs have written under them is found."""
    conf = config.MatrixConf(matrix_size=8, n_splits=1)
    assert conf.get_submatrix_key(config.SUBMATRICES_KEY_A, 1, 0, 1) == "mat_a_1_0_1"
    assert conf.get_submatrix_key(config.SUBMATRICES_KEY_B, 2, 3, 0) == "mat_b_2_3_0"
    assert conf.get_intermediate_result_key(1, 0, 1, 2, 3) == "intermediate_1_0_1_2_3"
    assert (config.RESULT_MATRIX_KEY, config.MATRIX_CONF_STATE_KEY) == ("result_matrix", "matrix_state")
