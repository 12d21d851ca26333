"""Time commands in turn, and write what was measured as a Markdown table."""

from __future__ import annotations

import json
import os
import platform
import shlex
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.errors import CommandFailed


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure: what was measured, its values, their unit, and the project's own limit ("" if none)."""

    what: str
    values: Sequence[float]
    unit: str
    limit: str = ""

    @property
    def median(self) -> float:
        """The median of the values."""
        return statistics.median(self.values)

    def cells(self) -> list[str]:
        """Return the cells of its line in a table."""
        spread = f"{min(self.values):.3g} to {max(self.values):.3g}" if len(self.values) > 1 else ""
        return [
            self.what,
            f"{self.median:.3g} {self.unit}".strip(),
            spread,
            str(len(self.values)),
            self.limit,
        ]


@dataclass(frozen=True, kw_only=True)
class Section:
    """The rows of one benchmark and the command that shows them again."""

    title: str
    command: str
    rows: Sequence[Row]

    def markdown(self) -> str:
        """Return the section as Markdown."""
        head = ["what", "median", "spread", "runs", "limit"]
        lines = [head, ["---"] * len(head), *(row.cells() for row in self.rows)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"## {self.title}\n\n`{self.command}`, on {machine()}:\n\n{table}\n"


def seconds(command: Sequence[str | Path]) -> float:
    """Return how long a command takes from start to end; raise CommandFailed if it fails."""
    words = [str(word) for word in command]
    started = time.perf_counter()
    status = subprocess.call(words, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    took = time.perf_counter() - started
    if status:
        raise CommandFailed(f"{shlex.join(words)} ended with status {status}", args=words, returncode=status)
    return took


def in_turn(commands: Mapping[str, Sequence[str | Path]], *, runs: int) -> dict[str, list[float]]:
    """Time commands A B C A B C ..., so that the machine's drift hits all alike; a first round does not count."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            value = seconds(command)
            if number:
                times[name].append(value)
    return times


def machine() -> str:
    """Describe this machine: processor, cores, memory, system."""
    return f"{_processor()}, {os.cpu_count()} cores, {_memory()}, {platform.system()} {platform.machine()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 2**30:.0f} GiB"


def save(sections: Sequence[Section], folder: Path) -> None:
    """Keep the raw values as JSON beside the other reports; other benchmarks' values stay."""
    path = folder / "bench.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    data |= {s.title: {row.what: {"unit": row.unit, "values": list(row.values)} for row in s.rows} for s in sections}
    path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")


def replace_section(document: Path, section: Section) -> None:
    """Put a section into a Markdown document in place of the one with its title, or at the end."""
    text = document.read_text("utf-8") if document.is_file() else "# Benchmarks\n"
    head, *parts = (part.rstrip("\n") + "\n" for part in text.split("\n## "))
    titles = [part.splitlines()[0] for part in parts]
    fresh = section.markdown().removeprefix("## ")
    if section.title in titles:
        parts[titles.index(section.title)] = fresh
    else:
        parts.append(fresh)
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text("\n## ".join([head, *parts]), "utf-8")
