"""A package with compiled code, built twice in two caches, is the same to the byte."""

from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement

from pywasm_build.installed import package_builder
from pywasm_build.packages import PackageBuilder
from pywasm_build.store import Store
from tests.integration.chain import Chain

PACKAGE = Requirement("MarkupSafe")
"""Small, with a C extension and without native libraries, which each cache would build again."""


def in_cache(builder: PackageBuilder, cache: Path) -> PackageBuilder:
    """Let a builder keep its products in another cache; the downloads are shared."""
    cache.mkdir(parents=True)
    (cache / "downloads").symlink_to(builder.context.workspace.downloads)
    workspace = replace(builder.context.workspace, cache=cache)
    context = replace(builder.context, workspace=workspace, store=Store(workspace.store))
    return replace(builder, context=context)


def test_two_caches_give_the_same_wheel(chain: Chain, tmp_path: Path) -> None:
    builder = package_builder(chain.context)
    wheels = []
    for name in ("first", "in/a/much/longer/path"):
        one = in_cache(builder, tmp_path / name)
        wheels.append(one.build(one.choose(PACKAGE)))
    assert wheels[0].path != wheels[1].path
    assert not wheels[0].is_pure
    assert wheels[0].path.read_bytes() == wheels[1].path.read_bytes()
