"""Programs in C and C++ through the drivers, as any build system would call them."""

from pathlib import Path

import pytest

from tests.integration.chain import Chain

C = r"""
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int count, char **words) {
    for (int i = 1; i < count; i++) printf("<%s>", words[i]);
    char *end;
    printf(" %.17g %Lg %.3f %s\n", strtod("0x1.8p1", &end), 2.5L, sin(1.0), strerror(ENOENT));
    FILE *file = fopen("some file", "w");
    fprintf(file, "%s\n", "written");
    return fclose(file) ? 1 : 7;
}
"""
CPP = r"""
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>
struct Shape { virtual ~Shape() = default; };
struct Round : virtual Shape { std::string name = "round"; };
struct Error : std::runtime_error { using runtime_error::runtime_error; int code = 5; };
struct Guard { ~Guard() { std::cout << "unwound "; } };
static std::vector<std::string> registered{"constructed before main"};
[[noreturn]] static void fail(const std::string &what) { Guard guard; throw Error(what); }
int main() {
    std::unique_ptr<Shape> shape = std::make_unique<Round>();
    const Shape &known = *shape;
    std::cout << dynamic_cast<Round &>(*shape).name << ' ' << (typeid(known) == typeid(Round)) << '\n';
    try { fail("a long text that does not fit into the string itself"); }
    catch (const std::logic_error &) { std::cout << "wrong\n"; }
    catch (const Error &error) { std::cout << error.what() << ' ' << error.code << '\n'; }
    try { (void)dynamic_cast<Round &>(static_cast<Shape &>(*std::make_unique<Shape>())); }
    catch (const std::bad_cast &) { std::cout << "bad cast\n"; }
    std::vector<double> numbers{3, 1, 2};
    std::sort(numbers.begin(), numbers.end());
    std::cout << registered[0] << ' ' << std::setprecision(3) << numbers[2] / 7 << ' ' << std::hex << 255 << '\n';
    std::cout << std::regex_replace(std::string("a-b"), std::regex("-"), "+") << std::endl;
    try { std::vector<int>().at(1); } catch (const std::exception &error) { std::cerr << error.what() << '\n'; }
}
"""
CPP_PRINTED = """\
round 1
unwound a long text that does not fit into the string itself 5
bad cast
constructed before main 0.429 ff
a+b
"""
SETJMP = r"""
#include <setjmp.h>
#include <stdio.h>
static jmp_buf outer, inner;
static void leave(jmp_buf *where, int depth) { if (depth) leave(where, depth - 1); else longjmp(*where, 3); }
int main(void) {
    volatile int visits = 0;
    if (setjmp(outer)) { printf("outer %d\n", visits); return 0; }
    for (;;) {
        if (setjmp(inner) == 0) leave(&inner, 5);
        if (++visits == 1000) leave(&outer, 50);
    }
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name a careless shell script would take apart."""
    made = tmp_path / "a folder with 'quotes' & blanks"
    made.mkdir()
    return made


@pytest.mark.parametrize("flags", [["-O2"], ["-O0", "-g"], ["-Oz"], ["-std=c99", "-O2"]], ids=" ".join)
def test_a_c_program(chain: Chain, folder: Path, flags: list[str]) -> None:
    (folder / "a program.c").write_text(C)
    chain.compile(*flags, "-Wall", "-Werror", "a program.c", "-o", "a program.wasm", "-lm", cwd=folder)
    ended = chain.run_program("a program.wasm", "one word", "", "ä*", cwd=folder)
    assert ended.stdout == "<one word><><ä*> 3 2.5 0.841 No such file or directory\n"
    assert (ended.returncode, ended.stderr) == (7, "")
    assert (folder / "some file").read_text() == "written\n"


@pytest.mark.parametrize("flags", [["-O2"], ["-O0", "-g"]], ids=" ".join)
def test_a_cpp_program(chain: Chain, folder: Path, flags: list[str]) -> None:
    (folder / "p.cpp").write_text(CPP)
    # From elsewhere, by absolute paths, in two steps.
    chain.compile(*flags, "-Wall", "-c", folder / "p.cpp", "-o", folder / "p.o", cwd=folder.parent, language="cpp")
    chain.compile(folder / "p.o", "-o", folder / "p.wasm", cwd=folder.parent, language="cpp")
    ended = chain.run_program(folder / "p.wasm", cwd=folder.parent)
    assert (ended.returncode, ended.stdout) == (0, CPP_PRINTED)
    assert ended.stderr == "vector\n"


def test_setjmp_and_longjmp(chain: Chain, folder: Path) -> None:
    (folder / "p.c").write_text(SETJMP)
    chain.compile("-O2", "p.c", "-o", "p.wasm", cwd=folder)
    ended = chain.run_program("p.wasm", cwd=folder)
    assert (ended.returncode, ended.stdout) == (0, "outer 1000\n")


def test_a_static_library_and_the_other_tools(chain: Chain, folder: Path) -> None:
    (folder / "one.c").write_text("int one(void) { return 1; }\n")
    (folder / "main.c").write_text("int one(void); int main(void) { return one() + 1; }\n")
    chain.compile("-c", "one.c", "-o", "one.o", cwd=folder)
    for tool, arguments in (("ar", ["qc", "libone.a", "one.o"]), ("ranlib", ["libone.a"]), ("nm", ["one.o"])):
        ended = chain.tool(tool, *arguments, cwd=folder)
        assert ended.returncode == 0, ended.stderr
    assert " T one" in ended.stdout
    chain.compile("main.c", "-L.", "-lone", "-g", "-o", "main.wasm", cwd=folder)
    before = (folder / "main.wasm").stat().st_size
    assert chain.tool("strip", "main.wasm", cwd=folder).returncode == 0
    assert (folder / "main.wasm").stat().st_size < before
    assert chain.run_program("main.wasm", cwd=folder).returncode == 2


def test_an_exception_that_nobody_catches(chain: Chain, folder: Path) -> None:
    (folder / "p.cpp").write_text("int main() { throw 1; }\n")
    chain.compile("p.cpp", "-o", "p.wasm", cwd=folder, language="cpp")
    ended = chain.run_program("p.wasm", cwd=folder)
    assert ended.returncode == 134
    assert ended.stderr.splitlines()[-1].startswith("wasm32-wasip1-run: the guest trapped: ")
    assert "Traceback" not in ended.stderr


def test_an_error_of_the_compiler_is_its_own(chain: Chain, folder: Path) -> None:
    (folder / "p.c").write_text("int main(void) { return missing(); }\n")
    ended = chain.tool("clang", "p.c", "-o", "p.wasm", cwd=folder)
    assert ended.returncode == 1
    assert "call to undeclared function 'missing'" in ended.stderr


def test_a_file_that_is_no_program(chain: Chain, folder: Path) -> None:
    (folder / "p.wasm").write_bytes(b"\x7fELF" + bytes(60))
    ended = chain.run_program("p.wasm", cwd=folder)
    assert ended.returncode == 126
    assert ended.stderr.startswith("wasm32-wasip1-run: p.wasm: ")
    assert ended.stderr.count("\n") == 1
    gone = chain.run_program("gone.wasm", cwd=folder)
    assert (gone.returncode, gone.stderr.count("\n")) == (2, 1)
