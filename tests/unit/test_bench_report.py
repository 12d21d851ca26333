"""How figures are measured, kept and written down."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench.main import BENCHMARKS, run
from bench.report import Row, Section, in_turn, machine, replace_section, save, seconds
from pywasm_build.errors import CommandFailed, UsageError

SECTION = Section(
    title="Start-up",
    command="bin/inv bench --only startup",
    rows=[Row(what="a", values=[3.0, 1.0, 2.0], unit="s", limit="4 s"), Row(what="b", values=[0.5], unit="")],
)


def test_a_section_as_markdown() -> None:
    lines = SECTION.markdown().splitlines()
    assert lines[0] == "## Start-up"
    assert lines[2] == f"`bin/inv bench --only startup`, on {machine()}:"
    assert lines[4:] == [
        "| what | median | spread | runs | limit |",
        "| --- | --- | --- | --- | --- |",
        "| a | 2 s | 1 to 3 | 3 | 4 s |",
        "| b | 0.5 |  | 1 |  |",
    ]


def test_commands_are_timed_in_turn_and_the_first_round_does_not_count(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = f"open({str(log)!r}, 'a').write('{{}}')"
    commands = {name: [sys.executable, "-S", "-c", code.format(name)] for name in ("A", "B")}
    times = in_turn(commands, runs=2)
    assert log.read_text() == "ABABAB"
    assert {name: len(values) for name, values in times.items()} == {"A": 2, "B": 2}
    assert all(value > 0 for values in times.values() for value in values)


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(CommandFailed, match="ended with status 3"):
        seconds([sys.executable, "-S", "-c", "raise SystemExit(3)"])


def test_a_section_is_replaced_where_it_stands(tmp_path: Path) -> None:
    document = tmp_path / "docs" / "benchmarks.md"
    replace_section(document, SECTION)
    assert document.read_text() == f"# Benchmarks\n\n{SECTION.markdown()}"
    document.write_text("# Benchmarks\n\nText.\n\n## Build\n\nold\n\n## Start-up\n\nold\n\n## Other\n\nkept\n")
    replace_section(document, SECTION)
    once = document.read_text()
    assert once == (f"# Benchmarks\n\nText.\n\n## Build\n\nold\n\n{SECTION.markdown()}\n## Other\n\nkept\n")
    replace_section(document, SECTION)
    assert document.read_text() == once


def test_values_of_other_benchmarks_stay(tmp_path: Path) -> None:
    other = Section(title="Build", command="x", rows=[Row(what="c", values=[9], unit="min")])
    save([other], tmp_path / "reports")
    save([SECTION], tmp_path / "reports")
    data = json.loads((tmp_path / "reports" / "bench.json").read_text())
    assert data["Build"] == {"c": {"unit": "min", "values": [9]}}
    assert data["Start-up"]["a"] == {"unit": "s", "values": [3.0, 1.0, 2.0]}


def test_an_unknown_benchmark_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no benchmark 'buid' \(did you mean 'build'\?\); there are build,"):
        run(["buid"], root=tmp_path, write=False)
    assert list(BENCHMARKS) == ["build", "ctypes", "functions", "packages", "startup"]
