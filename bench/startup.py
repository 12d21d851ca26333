"""How long a Python in a sandbox takes to start, beside the native Python of the same version."""

from __future__ import annotations

from pathlib import Path

from bench.native import native_with_numpy
from bench.report import Row, Section, in_turn

_RUNS = 15


def run(root: Path) -> Section:
    """Time -c pass, import numpy and the second quickstart."""
    wasm, inv = root / "bin" / "python-wasm", root / "bin" / "inv"
    native = native_with_numpy()
    times = in_turn(
        {
            "wasm pass": [wasm, "-c", "pass"],
            "native pass": [native, "-c", "pass"],
            "wasm numpy": [wasm, "-c", "import numpy"],
            "native numpy": [native, "-c", "import numpy"],
        },
        runs=_RUNS,
    )
    again = in_turn({"quickstart": [inv, "quickstart"], "list": [inv, "--list"]}, runs=5)

    def ratio(name: str) -> list[float]:
        return [a / b for a, b in zip(times[f"wasm {name}"], times[f"native {name}"], strict=True)]

    rows = [
        Row(what="python-wasm -c pass", values=times["wasm pass"], unit="s", limit="0.30 s"),
        Row(what="native python -c pass", values=times["native pass"], unit="s"),
        Row(what="ratio, pair by pair", values=ratio("pass"), unit=""),
        Row(what="python-wasm -c 'import numpy'", values=times["wasm numpy"], unit="s", limit="0.50 s"),
        Row(what="native python -c 'import numpy'", values=times["native numpy"], unit="s"),
        Row(what="ratio, pair by pair", values=ratio("numpy"), unit=""),
        Row(what="bin/inv quickstart, a second time", values=again["quickstart"], unit="s", limit="3 s"),
        Row(what="bin/inv --list", values=again["list"], unit="s"),
    ]
    return Section(title="Start-up", command="bin/inv bench --only startup", rows=rows)
