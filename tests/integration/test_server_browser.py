"""The status page in a real browser, from a server with a fake service."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.unit.server_client import ALICE, ROOT

CHECKOUT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",  # it refuses to run as root otherwise; it only sees our page
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=1200,700",
)
_TIMEOUT = 120


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.unit.fake_server", "0"]
    with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().split(" on ")[1].split()[0]
        finally:
            process.kill()


def browse(tmp_path: Path, *arguments: str) -> str:
    """Run a browser with a profile of its own for some seconds of the page's time; gives what it prints."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("there is no browser: one of " + ", ".join(BROWSERS))
    command = [browser, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=7000", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def hidden(dom: str, id_: str) -> bool:
    tag = re.search(rf'<[a-z]+ id="{id_}"[^>]*>', dom)
    assert tag is not None
    return "hidden" in tag[0]


def overviews(url: str) -> float:
    """Count how often the page has asked."""
    text = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {ROOT}"}, trust_env=False).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if 'route="/v1/overview",status="200"' in line)


def test_the_page_shows_calls_and_functions_and_asks_again(url: str, tmp_path: Path) -> None:
    before = overviews(url)
    dom = browse(tmp_path, "--dump-dom", f"{url}/status#token={ALICE}")
    assert hidden(dom, "enter")
    assert not hidden(dom, "shown")
    assert '<p id="who">alice</p>' in dom
    for text in ("alice/echo@1", "alice/fail", '<td class="failed">failed</td>', "250 ms", "512 MiB", "up to date at"):
        assert text in dom
    assert "exception: ValueError: &lt;b&gt;no&lt;/b&gt;" in dom
    assert "<b>" not in dom
    assert overviews(url) >= before + 2


def test_without_a_token_it_asks_for_one(url: str, tmp_path: Path) -> None:
    dom = browse(tmp_path, "--dump-dom", f"{url}/status")
    assert not hidden(dom, "enter")
    assert hidden(dom, "shown")
    assert "alice" not in dom


def test_a_wrong_token_is_refused_with_words(url: str, tmp_path: Path) -> None:
    dom = browse(tmp_path, "--dump-dom", f"{url}/status#token=%3Cimg%20src%3Dx%3E")
    assert not hidden(dom, "enter")
    assert "this token is not known" in dom
    assert "<img" not in dom


def test_a_picture_of_it(url: str, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browse(tmp_path, f"--screenshot={picture}", f"{url}/status#token={ROOT}")
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    # An empty page of this size has some 3 KB.
    assert len(content) > 20_000
