"""Build CPython for the host triple: python.wasm with everything that side modules import, and its installed tree.

    <product>/root            what `make install` makes, prefix /usr
    <product>/modules.json    which standard modules it has, lacks and failed to build

The objects are compiled without -fPIC, although configure asks for it with dynamic linking: the main module lies at
fixed addresses. Side modules find its symbols through the exports that exports.py lists.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from pywasm_build import archive, exports, modules, store
from pywasm_build.command import Argument
from pywasm_build.context import Context
from pywasm_build.drivers import abi_object
from pywasm_build.errors import BuildError, RecipeError
from pywasm_build.libraries import native_libraries
from pywasm_build.modules import FAILED, Module, module_table, read_setup_local
from pywasm_build.native import BuildPython, cpython_source, native_python, short_version
from pywasm_build.patching import apply_patches, patch_inputs, patches_for
from pywasm_build.recipes import Recipe, read_registry
from pywasm_build.store import JSON, Stage, remove_product, source_hash, tree_hash
from pywasm_build.toolchain import Toolchain, toolchain

PREFIX = "/usr"
_CONFIGURE = (
    "--enable-wasm-dynamic-linking",
    "--with-pymalloc",
    "--disable-test-modules",
    "--without-ensurepip",
    "--enable-loadable-sqlite-extensions",
    f"--prefix={PREFIX}",
)
# For each library of the recipe: what configure calls it, and what is linked. OpenSSL has an option of its own.
_CONFIGURE_NAMES = {
    "zlib": ("ZLIB", "-lz"),
    "bzip2": ("BZIP2", "-lbz2"),
    "xz": ("LIBLZMA", "-llzma"),
    "sqlite": ("LIBSQLITE3", "-lsqlite3"),
}
# No -g: the debug information would be dropped at the link anyway.
_OPTIMISATION = "-DNDEBUG -O3 -Wall"
_LIBRARIES = (
    "libc",
    "libc-printscan-long-double",
    "libc++",
    "libc++abi",
    "libsetjmp",
    "libwasi-emulated-signal",
    "libwasi-emulated-getpid",
    "libwasi-emulated-process-clocks",
    # For side modules alone: configure must not find it, so it is linked at the end.
    "libwasi-emulated-posix",
)
# What a build must be able to do before it is called one; 1.1 shows a wrong answer of configure about doubles.
_SMOKE = """\
import sys, math, decimal, json, datetime, unicodedata, hashlib, socket, select
import bz2, ctypes, lzma, mmap, pwd, sqlite3, ssl, zlib
assert zlib.decompress(zlib.compress(b"a" * 99)) == b"a" * 99
assert ctypes.CDLL(None).abs(-5) == 5
assert repr(1.1) == "1.1", repr(1.1)
assert decimal.Decimal(1) / 3 == decimal.Decimal("0." + 28 * "3")
assert unicodedata.name("\\N{SNOWMAN}") == "SNOWMAN"
assert float.fromhex("0x1.8p3") == 12.0 and math.isnan(float("nan"))
assert sys.platform == "wasi" and sys.maxsize == 2**31 - 1
print(*sys.version_info[:3], sep=".")
"""


@dataclass(frozen=True, kw_only=True)
class HostPython:
    """CPython for wasm in the store."""

    product: Path
    version: str
    toolchain: Toolchain
    native: BuildPython

    @property
    def key(self) -> str:
        """The key of the product."""
        return self.product.name

    @property
    def root(self) -> Path:
        """The installed tree, from its root."""
        return self.product / "root"

    @property
    def short(self) -> str:
        """The version as X.Y."""
        return short_version(self.version)

    @property
    def main_module(self) -> Path:
        """The installed python.wasm."""
        return self.root / PREFIX.lstrip("/") / "bin" / f"python{self.short}.wasm"

    @cached_property
    def modules(self) -> list[Module]:
        """The standard extension modules and their state."""
        return [Module(**entry) for entry in json.loads((self.product / "modules.json").read_text("utf-8"))]


def host_python(context: Context, *, clean: bool = False) -> HostPython:
    """Return CPython for wasm; build and try it when it is not in the store. `clean` builds it afresh."""
    compiler, native = toolchain(context), native_python(context)
    source, recipe = cpython_source(context), cpython_recipe(context)
    known = [s.version for s in context.sources.pins.sources if s.name == "cpython"]
    patches = patches_for(recipe, source.version, known=known)
    libraries = native_libraries(context, compiler, read_registry(context.workspace.patches), recipe)
    stage = Stage(
        "cpython",
        {
            "source": source.inputs,
            "patches": patch_inputs(patches),
            "toolchain": compiler.key,
            "native": native.identity,
            "libraries": {name: prefix.name for name, prefix in libraries.items()},
            "configure": _CONFIGURE,
            "answers": config_site(recipe).read_text("utf-8"),
            "setup": context.workspace.setup_local.read_text("utf-8"),
            "native-sources": tree_hash(context.workspace.native_sources),
            "code": source_hash(*(sys.modules[__name__], exports, modules)),
        },
    )

    def make(product: Path) -> Mapping[str, JSON]:
        build = _Build(context=context, product=product, compiler=compiler, native=native, libraries=libraries)
        archive.unpack(context.sources.fetch("cpython"), build.tree, strip=1)
        apply_patches(context.runner, patches, build.tree, log=build.log)
        build.run_all()
        return {"version": source.version}

    product = context.store.build(stage, make, clean=clean)
    store.link(context.workspace.build / "cpython", product)
    return HostPython(product=product, version=source.version, toolchain=compiler, native=native)


def cpython_recipe(context: Context) -> Recipe:
    """Return the recipe that holds CPython's patches."""
    recipe = read_registry(context.workspace.patches).find("cpython")
    if recipe is None or recipe.kind != "interpreter":
        raise RecipeError(f"{context.workspace.patches / 'cpython'} has no recipe of an interpreter")
    return recipe


def config_site(recipe: Recipe) -> Path:
    """Return the file with our own answers to configure."""
    return recipe.folder / "config.site"


@dataclass(frozen=True, kw_only=True)
class _Build:
    """One build of CPython in the folder of its product; `libraries` are prefixes by the names of their recipes."""

    context: Context
    product: Path
    compiler: Toolchain
    native: BuildPython
    libraries: Mapping[str, Path]

    @property
    def tree(self) -> Path:
        return self.product / "tree"

    @property
    def log(self) -> Path:
        return self.context.workspace.log("cpython")

    @property
    def version(self) -> str:
        return cpython_source(self.context).version

    def run_all(self) -> None:
        """Configure, compile, link, install and try."""
        reasons = read_setup_local(self.context.workspace.setup_local)
        (self.tree / "Modules" / "Setup.local").write_text(
            self.context.workspace.setup_local.read_text("utf-8"), "utf-8"
        )
        # Installed with Python.h, for packages that use libffi themselves.
        shutil.copy(self.context.workspace.native_sources / "ffi.h", self.tree / "Include")
        self._configure()
        library = f"libpython{short_version(self.version)}.a"
        self._make("compile", library)
        linked = self._support_objects()
        linker = [*linked, "-lc++", "-lc++abi", "-lwasi-emulated-posix", f"-Wl,@{self._export_list(library)}"]
        flags = [*linker, *(f"-Wl,{flag}" for flag in exports.LINKER_FLAGS)]
        link = f"LINKFORSHARED={' '.join(map(str, flags))}"
        self._make("link", "all", link)
        self._make("install", "install", link, f"DESTDIR={self.product / 'root'}")
        self._keep_table(module_table(self.tree, reasons))
        self._try()
        remove_product(self.tree)

    def _configure(self) -> None:
        driver = self.compiler.driver
        environment = {
            "CONFIG_SITE": f"{self._config_site()} {config_site(cpython_recipe(self.context))}",
            "CC": str(driver("clang")),
            "CXX": str(driver("clang++")),
            "AR": str(driver("ar")),
            "RANLIB": str(driver("ranlib")),
            "LDSHARED": f"{driver('clang')} -shared",
            "LDCXXSHARED": f"{driver('clang++')} -shared",
            "OPT": _OPTIMISATION,
            # pkg-config would find the build machine's libraries.
            "PKG_CONFIG_LIBDIR": str(self.compiler.root / "sysroot" / "lib" / "pkgconfig"),
            "PKG_CONFIG_PATH": None,
            **self._library_variables(),
        }
        self._run(
            "configure",
            [
                "./configure",
                f"--host={self.compiler.triple}",
                f"--build={self.context.build_triple}",
                f"--with-build-python={self.native.executable}",
                f"--with-openssl={self.libraries['openssl']}",
                *_CONFIGURE,
            ],
            env=environment,
        )

    def _library_variables(self) -> dict[str, str]:
        """Tell configure where the libraries are; of libffi the header, because its code is linked at the end."""
        variables = {"LIBFFI_CFLAGS": "-IInclude", "LIBFFI_LIBS": " "}
        for library, (name, link) in _CONFIGURE_NAMES.items():
            prefix = self.libraries[library]
            variables[f"{name}_CFLAGS"] = f"-I{prefix / 'include'}"
            variables[f"{name}_LIBS"] = f"-L{prefix / 'lib'} {link}"
        return variables

    def _config_site(self) -> Path:
        """Return CPython's own answers to what configure cannot try out on WASI."""
        found = sorted(self.tree.rglob("config.site-wasm32-wasi*"))
        if not found:
            raise BuildError(f"{self.tree} has no config.site for WASI: is this CPython older than 3.11?")
        return found[0]

    def _make(self, step: str, target: str, *variables: str) -> None:
        self._run(step, ["make", f"-j{self.context.jobs}", "CFLAGSFORSHARED=", *variables, target])

    def _support_objects(self) -> list[Path]:
        """Compile pywasm_host/native against this CPython; give the objects, the ABI's with them."""
        objects = [abi_object(self.compiler.root)]
        includes = [self.tree, self.tree / "Include", self.tree / "Include" / "internal"]
        for source in sorted(self.context.workspace.native_sources.glob("*.c")):
            target = self.product / f"{source.stem}.o"
            flags = ["-O2", "-Wall", "-Wextra", "-DPy_BUILD_CORE", *(f"-I{folder}" for folder in includes)]
            command: list[Argument] = [self.compiler.driver("clang"), *flags, "-c", source, "-o", target]
            self.context.runner.run(command, cwd=self.product, log=self.log)
            objects.append(target)
        return objects

    def _export_list(self, library: str) -> Path:
        own = [self.tree / library, *sorted((self.tree / "Modules").rglob("*.a"))]
        own += sorted(self.product.glob("*.o"))
        libraries = [self.compiler.libraries / f"{name}.a" for name in _LIBRARIES]
        path = self.product / "exports.rsp"
        exports.write_response_file(path, exports.exported_names(own, libraries))
        return path

    def _keep_table(self, table: list[Module]) -> None:
        text = json.dumps([asdict(module) for module in table], indent=1)
        (self.product / "modules.json").write_text(text, "utf-8")
        failed = [f"  {module.name}: {module.reason}" for module in table if module.state == FAILED]
        if failed:
            raise BuildError(
                "CPython was built without modules that Setup.local does not leave out:\n" + "\n".join(failed)
            )

    def _try(self) -> None:
        """Run the new interpreter in its installed tree."""
        python = self.context.workspace.root / "bin" / "python-wasm"
        done = self.context.runner.run(
            [python, "-c", _SMOKE],
            cwd=self.product,
            env={"PYWASM_RUNTIME": str(self.product / "root")},
            log=self.log,
            capture=True,
            timeout=300,
        )
        if done.stdout.strip() != self.version:
            raise BuildError(f"the new python.wasm says {done.stdout!r} for its version, not {self.version}")

    def _run(self, step: str, command: list[Argument], *, env: Mapping[str, str | None] | None = None) -> None:
        title = f"CPython {self.version} for wasm: {step}"
        self.context.runner.run(command, cwd=self.tree, env=env, log=self.log, title=title)
