from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_build.command import Completed
from pywasm_build.download import Downloader
from pywasm_build.errors import DownloadError, HashMismatch, MachineError, Offline, UsageError
from pywasm_build.sources import Sources, debian_mirrors
from pywasm_build.workspace import Workspace
from tests.unit.fakes import FakeRunner, Reply, WebServer, completed, web_server

UP, DEB = b"from upstream", b"repacked by Debian"
UP_SHA, DEB_SHA = hashlib.sha256(UP).hexdigest(), hashlib.sha256(DEB).hexdigest()
PATH = "pool/main/x/x/x_1~git+2.orig.tar.gz"
TOML = """
[[source]]
name = "x"
version = "1"
file = "x-1.tar.gz"
[[source.location]]
kind = "upstream"
url = "{url}/x-1.tar.gz"
sha256 = "{up}"
[[source.location]]
kind = "debian"
path = "{path}"
sha256 = "{deb}"
"""


class Bench:
    """A checkout with one source, a web server that has nothing yet, and an apt."""

    def __init__(self, tmp_path: Path, web: WebServer) -> None:
        self.web = web
        self.workspace = Workspace(root=tmp_path / "root", cache=tmp_path / "cache")
        self.workspace.sources_toml.parent.mkdir(parents=True)
        self.write(url=f"{web.url}/up")
        self.runner = FakeRunner(answers={"apt-get": self.apt})
        self.sites = f"{web.url}/debian-security\n{web.url}/debian\n{web.url}/debian\n"
        self.environ: dict[str, str] = {}

    def write(self, url: str) -> None:
        text = TOML.format(url=url, up=UP_SHA, deb=DEB_SHA, path=PATH)
        self.workspace.sources_toml.write_text(text)

    def apt(self, args: object) -> Completed:
        return completed(self.sites)

    @property
    def sources(self) -> Sources:
        loader = Downloader(sleep=lambda _: None, connect_timeout=1, stream=io.StringIO())
        return Sources(self.workspace, self.runner, self.environ, downloader=loader)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as web:
        yield Bench(tmp_path, web)


def test_upstream_comes_first_and_the_cache_before_it(bench: Bench) -> None:
    bench.web.replies["/up/x-1.tar.gz"] = [Reply(body=UP)]
    path = bench.sources.fetch("x")
    assert path == bench.workspace.downloads / UP_SHA / "x-1.tar.gz"
    assert bench.sources.fetch("x") == path
    assert len(bench.web.asked) == 1
    assert bench.runner.calls == []


def test_debian_comes_second_by_what_apt_is_configured_for(bench: Bench) -> None:
    bench.web.replies[f"/debian/{PATH}"] = [Reply(body=DEB)]
    path = bench.sources.fetch("x")
    assert path.read_bytes() == DEB
    assert path.parent.name == DEB_SHA
    assert bench.web.asked == ["/up/x-1.tar.gz", f"/debian/{PATH}"]


def test_the_named_mirror_is_used_instead_of_apt(bench: Bench) -> None:
    bench.environ["PYWASM_DEBIAN_MIRROR"] = f"{bench.web.url}/mirror/"
    bench.web.replies[f"/mirror/{PATH}"] = [Reply(body=DEB)]
    assert bench.sources.fetch("x").read_bytes() == DEB
    assert bench.runner.calls == []


@pytest.mark.parametrize(("name", "data"), [("x-1.tar.gz", UP), ("x-1.tar.gz", DEB), ("x_1~git+2.orig.tar.gz", DEB)])
def test_the_local_folder_comes_before_all(bench: Bench, tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    bench.environ["PYWASM_SOURCES"] = str(tmp_path)
    path = bench.sources.fetch("x")
    assert path.read_bytes() == data
    assert bench.workspace.downloads in path.parents
    assert bench.web.asked == []
    assert sorted(path.parent.iterdir()) == [path]


def test_a_local_file_with_a_wrong_hash_is_refused_but_kept(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "x-1.tar.gz").write_bytes(b"bad")
    bench.environ["PYWASM_SOURCES"] = str(tmp_path)
    with pytest.raises(HashMismatch, match="left where it is"):
        bench.sources.fetch("x")
    assert (tmp_path / "x-1.tar.gz").exists()


def test_a_local_folder_without_the_file_is_passed_over(bench: Bench, tmp_path: Path) -> None:
    bench.environ["PYWASM_SOURCES"] = str(tmp_path)
    bench.web.replies["/up/x-1.tar.gz"] = [Reply(body=UP)]
    assert bench.sources.fetch("x").read_bytes() == UP


def test_a_local_folder_that_is_none_is_a_mistake(bench: Bench, tmp_path: Path) -> None:
    bench.environ["PYWASM_SOURCES"] = str(tmp_path / "gone")
    with pytest.raises(UsageError, match="PYWASM_SOURCES"):
        bench.sources.fetch("x")


def test_a_wrong_hash_upstream_stops_and_is_not_papered_over(bench: Bench) -> None:
    bench.web.replies["/up/x-1.tar.gz"] = [Reply(body=b"evil")]
    bench.web.replies[f"/debian/{PATH}"] = [Reply(body=DEB)]
    with pytest.raises(HashMismatch):
        bench.sources.fetch("x")


def test_a_damaged_file_in_the_cache_is_fetched_again(bench: Bench) -> None:
    bench.web.replies["/up/x-1.tar.gz"] = [Reply(body=UP)]
    path = bench.sources.fetch("x")
    path.write_bytes(b"rot")
    assert bench.sources.fetch("x").read_bytes() == UP


def test_offline_says_what_to_put_where(bench: Bench) -> None:
    bench.write(url="http://127.0.0.1:1/up")
    bench.sites = "http://127.0.0.1:1/debian\n"
    with pytest.raises(Offline) as caught:
        bench.sources.fetch("x")
    text = str(caught.value)
    for part in ("x-1.tar.gz", UP_SHA, "x_1~git+2.orig.tar.gz", DEB_SHA, "PYWASM_SOURCES"):
        assert part in text
    assert "127.0.0.1:1 was not reachable before" in text


def test_without_apt_the_debian_location_is_skipped_with_the_reason(bench: Bench) -> None:
    bench.runner.answers.clear()
    with pytest.raises(DownloadError, match=r"404(.|\n)*debian: skipped: this machine has no apt") as caught:
        bench.sources.fetch("x")
    assert "PYWASM_DEBIAN_MIRROR can name" in str(caught.value)


def test_listing_and_verify(bench: Bench) -> None:
    assert [(row.state, row.size) for row in bench.sources.listing()] == [("not downloaded", None)]
    bench.web.replies["/up/x-1.tar.gz"] = [Reply(body=UP)]
    path = bench.sources.fetch("x")
    assert [(row.state, row.size) for row in bench.sources.listing()] == [("in the cache", len(UP))]
    assert [row.state for row in bench.sources.verify()] == ["verified"]
    path.write_bytes(b"rot")
    assert [row.state for row in bench.sources.verify()] == ["damaged, deleted"]
    assert not path.exists()


SITES = {
    "http://a/debian\nhttp://a/debian-security\nhttp://a/debian\n": ["http://a/debian"],
    "cdrom:[Debian]/ http://b/debian/ mirror+file:/x tor+http://c/debian": ["http://b/debian"],
    "http://security.debian.example/ https://d/debian": ["https://d/debian"],
}


@pytest.mark.parametrize("sites", SITES)
def test_the_mirrors_of_apt(sites: str, tmp_path: Path) -> None:
    runner = FakeRunner(answers={"apt-get": lambda _: completed(sites)})
    assert debian_mirrors(runner, tmp_path, {}) == SITES[sites]
    assert runner.calls == [["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"]]


def test_an_apt_without_mirrors(tmp_path: Path) -> None:
    runner = FakeRunner(answers={"apt-get": lambda _: completed("", returncode=100)})
    with pytest.raises(MachineError, match="PYWASM_DEBIAN_MIRROR"):
        debian_mirrors(runner, tmp_path, {})


def test_the_named_mirror_must_be_a_url(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PYWASM_DEBIAN_MIRROR"):
        debian_mirrors(FakeRunner(), tmp_path, {"PYWASM_DEBIAN_MIRROR": "/srv/mirror"})
