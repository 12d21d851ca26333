"""A folder of wheels as a package index: pip installs from it, and no wheel leaves it."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import ProxyHandler, build_opener

import pytest

from pywasm_build.errors import ArchiveError, UsageError, WheelError
from pywasm_build.wheel_index import index_wheelhouse, write_index
from pywasm_build.wheels import normalise
from tests.unit.checkout import make_checkout, wheel_bytes

TAG = "cp313-cp313-wasi_wasm32"
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


def wheel(folder: Path, name: str, version: str = "1.0", *, tag: str = TAG, file: str = "", metadata: str = "") -> Path:
    """Write a wheel with a good RECORD; `file` is another name than its content asks for, `metadata` one more field."""
    raw = folder / "raw" / f"{name}-{version}-{tag}.whl"
    raw.parent.mkdir(parents=True, exist_ok=True)
    requires = ("base>=1",) if name == "app" else ()
    # A field of METADATA is a line, so one can bring another.
    raw.write_bytes(wheel_bytes(name, version, tag=tag, requires=(f"base\n{metadata}",) if metadata else requires))
    made = normalise(raw, folder, {})
    return made.rename(folder / file) if file else made


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    house = tmp_path / "house"
    return [
        wheel(house, "app", "2.0"),
        wheel(house, "app", "10.0", metadata="Requires-Python: >=3.9,<4"),
        wheel(house, "base", "1.0", tag="py3-none-any"),
    ]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def links(page: Path) -> list[dict[str, str | None]]:
    parser = Links()
    parser.feed(page.read_text("utf-8"))
    parser.close()
    return parser.found


class Handler(SimpleHTTPRequestHandler):
    """A plain server of files; where `negotiates` is set it gives JSON to who prefers it."""

    negotiates = False
    asked: list[str]

    def translate_path(self, path: str) -> str:
        self.asked.append(path)
        found = super().translate_path(path)
        json_page = Path(found, "index.json")
        wanted = self.negotiates and JSON_TYPE in self.headers["Accept"]
        return str(json_page) if wanted and json_page.is_file() else found

    def guess_type(self, path: Any) -> str:
        return JSON_TYPE if str(path).endswith(".json") else str(super().guess_type(path))

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path, *, negotiates: bool) -> Iterator[tuple[str, list[str]]]:
    kind = type("Negotiating", (Handler,), {"negotiates": negotiates, "asked": []})
    handler = functools.partial(kind, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/simple", kind.asked  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


def pip(command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    platform = ["--platform", "wasi_wasm32", "--python-version", "3.13", "--implementation", "cp", "--abi", "cp313"]
    words = [sys.executable, "-m", "pip", "--isolated", command, "--only-binary", ":all:", *platform]
    environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "no_proxy": "127.0.0.1"}
    fixed = ["--disable-pip-version-check", "--no-cache-dir", "--no-input"]
    return subprocess.run([*words, *fixed, *arguments], capture_output=True, text=True, env=environ, timeout=120)


# What pip does with it


@pytest.mark.parametrize("negotiates", [False, True], ids=["html", "json"])
def test_pip_downloads_over_http(tmp_path: Path, wheels: list[Path], negotiates: bool) -> None:
    write_index(wheels, tmp_path / "out")
    with served(tmp_path / "out", negotiates=negotiates) as (url, asked):
        done = pip("download", "--index-url", url, "--dest", tmp_path / "got", "app")
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "got") == {path.name: path.read_bytes() for path in wheels[1:]}
    # The newest version, by its metadata alone until it was chosen.
    files = [path for path in asked if "/files/app-" in path]
    assert files == [f"/files/app-10.0-{TAG}.whl.metadata", f"/files/app-10.0-{TAG}.whl"]


def test_pip_installs_from_the_folder(tmp_path: Path, wheels: list[Path]) -> None:
    write_index(wheels, tmp_path / "an index")
    index = (tmp_path / "an index" / "simple").as_uri()
    done = pip("install", "--index-url", index, "--target", tmp_path / "site", "app<10")
    assert done.returncode == 0, done.stderr
    assert {"app.py", "base.py", "app-2.0.dist-info"} <= {path.name for path in (tmp_path / "site").iterdir()}


def test_pip_refuses_a_wheel_that_was_changed_afterwards(tmp_path: Path, wheels: list[Path]) -> None:
    write_index(wheels, tmp_path / "out")
    (tmp_path / "out" / "files" / wheels[2].name).write_bytes(wheel_bytes("base"))
    index = (tmp_path / "out" / "simple").as_uri()
    done = pip("download", "--index-url", index, "--dest", tmp_path / "got", "base")
    assert done.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    # The copy in the index was changed, not the wheel that was built.
    assert wheels[2].read_bytes() != wheel_bytes("base")


# What it says


def test_html_and_json_say_the_same(tmp_path: Path, wheels: list[Path]) -> None:
    made = write_index(reversed(wheels), tmp_path / "out")
    assert [(one.name, str(one.version)) for one in made] == [("app", "2.0"), ("app", "10.0"), ("base", "1.0")]
    simple = tmp_path / "out" / "simple"
    assert [link["href"] for link in links(simple / "index.html")] == ["app/", "base/"]
    root = json.loads((simple / "index.json").read_text())
    assert root == {"meta": {"api-version": "1.1"}, "projects": [{"name": "app"}, {"name": "base"}]}
    data = json.loads((simple / "app" / "index.json").read_text())
    assert (data["name"], data["versions"]) == ("app", ["2.0", "10.0"])
    anchors = links(simple / "app" / "index.html")
    for file, anchor, path in zip(data["files"], anchors, wheels[:2], strict=True):
        digest = sha256(path.read_bytes()).hexdigest()
        metadata = sha256((tmp_path / "out" / "files" / f"{path.name}.metadata").read_bytes()).hexdigest()
        assert (file["filename"], file["size"], file["hashes"]) == (path.name, path.stat().st_size, {"sha256": digest})
        assert file["core-metadata"] == {"sha256": metadata}
        assert anchor["href"] == f"{file['url']}#sha256={digest}"
        assert anchor["data-core-metadata"] == anchor["data-dist-info-metadata"] == f"sha256={metadata}"
        assert anchor.get("data-requires-python") == file.get("requires-python")
    assert data["files"][1]["requires-python"] == "<4,>=3.9"


def test_the_same_wheels_give_the_same_bytes(tmp_path: Path, wheels: list[Path]) -> None:
    write_index(wheels, tmp_path / "one")
    for path in wheels:
        os.utime(path, (1, 1))
    write_index(wheels[::-1], tmp_path / "two" / "deep")
    assert content(tmp_path / "one") == content(tmp_path / "two" / "deep")


# What it replaces


def test_an_older_index_goes_as_a_whole(tmp_path: Path, wheels: list[Path]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write_index(wheels, out)
    write_index(wheels[2:], out)
    assert sorted(path.name for path in (out / "simple").iterdir()) == ["base", "index.html", "index.json"]
    assert len(list((out / "files").iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_wheel_that_is_no_good_leaves_the_older_index(tmp_path: Path, wheels: list[Path]) -> None:
    write_index(wheels, tmp_path / "out")
    before = content(tmp_path / "out")
    wheels[1].write_bytes(b"rot")
    with pytest.raises(ArchiveError, match=r"app-10\.0.* is damaged or no wheel"):
        write_index(wheels, tmp_path / "out")
    assert content(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["house", "out"]


def test_a_folder_or_file_of_the_user_is_left_alone(tmp_path: Path, wheels: list[Path]) -> None:
    with pytest.raises(UsageError, match="house is there already and is no package index; name a folder"):
        write_index(wheels, wheels[0].parent)
    with pytest.raises(UsageError, match="is no package index"):
        write_index(wheels, wheels[0])
    assert all(path.is_file() for path in wheels)


def test_a_link_to_an_index_stays_a_link(tmp_path: Path, wheels: list[Path]) -> None:
    (tmp_path / "link").symlink_to("real")
    write_index(wheels, tmp_path / "link")
    write_index(wheels, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "simple" / "index.html").is_file()


# Names


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("..", r"'\.\.' is invalid for 'name'"),
        ("pack_", "'pack_' is invalid for 'name'"),
        ("b\u00fccher", "is invalid for 'name'"),
        # A regular expression that ignores case may take it for an S, as in older versions of packaging.
        ("\u017fix", "is invalid for 'name'|a name that no index can have"),
    ],
)
def test_a_package_whose_name_is_no_folder(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(WheelError, match=reason):
        write_index([wheel(tmp_path / "house", name)], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["house"]


@pytest.mark.parametrize(
    "tag", ['py3-none-"><b>&amp;', "py3-none-any#sha256=00", "py3-none-a?b c%2e%2e%2fd", "py3-none-\u00fc"]
)
def test_letters_that_mean_something_in_html_or_urls(tmp_path: Path, tag: str) -> None:
    path = wheel(tmp_path / "house", "pack", tag=tag)
    write_index([path], tmp_path / "out")
    (anchor,) = links(tmp_path / "out" / "simple" / "pack" / "index.html")
    href = str(anchor["href"])
    url, _, fragment = href.partition("#")
    assert fragment == f"sha256={sha256(path.read_bytes()).hexdigest()}"
    opener = build_opener(ProxyHandler({}))
    with served(tmp_path / "out", negotiates=False) as (root, _), opener.open(urljoin(f"{root}/pack/", url)) as answer:
        assert answer.read() == path.read_bytes()


def test_names_that_differ_in_spelling_are_one_package(tmp_path: Path) -> None:
    house = tmp_path / "house"
    write_index([wheel(house, "My.Pack", "1.0"), wheel(house, "my_pack", "2.0")], tmp_path / "out")
    data = json.loads((tmp_path / "out" / "simple" / "my-pack" / "index.json").read_text())
    assert data["versions"] == ["1.0", "2.0"]


def test_two_wheels_of_one_name(tmp_path: Path) -> None:
    twins = [wheel(tmp_path / "a", "pack"), wheel(tmp_path / "b", "pack")]
    with pytest.raises(WheelError, match="have the same name; an index has each name once"):
        write_index(twins, tmp_path / "out")


def test_metadata_that_makes_no_sense(tmp_path: Path) -> None:
    bad = wheel(tmp_path / "house", "pack", metadata="Requires-Python: three")
    with pytest.raises(WheelError, match="has a Requires-Python that cannot be read"):
        write_index([bad], tmp_path / "out")
    with pytest.raises(WheelError, match=r"other-1\.0.* holds pack 1\.0"):
        write_index([wheel(tmp_path / "house", "pack", file=f"other-1.0-{TAG}.whl")], tmp_path / "out")


# The wheelhouse


def test_the_wheels_of_the_present_toolchain_are_taken(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, os.environ)
    context = checkout.context
    with pytest.raises(UsageError, match=r"no wheel has been built here; .* bin/inv libs.install"):
        index_wheelhouse(context, tmp_path / "out")
    environment = checkout.builder.environment
    context.workspace.build.mkdir()
    (context.workspace.build / "crossenv").symlink_to(environment.root)
    with pytest.raises(UsageError, match="no wheel has been built"):
        index_wheelhouse(context, tmp_path / "out")
    wheel(context.workspace.wheelhouse / environment.key, "pack")
    wheel(context.workspace.wheelhouse / "another", "older")
    assert [one.name for one in index_wheelhouse(context, tmp_path / "out")] == ["pack", "pywasm-host"]
