from __future__ import annotations

from pathlib import Path

import pytest

from pywasm_build.errors import SourceError
from pywasm_build.pins import Pins, read_pins
from pywasm_build.workspace import Workspace

A, B = "a" * 64, "b" * 64
ENTRY = f"""
[[source]]
name = "zlib"
version = "1"
file = "zlib-1.tar.gz"
[[source.location]]
kind = "upstream"
url = "https://zlib.example/zlib-1.tar.gz"
sha256 = "{A}"
[[source.location]]
kind = "debian"
path = "pool/main/z/zlib/zlib_1.orig.tar.gz"
sha256 = "{B}"
"""
SECOND = ENTRY.replace('"1"', '"2"').replace("zlib-1.", "zlib-2.")


def read(tmp_path: Path, text: str, **environ: str) -> Pins:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    return read_pins(path, environ)


def test_an_entry(tmp_path: Path) -> None:
    source = read(tmp_path, ENTRY).find("zlib")
    assert [(place.kind, place.file, place.sha256) for place in source.locations] == [
        ("upstream", "zlib-1.tar.gz", A),
        ("debian", "zlib_1.orig.tar.gz", B),
    ]
    assert source.inputs == {"name": "zlib", "version": "1", "sha256": [A, B]}


def test_the_default_and_its_override(tmp_path: Path) -> None:
    text = '[defaults]\nzlib = "2"\n' + ENTRY + SECOND
    assert read(tmp_path, text).find("zlib").version == "2"
    assert read(tmp_path, text).find("zlib", "1").version == "1"
    chosen = read(tmp_path, text, PYWASM_ZLIB_VERSION="1")
    assert chosen.find("zlib").version == "1"
    assert [chosen.is_chosen(source) for source in chosen.sources] == [True, False]


def test_an_override_that_is_no_version_names_those_that_are(tmp_path: Path) -> None:
    text = '[defaults]\nzlib = "2"\n' + ENTRY + SECOND
    with pytest.raises(SourceError, match=r"no zlib 3; it has 1, 2"):
        read(tmp_path, text, PYWASM_ZLIB_VERSION="3").find("zlib")


def test_an_unknown_name_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"did you mean 'zlib'"):
        read(tmp_path, ENTRY).find("zlibb")


BAD = {
    "unknown key 'verion'.*did you mean 'version'": ENTRY.replace("version", "verion"),
    "unknown key 'sources'.*did you mean 'source'": ENTRY.replace("[[source]]", "[[sources]]"),
    "unknown key 'sha265'.*did you mean 'sha256'": ENTRY.replace("sha256", "sha265"),
    "unknown key 'path' in source 'zlib' 1, location 'upstream'": ENTRY.replace("url", "path"),
    "kind = 'debain'.*did you mean 'debian'": ENTRY.replace('"debian"', '"debain"'),
    "64 lower-case": ENTRY.replace(A, "A" * 64),
    "needs sha256": ENTRY.replace(f'"{A}"', "5"),
    "not a plain file name": ENTRY.replace('"zlib-1.tar.gz"', '"../x"'),
    "path = .* does not look like one": ENTRY.replace("pool/main", "pool/../main"),
    "url = .* does not look like one": ENTRY.replace("https://", "file:///"),
    "the entry zlib 1 is there twice": ENTRY + ENTRY.replace("zlib-1.tar.gz", "x.tar.gz"),
    "the file name zlib-1.tar.gz is there twice": ENTRY + ENTRY.replace('"1"', '"2"'),
    "several versions": ENTRY + SECOND,
    "names zlib 7": '[defaults]\nzlib = "7"\n' + ENTRY,
    "names 'zlip', which is no source .did you mean 'zlib'": '[defaults]\nzlip = "1"\n' + ENTRY,
    "no ..source.location": '[[source]]\nname = "a"\nversion = "1"\nfile = "a"\n',
    "must be written as": 'source = "x"\n',
    "cannot read": "[[",
}


@pytest.mark.parametrize("message", BAD)
def test_mistakes_are_refused(tmp_path: Path, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read(tmp_path, BAD[message])
    assert "sources.toml" in str(caught.value)


def test_the_real_file_is_right() -> None:
    pins = read_pins(Workspace.discover({}).sources_toml, {})
    assert {"cpython", "wasi-libc", "compiler-rt", "libyaml"} <= {source.name for source in pins.sources}
    for source in pins.sources:
        assert pins.find(source.name, source.version) is source
