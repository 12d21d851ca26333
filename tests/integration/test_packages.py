"""The packages of the registry, built for wasm and installed in the runtime root."""

import json
from pathlib import Path

import pytest

from pywasm_build.package_list import quick_packages
from pywasm_build.package_tests import choose_packages
from pywasm_build.package_tests import test_packages as run_package_tests
from pywasm_build.recipes import read_registry
from tests.integration.chain import PACKAGES, Chain, Checkout, printed

METADATA = """
import base64, hashlib, importlib.metadata as metadata, json, sys
found = {}
for name in sys.argv[1:]:
    distribution = metadata.distribution(name)
    wrong = []
    for file in distribution.files:
        path = file.locate()
        if not path.is_file():
            wrong.append(f"{file}: missing")
        elif file.hash:
            digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
                wrong.append(f"{file}: another hash")
    tag = distribution.read_text("WHEEL").partition("\\nTag: ")[2].split()[0]
    found[name] = [distribution.version, tag, len(distribution.files), wrong, distribution.read_text("INSTALLER")]
print(json.dumps(found))
"""
PURE = "py2-none-any"


def test_metadata_and_records(chain: Chain) -> None:
    found = json.loads(printed(chain.python("-c", METADATA, *PACKAGES)))
    versions = {recipe.name: recipe.version for recipe in read_registry(chain.context.workspace.patches).packages}
    for name, (version, tag, files, wrong, installer) in found.items():
        assert version == versions[name]
        assert tag == PURE if name == "six" else tag.endswith("-wasi_wasm32")
        assert files > 3
        assert wrong == []
        assert installer == "pywasm\n"
    listed = printed(chain.python("-c", "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"))
    assert set(PACKAGES) <= set(listed.split())


# With what it takes to build them where the cache is empty.
QUICK_SECONDS = 3600.0


def test_the_quick_packages(scratch: Checkout) -> None:
    quick = quick_packages(read_registry(scratch.root / "patches"))
    assert quick
    done = scratch.inv("libs.test", "--quick", timeout=QUICK_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    closing = done.stdout[done.stdout.rindex("\npackage ") :]
    results = {line.split()[0]: line for line in closing.splitlines()[3:]}
    assert set(results) == {recipe.name for recipe in quick}
    assert all(line.endswith("  tests pass") for line in results.values()), closing


def test_numpy_s_recipe_and_its_complete_suite(chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    recipes = choose_packages(read_registry(chain.context.workspace.patches), ["numpy"])
    (result,) = run_package_tests(chain.context, recipes, jobs=chain.context.jobs)
    assert result.ok, capsys.readouterr().out
    report = json.loads((chain.context.workspace.reports / "numpy.json").read_text("utf-8"))
    assert report["complete"]
    assert report["pass_rate"] >= 0.995
    assert report["counts"]["passed"] > 45_000


def test_yaml_through_libyaml(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_text("a: [1, 2.5, ~, {b: ü}]\n", "utf-8")
    code = "import yaml; print(yaml.load(open('file.yaml'), yaml.CSafeLoader), yaml.CSafeLoader.__mro__[1].__module__)"
    shown = printed(chain.python("--dir", ".", "-c", code, cwd=tmp_path))
    assert shown == "{'a': [1, 2.5, None, {'b': 'ü'}]} yaml._yaml"


def test_nothing_of_the_build_machine_is_in_the_guest(chain: Chain) -> None:
    root = chain.root / "build" / "runtime"
    words = [str(chain.root).encode(), str(chain.context.workspace.cache).encode()]
    files = [path for path in root.resolve().rglob("*") if path.is_file() and path.name != "stamp.json"]
    assert len(files) > 1000
    assert [path for path in files if any(word in path.read_bytes() for word in words)] == []
