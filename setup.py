"""Builds zmqfast: libzmq as a static library, then the one extension `zmqfast._core` with libzmq linked into it.

Read from the bottom up: `build_ext` asks for libzmq; `static_libzmq` builds it out of tree, once per configuration;
`find_source` says from what. Everything made here is below build/, so `rm -r build` starts afresh.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import Cython
import setuptools.errors
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel as _bdist_wheel
from setuptools.command.build_ext import build_ext as _build_ext
from setuptools.command.sdist import sdist as _sdist
from setuptools.modified import newer_group

ROOT = Path(__file__).resolve().parent
FIXES = ROOT / "packaging" / "libzmq_fixes"     # files of libzmq in which something is put right
sys.path.insert(0, str(FIXES.parent))
from libzmq_fixes import write_fixed  # noqa: E402

BUILD = ROOT / "build"
SUBMODULE = ROOT / "libzmq"
DEBIAN = BUILD / "debian"                       # Debian's source, once fetched

SOURCE_PARTS = ("CMakeLists.txt", "src", "include", "external", "builds/cmake")     # what decides libzmq's build
LICENCES = ("LICENSE", "COPYING", "COPYING.LESSER", "external/sha1/license.txt", "external/wepoll/license.txt")

# libzmq wants cmake's own description of NORM, which many systems lack.
FIND_NORM = """\
find_package(PkgConfig REQUIRED)
pkg_check_modules(norm REQUIRED IMPORTED_TARGET norm)
include_directories(${norm_INCLUDE_DIRS})
add_library(norm::norm ALIAS PkgConfig::norm)
"""

# What is ours and looks inside libzmq, or is called from there, is built with it, and with the headers that are changed.
BUILT_WITH_LIBZMQ = [Path("zmqfast", "core", name) for name in ("peek.cpp", "body.cpp")]
INCLUDED_IN_LIBZMQ = Path("zmqfast", "core", "fetch.h")
ADD_OURS = """\
cmake_language(DEFER CALL target_sources objects PRIVATE {files})
set_source_files_properties({files} PROPERTIES INCLUDE_DIRECTORIES "{fixed};${{CMAKE_CURRENT_SOURCE_DIR}}/src")
"""

# What is put right is compiled in the place of libzmq's own.
ADD_FIXES = """\
cmake_language(DEFER CALL include {folder}/replaced.cmake)
"""
REPLACED = """\
get_target_property(sources objects SOURCES)
foreach(file {files})
  set(others ${{sources}})
  list(FILTER others EXCLUDE REGEX "(^|/)src/${{file}}$")
  if(NOT sources STREQUAL others)
    set(sources ${{others}} {folder}/${{file}})
    set_source_files_properties({folder}/${{file}} PROPERTIES INCLUDE_DIRECTORIES ${{CMAKE_CURRENT_SOURCE_DIR}}/src)
  endif()
endforeach()
set_target_properties(objects PROPERTIES SOURCES "${{sources}}")
"""

# 4.3.4 can do GSSAPI, but its cmake build does not know.
ADD_GSSAPI = """\
find_package(PkgConfig REQUIRED)
pkg_check_modules(gssapi REQUIRED krb5-gssapi)
include_directories(${gssapi_INCLUDE_DIRS})
add_compile_definitions(HAVE_LIBGSSAPI_KRB5)
set(gssapi_folder ${CMAKE_CURRENT_SOURCE_DIR}/src)
cmake_language(DEFER CALL target_sources objects PRIVATE ${gssapi_folder}/gssapi_client.cpp
               ${gssapi_folder}/gssapi_mechanism_base.cpp ${gssapi_folder}/gssapi_server.cpp)
"""


# 4.3.4 can align its queues' messages with cache lines, but its cmake build does not look whether the system can.
ADD_ALIGNMENT = """\
add_compile_definitions(HAVE_POSIX_MEMALIGN)
"""


class BuildError(setuptools.errors.BaseError):
    """Ends the build with its text; says what to do."""


def say(text: str) -> None:
    print(f"zmqfast: {text}", flush=True)


def output(*command: str | Path) -> str | None:
    """What a command prints; None when it fails or does not exist."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


# -- libzmq's source ------------------------------------------------------------------------------------------------

def find_source() -> Path:
    """The folder with libzmq's source; what an earlier build has fetched from Debian is used again."""
    reasons = []
    given = os.environ.get("ZMQFAST_LIBZMQ_SOURCE")
    if given:
        if not is_source(Path(given)):
            raise BuildError(f"ZMQFAST_LIBZMQ_SOURCE={given}: no libzmq there (no CMakeLists.txt, no src/zmq.cpp)")
        return Path(given).resolve()
    if is_source(SUBMODULE):
        return SUBMODULE
    for fetched in DEBIAN.glob("*"):
        if is_source(fetched):
            return fetched
    for fetch in (fetch_submodule, fetch_debian):
        try:
            return fetch()
        except BuildError as error:
            reasons.append(str(error))
    raise BuildError(
        "libzmq's source was not found. Any one of these helps:\n"
        "  - ZMQFAST_LIBZMQ_SOURCE=/path/to/libzmq, a folder with libzmq's source\n"
        "  - git submodule update --init libzmq, in a git checkout of zmqfast with access to its url\n"
        "  - apt-get install dpkg-dev, on Debian or Ubuntu: the source package zeromq3 is then fetched\n"
        "  - ZMQFAST_LIBZMQ=system, to link the installed libzmq that pkg-config finds\n"
        "What was tried:\n" + "\n".join(f"  - {reason}" for reason in reasons))


def is_source(folder: Path) -> bool:
    return (folder / "CMakeLists.txt").is_file() and (folder / "src" / "zmq.cpp").is_file()


def fetch_submodule() -> Path:
    """Check the submodule out; fails within half a minute where the network does not reach it."""
    if not (ROOT / ".git").exists():
        raise BuildError("git submodule: not in a git checkout")
    say("fetching the submodule libzmq")
    # Never ask for a password: nobody may be there to answer.
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}
    run_within(30, ["git", "submodule", "--quiet", "update", "--init", "--depth=1", "libzmq"], ROOT, environment)
    if not is_source(SUBMODULE):
        raise BuildError("git submodule: libzmq/ is empty after the update")
    return SUBMODULE


def fetch_debian() -> Path:
    """Unpack Debian's source package zeromq3, its patches applied.

    apt works with the system's mirrors and keys, but with lists and sources of its own: the system's need not have
    deb-src entries, nothing of the system changes, and it works without being root.
    """
    if not shutil.which("apt-get"):
        raise BuildError("Debian's source package: apt-get is not there")
    if not shutil.which("dpkg-source"):
        raise BuildError("Debian's source package: dpkg-source is not there; apt-get install dpkg-dev")
    say("fetching Debian's source package zeromq3")
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="debian-", dir=BUILD) as name:
        folder = Path(name)
        for part in ("sources", "lists/partial", "cache/archives/partial", "package"):
            (folder / part).mkdir(parents=True)
        write_source_entries(folder / "sources")
        options = {
            "Dir::Etc::SourceList": "/dev/null", "Dir::Etc::SourceParts": folder / "sources",
            "Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache",
            "Acquire::Languages": "none", "Acquire::Retries": 2, "Acquire::http::Timeout": 30,
            "APT::Sandbox::User": "root",       # apt's own user may not look into our folder
        }
        apt = ["apt-get", "-qq", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
        with contextlib.suppress(BuildError):   # one entry of several may have no source; the next step decides
            run_within(300, [*apt, "update"], folder)
        run_within(300, [*apt, "source", "--only-source", "zeromq3"], folder / "package")
        for unpacked in (folder / "package").iterdir():
            if is_source(unpacked):
                DEBIAN.mkdir(exist_ok=True)
                return unpacked.rename(DEBIAN / unpacked.name)
    raise BuildError("Debian's source package: apt-get source zeromq3 left no libzmq source")


def write_source_entries(folder: Path) -> None:
    """Write the system's apt entries into `folder` as deb-src entries, keeping mirrors, suites and keys."""
    shell = output("apt-config", "shell", "LIST", "Dir::Etc::SourceList/f", "PARTS", "Dir::Etc::SourceParts/d") or ""
    places = dict(word.split("=", 1) for word in shlex.split(shell))
    files = [Path(places.get("LIST", "")), *Path(places.get("PARTS", "")).glob("*")]
    for file in files:
        if file.suffix == ".list" and file.is_file():
            entries = re.findall(r"^\s*deb(?:-src)?(\s.*)$", file.read_text(), re.MULTILINE)
            text = "".join(f"deb-src{entry}\n" for entry in dict.fromkeys(entries))
        elif file.suffix == ".sources" and file.is_file():
            text = re.sub(r"^Types:.*$", "Types: deb-src", file.read_text(), flags=re.MULTILINE | re.IGNORECASE)
        else:
            continue
        (folder / file.name).write_text(text)


def run_within(timeout_s: float, command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Run a command that may wait for the network; kill it with its children when the time is over."""
    try:
        process = subprocess.Popen(command, cwd=folder, env=environment, text=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    except OSError as error:
        raise BuildError(f"{command[0]}: {error.strerror}") from None
    try:
        text, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        (process.kill() if os.name == "nt" else os.killpg(process.pid, signal.SIGTERM))
        process.wait()
        raise BuildError(f"{command[0]}: no answer within {timeout_s:.0f} s") from None
    if process.returncode:
        lines = text.strip().splitlines() or [f"status {process.returncode}"]
        reason = next((line for line in lines if line.startswith(("fatal:", "E:"))), lines[-1])
        raise BuildError(f"{shlex.join(command[:1] + command[-4:])}: {reason}")


def name_source(source: Path) -> str:
    """What `zmqfast info` calls the libzmq inside: its version, and the commit or the package it came from."""
    changelog = source / "debian" / "changelog"
    if changelog.is_file():
        package, version = re.match(r"(\S+) \(([^)]+)\)", changelog.read_text(encoding="utf-8")).groups()
        return f"Debian {package} {version}"
    header = (source / "include" / "zmq.h").read_text(encoding="utf-8")
    version = ".".join(re.findall(r"#define ZMQ_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))
    commit = find_commit(source)
    return f"libzmq {version}" + (f" {commit}" if commit else "")


def find_commit(source: Path) -> str | None:
    """The commit of libzmq's source: git knows it, or the file that `sdist` left in its place."""
    if (source / ".git").exists():
        return output("git", "-C", source, "rev-parse", "HEAD")
    return (source / "COMMIT").read_text().strip() if (source / "COMMIT").is_file() else None


def fingerprint(source: Path) -> str:
    """A hash of all that decides what is built from this source: the same in a checkout and in an sdist."""
    digest = hashlib.sha256()
    for part in SOURCE_PARTS:
        place = source / part
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.is_file():
                digest.update(f"{file.relative_to(source).as_posix()}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


# -- what libzmq can use --------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Package:
    """An installed library as pkg-config describes it."""

    name: str
    version: str
    prefix: str
    include_dirs: list[str]
    library_dirs: list[str]
    libraries: list[str]
    macros: list[tuple[str, str | None]]


def find_package(*names: str) -> Package | None:
    """The first of these packages that pkg-config knows."""
    pkg_config = os.environ.get("PKG_CONFIG", "pkg-config")
    for name in names:
        words = output(pkg_config, "--cflags", "--libs", name)
        if words is None:
            continue
        flags = shlex.split(words.replace("-isystem ", "-I"))
        macros = [word[2:].partition("=") for word in flags if word.startswith("-D")]
        return Package(
            name=name,
            version=output(pkg_config, "--modversion", name) or "",
            prefix=output(pkg_config, "--variable=prefix", name) or "",
            include_dirs=[word[2:] for word in flags if word.startswith("-I")],
            library_dirs=[word[2:] for word in flags if word.startswith("-L")],
            libraries=[word[2:] for word in flags if word.startswith("-l")],
            macros=[(macro, value or None) for macro, _, value in macros])
    return None


def find_features() -> dict[str, Package]:
    """What libzmq can use of this machine, by the name that `zmqfast.has()` knows it under."""
    wanted = {
        "curve": ("libsodium",),
        "pgm": ("openpgm-5.3", "openpgm-5.2", "openpgm-5.1"),
        "norm": ("norm",),
        "gssapi": ("krb5-gssapi",),
    }
    found = {feature: find_package(*names) for feature, names in wanted.items()}
    return {feature: package for feature, package in found.items() if package}


# -- compilers ------------------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Toolchain:
    """The compilers of the extension, which libzmq must be built with as well: their LTO formats are their own."""

    kind: str               # gcc, clang or msvc
    cc: str
    cxx: str
    version: str
    sanitizers: str = ""    # as -fsanitize= takes them: ZMQFAST_SANITIZE, for `make asan` and `make tsan`

    @property
    def compile_args(self) -> list[str]:
        """For the core, after Python's own flags, which they overrule."""
        if self.kind == "msvc":
            return ["/O2", "/GL"]
        if self.sanitizers:
            return ["-fvisibility=hidden", *self.sanitizer_args]
        # -g0, here and when linking: Python's -g would make the extension three times as large.
        return ["-O3", "-g0", "-fvisibility=hidden", *self.same_args, *self.lto_args]

    @property
    def same_args(self) -> list[str]:
        """What the core and libzmq must agree on: gcc inlines nothing across a difference in overflow rules.

        Python's own flags have -fwrapv or -fno-strict-overflow, by version. To check that LTO crosses the border:
        `objdump -d zmqfast/_core*.so | grep 'call.*<zmq_msg_size>'` prints nothing; without LTO, or with a
        difference here, every `recv` has that call.
        """
        return [] if self.kind == "msvc" else ["-fno-strict-overflow"]

    @property
    def sanitizer_args(self) -> list[str]:
        """For the core and libzmq alike, in place of optimisation and LTO: reports name functions and lines.

        Without vptr, which looks at memory through a pipe, and reports all it sees when descriptors have run out.
        """
        return ["-O1", "-g", "-fno-omit-frame-pointer", *self.same_args, f"-fsanitize={self.sanitizers}", "-fno-sanitize=vptr"]

    @property
    def lto_args(self) -> list[str]:
        """As cmake passes them for libzmq."""
        return ["-flto=thin"] if self.kind == "clang" else ["-flto=auto", "-fno-fat-lto-objects"]

    @property
    def link_args(self) -> list[str]:
        if self.kind == "msvc":
            return ["/LTCG"]
        if sys.platform == "darwin":
            return ["-O3", "-g0", *self.lto_args, "-Wl,-exported_symbol,_PyInit__core"]
        if self.sanitizers:
            return [f"-fsanitize={self.sanitizers}", "-Wl,--exclude-libs,ALL"]
        # Nothing of libzmq is exported, though zmq.h marks its functions as visible: so the linker may inline them,
        # and another libzmq in the process (pyzmq's) cannot take their place.
        return ["-O3", "-g0", *self.lto_args, *self.linker, "-Wl,--exclude-libs,ALL"]

    @property
    def linker(self) -> list[str]:
        """clang's LTO needs lld, unless the system's linker has a plugin for it."""
        return ["-fuse-ld=lld"] if self.kind == "clang" and shutil.which("ld.lld") else []


def find_toolchain(compiler: Any) -> Toolchain:
    """The compilers that setuptools is going to use."""
    if compiler.compiler_type == "msvc":
        compiler.initialize()
        return Toolchain("msvc", compiler.cc, compiler.cc, compiler.cc)     # its path has the version in it
    cc, cxx = (os.environ.get(name) or command[0]
               for name, command in (("CC", compiler.compiler_so), ("CXX", compiler.compiler_so_cxx)))
    versions = [first_line(output(*shlex.split(command), "--version")) for command in (cc, cxx)]
    for command, version in zip((cc, cxx), versions):
        if not version:
            raise BuildError(f"the compiler {command} does not run: install gcc and g++, or clang, or set CC and CXX")
    # "gcc (Debian 12.2.0-14) 12.2.0" and "g++ (Debian 12.2.0-14) 12.2.0"
    if versions[0].split()[1:] != versions[1].split()[1:]:
        raise BuildError(f"{cc} and {cxx} are not of the same make and version, which LTO needs: set CC and CXX")
    kind = "clang" if "clang" in versions[0] else "gcc"
    return Toolchain(kind, cc, cxx, versions[0], os.environ.get("ZMQFAST_SANITIZE", ""))


def first_line(text: str | None) -> str:
    return text.partition("\n")[0] if text else ""


# -- libzmq ---------------------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Libzmq:
    """libzmq as the extension needs it."""

    name: str
    configuration: str                          # a text that changes whenever the extension must be linked again
    macros: list[tuple[str, str | None]]
    include_dirs: list[str]
    library_dirs: list[str]
    libraries: list[str]
    objects: list[str] = dataclasses.field(default_factory=list)
    licences: Path | None = None                # a folder; None when libzmq stays outside


def choose_libzmq(toolchain: Toolchain) -> Libzmq:
    choice = os.environ.get("ZMQFAST_LIBZMQ", "")
    if choice not in ("", "system"):
        raise BuildError(f"ZMQFAST_LIBZMQ={choice}: may be `system`, to link the installed libzmq, or unset, to build it")
    return system_libzmq() if choice else static_libzmq(toolchain)


def system_libzmq() -> Libzmq:
    """The installed libzmq: whatever it can, and no LTO across its border."""
    package = find_package("libzmq")
    if package is None:
        raise BuildError("ZMQFAST_LIBZMQ=system: pkg-config does not find libzmq; install pkg-config, and "
                         "libzmq3-dev (Debian, Ubuntu), zeromq-devel (Fedora) or zeromq (Homebrew)")
    # pkg-config says -DZMQ_BUILD_DRAFT_API=1 when the draft API is in the library.
    return Libzmq(f"system libzmq {package.version}", repr(package), package.macros,
                  package.include_dirs, package.library_dirs, package.libraries)


def static_libzmq(toolchain: Toolchain) -> Libzmq:
    """libzmq built from source; a finished build with the same configuration is used again."""
    source = find_source()
    features = find_features()
    flags = ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "ARCHFLAGS", "MACOSX_DEPLOYMENT_TARGET")
    ours = [ROOT / "zmqfast" / "core" / "body.h", ROOT / INCLUDED_IN_LIBZMQ, *(ROOT / file for file in BUILT_WITH_LIBZMQ),
            *sorted(FIXES.glob("*.py"))]
    configuration = json.dumps({
        "source": [name_source(source), fingerprint(source)],
        "ours": [hashlib.sha256(part.read_bytes()).hexdigest() for part in ours],
        "added": [ADD_OURS, ADD_FIXES, REPLACED, ADD_GSSAPI, ADD_ALIGNMENT],
        "options": cmake_options(features, toolchain),
        "features": {feature: [package.name, package.version, package.prefix] for feature, package in features.items()},
        "toolchain": [toolchain.kind, toolchain.cc, toolchain.cxx, toolchain.version],
        "environment": {name: os.environ[name] for name in flags if name in os.environ},
    }, indent=1)
    place = BUILD / "libzmq" / hashlib.sha256(configuration.encode()).hexdigest()[:16]
    with locked(place.with_suffix(".lock")):
        if not place.is_dir():
            say(f"building {name_source(source)} with {', '.join(features) or 'no optional library'}; kept in {place}")
            with tempfile.TemporaryDirectory(prefix="libzmq-", dir=BUILD) as folder:
                build_libzmq(source, features, toolchain, Path(folder))
                keep_libzmq(source, configuration, Path(folder), place)
    windows = ["ws2_32", "rpcrt4", "iphlpapi", "advapi32"] if os.name == "nt" else []
    return Libzmq(
        name_source(source), configuration, [("ZMQ_STATIC", None), ("ZMQ_BUILD_DRAFT_API", "1")],
        include_dirs=[str(place / "include")],
        library_dirs=[folder for package in features.values() for folder in package.library_dirs],
        libraries=[name for package in features.values() for name in package.libraries] + windows,
        objects=[str(library) for library in sorted(place.glob("*zmq*.*")) if library.suffix in (".a", ".lib")],
        licences=place / "licences")


def cmake_options(features: dict[str, Package], toolchain: Toolchain) -> list[str]:
    """Everything that is decided about libzmq, except where and by which compiler."""
    # OpenPGM's headers are C, and know g++'s way out of `restrict` but not clang's.
    clang_for_pgm = ["-Drestrict=__restrict"] if toolchain.kind == "clang" and "pgm" in features else []
    optimised = toolchain.sanitizer_args if toolchain.sanitizers else ["-O3", "-DNDEBUG", *toolchain.same_args]
    architectures = os.environ.get("ARCHFLAGS") or sysconfig.get_config_var("CFLAGS") or ""
    return [f"-D{key}={value}" for key, value in {
        "BUILD_SHARED": "OFF", "BUILD_STATIC": "ON", "BUILD_TESTS": "OFF",
        "WITH_DOC": "OFF", "WITH_DOCS": "OFF", "WITH_PERF_TOOL": "OFF", "ENABLE_CPACK": "OFF",
        "ENABLE_DRAFTS": "ON", "ENABLE_WS": "ON",
        "ZMQ_HAVE_VSOCK": on(sys.platform == "linux"),  # libzmq's cmake can build it, but never asks for it
        # Only what pkg-config finds for us to link: nothing that cmake would find by itself.
        "WITH_TLS": "OFF", "WITH_NSS": "OFF", "WITH_LIBBSD": "OFF",
        "ENABLE_CURVE": on("curve" in features), "WITH_LIBSODIUM": on("curve" in features),
        "WITH_NORM": on("norm" in features), "WITH_GSSAPI_KRB5": on("gssapi" in features),
        "WITH_OPENPGM": on("pgm" in features),
        # libzmq asks for one version by name, 5.2 by default.
        **({"OPENPGM_PKGCONFIG_NAME": features["pgm"].name} if "pgm" in features else {}),
        "CMAKE_PREFIX_PATH": ";".join(sorted({package.prefix for package in features.values()} - {"", "/usr"})),
        "CMAKE_BUILD_TYPE": "Release", "CMAKE_POSITION_INDEPENDENT_CODE": "ON",
        **({"CMAKE_CXX_FLAGS_RELEASE": shlex.join([*optimised, *clang_for_pgm])} if toolchain.kind != "msvc" else {}),
        "CMAKE_INTERPROCEDURAL_OPTIMIZATION": on(not toolchain.sanitizers),  # also archives with the ar that knows LTO
        "CMAKE_C_VISIBILITY_PRESET": "hidden", "CMAKE_CXX_VISIBILITY_PRESET": "hidden",
        "CMAKE_OSX_ARCHITECTURES": ";".join(re.findall(r"-arch (\S+)", architectures)),
        # 4.3.4 asks for the rules of cmake 2.8, which a new cmake has forgotten.
        "CMAKE_POLICY_VERSION_MINIMUM": "3.5",
        "CMAKE_POLICY_DEFAULT_CMP0063": "NEW", "CMAKE_POLICY_DEFAULT_CMP0069": "NEW",   # visibility and LTO everywhere
    }.items()]


def on(condition: bool) -> str:
    return "ON" if condition else "OFF"


def build_libzmq(source: Path, features: dict[str, Package], toolchain: Toolchain, folder: Path) -> None:
    for tool in ("cmake",) if toolchain.kind == "msvc" else ("cmake", "ninja"):
        if not shutil.which(tool):
            raise BuildError(f"{tool} is not there: pip install cmake ninja, or build without --no-build-isolation")
    (folder / "Findnorm.cmake").write_text(FIND_NORM)
    fixed = folder / "fixed"
    added = ADD_OURS.format(files=" ".join((ROOT / file).as_posix() for file in BUILT_WITH_LIBZMQ), fixed=fixed.as_posix())
    options = [*cmake_options(features, toolchain), f"-DCMAKE_MODULE_PATH={folder.as_posix()}"]
    theirs = (source / "CMakeLists.txt").read_text(encoding="utf-8")
    if "gssapi" in features and "GSSAPI" not in theirs:
        added += ADD_GSSAPI
    if toolchain.kind != "msvc" and "HAVE_POSIX_MEMALIGN" not in theirs:
        added += ADD_ALIGNMENT
    added += add_fixes(source, fixed)
    (folder / "added.cmake").write_text(added)
    options.append(f"-DCMAKE_PROJECT_INCLUDE={(folder / 'added.cmake').as_posix()}")
    environment = dict(os.environ)
    if toolchain.kind == "msvc":
        architectures = {"win32": "Win32", "win-amd64": "x64", "win-arm64": "ARM64"}
        options += ["-A", architectures[sysconfig.get_platform()]]
    else:
        options += ["-G", "Ninja"]
        environment.update(CC=toolchain.cc, CXX=toolchain.cxx)
    if sys.platform == "darwin":    # as setuptools does for the extension
        environment.setdefault("MACOSX_DEPLOYMENT_TARGET", sysconfig.get_config_var("MACOSX_DEPLOYMENT_TARGET"))
    jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(os.cpu_count() or 1)
    for command in (
        ["cmake", "-S", str(source), "-B", str(folder / "build"), "-Wno-dev", "--log-level=WARNING", *options],
        ["cmake", "--build", str(folder / "build"), "--config", "Release", "--parallel", jobs,
         "--target", "libzmq-static"],
    ):
        if subprocess.run(command, env=environment).returncode:
            raise BuildError(f"libzmq could not be built; this failed: {shlex.join(command)}")


def add_fixes(source: Path, folder: Path) -> str:
    """Write what we put right in libzmq to `folder`; what makes its cmake compile that."""
    folder.mkdir()
    files = write_fixed(source, folder)
    shutil.copy(ROOT / INCLUDED_IN_LIBZMQ, folder)
    (folder / "replaced.cmake").write_text(REPLACED.format(files=" ".join(files), folder=folder.as_posix()))
    return ADD_FIXES.format(folder=folder.as_posix())


def keep_libzmq(source: Path, configuration: str, folder: Path, place: Path) -> None:
    """Move what the extension needs to `place`, at once: what is there is complete."""
    kept = folder / "kept"
    (kept / "include").mkdir(parents=True)
    shutil.copy(source / "include" / "zmq.h", kept / "include")
    for library in (folder / "build" / "lib").rglob("*zmq*"):
        if library.suffix in (".a", ".lib"):
            shutil.copy(library, kept)
    for licence in LICENCES:
        if (source / licence).is_file():
            (kept / "licences" / licence).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / licence, kept / "licences" / licence)
    (kept / "configuration.json").write_text(configuration)
    kept.rename(place)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file: two builds at a time (several Pythons) do not build the same libzmq twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        if os.name == "nt":
            import msvcrt
            while True:
                with contextlib.suppress(OSError):      # gives up after ten seconds; a build takes longer
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
        else:
            import fcntl
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


# -- the extension --------------------------------------------------------------------------------------------------

class build_ext(_build_ext):
    """Builds libzmq, then the core on top of it."""

    licences: Path | None = None    # libzmq's, once built

    def build_extensions(self) -> None:
        toolchain = find_toolchain(self.compiler)
        libzmq = choose_libzmq(toolchain)
        self.licences = libzmq.licences
        for extension in self.extensions:
            extension.define_macros += [*libzmq.macros, ("ZMQFAST_LIBZMQ_SOURCE", f'"{libzmq.name}"')]
            extension.include_dirs += libzmq.include_dirs
            extension.library_dirs += libzmq.library_dirs
            extension.libraries += libzmq.libraries
            extension.extra_objects += libzmq.objects
            extension.extra_compile_args += toolchain.compile_args
            extension.extra_link_args += toolchain.link_args
            extension.depends.append(self.note_configuration(libzmq))
        super().build_extensions()

    def build_extension(self, extension: Extension) -> None:
        # Asked here, because Cython would translate again in each new build environment, where its own files are new.
        built = self.get_ext_fullpath(extension.name)
        if not self.force and not newer_group([*extension.sources, *extension.depends], built):
            say(f"{extension.name} is up to date")
            return
        folder = "build/cython" + sysconfig.get_config_var("EXT_SUFFIX").rpartition(".")[0]     # one for each Python
        [translated] = cythonize(extension, build_dir=folder, force=True)       # directives: in _core.pyx
        extension.sources = translated.sources
        extension.language = "c++"      # only now: the core is C, but libzmq needs the C++ compiler to link it
        super().build_extension(extension)

    def note_configuration(self, libzmq: Libzmq) -> str:
        """A file that is newer than the extension only if the extension was built with another Cython or libzmq."""
        note = Path(self.build_temp) / "configuration.txt"
        text = f"Cython {Cython.__version__}\n{libzmq.name}\n{libzmq.configuration}\n"
        if not note.is_file() or note.read_text() != text:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(text)
        return str(note)


class bdist_wheel(_bdist_wheel):
    """Puts libzmq's licence into the wheel that has libzmq inside: MPL-2.0, or LGPL-3 with an exception for 4.3.4."""

    def write_wheelfile(self, wheelfile_base: str, *arguments: Any, **options: Any) -> None:
        super().write_wheelfile(wheelfile_base, *arguments, **options)
        licences = self.get_finalized_command("build_ext").licences
        if licences:
            shutil.copytree(licences, Path(wheelfile_base) / "licenses" / "libzmq", dirs_exist_ok=True)


class sdist(_sdist):
    """Takes libzmq's source along, and writes down its commit: there is no git where it is going to be built."""

    def run(self) -> None:
        if not is_source(SUBMODULE):
            try:
                fetch_submodule()
            except BuildError as error:
                say(f"the sdist has no libzmq inside; {error}")
        super().run()

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        commit = find_commit(SUBMODULE)
        if commit and is_source(Path(base_dir) / "libzmq"):
            (Path(base_dir) / "libzmq" / "COMMIT").write_text(f"{commit}\n")


core = Extension(
    "zmqfast._core", ["zmqfast/_core.pyx"],
    include_dirs=["zmqfast"],
    depends=["setup.py", *(file.relative_to(ROOT).as_posix() for file in sorted((ROOT / "zmqfast").rglob("*"))
                           if file.suffix in (".pyx", ".pxd", ".h"))])

setup(ext_modules=[core], cmdclass={"build_ext": build_ext, "bdist_wheel": bdist_wheel, "sdist": sdist})
