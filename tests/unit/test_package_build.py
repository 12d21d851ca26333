"""What the build of a package is told."""

from __future__ import annotations

import configparser
import os
import subprocess
from pathlib import Path

import pytest

from pywasm_build.package_build import PackageBuild
from pywasm_build.recipes import Recipe
from tests.unit.checkout import Checkout, make_checkout

OPTIONS = """\
# By default it downloads its own copies.
option('system-freetype', type: 'boolean', value: false,
       description: 'Build against the system version')
  option( "system-libraqm" , type : "boolean", value: false)
option('system-qhull', type: 'boolean', value: false)
# option('system-zlib', type: 'boolean', value: false)
option('system-png', type: 'combo', choices: ['yes', 'no'])
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path, os.environ, index="http://127.0.0.1:9/simple")


def build(checkout: Checkout, *libraries: str, recipe: Recipe | None = None) -> PackageBuild:
    tree = checkout.workspace.root / "building" / "tree"
    tree.mkdir(parents=True, exist_ok=True)
    return PackageBuild(
        context=checkout.context,
        environment=checkout.builder.environment,
        recipe=recipe,
        tree=tree,
        libraries={name: Path("/store") / name for name in libraries},
        library_variables={"X_DIR": "/store/x", "X_VERSION": "1.2"} if libraries else {},
        tools=[],
    )


def package(**fields: object) -> Recipe:
    return Recipe(folder=Path("/patches"), name="pack", kind="package", **fields)  # type: ignore[arg-type]


def test_libraries_say_what_they_are(checkout: Checkout) -> None:
    assert build(checkout, "x").variables()["X_VERSION"] == "1.2"
    assert "X_VERSION" not in build(checkout).variables()
    recipe = package(environment={"X_VERSION": "2"})
    assert build(checkout, "x", recipe=recipe).variables()["X_VERSION"] == "2"


def test_a_recipe_names_libraries_and_without_one_they_are_the_systems(checkout: Checkout) -> None:
    named, system = build(checkout, "x", recipe=package()).variables(), build(checkout, "x").variables()
    assert "-I/store/x/include" in str(named["CFLAGS"])
    assert "C_INCLUDE_PATH" not in named
    assert "-I/store/x/include" not in str(system["CFLAGS"])
    assert system["C_INCLUDE_PATH"] == "/store/x/include"
    assert "LDFLAGS" not in build(checkout).variables()


def test_meson_takes_the_libraries_that_we_have_instead_of_a_download(checkout: Checkout) -> None:
    made = build(checkout, "freetype", "raqm", "zlib", "png")
    (made.tree / "meson.options").write_text(OPTIONS)
    options = made.config_settings("mesonpy")["setup-args"]
    assert [option for option in options if option.startswith("-D")] == [
        "-Dsystem-freetype=true",
        "-Dsystem-libraqm=true",
    ]
    # A recipe says itself what it wants.
    settings = {"setup-args": ["-Dsystem-qhull=true"]}
    own = build(checkout, "freetype", recipe=package(config_settings=settings)).config_settings("mesonpy")
    assert [option for option in own["setup-args"] if option.startswith("-D")] == ["-Dsystem-qhull=true"]
    assert build(checkout, "freetype").config_settings("setuptools.build_meta") == {}


def test_meson_finds_programs_for_the_target(checkout: Checkout) -> None:
    made = build(checkout)
    file = Path(made.config_settings("mesonpy")["setup-args"][1].removeprefix("--cross-file="))
    parser = configparser.ConfigParser()
    parser.read(file)
    python = str(checkout.builder.environment.python)
    assert parser["properties"]["skip_sanity_check"] == "true"
    assert parser["binaries"]["python"] == f"['{python}']"
    assert parser["binaries"]["pybind11-config"] == f"['{python}', '-m', 'pybind11']"


def test_scripts_run_in_the_python_that_they_are_built_for(checkout: Checkout) -> None:
    made = build(checkout)
    python = checkout.builder.environment.python
    python.write_text('#!/bin/sh\necho "cross-python $*"\n')
    python.chmod(0o755)
    script = made.tree / "script"
    script.write_text("#!/usr/bin/env python3\n")
    script.chmod(0o755)
    environment = {name: value for name, value in made.variables().items() if value is not None}
    done = subprocess.run([script, "a b"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"cross-python {script} a b\n"


def test_configure_scripts_know_both_machines(checkout: Checkout) -> None:
    variables = build(checkout).variables()
    assert variables["host_alias"] == checkout.host.toolchain.triple
    assert variables["build_alias"] == checkout.context.build_triple
