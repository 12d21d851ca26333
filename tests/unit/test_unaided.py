"""Trying packages without their recipes: the list, each result, and what is kept and shown."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest
import wasmtime
from packaging.utils import canonicalize_name

from pywasm_binary import ABI_SECTION
from pywasm_binary.sections import HEADER
from pywasm_binary.writer import dylink_section, with_custom_section
from pywasm_build.context import Context
from pywasm_build.errors import CommandFailed, DownloadError, RecipeError, StoreError, UsageError
from pywasm_build.import_check import ImportResult
from pywasm_build.unaided_list import PLACE, Excuse, Unaided, UnaidedList, read_unaided_list
from pywasm_build.unaided_page import unaided_page
from pywasm_build.unaided_survey import DATA, PAGE, exit_code, read_trials, rows, run_survey
from pywasm_build.unaided_trial import Result, Trial, UnaidedTrials, judged, refuses_platform
from pywasm_build.workspace import Workspace
from tests.unit.checkout import ABI, Checkout, make_checkout, offer, publish, sdist_bytes, wheel_bytes
from tests.unit.fakes import WebServer, web_server

A = "a" * 64
HEAD = '[list]\norigin = "by hand."\ndate = 2026-01-31\n'
PACKAGE = f'[[package]]\nname = "Pack_Age"\nversion = "1.0"\nsha256 = "{A}"\n'
EXCUSED = '[[package.excused]]\nmodule = "pack.tk"\nlacks = "tkinter"\nreason = "windows"\n'
LEFT_OUT = '[[left-out]]\nname = "rusty"\nreason = "Rust"\n'
EXCUSE = Excuse(module="pack.tk", lacks="tkinter", reason="windows")
NO_TK = "ImportError: no windows (because of ModuleNotFoundError: No module named '_tkinter')"
TAG = "cp313-cp313-wasi_wasm32"
SITE = Path("usr") / "lib" / "python3.13" / "site-packages"
OWN = Workspace.discover({})


def extension(*, abi: str = ABI) -> bytes:
    """Make an extension module that imports nothing."""
    module = wasmtime.wat2wasm('(module (func (export "PyInit_fast")))')
    return with_custom_section(
        HEADER + dylink_section([(1, b"\0\0\0\0")]) + module[len(HEADER) :], ABI_SECTION, abi.encode()
    )


# The list


def write_list(root: Path, text: str) -> Workspace:
    workspace = Workspace(root=root, cache=root / "cache")
    (root / PLACE).parent.mkdir(parents=True, exist_ok=True)
    (root / PLACE).write_text(text)
    return workspace


def test_the_list_is_read(tmp_path: Path) -> None:
    listed = read_unaided_list(write_list(tmp_path, HEAD + PACKAGE + LEFT_OUT))
    package = Unaided(name="pack-age", version="1.0", sha256=A)
    assert (listed.origin, str(listed.date), listed.packages) == ("by hand.", "2026-01-31", (package,))
    assert [(entry.name, entry.reason) for entry in listed.left_out] == [("rusty", "Rust")]
    assert listed.choose([]) == listed.choose(["Pack.Age"]) == [package]
    with pytest.raises(UsageError, match=r"--name pack is not in the list \(did you mean 'pack-age'\?\)"):
        listed.choose(["pack"])


def test_what_the_list_grants_is_read(tmp_path: Path) -> None:
    listed = read_unaided_list(write_list(tmp_path, HEAD + PACKAGE + 'with = ["Other >= 2"]\n' + EXCUSED))
    (package,) = listed.packages
    assert package.besides == ("Other>=2",)
    assert package.excused == (EXCUSE,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PACKAGE, r"unaided.toml: \[list\] needs date"),
        ("[list]\ndate = 2026-01-31\n", r"list needs origin"),
        (HEAD + "[[packages]]\n", r"unknown key 'packages'.*did you mean 'package'"),
        (HEAD + PACKAGE.replace("version", "versions"), "unknown key 'versions'"),
        (HEAD + PACKAGE.replace("1.0", "one"), "'one' is not a version"),
        (HEAD + PACKAGE.replace(A, A.upper()), "64 lower-case hexadecimal digits"),
        (HEAD + PACKAGE + PACKAGE.replace("Pack_Age", "pack.age"), "pack-age is there twice"),
        (HEAD + PACKAGE + LEFT_OUT.replace("rusty", "pack-age"), "pack-age is there twice"),
        (HEAD + LEFT_OUT.replace("Rust", " "), "left-out needs reason"),
        (HEAD + PACKAGE + "with = ['a b']\n", "with = 'a b' is no requirement"),
        (HEAD + PACKAGE + EXCUSED.replace("lacks", "lack"), "unknown key 'lack'"),
        (HEAD + PACKAGE + EXCUSED.replace("windows", ""), "package.excused needs reason"),
        (HEAD + PACKAGE + EXCUSED.replace("tkinter", "scipy"), "'scipy' is no module of the standard library"),
    ],
)
def test_mistakes_in_the_list_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_unaided_list(write_list(tmp_path, text))


def test_the_committed_page_shows_the_committed_results() -> None:
    listed = read_unaided_list(OWN)
    trials = read_trials(OWN, listed)
    assert (OWN.root / PAGE).read_text("utf-8") == unaided_page(listed, trials)
    kept = json.loads((OWN.root / DATA).read_text("utf-8"))
    assert not [trial.name for trial in trials if "/store/" in trial.reason], "a reason names a path of the machine"
    assert len(kept) == len(trials), "there are results of packages or versions that are not in the list"


# Trials


@dataclass(kw_only=True)
class Guest:
    """What stands in for the guest's imports: remembers what it was asked.

    Modules named bad fail, needy ones want lib, tk wants tkinter.
    """

    roots: list[Path]

    def __call__(self, context: Context, root: Path, modules: Sequence[str]) -> list[ImportResult]:
        self.roots.append(root)
        found = (root / SITE / "lib.py").is_file()
        words = {"bad": "no threads", "needy": "" if found else "no lib", "tk": NO_TK}
        said = [next((line for part, line in words.items() if part in name), "") for name in modules]
        return [ImportResult(module=name, ok=not line, line=line) for name, line in zip(modules, said, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A checkout with an index, and a guest."""

    checkout: Checkout
    web: WebServer
    guest: Guest

    def offer(self, files: dict[str, bytes], *, name: str = "pack") -> Unaided:
        data = sdist_bytes(name, files)
        publish(self.web, name, {f"{name}-1.0.tar.gz": data})
        return Unaided(name=canonicalize_name(name), version="1.0", sha256=sha256(data).hexdigest())

    def offer_wheel(self, *modules: str, requires: tuple[str, ...] = (), abi: str = ABI) -> Unaided:
        """Offer an sdist whose build makes a wheel with these extension modules."""
        files = {f"{module}.cpython-313-wasm32-wasi.so": extension(abi=abi) for module in modules}
        wheel = wheel_bytes("pack", requires=requires, files=files, tag=TAG if modules else "py3-none-any")
        return self.offer({f"prebuilt/pack-1.0-{TAG if modules else 'py3-none-any'}.whl": wheel})

    def run(self, package: Unaided, *, again: bool = False, seconds: float = 600) -> Trial:
        trials = UnaidedTrials(builder=self.checkout.builder, seconds=seconds, importer=self.guest)
        return trials.run(package, again=again)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as web:
        yield Bench(checkout=make_checkout(tmp_path, os.environ, index=web.url), web=web, guest=Guest(roots=[]))


def test_a_package_that_builds_and_imports(bench: Bench) -> None:
    trial = bench.run(bench.offer_wheel("pack/fast", "pack/quick", requires=("lib",)))
    assert (trial.name, trial.version, trial.result, trial.reason) == ("pack", "1.0", Result.IMPORTS, "")
    assert (trial.modules, trial.imported) == (("pack.fast", "pack.quick"), 2)
    assert trial.seconds >= 0
    (root,) = bench.guest.roots
    assert (root / SITE / "pack" / "fast.cpython-313-wasm32-wasi.so").is_file()
    # What its modules do not need is not asked for.
    assert "/simple/lib/" not in bench.web.asked


def test_a_module_that_needs_what_its_package_requires(bench: Bench) -> None:
    offer(bench.web, "lib")
    trial = bench.run(bench.offer_wheel("pack/needy", requires=("lib", 'other; sys_platform == "linux"')))
    assert (trial.result, trial.imported) == (Result.IMPORTS, 1)


def test_a_module_that_needs_what_its_package_does_not_require(bench: Bench) -> None:
    package = bench.offer_wheel("pack/needy")
    assert bench.run(package).reason == "pack.needy: no lib"
    offer(bench.web, "lib")
    trial = bench.run(replace(package, besides=("lib",)))
    assert (trial.result, trial.imported) == (Result.IMPORTS, 1)


def test_a_module_that_is_excused(bench: Bench) -> None:
    package = bench.offer_wheel("pack/fast", "pack/tk")
    assert bench.run(package).reason == f"pack.tk: {NO_TK}"
    trial = bench.run(replace(package, excused=(EXCUSE,)))
    assert (trial.result, trial.imported, len(trial.modules)) == (Result.EXCUSED, 1, 2)
    assert trial.reason == "pack.tk wants tkinter, which the guest has not: windows"


def imported(**lines: str) -> list[ImportResult]:
    return [ImportResult(module=f"pack.{name}", ok=not line, line=line) for name, line in lines.items()]


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        (imported(fast="", tk="its import trapped"), "pack.tk: its import trapped"),
        (imported(fast="", tk="No module named 'scipy'"), "pack.tk: No module named 'scipy'"),
        (imported(fast="", tk=NO_TK.replace("_tkinter", "_tkinter2")), "pack.tk: ImportError"),
        (imported(fast=NO_TK, tk=NO_TK), "pack.fast: ImportError"),
        (imported(tk=NO_TK), "pack.tk: ImportError"),
    ],
)
def test_what_no_excuse_covers(results: list[ImportResult], reason: str) -> None:
    result, said = judged(results, [EXCUSE])
    assert result is Result.IMPORT
    assert said.startswith(reason)


@pytest.mark.parametrize("results", [imported(tk=""), imported(fast="")])
def test_an_excuse_that_nothing_needs_is_an_error(results: list[ImportResult]) -> None:
    with pytest.raises(RecipeError, match=r"excuses pack\.tk, which can be imported or is not in the wheel"):
        judged(results, [EXCUSE])


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("platform wasi is not supported", True),
        ("RuntimeError: unsupported platform: 'wasi'", True),
        ("x.c:1:1: error: this platform is not supported", False),
        ("x.c:1:1: error: 'wasi' undeclared", False),
    ],
)
def test_a_build_that_does_not_know_the_platform(line: str, refused: bool) -> None:
    assert refuses_platform(line) is refused


def test_the_checkout_is_left_as_it_was(bench: Bench) -> None:
    workspace = bench.checkout.workspace
    bench.run(bench.offer_wheel("pack/fast"))
    assert not workspace.runtime.exists()
    assert not workspace.wheelhouse.exists()
    assert not (workspace.build / "installed.json").exists()
    assert not workspace.log("pack").exists()


def test_its_recipe_is_not_used(bench: Bench) -> None:
    package = bench.offer({"fail": b"x.c:1:1: error: no recipe\n"})
    bench.checkout.recipe("pack", package.sha256, more="experimental = true\n[build]\nrequires = ['nothing']\n")
    trial = bench.run(package)
    assert (trial.result, trial.reason) == (Result.BUILD, "x.c:1:1: error: no recipe")


def test_what_it_needs_may_have_a_recipe(bench: Bench) -> None:
    wheel = {"prebuilt/lib-1.0-py3-none-any.whl": wheel_bytes("lib", files={"lib.py": b"recipe = 1\n"})}
    lib = bench.offer(wheel, name="lib")
    bench.checkout.recipe("lib", lib.sha256)
    publish(bench.web, "lib", {"lib-1.0.tar.gz": sdist_bytes("lib", wheel), "lib-2.0-py3-none-any.whl": b"no"})
    assert bench.run(bench.offer_wheel("pack/needy", requires=("lib",))).result is Result.IMPORTS


def refused(bench: Bench) -> Unaided:
    return bench.offer({"Cargo.toml": b"", "fail": b"error: not begun\n"})


def failing(bench: Bench) -> Unaided:
    return bench.offer({"fail": b"x.c:1:10: fatal error: 'sys/epoll.h' file not found\nerror: something\n"})


def failing_with_a_tool(bench: Bench) -> Unaided:
    return bench.offer({"fail": b"/a/cache/store/tools/t.h:1:10: error: too old\n"})


def pure(bench: Bench) -> Unaided:
    return bench.offer_wheel()


def pure_because(bench: Bench) -> Unaided:
    wheel = wheel_bytes("pack", tag="py3-none-any")
    script = b"echo 'x.c:3:1: error: no threads'; echo well; cp prebuilt/*.whl \"$1\"\n"
    return bench.offer({"prebuilt/pack-1.0-py3-none-any.whl": wheel, "make-wheel": script})


def wrong(bench: Bench) -> Unaided:
    return bench.offer_wheel("pack/fast", abi="pywasm-0")


def foreign(bench: Bench) -> Unaided:
    return bench.offer({"fail": b"platform wasi is not supported\n"})


def odd(bench: Bench) -> Unaided:
    return bench.offer({"pyproject.toml": b"[build-system]\nrequires = 1\n"})


@pytest.mark.parametrize(
    ("offered", "result", "reason"),
    [
        (refused, Result.REFUSED, "it needs a Rust compiler (Cargo.toml)"),
        (failing, Result.BUILD, "x.c:1:10: fatal error: 'sys/epoll.h' file not found"),
        (failing_with_a_tool, Result.BUILD, "<store>/tools/t.h:1:10: error: too old"),
        (foreign, Result.PLATFORM, "platform wasi is not supported"),
        (pure, Result.PURE, "its wheel has no extension module"),
        (pure_because, Result.PURE, "x.c:3:1: error: no threads"),
        (wrong, Result.LINK, "pywasm-0"),
        (odd, Result.BUILD, "the requires of its build-system is no list"),
    ],
)
def test_what_fails_says_why(bench: Bench, offered: Callable[[Bench], Unaided], result: Result, reason: str) -> None:
    trial = bench.run(offered(bench))
    assert trial.result is result
    assert reason in trial.reason
    assert bench.guest.roots == []


def test_a_reason_names_no_folder_of_this_machine(bench: Bench) -> None:
    place = bench.checkout.host.product
    module = with_custom_section(extension(), "note", f"{place}/lib".encode())
    wheel = wheel_bytes("pack", files={"fast.cpython-313-wasm32-wasi.so": module}, tag=TAG)
    trial = bench.run(bench.offer({f"prebuilt/pack-1.0-{TAG}.whl": wheel}))
    assert trial.result is Result.LINK
    assert trial.reason.startswith("fast.cpython-313-wasm32-wasi.so contains <store>/")
    assert str(bench.checkout.context.store.root) not in trial.reason


def test_a_module_that_cannot_be_imported(bench: Bench) -> None:
    trial = bench.run(bench.offer_wheel("pack/fast", "pack/bad"))
    assert (trial.result, trial.imported, trial.modules) == (Result.IMPORT, 1, ("pack.bad", "pack.fast"))
    assert trial.reason == "pack.bad: no threads"


def test_a_requirement_that_cannot_be_had_is_named_only_where_it_matters(bench: Bench) -> None:
    bench.offer({"fail": b"error: no\n"}, name="lib")
    assert bench.run(bench.offer_wheel("pack/fast", requires=("lib",))).result is Result.IMPORTS
    trial = bench.run(bench.offer_wheel("pack/bad", requires=("lib",)))
    assert trial.reason == "pack.bad: no threads (not to be had: lib)"


def test_a_build_that_takes_too_long(bench: Bench) -> None:
    trial = bench.run(bench.offer({"make-wheel": b"exec sleep 60\n"}), seconds=1)
    assert trial.result is Result.SLOW


def test_a_native_library_may_take_its_time(bench: Bench) -> None:
    trials = UnaidedTrials(builder=bench.checkout.builder, seconds=1, importer=bench.guest)
    builder, _ = trials._unaided(bench.offer_wheel("pack/fast"))
    builder.context.runner.run(["sleep", "1.5"], cwd=bench.checkout.workspace.root)
    with pytest.raises(CommandFailed, match="took longer than 1 s"):
        trials._limited(builder).context.runner.run(["sleep", "1.5"], cwd=bench.checkout.workspace.root)


def test_results_are_kept_until_they_are_asked_for_again(bench: Bench) -> None:
    package = bench.offer_wheel("pack/fast")
    first = bench.run(package)
    assert bench.run(package) == first
    assert len(bench.guest.roots) == 1
    bench.run(package, again=True)
    assert len(bench.guest.roots) == 2


def test_an_sdist_that_nobody_has_says_nothing_about_the_package(bench: Bench) -> None:
    package = bench.offer_wheel("pack/fast")
    with pytest.raises(DownloadError, match=r"no index has the sdist of pack 1\.0 with the sha256"):
        bench.run(replace(package, sha256=A))
    bench.web.replies["/files/pack-1.0.tar.gz"] = []
    with pytest.raises(DownloadError):
        bench.run(package)


# The survey


PACK, OTHER = (Unaided(name=name, version="1.0", sha256=A) for name in ("pack", "other"))
GOOD = Trial(name="pack", version="1.0", result=Result.IMPORTS, modules=("pack.a_b", "p"), imported=2, seconds=1.6)
BAD = Trial(name="other", version="1.0", result=Result.BUILD, reason="x|y <z>")


def listing(tmp_path: Path) -> tuple[Context, UnaidedList]:
    context = make_checkout(tmp_path, os.environ).context
    text = HEAD + PACKAGE.replace("Pack_Age", "pack") + PACKAGE.replace("Pack_Age", "other") + LEFT_OUT
    write_list(context.workspace.root, text)
    return context, read_unaided_list(context.workspace)


def test_results_are_written_in_the_order_of_the_list(tmp_path: Path) -> None:
    context, listed = listing(tmp_path)
    assert read_trials(context.workspace, listed) == []
    found = {"pack": GOOD, "other": BAD}
    done = run_survey(context, listed, [OTHER], lambda package: found[package.name])
    assert (done.trials, read_trials(context.workspace, listed)) == ((BAD,), [BAD])
    run_survey(context, listed, [PACK], lambda package: found[package.name])
    assert read_trials(context.workspace, listed) == [GOOD, BAD]
    page = (context.workspace.root / PAGE).read_text()
    assert page == unaided_page(listed, [GOOD, BAD])
    for line in (
        "**1 of 2 build and import without a recipe**; all have been tried.",
        "| pack | 1.0 | builds and imports | 2 of 2 | 2 |  |",
        "| other | 1.0 | does not build | - | - | x\\|y &lt;z> |",
        "| rusty | Rust |",
    ):
        assert line in page.splitlines()
    assert "by hand; 2026-01-31." in page
    assert "1 have not been tried yet" in unaided_page(listed, [GOOD])


def test_what_the_list_grants_is_shown(tmp_path: Path) -> None:
    listed = read_unaided_list(write_list(tmp_path, HEAD + PACKAGE + 'with = ["other>=2"]\n' + EXCUSED))
    page = unaided_page(listed, [replace(GOOD, result=Result.EXCUSED, imported=1, reason="for Tk")])
    for line in (
        "**1 of 1 build and import, 1 of them but for modules that are excused below, without a recipe**;"
        " all have been tried.",
        "| pack | 1.0 | imports but for what is excused | 1 of 2 | 2 | for Tk |",
        "| pack-age | other>=2 |",
    ):
        assert line in page.splitlines()


def test_a_lost_network_is_no_result(tmp_path: Path) -> None:
    context, listed = listing(tmp_path)

    def run(package: Unaided) -> Trial:
        if package == PACK:
            raise DownloadError("cannot be reached\nfor a while")
        return BAD

    done = run_survey(context, listed, listed.packages, run)
    assert rows(done) == [
        ("other", "1.0", "does not build", "0/0", "x|y <z>"),
        ("pack", "-", "not tried", "-", "cannot be reached"),
    ]
    assert exit_code(done) == 6
    assert exit_code(replace(done, untried={})) == 0
    assert read_trials(context.workspace, listed) == [BAD]


def test_results_of_another_version_are_dropped(tmp_path: Path) -> None:
    context, listed = listing(tmp_path)
    run_survey(context, listed, [PACK], lambda package: replace(GOOD, version="0.9"))
    assert read_trials(context.workspace, listed) == []


def test_damaged_results_are_named(tmp_path: Path) -> None:
    context, listed = listing(tmp_path)
    path = context.workspace.root / DATA
    path.parent.mkdir(parents=True)
    for text in ("[", "[1]", '[{"result": "good", "modules": []}]'):
        path.write_text(text)
        with pytest.raises(StoreError, match="damaged"):
            read_trials(context.workspace, listed)
