from __future__ import annotations

import json
from pathlib import Path

import pytest

from pywasm_runtime.errors import RuntimeRootError
from pywasm_runtime.functions.errors import UploadRefused
from pywasm_runtime.functions.requirements import GuestPackages, check_requirements, guest_packages

METADATA = {
    "numpy-2.5.5": "Name: numpy\nVersion: 2.5.5\n",
    "pyyaml-6.0.3": "Name: PyYAML\nVersion: 6.0.3\n\nBody: with a colon\n",
    "zope_thing-1.0rc1": "Name: zope.thing\nVersion: 1.0rc1\n",
    "big-1.0": (
        "Name: big\nVersion: 1.0\nRequires-Dist: numpy>=2\n"
        'Requires-Dist: pandas>=2; extra == "tables"\nRequires-Dist: big[tables]; extra == "all"\n'
        'Requires-Dist: numpy; extra == "arrays"\nRequires-Dist: winapi; sys_platform == "win32" and extra == "all"\n'
    ),
}


def make_root(folder: Path, *, stamp: object = None) -> Path:
    packages = folder / "usr" / "lib" / "python3.99" / "site-packages"
    for name, text in METADATA.items():
        (packages / f"{name}.dist-info").mkdir(parents=True)
        (packages / f"{name}.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.4\n{text}")
    if stamp is not None:
        (folder / "stamp.json").write_text(json.dumps(stamp))
    return folder


@pytest.fixture
def packages(tmp_path: Path) -> GuestPackages:
    return guest_packages(make_root(tmp_path, stamp={"python": {"version": "3.99.4"}}))


def refusal(packages: GuestPackages, *lines: str) -> str:
    with pytest.raises(UploadRefused) as caught:
        check_requirements(lines, packages)
    return str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   # only a comment",
        "numpy",
        "NumPy >= 2, < 3   # by another spelling",
        "pyyaml==6.*",
        "Zope-Thing>=1.0rc1",
        "zope.thing",
        "big[arrays]",
        'pywin32; sys_platform == "win32"',
        'threads; platform_system != "wasi"',
        'old; python_version < "3.99"',
        'numpy; python_full_version == "3.99.4"',
    ],
)
def test_what_is_installed_will_do(packages: GuestPackages, line: str) -> None:
    check_requirements([line], packages)


def test_all_that_is_unmet_is_named_at_once(packages: GuestPackages) -> None:
    assert refusal(packages, "numpy<2", "PyYAML", "pandas>=2 ; sys_platform == 'wasi'", "attrs") == (
        "requirements.txt asks for what is not installed for functions:\n"
        "  - numpy<2: 2.5.5 is installed\n"
        "  - pandas>=2: not installed\n"
        "  - attrs: not installed\n"
        "install it with: bin/inv libs.install --name 'numpy<2' --name 'pandas>=2' --name attrs"
    )


def test_extras_are_followed_through_each_other(packages: GuestPackages) -> None:
    assert "  - pandas>=2: not installed" in refusal(packages, "big[tables]")
    message = refusal(packages, "big[all]")
    assert "  - pandas>=2: not installed" in message
    assert "winapi" not in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-r other.txt", "options such as -r have no meaning here"),
        ("--index-url https://example.org", "options such as --index-url"),
        ("-e .", "options such as -e"),
        ("six==1.0 --hash=sha256:00", "options such as --hash"),
        ("six @ https://example.org/six.whl", "not from a URL, repository or path"),
        ("git+https://example.org/six", "not from a URL, repository or path"),
        ("https://example.org/six.tar.gz", "not from a URL, repository or path"),
        ("./six", "not from a URL, repository or path"),
        ("/etc/passwd", "not from a URL, repository or path"),
        ("six.whl", "not from a URL, repository or path"),
        ("numpy 2", "not a requirement; one looks like: numpy>=2,<3"),
        ("six \\", "not a requirement"),
        ("\x1b[2J", "not a requirement"),
        ("a" * 501, "longer than 500 characters"),
    ],
)
def test_what_pip_could_install_from_elsewhere_is_refused(packages: GuestPackages, line: str, words: str) -> None:
    message = refusal(packages, "numpy", line)
    assert "requirements.txt cannot be used:\n  - line 2, " in message
    assert words in message
    assert "\x1b" not in message
    assert len(message) < 300


def test_every_wrong_line_is_named(packages: GuestPackages) -> None:
    message = refusal(packages, "-r x", "# fine", "numpy", "a b")
    assert [line.split(",")[0] for line in message.splitlines()[1:]] == ["  - line 1", "  - line 4"]


def test_a_marker_that_cannot_be_evaluated(packages: GuestPackages) -> None:
    assert "the marker of" in refusal(packages, 'numpy; sys_platform ~= "wasi"')


def test_too_many_lines(packages: GuestPackages) -> None:
    assert "has 201 lines; at most 200 are read" in refusal(packages, *["numpy"] * 201)


def test_without_a_stamp_the_folders_name_tells_the_version(tmp_path: Path) -> None:
    packages = guest_packages(make_root(tmp_path))
    assert packages.markers["python_version"] == "3.99"
    assert str(packages.installed["numpy"].version) == "2.5.5"


@pytest.mark.parametrize("stamp", [[], {}, {"python": {}}])
def test_a_broken_stamp(tmp_path: Path, stamp: object) -> None:
    with pytest.raises(RuntimeRootError, match=r"stamp.json cannot be used .* bin/inv runtime"):
        guest_packages(make_root(tmp_path, stamp=stamp))


@pytest.mark.parametrize(
    "text", ["", "Name: x\n", "Name: x\nVersion: new\n", "Name: x\nVersion: 1\nRequires-Dist: ?\n"]
)
def test_broken_metadata_is_named(tmp_path: Path, text: str) -> None:
    path = make_root(tmp_path) / "usr/lib/python3.99/site-packages/numpy-2.5.5.dist-info/METADATA"
    path.write_text(text)
    with pytest.raises(RuntimeRootError, match=r"METADATA cannot be read .* bin/inv runtime"):
        guest_packages(tmp_path)


def test_a_root_without_packages(tmp_path: Path) -> None:
    with pytest.raises(RuntimeRootError, match="0 folders site-packages"):
        guest_packages(tmp_path)
