"""The registry against what upstream has now: patches that fit or not, builds without them, indexes with troubles."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from pywasm_build.errors import RecipeError
from pywasm_build.index import package_index
from pywasm_build.patch_trials import Finding, Mark
from pywasm_build.recipes import Recipe, read_registry
from pywasm_build.registry_check import RegistryCheck, choose_recipes, exit_code, rows
from tests.unit.checkout import VERSION, Checkout, PipRunner, make_checkout, publish, sdist_bytes, wheel_bytes
from tests.unit.fakes import Reply, WebServer, web_server

TEXT = b"one\ntwo\nthree\n"
SDIST = sdist_bytes("pack", {"file.txt": TEXT})
SHA = sha256(SDIST).hexdigest()
MENDS = "--- a/file.txt\n+++ b/file.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
FOLLOWS = MENDS.replace("-two\n+2", "-2\n+zwei")
UNBLOCKS = "--- a/fail\n+++ /dev/null\n@@ -1 +0,0 @@\n-error: no threads\n"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A checkout with the recipe of pack 1.0, and an index."""

    checkout: Checkout
    web: WebServer

    def offer(self, version: str, files: Mapping[str, bytes], *, hashes: Mapping[str, str] | None = None) -> None:
        """Put pack 1.0 and another version on the index; the other one can be built unless it has a file `fail`."""
        prebuilt = {f"prebuilt/pack-{version}-py3-none-any.whl": wheel_bytes("pack", version)}
        name, newer = f"pack-{version}.tar.gz", sdist_bytes("pack", {**prebuilt, **files}, version)
        publish(self.web, "pack", {"pack-1.0.tar.gz": SDIST, name: newer}, hashes=hashes)

    def recipe(self, *patches: str, name: str = "pack", applies_to: str = ">=1", more: str = "") -> None:
        """Write a recipe with patches 1.patch, 2.patch and so on."""
        tables = [
            f'[[patch]]\nfile = "{number}.patch"\nreason = "r"\napplies-to = "{applies_to}"\nupstream = "u"\n{more}'
            for number in range(1, len(patches) + 1)
        ]
        folder = self.checkout.recipe(name, SHA, more="".join(tables))
        for number, text in enumerate(patches, 1):
            (folder / f"{number}.patch").write_text(text)

    def check(self, *, build: bool = False) -> list[Finding]:
        """Check all recipes; whatever comes of it, the trial's folder is gone."""
        context, builder = self.checkout.context, self.checkout.builder
        recipes = choose_recipes(read_registry(context.workspace.patches), [])
        index = package_index(context, VERSION)
        found = RegistryCheck(context=context, index=index, builder=builder if build else None).run(recipes)
        trials = context.workspace.trials
        assert not trials.exists() or list(trials.iterdir()) == []
        return found

    def one(self, *, build: bool = False) -> tuple[Mark, str]:
        """Check all recipes, which have one patch or none; return the only finding's mark and state."""
        (finding,) = self.check(build=build)
        return finding.mark, finding.state


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with web_server() as web:
        yield Bench(checkout=make_checkout(tmp_path, os.environ, index=web.url), web=web)


# Versions


def test_recipes_without_patches_show_upstreams_newest_version(bench: Bench) -> None:
    bench.recipe()
    bench.offer("2.0", {})
    (finding,) = bench.check()
    assert rows([finding]) == [("pack", "1.0", "2.0", "-", "good", "no patches; upstream has a newer version")]
    publish(bench.web, "pack", {"pack-1.0.tar.gz": SDIST})
    assert bench.one() == (Mark.GOOD, "no patches")
    older = sdist_bytes("pack", {}, "0.9")
    publish(bench.web, "pack", {"pack-0.9.tar.gz": older})
    assert bench.one() == (Mark.GOOD, "no patches; the indexes have no such version")
    # Nothing had to be downloaded.
    assert not any(path.startswith("/files/") for path in bench.web.asked)


def test_the_pinned_version_must_be_the_pinned_file(bench: Bench) -> None:
    bench.recipe(MENDS)
    publish(bench.web, "pack", {"pack-1.0.tar.gz": SDIST}, hashes={"pack-1.0.tar.gz": "b" * 64})
    mark, state = bench.one()
    assert (mark, "no index has the sdist of pack 1.0 with the sha256 that its recipe pins") == (Mark.UNCHECKED, state)


# Patches


def test_a_patch_applies_to_the_pinned_and_to_a_newer_version(bench: Bench) -> None:
    bench.recipe(MENDS)
    publish(bench.web, "pack", {"pack-1.0.tar.gz": SDIST})
    assert bench.one() == (Mark.GOOD, "applies")
    bench.offer("2.0", {"file.txt": TEXT})
    (finding,) = bench.check()
    assert rows([finding]) == [("pack", "1.0", "2.0", "1.patch", "good", "applies")]


def test_patches_that_build_on_each_other(bench: Bench) -> None:
    bench.recipe(MENDS, FOLLOWS)
    bench.offer("2.0", {"file.txt": TEXT})
    assert [finding.state for finding in bench.check()] == ["applies", "applies"]


def test_patches_that_no_longer_apply_are_stale_each_with_its_reason(bench: Bench) -> None:
    bench.recipe(MENDS, MENDS.replace("file.txt", "gone.txt"))
    bench.offer("2.0", {"file.txt": b"something else\n"})
    found = bench.check()
    assert [(finding.mark, finding.state) for finding in found] == [
        (Mark.STALE, "does not apply: error: patch failed: file.txt:1"),
        (Mark.STALE, "does not apply: error: gone.txt: No such file or directory"),
    ]
    assert exit_code(found) == 1


def test_a_patch_that_upstream_took_is_stale(bench: Bench) -> None:
    bench.recipe(MENDS)
    bench.offer("2.0", {"file.txt": TEXT.replace(b"two", b"2")})
    assert bench.one() == (Mark.STALE, "upstream has it: remove the patch, or narrow its applies-to")
    # A file that the patch removes is gone.
    bench.recipe(UNBLOCKS)
    assert bench.one() == (Mark.STALE, "upstream has it: remove the patch, or narrow its applies-to")


def test_a_patch_that_is_not_for_the_newest_version_is_only_told(bench: Bench) -> None:
    bench.recipe(MENDS, applies_to="<2")
    bench.offer("2.0", {"file.txt": TEXT})
    assert bench.one() == (Mark.GOOD, "only for <2; would apply")
    bench.offer("2.1", {"file.txt": b"something else\n"})
    assert bench.one() == (Mark.GOOD, "only for <2; does not apply: error: patch failed: file.txt:1")


def test_native_libraries_are_checked_as_they_are_pinned(bench: Bench, tmp_path: Path) -> None:
    workspace, local = bench.checkout.workspace, tmp_path / "local"
    local.mkdir()
    with tarfile.open(local / "libx-3.tar.gz", "w:gz") as made:
        info = tarfile.TarInfo("libx-3/file.txt")
        info.size = len(TEXT)
        made.addfile(info, io.BytesIO(TEXT))
    digest = sha256((local / "libx-3.tar.gz").read_bytes()).hexdigest()
    workspace.sources_toml.write_text(
        f'[[source]]\nname = "libx"\nversion = "3"\nfile = "libx-3.tar.gz"\n[[source.location]]\nkind = "upstream"\n'
        f'url = "http://127.0.0.1:1/libx-3.tar.gz"\nsha256 = "{digest}"\n'
    )
    folder = workspace.patches / "libx"
    folder.mkdir()
    patch = '[[patch]]\nfile = "1.patch"\nreason = "r"\napplies-to = ">=1"\nupstream = "u"\n'
    (folder / "recipe.toml").write_text(f'[library]\nname = "libx"\n{patch}')
    (folder / "1.patch").write_text(MENDS)
    (finding,) = bench.check()
    assert finding.mark is Mark.UNCHECKED
    assert "cannot get libx 3: upstream: 127.0.0.1:1 cannot be reached" in finding.state
    bench.checkout.environ["PYWASM_SOURCES"] = str(local)
    assert rows(bench.check(build=True)) == [("libx", "3", "-", "1.patch", "good", "applies")]


# Builds


def test_a_patch_without_which_the_package_builds_is_unnecessary(bench: Bench) -> None:
    bench.recipe(MENDS, UNBLOCKS)
    bench.offer("2.0", {"file.txt": TEXT, "fail": b"error: no threads\n"})
    found = bench.check(build=True)
    assert [(finding.mark, finding.state) for finding in found] == [
        (Mark.STALE, 'unnecessary: the package builds without it; remove it, or say needed-to = "run"'),
        (Mark.GOOD, "applies, and the package does not build without it"),
    ]
    # What was built for a trial is not offered to anybody.
    assert not bench.checkout.workspace.wheelhouse.exists()


def test_a_patch_that_is_needed_to_run_is_not_judged_by_a_build(bench: Bench) -> None:
    bench.recipe(MENDS, more='needed-to = "run"\n')
    bench.offer("2.0", {"file.txt": TEXT})
    assert bench.one(build=True) == (Mark.GOOD, "applies; it is needed to run, which a build does not show")


def test_a_package_that_does_not_build_with_its_patches(bench: Bench) -> None:
    bench.recipe(MENDS)
    bench.offer("2.0", {"file.txt": TEXT, "fail": b"first\nerror: new trouble\x1b[2J\n"})
    found = bench.check(build=True)
    assert found[0].mark is Mark.STALE
    assert found[0].state.startswith("applies, but the package does not build: error: new trouble")


def test_a_patch_that_is_not_for_the_newest_version_is_not_built(bench: Bench) -> None:
    bench.recipe(MENDS, applies_to="<2")
    bench.offer("2.0", {"file.txt": TEXT})
    assert bench.one(build=True) == (Mark.GOOD, "only for <2; would apply")


def test_what_hinders_a_build_is_told_beside_the_patches(bench: Bench) -> None:
    bench.recipe(MENDS)
    recipe = bench.checkout.workspace.patches / "pack" / "recipe.toml"
    recipe.write_text(recipe.read_text() + '[build]\nrequires = ["cython>=3"]\n')
    bench.offer("2.0", {"file.txt": TEXT})
    found = bench.check(build=True)
    assert found[0].state == "applies"
    assert found[1].state.startswith("not built: the recipe of pack needs cython>=3 to build")
    assert exit_code(found) == 6


# Troubles


def test_one_recipe_in_trouble_does_not_stop_the_others(bench: Bench) -> None:
    bench.recipe(MENDS)
    bench.recipe(name="absent")
    bench.offer("2.0", {"file.txt": TEXT})
    found = bench.check()
    assert [(finding.recipe.name, finding.mark) for finding in found] == [
        ("absent", Mark.UNCHECKED),
        ("pack", Mark.GOOD),
    ]
    assert found[0].state == "no index that pip is configured for gave an sdist of absent"
    assert exit_code(found) == 6


def test_an_index_out_of_reach(bench: Bench) -> None:
    bench.recipe(MENDS)
    bench.checkout.runner = PipRunner(bench.checkout.environ, {"global.index-url": "http://127.0.0.1:1/simple"})
    mark, state = bench.one()
    assert mark is Mark.UNCHECKED
    assert state.startswith("cannot ask the package indexes for pack: ")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=500), "no index that pip is configured for gave an sdist of pack"),
        (Reply(status=404), "no index that pip is configured for gave an sdist of pack"),
        (Reply(body=b"[", content_type="application/vnd.pypi.simple.v1+json"), "cannot be read for pack: "),
        (Reply(body=b"\xff<a", content_type="text/html"), ""),
    ],
)
def test_an_index_in_trouble(bench: Bench, reply: Reply, reason: str) -> None:
    bench.recipe(MENDS)
    bench.web.replies["/simple/pack/"] = [reply]
    mark, state = bench.one()
    assert mark is Mark.UNCHECKED
    assert reason in state


def test_files_in_trouble(bench: Bench) -> None:
    bench.recipe(MENDS)
    bench.offer("2.0", {"file.txt": TEXT}, hashes={"pack-2.0.tar.gz": ""})
    assert bench.one() == (
        Mark.UNCHECKED,
        "the index gives no sha256 for pack-2.0.tar.gz, so it cannot be verified",
    )
    bench.offer("2.0", {"file.txt": TEXT}, hashes={"pack-2.0.tar.gz": "c" * 64})
    mark, state = bench.one()
    assert (mark, state.endswith("pack-2.0.tar.gz is not the file that was pinned")) == (Mark.UNCHECKED, True)
    bench.offer("3.0", {"file.txt": TEXT})
    bench.web.replies["/files/pack-3.0.tar.gz"] = [Reply(status=403)]
    mark, state = bench.one()
    assert (mark, state.endswith("the server answered 403 Forbidden")) == (Mark.UNCHECKED, True)


def test_an_sdist_that_climbs_out_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.recipe(MENDS)
    bench.offer("2.0", {"file.txt": TEXT, "../../../../escaped": b"x"})
    mark, state = bench.one()
    assert mark is Mark.UNCHECKED
    assert "is refused because of its member" in state
    assert list(tmp_path.rglob("escaped")) == []


# What is asked for, and what is shown


def test_recipes_are_chosen_by_name(bench: Bench) -> None:
    bench.recipe()
    registry = read_registry(bench.checkout.workspace.patches)
    assert [recipe.name for recipe in choose_recipes(registry, ["Pack"])] == ["pack"]
    with pytest.raises(RecipeError, match=r"pakc has no recipe \(did you mean 'pack'\?\)"):
        choose_recipes(registry, ["pakc"])


def test_the_exit_code_tells_the_worst() -> None:
    recipe = Recipe(folder=Path(), name="pack", kind="package", version="1.0")
    good, stale, unchecked = (Finding(recipe=recipe, state="", mark=mark) for mark in Mark)
    assert exit_code([]) == exit_code([good]) == 0
    assert exit_code([good, unchecked]) == 6
    assert exit_code([unchecked, stale, good]) == 1
    assert rows([unchecked]) == [("pack", "1.0", "-", "-", "not checked", "")]
