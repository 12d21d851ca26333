"""A checkout in a temporary folder, with a store and a cross environment whose compiler and Python are scripts."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from pywasm_binary.sections import HEADER
from pywasm_build.command import Argument, Completed, Runner, SubprocessRunner
from pywasm_build.context import Context
from pywasm_build.cpython import HostPython
from pywasm_build.crossenv import CrossEnvironment
from pywasm_build.native import BuildPython
from pywasm_build.packages import PackageBuilder
from pywasm_build.recipes import read_registry
from pywasm_build.store import Store
from pywasm_build.time_zones import LOCK
from pywasm_build.toolchain import Toolchain
from pywasm_build.workspace import Workspace
from tests.unit.fakes import Reply, WebServer, completed

VERSION, SHORT, ABI = "3.13.5", "3.13", "pywasm-1"
# What stands in for cross-python builds nothing: the sdist brings its wheel, a script that makes it, or the reason why
# there is none, and what its backend would ask for.
CROSS_PYTHON = """#!/bin/sh
case $2 in */backend_requirements.py)
  if [ -f "$3/asked" ]; then cp "$3/asked" "$4"; else echo "[]" >"$4"; fi
  exit ;;
esac
for argument do
  case $previous in --wheel-dir) folder=$argument ;; esac
  previous=$argument
done
env
echo "arguments: $*"
if [ -f "$argument/fail" ]; then cat "$argument/fail"; exit 3; fi
if [ -f "$argument/make-wheel" ]; then mkdir -p "$folder" && cd "$argument" && exec sh make-wheel "$folder"; fi
mkdir -p "$folder" && cp "$argument"/prebuilt/*.whl "$folder"
"""


class PipRunner(SubprocessRunner):
    """Run commands, but answer `pip config list` from memory: a hundred times half a second is too long."""

    def __init__(self, environ: Mapping[str, str], settings: Mapping[str, str]) -> None:
        super().__init__(environ, stream=io.StringIO())
        self.settings = settings

    def run(self, args: Sequence[Argument], **options: Any) -> Completed:
        if list(args[1:]) == ["-m", "pip", "config", "list"]:
            return completed("".join(f"{key}={value!r}\n" for key, value in self.settings.items()))
        return super().run(args, **options)


@dataclass(kw_only=True)
class Checkout:
    """Paths and parts; `environ` is the user's environment."""

    workspace: Workspace
    environ: dict[str, str]
    runner: Runner

    @property
    def context(self) -> Context:
        return Context(
            workspace=self.workspace,
            store=Store(self.workspace.store),
            runner=self.runner,
            environ=self.environ,
            jobs=1,
        )

    @property
    def host(self) -> HostPython:
        store = self.workspace.store
        toolchain = Toolchain(root=store / "toolchain" / "t", triple="wasm32-wasip1", abi=ABI)
        native = BuildPython(executable=Path(sys.executable), version=VERSION, identity="native")
        return HostPython(product=store / "cpython" / "c", version=VERSION, toolchain=toolchain, native=native)

    @property
    def builder(self) -> PackageBuilder:
        environment = CrossEnvironment(root=self.workspace.store / "crossenv" / "e", host=self.host)
        return PackageBuilder(
            context=self.context, environment=environment, registry=read_registry(self.workspace.patches)
        )

    def recipe(self, name: str, sha: str, *, version: str = "1.0", more: str = "") -> Path:
        folder = self.workspace.patches / name
        folder.mkdir(parents=True, exist_ok=True)
        head = f'[package]\nname = "{name}"\nversion = "{version}"\nsha256 = "{sha}"\n'
        (folder / "recipe.toml").write_text(head + more)
        return folder


def make_checkout(folder: Path, environ: Mapping[str, str], *, index: str = "") -> Checkout:
    """Make a checkout in `folder` whose pip knows no index but `index`, the URL of a web server."""
    workspace = Workspace(root=folder / "checkout", cache=folder / "cache")
    workspace.patches.mkdir(parents=True)
    base = {name: value for name, value in environ.items() if not name.startswith(("PIP_", "PYWASM_"))}
    base |= {"PIP_CONFIG_FILE": "/dev/null", "HOME": str(folder), "no_proxy": "127.0.0.1"}
    made = Checkout(workspace=workspace, environ=base, runner=PipRunner(base, {"global.index-url": f"{index}/simple"}))
    cross, host = made.builder.environment, made.host
    for path, text in ((cross.python, CROSS_PYTHON), (cross.tools / "python", "#!/bin/sh\n")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    tool = cross.tools_path / "setuptools-80.0.dist-info"
    tool.mkdir(parents=True)
    (tool / "METADATA").write_text("Metadata-Version: 2.1\nName: setuptools\nVersion: 80.0\n")
    host.main_module.parent.mkdir(parents=True)
    host.main_module.write_bytes(HEADER)
    library = host.root / "usr" / "lib" / f"python{SHORT}"
    for file in ("os.py", "test/test_os.py", "json/__init__.py", "turtle.py"):
        (library / file).parent.mkdir(parents=True, exist_ok=True)
        (library / file).write_text("x = 1\n")
    paths = f"CC = '{host.toolchain.bin}/wasm32-wasip1-clang'\nSRC = '{host.product}/tree/x'\n"
    (library / "_sysconfigdata__wasi_.py").write_text(paths)
    (host.product / "modules.json").write_text("[]")
    workspace.left_out_toml.parent.mkdir()
    workspace.left_out_toml.write_text('[modules]\nturtle = "no windows"\n')
    _pin_time_zones(workspace.root / LOCK, folder)
    _write_guest_library(workspace)
    return made


def _write_guest_library(workspace: Workspace) -> None:
    shipped = Path(__file__).resolve().parents[2] / "pywasm_host" / "pyproject.toml"
    for package in (workspace.guest_library, workspace.faasm_names):
        package.mkdir()
        (package / "__init__.py").write_text("x = 1\n")
        (package / "py.typed").touch()
    (workspace.guest_library / shipped.name).write_bytes(shipped.read_bytes())


def _pin_time_zones(lock: Path, folder: Path) -> None:
    wheel = folder / "tzdata-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel_bytes("tzdata", files={"tzdata/zoneinfo/UTC": b"TZif"}))
    lock.write_text(f"tzdata @ {wheel.as_uri()} --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}\n")


def with_runner(checkout: Checkout, **environ: str) -> Checkout:
    """Return the checkout as a user with these variables sees it."""
    merged = {**checkout.environ, **environ}
    return replace(checkout, environ=merged, runner=SubprocessRunner(merged, stream=io.StringIO()))


def wheel_bytes(
    name: str,
    version: str = "1.0",
    *,
    requires: tuple[str, ...] = (),
    files: Mapping[str, bytes] | None = None,
    entry_points: str = "",
    tag: str = "py3-none-any",
) -> bytes:
    """Make a wheel; its RECORD has no hashes, which `normalise` mends."""
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
    content = {
        **({f"{name}.py": b"x = 1\n"} if files is None else files),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        **({f"{info}/entry_points.txt": entry_points.encode()} if entry_points else {}),
        f"{info}/RECORD": b"",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for file, data in content.items():
            archive.writestr(zipfile.ZipInfo(file), data)
    return made.getvalue()


def sdist_bytes(name: str, files: Mapping[str, bytes], version: str = "1.0") -> bytes:
    """Make an sdist with these files in its one folder."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for file, data in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{file}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def sdist_with_wheel(name: str, version: str = "1.0", **options: tuple[str, ...]) -> bytes:
    """Make an sdist whose build gives a pure wheel."""
    wheel = wheel_bytes(name, version, **options)  # type: ignore[arg-type]
    return sdist_bytes(name, {f"prebuilt/{name}-{version}-py3-none-any.whl": wheel}, version)


def publish(web: WebServer, name: str, files: Mapping[str, bytes], *, hashes: Mapping[str, str] | None = None) -> None:
    """Put files of a package on an HTML index at /simple; `hashes` replaces what it says of them, "" for nothing."""
    links = []
    for file, data in files.items():
        web.replies[f"/files/{file}"] = [Reply(body=data)]
        digest = (hashes or {}).get(file, sha256(data).hexdigest())
        fragment = f"#sha256={digest}" if digest else ""
        links.append(f'<a href="../../files/{file}{fragment}">{file}</a>')
    page = f"<!DOCTYPE html><html><body>{' '.join(links)}</body></html>"
    web.replies[f"/simple/{name}/"] = [Reply(body=page.encode(), content_type="text/html")]


def offer(web: WebServer, name: str, *requires: str, versions: tuple[str, ...] = ("1.0",)) -> None:
    """Offer pure wheels of a package that require others."""
    wheels = {f"{name}-{one}-py3-none-any.whl": wheel_bytes(name, one, requires=requires) for one in versions}
    publish(web, name, wheels)
