"""wheels.py: fills a folder with the wheels of the lock, for this kind of machine or others; `make wheels` runs it.

Each wheel is downloaded by pip, from where the user's settings say, and checked against the lock's hashes. What has no
wheel is built. The folder gets all of a machine's wheels and their list, or nothing: `wheel_folder.py` reads it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import wheel_folder
from packaging.requirements import Requirement
from wheel_folder import FolderError

LEADING_ELSEWHERE = {
    f"PIP_{name}" for name in ("NO_BINARY", "ONLY_BINARY", "PLATFORM", "ABI", "CONSTRAINT", "TARGET", "USER", "DRY_RUN")
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


@dataclass(frozen=True)
class Machine:
    """A kind of machine: its platform, such as `macos-arm64`, and its Python, such as `3.13`."""

    platform: str
    python: str

    def __str__(self) -> str:
        return f"{self.platform}, Python {self.python}"

    @property
    def system(self) -> str:
        """What Python's `platform.system()` says there."""
        return {"linux": "Linux", "macos": "Darwin"}[self.platform.split("-")[0]]

    @property
    def processor(self) -> str:
        return self.platform.split("-")[1]

    def tags(self) -> list[str]:
        """The platform tags of the wheels that run there, for pip; it adds macOS's older ones by itself."""
        if self.system == "Darwin":
            return ["macosx_{}_{}_{}".format(*wheel_folder.MACOS, self.processor)]
        major, newest = wheel_folder.GLIBC
        numbered = [f"manylinux_{major}_{minor}_{self.processor}" for minor in range(newest, 4, -1)]
        return [*numbered, f"manylinux2014_{self.processor}"]

    def markers(self, micro: int) -> dict[str, str]:
        """What a requirement's marker asks for, of the Python with this third number."""
        full = f"{self.python}.{micro}"
        return {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": "posix",
            "platform_machine": self.processor,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": self.system,
            "platform_version": "",
            "python_full_version": full,
            "python_version": self.python,
            "sys_platform": self.system.lower(),
        }


def pins(lock: str, machine: Machine) -> list[list[str]]:
    """The lines of the lock that hold on this machine, without markers: of its newest Python, then what older need.

    A marker may tell 3.11.2 from 3.11.9, which are one kind of machine here.
    """
    wanted: list[list[str]] = []
    for micro in (99, 0):
        lines = []
        for entry in lock.replace("\\\n", " ").splitlines():
            if not entry.strip() or entry.lstrip().startswith("#"):
                continue
            package, *hashes = entry.split(" --hash=")
            requirement = Requirement(package.strip())
            if requirement.marker is None or requirement.marker.evaluate(machine.markers(micro)):
                requirement.marker = None
                lines.append(" --hash=".join([str(requirement), *(each.strip() for each in hashes)]))
        wanted.append([line for line in lines if not any(line in others for others in wanted)])
    return [lines for lines in wanted if lines]


def fill(folder: Path, machine: Machine, step: str) -> Path:
    """Puts the wheels of a step for a machine into the folder, and their list.

    Raises:
        FolderError: pip could not get a package, or one cannot be built here.
    """
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as scratch:
        python = _builder(Path(scratch) / "python", machine)
        downloads = Path(scratch) / "downloads"
        for number, lines in enumerate(pins(wheel_folder.lock_of(step), machine)):
            wanted = Path(scratch) / f"{number}.txt"
            wanted.write_text("\n".join(lines) + "\n", "utf-8")
            _download(python, machine, wanted, downloads)
        _build(python, machine, folder, downloads)
        wheels = {wheel.name: wheel_folder.digest_of(str(wheel)) for wheel in sorted(downloads.glob("*.whl"))}
        for name in wheels:
            (downloads / name).replace(folder / name)
    listed = folder / f"{step}-{machine.platform}-{machine.python}.sha256"
    lines = [f"# lock {wheel_folder.digest_of_lock(step)}", *(f"{digest}  {name}" for name, digest in wheels.items())]
    listed.write_text("\n".join(lines) + "\n", "utf-8")
    return listed


def _builder(folder: Path, machine: Machine) -> Path:
    """A Python for pip, in which a package that is built asks `platform.system()` and hears of the machine it is for.

    awslambdaric leaves out its compiled part where that is not Linux; so does this, for a Mac.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, capture_output=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    builds = "'_in_process' in str(sys.orig_argv)"  # pip's name for the process that asks a package's own setup
    says = f"setattr(__import__('platform'), 'system', lambda: '{machine.system}')"
    (site / "of_the_target.pth").write_text(f"import sys; {builds} and {says}\n", "utf-8")
    return folder / "bin" / "python"


def _pip(python: Path, *arguments: str, what: str) -> None:
    # Where packages come from is the user's to say; which ones is not. The same source gives the same wheel.
    environment = {name: value for name, value in os.environ.items() if name not in LEADING_ELSEWHERE}
    environment |= {"SOURCE_DATE_EPOCH": "1577836800", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", "--python", str(python), *arguments]
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ended.returncode:
        said = [line for line in ended.stdout.splitlines() if line.strip()]
        telling = [line for line in said if line.startswith("ERROR:")] or said
        last = "\n".join(line[:300] for line in telling[-4:])
        raise FolderError(f"{what}\n{last}", "check the network and its proxy, then type the same again")


def _download(python: Path, machine: Machine, wanted: Path, into: Path) -> None:
    tags = [argument for tag in machine.tags() for argument in ("--platform", tag)]
    version = ["--python-version", f"{machine.python}.99", "--implementation", "cp"]
    exact = ["--no-deps", "--require-hashes", "-r", str(wanted), "--dest", str(into)]
    _pip(python, "download", *exact, *version, *tags, what=f"The wheels for {machine} could not be downloaded.")


def _build(python: Path, machine: Machine, folder: Path, downloads: Path) -> None:
    """Makes wheels of the source distributions; one that the folder has already is kept, for other lists name it."""
    for source in sorted(path for path in downloads.iterdir() if path.suffix != ".whl"):
        name, version = source.name.removesuffix(".tar.gz").removesuffix(".zip").rsplit("-", 1)
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        if (folder / file).exists():
            shutil.copy(folder / file, downloads)
        else:
            built = ("wheel", "--no-deps", "--wheel-dir", str(downloads), str(source))
            _pip(python, *built, what=f"{source.name} has no wheel for {machine} and could not be built.")
        if wheel_folder.normal(name) not in wheel_folder.BUILT or not (downloads / file).exists():
            raise FolderError(
                f"{name} {version} has no wheel for {machine}, and one that is built here serves no other machine.",
                "choose another Python with PYTHON=…, such as 3.13",
            )


def platforms(text: str) -> Iterator[str]:
    """The platforms that somebody typed; empty for this one."""
    here, _ = wheel_folder.this_machine()
    for word in text.replace(",", " ").split() or [here]:
        if word == "all":
            yield from wheel_folder.PLATFORMS
        elif word in wheel_folder.PLATFORMS:
            yield word
        else:
            hint = "; on Windows the lab runs in WSL, which is linux-x86_64" if word.startswith(("win", "wsl")) else ""
            raise FolderError(
                f"The lab has no wheels for '{word}'{hint}.",
                f"PLATFORM= one of {', '.join(wheel_folder.PLATFORMS)}, or all",
            )


def pythons(text: str) -> Iterator[str]:
    """The Pythons that somebody typed; empty for the one that runs."""
    _, here = wheel_folder.this_machine()
    for word in text.replace(",", " ").split() or [here]:
        version = word.removeprefix("python")
        if word == "all":
            yield from PYTHONS
        elif version in PYTHONS:
            yield version
        else:
            raise FolderError(
                f"The lab does not run on Python '{word}'.", f"PYTHON= one of {', '.join(PYTHONS)}, or all"
            )


def _megabytes(folder: Path, names: set[str]) -> str:
    return f"{sum((folder / name).stat().st_size for name in names) / 1e6:,.0f} MB"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make wheels", description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--platform", default="", help="one of them, several, or all; empty: this machine's")
    parser.add_argument("--python", default="", help="3.11 to 3.14, several, or all; empty: this one")
    parser.add_argument("--tests", default="", help="anything: also what the tests need")
    asked = parser.parse_args()
    folder = Path(asked.folder).expanduser()
    try:
        machines = [Machine(where, version) for where in platforms(asked.platform) for version in pythons(asked.python)]
        folder.mkdir(parents=True, exist_ok=True)
        everything: set[str] = set()
        for machine in dict.fromkeys(machines):
            for step in ("lab", "dev", "site") if asked.tests else ("lab",):
                began = time.monotonic()
                _, wheels = wheel_folder.read_list(str(fill(folder, machine, step)))
                everything |= set(wheels)
                size, took = _megabytes(folder, set(wheels)), time.monotonic() - began
                print(f"{step} for {machine}: {len(wheels)} wheels, {size} ({took:.0f} s)", flush=True)
    except FolderError as error:
        print(error, file=sys.stderr)
        return 3
    except OSError as error:
        print(
            f"{folder} cannot be written ({error.strerror}).\nNext: make wheels WHEELS=/another/folder", file=sys.stderr
        )
        return 3
    print(f"{folder}: {_megabytes(folder, everything)}.")
    print(f"Next: copy it to the machine without a network, and there: make demo WHEELS={asked.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
