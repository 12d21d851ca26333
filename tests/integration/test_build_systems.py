"""CMake and Meson build for the host triple with the files that the toolchain writes for them."""

import os
from pathlib import Path

import pytest

from tests.integration.chain import Chain, run

MAIN = r"""
#include <iostream>
#include <stdexcept>
extern "C" int answer(int);
int main() {
    try { throw std::runtime_error("caught"); }
    catch (const std::exception &error) { std::cout << error.what() << ' ' << answer(6) << '\n'; }
}
"""
ANSWER = "int answer(int n) { return n * 7; }\n"
CMAKE = """\
cmake_minimum_required(VERSION 3.20)
project(sample C CXX)
include(CheckFunctionExists)
include(CheckTypeSize)
check_function_exists(snprintf HAVE_SNPRINTF)
check_function_exists(fork HAVE_FORK)
check_type_size("void *" POINTER)
message(STATUS "snprintf=${HAVE_SNPRINTF} fork=${HAVE_FORK} pointer=${POINTER}")
add_library(answer STATIC answer.c)
add_executable(sample main.cpp)
target_link_libraries(sample answer)
enable_testing()
add_test(NAME sample COMMAND sample)
"""
MESON = """\
project('sample', 'c', 'cpp')
cc = meson.get_compiler('c')
message('snprintf=@0@ pointer=@1@ runs=@2@'.format(
    cc.has_function('snprintf'), cc.sizeof('void *'), cc.run('int main(void) { return 0; }').returncode()))
answer = static_library('answer', 'answer.c')
sample = executable('sample', 'main.cpp', link_with: answer)
test('sample', sample)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a project"
    folder.mkdir()
    (folder / "main.cpp").write_text(MAIN)
    (folder / "answer.c").write_text(ANSWER)
    return folder


def step(chain: Chain, folder: Path, tool: str, *arguments: str | Path) -> str:
    """Run a build tool of the cross environment, its folder and the runner's in front of PATH."""
    tools = chain.root / "build" / "crossenv" / "tools" / "bin"
    path = os.pathsep.join([str(tools), str(chain.root / "bin"), os.environ["PATH"]])
    ended = run([tools / tool, *arguments], cwd=folder, environ={"PATH": path})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_cmake(chain: Chain, project: Path) -> None:
    (project / "CMakeLists.txt").write_text(CMAKE)
    toolchain = chain.root / "bin" / "wasm32-wasip1.cmake"
    configured = step(
        chain,
        project,
        "cmake",
        *("-G", "Ninja", "-S", ".", "-B", "out", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"),
        f"-DCMAKE_CROSSCOMPILING_EMULATOR={chain.root / 'bin' / 'wasm32-wasip1-run'}",
    )
    assert "snprintf=1 fork= pointer=4" in configured
    step(chain, project, "cmake", "--build", "out")
    (program,) = (path for path in (project / "out").glob("sample*") if path.is_file())
    assert chain.run_program(program, cwd=project).stdout == "caught 42\n"
    assert "100% tests passed" in step(chain, project, "ctest", "--test-dir", "out")


def test_meson(chain: Chain, project: Path) -> None:
    (project / "meson.build").write_text(MESON)
    folder = chain.root / "bin"
    (project / "run.ini").write_text(f"[binaries]\nexe_wrapper = '{folder / 'wasm32-wasip1-run'}'\n")
    files = [f"--cross-file={file}" for file in (folder / "wasm32-wasip1.meson.ini", "run.ini")]
    configured = step(chain, project, "meson", "setup", "out", *files)
    assert "snprintf=true pointer=4 runs=0" in configured
    step(chain, project, "meson", "compile", "-C", "out")
    (program,) = (path for path in (project / "out").glob("sample*") if path.is_file())
    assert chain.run_program(program, cwd=project).stdout == "caught 42\n"
    step(chain, project, "meson", "test", "-C", "out")
