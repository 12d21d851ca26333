"""Package indexes as pip is configured for them: on loopback, in folders, without hashes, out of reach."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pywasm_build.errors import DownloadError, HashMismatch, Offline
from pywasm_build.index import PackageIndex, Release, pinned
from tests.unit.checkout import Checkout, make_checkout, publish, sdist_bytes, wheel_bytes, with_runner
from tests.unit.fakes import FakeRunner, Reply, WebServer, completed, web_server

SDIST, WHEEL = sdist_bytes("pack", {"x": b"x"}), wheel_bytes("pack")
FILES = {"pack-1.0.tar.gz": SDIST, "pack-1.0-py3-none-any.whl": WHEEL}
WANTED = Requirement("pack")


@dataclass(kw_only=True)
class Bench:
    """A checkout, and a web server that pip is configured for."""

    checkout: Checkout
    web: WebServer

    def index(self, **settings: str) -> PackageIndex:
        """Return the indexes as a pip with these settings would see them."""
        settings = {"global.index-url": f"{self.web.url}/simple", **settings}
        said = "".join(f"{key}={value!r}\n" for key, value in settings.items())
        runner = FakeRunner(answers={Path(sys.executable).name: lambda _: completed(said)})
        return PackageIndex(self.checkout.workspace, runner, "3.13.5")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as web:
        yield Bench(checkout=make_checkout(tmp_path, os.environ), web=web)


def test_a_wheel_comes_before_the_sdist_of_the_same_version(bench: Bench) -> None:
    publish(bench.web, "pack", FILES)
    best = bench.index().best(WANTED)
    assert best is not None
    assert (best.name, best.version, best.file, best.is_wheel) == ("pack", "1.0", "pack-1.0-py3-none-any.whl", True)
    assert best.sha256 == sha256(WHEEL).hexdigest()


def test_a_newer_sdist_comes_before_an_older_wheel(bench: Bench) -> None:
    newer = sdist_bytes("pack", {}, "2.0")
    publish(bench.web, "pack", {**FILES, "pack-2.0.tar.gz": newer})
    best = bench.index().best(WANTED)
    assert best is not None
    assert best.file == "pack-2.0.tar.gz"
    assert [one.file for one in bench.index().sdists(WANTED)] == ["pack-2.0.tar.gz", "pack-1.0.tar.gz"]
    assert [one.file for one in bench.index().sdists(Requirement("pack<2"))] == ["pack-1.0.tar.gz"]


@pytest.mark.parametrize(
    ("offered", "wanted", "versions"),
    [
        (("1.0", "2.0b1"), "pack", ["1.0"]),
        (("1.0", "2.0b1"), "pack>=1", ["1.0"]),
        (("1.0", "2.0b1"), "pack==2.0b1", ["2.0b1"]),
        (("1.0", "2.0b1"), "pack>=2.0a1", ["2.0b1"]),
        (("1.0", "2.0b1"), "pack>1.5", ["2.0b1"]),
        (("2.0a1", "2.0b1"), "pack", ["2.0b1", "2.0a1"]),
        (("1.0", "2.0.dev3"), "pack", ["1.0"]),
    ],
)
def test_a_pre_release_is_for_who_names_it_or_has_no_other(
    bench: Bench, offered: tuple[str, ...], wanted: str, versions: list[str]
) -> None:
    publish(bench.web, "pack", {f"pack-{one}.tar.gz": sdist_bytes("pack", {}, one) for one in offered})
    assert [one.version for one in bench.index().sdists(Requirement(wanted))] == versions


def test_wheels_for_other_machines_are_passed_over(bench: Bench) -> None:
    alien = {"pack-1.0-cp313-cp313-manylinux_2_17_x86_64.whl": WHEEL, "pack-1.0.tar.gz": SDIST}
    publish(bench.web, "pack", alien)
    best = bench.index().best(WANTED)
    assert best is not None
    assert not best.is_wheel


def test_a_json_index_has_hashes_too(bench: Bench) -> None:
    digest = sha256(SDIST).hexdigest()
    file = {"filename": "pack-1.0.tar.gz", "url": "../../files/pack-1.0.tar.gz", "hashes": {"sha256": digest}}
    page = json.dumps({"meta": {"api-version": "1.0"}, "name": "pack", "files": [file]}).encode()
    kind = "application/vnd.pypi.simple.v1+json"
    bench.web.replies["/simple/pack/"] = [Reply(body=page, content_type=kind)]
    best = bench.index().best(WANTED)
    assert best is not None
    assert best.sha256 == digest


def test_a_file_is_verified_and_kept(bench: Bench) -> None:
    publish(bench.web, "pack", FILES)
    index = bench.index()
    best = index.best(WANTED)
    assert best is not None
    path = index.fetch(best)
    assert path == bench.checkout.workspace.downloads / best.sha256 / best.file
    assert path.read_bytes() == WHEEL
    assert index.cached(best.sha256) == path
    bench.web.replies.clear()
    assert index.fetch(best) == path
    path.write_bytes(b"rot")
    assert index.cached(best.sha256) is None


def test_a_file_that_is_not_what_the_index_says(bench: Bench) -> None:
    publish(bench.web, "pack", {"pack-1.0.tar.gz": SDIST}, hashes={"pack-1.0.tar.gz": "a" * 64})
    best = bench.index().best(WANTED)
    assert best is not None
    with pytest.raises(HashMismatch, match="a" * 64):
        bench.index().fetch(best)


@pytest.mark.parametrize("said", ["", "../../../escape", "A" * 64, "abc"])
def test_an_index_without_good_hashes_cannot_be_verified(bench: Bench, said: str) -> None:
    publish(bench.web, "pack", {"pack-1.0.tar.gz": SDIST}, hashes={"pack-1.0.tar.gz": said})
    best = bench.index().best(WANTED)
    assert best is not None
    assert best.sha256 == ""
    with pytest.raises(DownloadError, match=r"the index gives no sha256 for pack-1.0.tar.gz"):
        bench.index().fetch(best)


def test_a_recipes_hash_stands_in_for_one_that_the_index_lacks() -> None:
    release = Release(name="pack", version="1.0", file="x", sha256="")
    assert pinned(release, "b") == Release(name="pack", version="1.0", file="x", sha256="b")
    assert pinned(pinned(release, "b") or release, "c") is None


def test_a_release_without_a_url_is_found_again_by_its_hash(bench: Bench) -> None:
    publish(bench.web, "pack", FILES)
    known = Release(name="pack", version="1.0", file="pack-1.0.tar.gz", sha256=sha256(SDIST).hexdigest())
    assert bench.index().fetch(known).read_bytes() == SDIST
    gone = Release(name="pack", version="1.0", file="pack-1.0.tar.gz", sha256="b" * 64)
    with pytest.raises(DownloadError, match=r"no index has pack-1.0.tar.gz with sha256 bbb"):
        bench.index().fetch(gone)


def test_a_folder_of_files_serves_without_an_index(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "wheel house"
    folder.mkdir()
    for file, data in FILES.items():
        (folder / file).write_bytes(data)
    index = bench.index(**{"global.no-index": "True", "global.find-links": f"/nowhere {folder.as_uri()}"})
    best = index.best(WANTED)
    assert best is not None
    assert best.sha256 == sha256(WHEEL).hexdigest()
    assert index.fetch(best).read_bytes() == WHEEL
    assert bench.web.asked == []


def test_a_file_that_changes_under_our_hands(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "pack-1.0.tar.gz").write_bytes(SDIST)
    index = bench.index(**{":env:.no-index": "1", ":env:.find-links": str(tmp_path)})
    best = index.best(WANTED)
    assert best is not None
    (tmp_path / "pack-1.0.tar.gz").write_bytes(b"other")
    with pytest.raises(HashMismatch, match="the file was changed"):
        index.fetch(best)
    assert list((bench.checkout.workspace.downloads / best.sha256).iterdir()) == []


def test_pips_own_configuration_is_read_and_the_environment_wins(bench: Bench, tmp_path: Path) -> None:
    # `pip config list` prints the environment first.
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = http://127.0.0.1:1/global\n[install]\nindex-url = http://127.0.0.1:1/x\n")
    publish(bench.web, "pack", FILES)
    seen = with_runner(bench.checkout, PIP_CONFIG_FILE=str(file), PIP_INDEX_URL=f"{bench.web.url}/simple")
    assert PackageIndex(seen.workspace, seen.runner, "3.13.5").best(WANTED) is not None


def test_an_extra_index_is_asked_too(bench: Bench) -> None:
    publish(bench.web, "pack", FILES)
    extra = f"\n{bench.web.url}/none\n{bench.web.url}/simple"
    index = bench.index(**{"global.index-url": f"{bench.web.url}/empty", "global.extra-index-url": extra})
    assert index.best(WANTED) is not None


def test_an_unknown_package_is_none(bench: Bench) -> None:
    assert bench.index().best(Requirement("nobody")) is None
    assert list(bench.index().sdists(Requirement("nobody"))) == []


def test_an_index_out_of_reach_is_no_unknown_package(bench: Bench) -> None:
    with pytest.raises(Offline, match=r"cannot ask the package indexes for pack: .*; pip's configuration"):
        bench.index(**{"global.index-url": "http://127.0.0.1:1/simple"}).best(WANTED)


def test_an_index_that_talks_nonsense_is_an_error_in_words(bench: Bench) -> None:
    kind = "application/vnd.pypi.simple.v1+json"
    bench.web.replies["/simple/pack/"] = [Reply(body=b"{", content_type=kind)]
    with pytest.raises(DownloadError, match="a package index that pip is configured for cannot be read for pack: "):
        bench.index().best(WANTED)


def test_the_local_folder_gives_a_file_by_its_hash(tmp_path: Path) -> None:
    local = tmp_path / "sources"
    local.mkdir()
    (local / "README").write_bytes(b"sdist")
    (local / "any-name-1.0.tar.gz").write_bytes(b"sdist")
    workspace = make_checkout(tmp_path, os.environ).workspace
    index = PackageIndex(workspace, FakeRunner(), "3.13.5", local=local)
    found = index.cached(sha256(b"sdist").hexdigest())
    assert found is not None and found.is_relative_to(workspace.downloads)
    assert found.read_bytes() == b"sdist"
    assert index.cached(sha256(b"another").hexdigest()) is None


PLATFORM = "pack-1.0-cp313-cp313-manylinux_2_17_x86_64.whl"


def test_the_sdist_of_a_package_with_a_compiled_part_comes_before_its_pure_wheel(bench: Bench) -> None:
    publish(bench.web, "pack", {**FILES, PLATFORM: WHEEL})
    best = bench.index().best(WANTED)
    assert best is not None
    assert not best.is_wheel
    other = bench.index().pure_wheel(best)
    assert other is not None
    assert (other.file, other.version) == ("pack-1.0-py3-none-any.whl", "1.0")


def test_a_pure_wheel_is_taken_where_there_is_no_sdist(bench: Bench) -> None:
    publish(bench.web, "pack", {"pack-1.0-py3-none-any.whl": WHEEL, PLATFORM: WHEEL})
    best = bench.index().best(WANTED)
    assert best is not None
    assert best.is_wheel


def test_an_older_versions_compiled_wheels_say_nothing(bench: Bench) -> None:
    publish(bench.web, "pack", {**FILES, PLATFORM.replace("1.0", "0.9"): WHEEL})
    best = bench.index().best(WANTED)
    assert best is not None
    assert best.is_wheel


def test_a_version_without_a_pure_wheel_has_none(bench: Bench) -> None:
    publish(bench.web, "pack", {"pack-1.0.tar.gz": SDIST, PLATFORM: WHEEL})
    best = bench.index().best(WANTED)
    assert best is not None
    assert bench.index().pure_wheel(best) is None


def test_a_page_is_asked_for_once(bench: Bench) -> None:
    publish(bench.web, "pack", {**FILES, "pack-1.0-cp313-cp313-linux_x86_64.whl": b""})
    index = bench.index()
    best = index.best(WANTED)
    assert best is not None
    assert index.pure_wheel(best) is not None
    assert index.best(Requirement("gone")) is index.best(Requirement("gone")) is None
    assert bench.web.asked == ["/simple/pack/", "/simple/gone/"]
