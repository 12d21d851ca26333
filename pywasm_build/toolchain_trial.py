"""Try a toolchain: compile, link and run small C and C++ programs, and compare what they print."""

from __future__ import annotations

from pathlib import Path

from pywasm_build.context import Context
from pywasm_build.errors import BuildError, CommandFailed

PROGRAMS = Path(__file__).with_name("smoke")


def smoke_test(context: Context, root: Path) -> int:
    """Try the toolchain in `root` with every program in smoke/ and count them; raise BuildError if one fails."""
    programs = sorted(PROGRAMS.glob("*.c*"))
    folder = root / "smoke"
    folder.mkdir(exist_ok=True)
    for source in programs:
        _try_program(context, root, source, folder / f"{source.stem}.wasm")
    return len(programs)


def _try_program(context: Context, root: Path, source: Path, program: Path) -> None:
    triple = context.toolchain_settings["triple"]
    log = context.workspace.log("toolchain")
    driver = root / "bin" / f"{triple}-clang{'++' if source.suffix == '.cpp' else ''}"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    run = context.runner.run
    try:
        run([driver, *flags, source, "-o", program], cwd=program.parent, log=log)
        runner = context.workspace.root / "bin" / f"{triple}-run"
        done = run([runner, program], cwd=program.parent, log=log, capture=True, check=False, timeout=60)
    except CommandFailed as error:
        raise BuildError(f"the toolchain does not work: smoke test {source.name}\n{error}") from error
    printed = f"{done.stdout}exit status {done.returncode}\n"
    expected = source.with_suffix(".expected").read_text("utf-8")
    if printed != expected:
        raise BuildError(
            f"the toolchain does not work: {source.name} printed\n{printed}instead of\n{expected}the full log is {log}"
        )
