"""Make the wheel of the guest library, pywasm_host and pyfaasm, from this checkout's sources.

It is a package like others in the runtime root, but every root has it, and its version is that of the checkout.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from pathlib import Path

from pywasm_build import wheel_archive
from pywasm_build.context import Context
from pywasm_build.errors import BuildError
from pywasm_build.sources import file_sha256
from pywasm_build.store import Stage, remove_product, source_hash
from pywasm_build.wheels import Wheel, normalise

_PROJECT = "pyproject.toml"
# Sources, and the mark that says that they are typed; not the C code in pywasm_host/native.
_SHIPPED = ("*.py", "py.typed")
# The build backend's hook (PEP 517), called in a process of its own as it wants the tree as working directory.
_BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


def host_wheel(context: Context) -> Wheel:
    """Return the wheel of the guest library; the same sources give the same bytes."""
    stage = Stage(
        "host-wheel",
        {
            "files": {name: file_sha256(path) for name, path in _files(context).items()},
            "tools": {tool: importlib.metadata.version(tool) for tool in ("setuptools", "wheel")},
            "code": source_hash(sys.modules[__name__], wheel_archive),
        },
    )
    product = context.store.build(stage, lambda root: _make(context, root))
    (wheel,) = product.glob("*.whl")
    return Wheel.read(wheel)


def _files(context: Context) -> dict[str, Path]:
    """Map the names in the source tree of the wheel to files of the checkout."""
    library, old_names = context.workspace.guest_library, context.workspace.faasm_names
    project = library / _PROJECT
    if not project.is_file():
        raise BuildError(f"{project} is missing: it is part of the checkout, restore it with git")
    packages = (path for folder in (library, old_names) for shipped in _SHIPPED for path in folder.glob(shipped))
    return {_PROJECT: project, **{f"{path.parent.name}/{path.name}": path for path in sorted(packages)}}


def _make(context: Context, root: Path) -> None:
    tree, raw = root / "tree", root / "raw"
    for name, path in _files(context).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, tree / name)
    log = context.workspace.log("host-wheel")
    log.unlink(missing_ok=True)
    context.runner.run([sys.executable, "-I", "-c", _BUILD, raw], cwd=tree, log=log)
    (made,) = raw.glob("*.whl")
    normalise(made, root, {})
    remove_product(tree)
    remove_product(raw)
