"""A runner that stands in for python-wasm: it runs what the guest would run natively."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pywasm_build.command import Argument, Changes, Completed
from pywasm_build.errors import CommandFailed

SITE_PACKAGES = Path("usr/lib/python3/site-packages")


@dataclass(kw_only=True)
class NativeGuest:
    """A runner that is python-wasm: it runs what the guest would run natively, at the paths of this machine.

    A test that calls os._exit(134) is a trap, os._exit(99) stands for one that hangs until its time is over.
    """

    root: Path
    calls: list[list[str]] = field(default_factory=list)

    def run(
        self,
        args: Sequence[Argument],
        *,
        cwd: Path,
        env: Changes | None = None,
        log: Path | None = None,
        title: str | None = None,
        capture: bool = False,
        check: bool = True,
        timeout: float | None = None,
    ) -> Completed:
        words = [str(arg) for arg in args][1:]
        self.calls.append(words)
        mounts, environment, rest = self._options(words)
        command = [sys.executable, *(self._native(word, mounts) for word in rest)]
        environment = {name: self._native(value, mounts) for name, value in environment.items()}
        assert log is not None
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            done = subprocess.run(
                command,
                env={**environment, "PATH": os.defpath},
                cwd=cwd,
                stdout=output,
                stderr=output,
                check=False,
            )
            if done.returncode == 99:
                raise CommandFailed(f"longer than {timeout}", args=words, returncode=None)
            if done.returncode == 134:
                output.write(b"python-wasm: the guest trapped: out of bounds memory access\n")
        return Completed(returncode=done.returncode, stdout="", seconds=0.0)

    def terminate(self) -> None:
        raise AssertionError("no process may be ended")

    def _options(self, words: Sequence[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
        mounts, environment, rest = {f"/{SITE_PACKAGES}": str(self.root / SITE_PACKAGES)}, {}, list(words)
        while rest[0] in ("--env", "--dir"):
            kind, value, *rest = rest
            if kind == "--env":
                name, _, text = value.partition("=")
                environment[name] = text
            else:
                host, guest = value.removesuffix(":ro").split(":")
                mounts[guest] = _within(mounts, guest, host)
        return mounts, environment, rest

    def _native(self, text: str, mounts: Mapping[str, str]) -> str:
        words = []
        for word in text.split(":") if text.startswith("/") else [text]:
            prefix, found, path = word.partition("=") if word.startswith("--") else ("", "", word)
            if not found:
                prefix, path = "", word
            for guest, host in mounts.items():
                if path == guest or path.startswith(f"{guest}/"):
                    path = host + path[len(guest) :]
                    break
            words.append(prefix + found + path)
        return ":".join(words)


def _within(mounts: Mapping[str, str], guest: str, host: str) -> str:
    """Copy a folder that the guest sees within another one into that, where natively it must be to be seen there."""
    for outer, place in mounts.items():
        if guest.startswith(f"{outer}/"):
            return str(shutil.copytree(host, place + guest[len(outer) :], dirs_exist_ok=True))
    return host
