"""Make the cross environment: a Python of the build machine that reports the host triple's configuration.

    <product>/            made by the crossenv package: bin/cross-python, bin/build-python, cross/, build/
    <product>/tools/      a virtual environment of the native Python with the pinned build tools
    <product>/programs/   links to its programs, without its own Python and pip

Packages are built with cross-python; Cython, Meson, Ninja and the like run natively out of tools/.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.context import Context
from pywasm_build.cpython import HostPython
from pywasm_build.errors import BuildError, MachineError
from pywasm_build.store import JSON, Stage, link, source_hash

TOOLS_LOCK = Path("third-party") / "build-tools.lock"

# CPython knows no folders of a user on WASI, but is asked for them: by the packages of CMake and Ninja, whose programs
# could be there, so by scikit-build-core.
_USER_SCHEME = """

_INSTALL_SCHEMES.setdefault("posix_user", _INSTALL_SCHEMES["posix_prefix"])
"""


@dataclass(frozen=True, kw_only=True)
class CrossEnvironment:
    """A cross environment in the store, over one host-python."""

    root: Path
    host: HostPython

    @property
    def key(self) -> str:
        """The key of the product."""
        return self.root.name

    @property
    def python(self) -> Path:
        """cross-python by the name under which it calls itself."""
        return self.root / "cross" / "bin" / f"python{self.host.short}"

    @property
    def tools(self) -> Path:
        """All programs of the environment with the build tools, its Python and pip too."""
        return self.root / "tools" / "bin"

    @property
    def programs(self) -> Path:
        """The programs of the build tools alone: in front of PATH they hide the machine's, but not cross-python."""
        return self.root / "programs"

    @property
    def tools_path(self) -> Path:
        """The modules of the build tools."""
        return self.root / "tools" / "lib" / f"python{self.host.short}" / "site-packages"


def cross_environment(context: Context, host: HostPython, *, clean: bool = False) -> CrossEnvironment:
    """Return the cross environment over `host`; make and check it when it is not in the store."""
    lock = context.workspace.root / TOOLS_LOCK
    stage = Stage(
        "crossenv",
        {
            "host": host.key,
            "native": host.native.identity,
            "crossenv": importlib.metadata.version("crossenv"),
            "tools": lock.read_text("utf-8"),
            "code": source_hash(sys.modules[__name__]),
        },
    )
    root = context.store.build(stage, lambda product: _make(context, host, lock, product), clean=clean)
    link(context.workspace.build / "crossenv", root)
    return CrossEnvironment(root=root, host=host)


def _make(context: Context, host: HostPython, lock: Path, root: Path) -> Mapping[str, JSON]:
    log, driver = context.workspace.log("crossenv"), host.toolchain.driver
    short = host.short
    # crossenv installs a pip of its own; CPython's tarball brings the very one, so nothing is downloaded.
    (bundled,) = host.native.executable.resolve().parent.parent.glob(f"lib/python{short}/ensurepip/_bundled")
    context.runner.run(
        [
            host.native.executable,
            "-m",
            "crossenv",
            host.main_module,
            root,
            "--cc",
            driver("clang"),
            "--cxx",
            driver("clang++"),
            "--ar",
            driver("ar"),
        ],
        cwd=root,
        env={
            "PYTHONPATH": str(_isolated_crossenv(root)),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(bundled),
        },
        log=log,
        title=f"cross environment for CPython {host.version}",
    )
    with (root / "lib" / "sysconfig-patch.py").open("a", encoding="utf-8") as patch:
        patch.write(_USER_SCHEME)
    tools = root / "tools"
    run = context.runner.run
    run([host.native.executable, "-m", "venv", tools], cwd=root, log=log, env={"PIP_NO_INDEX": "1"})
    run(
        [tools / "bin" / "python", "-m", "pip", "install", "--require-hashes", "--no-deps", "-r", lock],
        cwd=root,
        log=log,
        title="build tools",
    )
    made = CrossEnvironment(root=root, host=host)
    link_programs(made.tools, made.programs)
    check_environment(context, made)
    return {"version": host.version}


def link_programs(tools: Path, programs: Path) -> None:
    """Link all programs in `tools` but Python's, pip's and those that activate an environment into `programs`."""
    programs.mkdir()
    for program in sorted(tools.iterdir()):
        if not program.name.lower().startswith(("python", "pip", "activate")):
            (programs / program.name).symlink_to(program)


def _isolated_crossenv(root: Path) -> Path:
    """Copy the package crossenv to a folder of its own: the native Python must see nothing else of ours."""
    spec = importlib.util.find_spec("crossenv")
    if spec is None or not spec.submodule_search_locations:
        raise MachineError("the package crossenv is not installed; run bin/inv, which installs it")
    folder = root / "crossenv-package"
    shutil.copytree(spec.submodule_search_locations[0], folder / "crossenv")
    return folder


def check_environment(context: Context, made: CrossEnvironment) -> None:
    """Run bin/sanity_check.py in the environment; raise BuildError with what it found."""
    script = context.workspace.root / "bin" / "sanity_check.py"
    done = context.runner.run(
        [made.python, script, made.host.root, made.host.toolchain.root],
        cwd=made.root,
        log=context.workspace.log("crossenv"),
        capture=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise BuildError(f"the cross environment {made.root} points to the build machine:\n{done.stdout}")
