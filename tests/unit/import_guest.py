"""A stand-in for the guest that imports modules: this Python. And the smallest extension module for wasm."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pywasm_binary.sections import HEADER
from pywasm_build.command import Argument, Completed, SubprocessRunner
from pywasm_build.suite_run import GUEST_PLUGINS

SUFFIX = ".cpython-313-wasm32-wasi.so"
# (export "PyInit_x" (func 0)) of a module with one empty function.
EXTENSION = HEADER + bytes.fromhex("01040160000003020100070c010850 79496e69745f7800000a040102000b".replace(" ", ""))


class NativeGuest(SubprocessRunner):
    """Run what is meant for python-wasm with this Python; modules are found in the folder given as runtime root."""

    def run(self, args: Sequence[Argument], **options: Any) -> Completed:
        words = [str(arg) for arg in args]
        shown = [words[at + 1].split(":") for at, word in enumerate(words) if word == "--dir"]
        mounts = {guest: host for host, guest, *_ in shown}
        script, results, *modules = words[words.index("-I") + 1 :]
        script = script.replace(GUEST_PLUGINS, mounts[GUEST_PLUGINS])
        folder = options.pop("env")["PYWASM_RUNTIME"]
        start = (
            "import sys, runpy; sys.path.append(sys.argv.pop(1)); del sys.argv[0];"
            " runpy.run_path(sys.argv[0], None, '__main__')"
        )
        options["timeout"] = min(options["timeout"], self.patience)
        return super().run(
            [
                sys.executable,
                "-I",
                "-c",
                start,
                folder,
                script,
                results.replace("/imports", mounts["/imports"]),
                *modules,
            ],
            **options,
        )

    patience = 30.0


def extension_folder() -> Path:
    """Return the folder of this Python's own extension modules."""
    return Path(str(sysconfig.get_config_var("DESTSHARED")))


def an_extension_module() -> str:
    """Name one that this Python has not built in."""
    files = extension_folder().glob("_[a-s]*.so")
    return sorted(path.name.partition(".")[0] for path in files if "test" not in path.name)[0]
