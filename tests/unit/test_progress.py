from __future__ import annotations

import io
import threading
import time

import pytest

from pywasm_build.progress import Bar, Status, human_seconds, human_size, say, summary, table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (22856016, "22.9 MB"), (3e9, "3.0 GB")]
)
def test_human_size(size: float, text: str) -> None:
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s")],
)
def test_human_seconds(seconds: float, text: str) -> None:
    assert human_seconds(seconds) == text


def test_without_a_terminal_one_line_says_that_it_started() -> None:
    stream = io.StringIO()
    with Status("build", stream=stream) as status:
        for _ in range(1000):
            status.update("noise")
    assert stream.getvalue() == "build ...\n"


def test_on_a_terminal_one_line_is_rewritten() -> None:
    screen = Terminal()
    with Status("build", stream=screen) as status:
        time.sleep(0.11)
        status.update("last line \x1b[2J\x07")
    text = screen.getvalue()
    assert text.count("\n") == 1
    assert "last line [2J" in text
    assert "\x07" not in text
    assert text.endswith("\r\x1b[Kbuild: done in 0.1 s\n")


def test_a_failure_clears_the_line_and_claims_nothing() -> None:
    screen = Terminal()
    with pytest.raises(RuntimeError), Status("build", stream=screen):
        raise RuntimeError
    assert screen.getvalue().endswith("\r\x1b[K")


def screen_of(text: str) -> list[str]:
    """Return what a terminal shows after this output."""
    return [line.rpartition("\r\x1b[K")[2] for line in text.split("\n")]


def test_what_is_under_way_at_once_shares_the_line() -> None:
    screen = Terminal()
    with Status("build lxml", stream=screen) as lxml:
        with Status("build numpy", stream=screen):
            say("a warning", screen)
            shown = screen_of(screen.getvalue())
            assert shown[0] == "a warning"
            assert "build lxml  0.0 s | build numpy  0.0 s" in shown[1]
            time.sleep(0.11)
            lxml.update("cc x.c")
            assert screen_of(screen.getvalue())[1].endswith("cc x.c")
        assert "build lxml" in screen_of(screen.getvalue())[-1]
        assert "build numpy" not in screen_of(screen.getvalue())[-1]
    assert screen_of(screen.getvalue()) == ["a warning", "build numpy: done in 0.1 s", "build lxml: done in 0.1 s", ""]


def test_lines_of_several_threads_stay_whole() -> None:
    stream = io.StringIO()

    def work(number: int) -> None:
        for _ in range(50):
            with Status(f"build {number}", stream=stream):
                say(f"word {number}", stream)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 400
    assert set(lines) == {text for n in range(4) for text in (f"build {n} ...", f"word {n}")}


def test_a_bar_shows_share_size_and_speed() -> None:
    screen = Terminal()
    with Bar("download x", 2_000_000, stream=screen) as bar:
        time.sleep(0.11)
        bar.advance(1_000_000)
    assert "[##########..........]  50% of 2.0 MB" in screen.getvalue()
    assert "MB/s" in screen.getvalue()


def test_a_bar_of_unknown_length() -> None:
    screen = Terminal()
    with Bar("download x", None, stream=screen) as bar:
        time.sleep(0.11)
        bar.advance(1_000_000)
    assert "1.0 MB" in screen.getvalue()
    assert "%" not in screen.getvalue()


def test_tables_are_aligned_without_trailing_blanks() -> None:
    assert table(("a", "b"), [("long", "x"), ("s", "")]) == "a     b\n----  -\nlong  x\ns"
    assert table(("a",), []) == "a\n-"


def test_summary() -> None:
    lines = summary([("numpy", "2", 1_500_000, 12.0), ("x", "1", None, None)]).splitlines()
    assert lines[2].split() == ["numpy", "2", "1.5", "MB", "12", "s"]
    assert lines[3].split() == ["x", "1", "-", "-"]
