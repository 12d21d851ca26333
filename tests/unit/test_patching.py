"""Patches: chosen by version, applied with the real git, loud when they have no effect."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from pywasm_build.command import SubprocessRunner
from pywasm_build.errors import PatchError
from pywasm_build.patching import apply_patches, misfit, patch_inputs, patches_for
from pywasm_build.recipes import Patch, Recipe

TEXT = "one\ntwo\nthree\n"
DIFF = """A title

--- a/file.txt
+++ b/file.txt
@@ -1,3 +1,3 @@
 one
-two
+2
 three
"""


def patch(folder: Path, text: str = DIFF, *, applies_to: str = ">=1,<2", name: str = "0001-two.patch") -> Patch:
    path = folder / name
    path.write_text(text)
    return Patch(path=path, reason="why", applies_to=SpecifierSet(applies_to, prereleases=True), upstream="no")


def recipe(*patches: Patch) -> Recipe:
    return Recipe(folder=Path(), name="pack", kind="package", version="1.0", patches=patches)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "product" / "tree"
    made.mkdir(parents=True)
    (made / "file.txt").write_text(TEXT)
    return made


def apply(patches: list[Patch], tree: Path) -> None:
    runner = SubprocessRunner({"PATH": os.environ["PATH"], "HOME": str(tree.parent)})
    apply_patches(runner, patches, tree, log=tree.parent / "log")


def test_the_version_decides(tmp_path: Path) -> None:
    old = patch(tmp_path, applies_to="<1.5", name="0001.patch")
    new = patch(tmp_path, applies_to=">=1.5", name="0002.patch")
    both = recipe(old, new)
    assert patches_for(both, "1.0", known=["1.6rc1"]) == [old]
    assert patches_for(both, "1.6", known=["1.0"]) == [new]


def test_a_patch_that_matches_no_version(tmp_path: Path) -> None:
    stale = patch(tmp_path, applies_to="<1")
    with pytest.raises(PatchError) as caught:
        patches_for(recipe(stale), "1.1", known=["1.0", "1.1"])
    assert str(stale.path) in str(caught.value)
    assert "pack <1, which matches no version that is built (1.0, 1.1): remove it" in str(caught.value)


def test_patches_are_applied_in_order(tmp_path: Path, tree: Path) -> None:
    second = DIFF.replace("-two\n+2", "-2\n+zwei")
    apply([patch(tmp_path), patch(tmp_path, second, name="0002.patch")], tree)
    assert (tree / "file.txt").read_text() == "one\nzwei\nthree\n"


def test_a_patch_that_no_longer_applies_is_named_with_gits_words_and_the_tree(tmp_path: Path, tree: Path) -> None:
    (tree / "file.txt").write_text("one\n2\nthree\n")
    stale = patch(tmp_path)
    with pytest.raises(PatchError) as caught:
        apply([stale], tree)
    text = str(caught.value)
    for part in (str(stale.path), "  | error: patch failed: file.txt:1", f"The tree is {tree}", "applies-to"):
        assert part in text
    assert (tree / "file.txt").read_text() == "one\n2\nthree\n"
    assert "error: patch failed" in (tree.parent / "log").read_text()


def test_a_patch_without_a_change_is_refused(tmp_path: Path, tree: Path) -> None:
    with pytest.raises(PatchError, match="no longer applies"):
        apply([patch(tmp_path, "A title\n")], tree)


def test_a_repository_around_the_tree_changes_nothing(tmp_path: Path, tree: Path) -> None:
    # In a folder of a repository git leaves out, without a word, what it thinks lies outside.
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    apply([patch(tmp_path)], tree)
    assert (tree / "file.txt").read_text() == "one\n2\nthree\n"


def test_a_repository_in_the_sources_changes_nothing(tmp_path: Path, tree: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tree], check=True)
    with (tree / ".git" / "config").open("a") as config:
        config.write(f"[core]\n\tworktree = {tmp_path}\n[apply]\n\twhitespace = error-all\n")
    apply([patch(tmp_path, DIFF.replace("+2", "+2  "))], tree)
    assert (tree / "file.txt").read_text() == "one\n2  \nthree\n"


def test_the_users_git_settings_change_nothing(tmp_path: Path, tree: Path) -> None:
    (tree.parent / ".gitconfig").write_text("[apply]\n\twhitespace = error-all\n")
    apply([patch(tmp_path, DIFF.replace("+2", "+2  "))], tree)
    assert (tree / "file.txt").read_text() == "one\n2  \nthree\n"


def test_a_misfit_is_told_in_gits_words_and_changes_nothing(tmp_path: Path, tree: Path) -> None:
    runner = SubprocessRunner({"PATH": os.environ["PATH"], "HOME": str(tree.parent)})
    one = patch(tmp_path)
    assert misfit(runner, one, tree) == ""
    assert misfit(runner, one, tree, reverse=True) == "error: patch failed: file.txt:1"
    assert (tree / "file.txt").read_text() == TEXT
    apply([one], tree)
    assert misfit(runner, one, tree) == "error: patch failed: file.txt:1"
    assert misfit(runner, one, tree, reverse=True) == ""
    (tree / "file.txt").unlink()
    assert misfit(runner, one, tree) == "error: file.txt: No such file or directory"


def test_a_stage_depends_on_what_a_patch_does_and_not_on_where_it_lies(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    assert patch_inputs([patch(here)]) == patch_inputs([patch(there)])
    assert patch_inputs([patch(here)]) != patch_inputs([patch(here, DIFF.replace("+2", "+3"))])
