from __future__ import annotations

import hashlib
import io
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_build.download import Downloader
from pywasm_build.errors import DownloadError, HashMismatch, Offline
from tests.unit.fakes import Reply, WebServer, web_server

BODY = b"the tarball" * 1000
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def loader(pauses: list[float]) -> Downloader:
    return Downloader(sleep=pauses.append, stream=io.StringIO(), connect_timeout=1, read_timeout=5)


def test_a_download(web: WebServer, loader: Downloader, tmp_path: Path) -> None:
    web.replies["/x"] = [Reply(body=BODY)]
    target = tmp_path / "deep" / "x"
    assert loader.download(f"{web.url}/x", target, SHA) == target
    assert target.read_bytes() == BODY
    assert [item.name for item in target.parent.iterdir()] == ["x"]


def test_without_a_length_too(web: WebServer, loader: Downloader, tmp_path: Path) -> None:
    web.replies["/x"] = [Reply(body=BODY, claim=None)]
    loader.download(f"{web.url}/x", tmp_path / "x", SHA)


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(status=503),
        Reply(status=429),
        Reply(body=BODY[:500], claim=len(BODY)),
        Reply(body=b"", claim=len(BODY)),
    ],
)
def test_passing_trouble_is_tried_again(
    web: WebServer, loader: Downloader, pauses: list[float], tmp_path: Path, trouble: Reply
) -> None:
    web.replies["/x"] = [trouble, trouble, Reply(body=BODY)]
    loader.download(f"{web.url}/x", tmp_path / "x", SHA)
    assert pauses == [0.5, 1.0]
    assert len(web.asked) == 3


def test_in_the_end_it_gives_up_and_leaves_nothing(
    web: WebServer, loader: Downloader, pauses: list[float], tmp_path: Path
) -> None:
    web.replies["/x"] = [Reply(body=BODY[:500], claim=len(BODY))]
    with pytest.raises(DownloadError, match=rf"4 times.*ended after 500 of {len(BODY)} bytes"):
        loader.download(f"{web.url}/x", tmp_path / "x", SHA)
    assert pauses == [0.5, 1.0, 2.0]
    assert list(tmp_path.iterdir()) == []


def test_a_404_is_asked_once(web: WebServer, loader: Downloader, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="404"):
        loader.download(f"{web.url}/x", tmp_path / "x", SHA)
    assert web.asked == ["/x"]


def test_a_wrong_hash_deletes_the_file_and_names_both(web: WebServer, loader: Downloader, tmp_path: Path) -> None:
    web.replies["/x"] = [Reply(body=b"login page")]
    with pytest.raises(HashMismatch) as caught:
        loader.download(f"{web.url}/x", tmp_path / "x", SHA)
    assert caught.value.expected == SHA
    assert caught.value.actual == hashlib.sha256(b"login page").hexdigest()
    assert SHA in str(caught.value)
    assert caught.value.actual in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert web.asked == ["/x"]


def test_a_truncated_body_without_a_length_fails_by_its_hash(
    web: WebServer, loader: Downloader, tmp_path: Path
) -> None:
    web.replies["/x"] = [Reply(body=BODY[:500], claim=None)]
    with pytest.raises(HashMismatch):
        loader.download(f"{web.url}/x", tmp_path / "x", SHA)


def test_too_big_is_refused(web: WebServer, tmp_path: Path) -> None:
    loader = Downloader(max_bytes=100, stream=io.StringIO())
    web.replies["/x"] = [Reply(body=BODY)]
    web.replies["/y"] = [Reply(body=BODY, claim=None)]
    for path in ("/x", "/y"):
        with pytest.raises(DownloadError, match="too big"):
            loader.download(web.url + path, tmp_path / "x", SHA)
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_host_is_asked_once(
    loader: Downloader, pauses: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    started = time.monotonic()
    with pytest.raises(Offline, match="cannot be reached"):
        loader.download(f"{url}/x", tmp_path / "x", SHA)
    with pytest.raises(Offline, match="was not reachable before"):
        loader.download(f"{url}/y", tmp_path / "y", SHA)
    assert time.monotonic() - started < 5
    assert pauses == []


def test_a_silent_server_is_passing_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    loader = Downloader(sleep=lambda _: None, read_timeout=0.2, attempts=2, stream=io.StringIO())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(DownloadError, match=r"2 times.*timed out"):
            loader.download(url, tmp_path / "x", SHA)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "x"])
def test_only_http(loader: Downloader, tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match=re.escape(url)):
        loader.download(url, tmp_path / "x", SHA)


def test_an_old_file_is_replaced_only_by_a_verified_one(web: WebServer, loader: Downloader, tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")
    web.replies["/x"] = [Reply(body=b"bad"), Reply(body=BODY)]
    with pytest.raises(HashMismatch):
        loader.download(f"{web.url}/x", target, SHA)
    assert target.read_bytes() == b"old"
    loader.download(f"{web.url}/x", target, SHA)
    assert target.read_bytes() == BODY


def test_progress_names_the_file_and_the_size(web: WebServer, tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    web.replies["/x"] = [Reply(body=BODY)]
    Downloader(stream=screen).download(f"{web.url}/x", tmp_path / "x.tar.gz", SHA)
    assert "download x.tar.gz: done" in screen.getvalue()
