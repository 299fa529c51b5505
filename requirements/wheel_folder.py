"""wheel_folder.py FOLDER STEP [RESULT]: whether a folder of wheels holds all that this Python needs, unharmed.

Run by the Python that will use them, with nothing installed. Says what is wrong and what to type, and ends with 3.
STEP is `lab`, `dev` or `site`. RESULT is written: its lock, with the hashes of what was built for the folder.
A list in the folder, STEP-PLATFORM-PYTHON.sha256, names the wheels of one kind of machine; `sha256sum -c` reads it too.
"""

import hashlib
import os
import platform
import re
import sys
import sysconfig

PLATFORMS = ("linux-x86_64", "linux-aarch64", "macos-x86_64", "macos-arm64")
GLIBC, MACOS = (2, 28), (12, 0)  # the oldest systems that every package of the lock has a wheel for
# Their indexes hold no wheel for all platforms: they are built where the folder is made, and their hashes are new.
# The list in the folder vouches for these alone; every other wheel is one that the lock names.
BUILT = frozenset({"airspeed-ext", "awslambdaric", "crontab", "jsonpath-rw", "tailer"})


class FolderError(Exception):
    """What is wrong with the folder, and what to type next."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(f"{what}\nNext: {next_step}")


def this_machine() -> tuple[str, str]:
    """Platform and Python as the lists name them, such as `linux-x86_64`, `3.13`."""
    system = {"Linux": "linux", "Darwin": "macos"}.get(platform.system(), platform.system().lower())
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    musl = "-musl" if system == "linux" and not glibc() else ""
    return f"{system}-{platform.machine()}{musl}", "{}.{}".format(*sys.version_info[:2]) + free_threaded


def glibc() -> str:
    """The version of the C library; empty where it is another one than glibc."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ")
    except (ValueError, OSError):
        return ""


def too_old() -> str:
    """What of this system is older than the wheels are made for; empty when nothing is."""
    if platform.system() == "Darwin":
        name, found, oldest = "macOS", platform.mac_ver()[0], MACOS
    else:
        name, found, oldest = "glibc", glibc(), GLIBC
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    return f"{name} {found}, where {'.'.join(map(str, oldest))} is needed" if numbers and numbers < oldest else ""


def command(step: str, where: str, python: str) -> str:
    """What to type where there is a network."""
    tests = " TESTS=yes" if step != "lab" else ""
    return (
        f"on a machine with a network: make wheels PLATFORM={where} PYTHON={python}{tests}, then copy that folder here"
    )


def lock_of(step: str) -> str:
    """The text of the lock: all that is installed in a step, each package with its hashes."""
    text = ""
    for name in ("bootstrap", step):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".txt"), encoding="utf-8") as file:
            text += file.read()
    return text


def digest_of_lock(step: str) -> str:
    return hashlib.sha256(lock_of(step).encode()).hexdigest()[:16]


def normal(name: str) -> str:
    """The one spelling of a package's name, of a wheel's file name too."""
    return re.sub(r"[-_.]+", "-", name.split("-")[0] if name.endswith(".whl") else name).lower()


def lists(folder: str) -> dict[str, str]:
    """Each list of the folder, by `STEP-PLATFORM-PYTHON`, with its path."""
    there = sorted(name for name in os.listdir(folder) if re.fullmatch(r"(lab|dev|site)-.+-3\.\d+t?\.sha256", name))
    return {name.removesuffix(".sha256"): os.path.join(folder, name) for name in there}


def read_list(path: str) -> tuple[str, dict[str, str]]:
    """The digest of the lock that the list was made for, and of each wheel its SHA-256."""
    lock, wheels = "", {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("# lock "):
                lock = line.split()[2]
            elif not line.startswith("#") and line.strip():
                digest, name = line.split(None, 1)
                wheels[name.strip().lstrip("*")] = digest
    return lock, wheels


def digest_of(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(folder: str, step: str) -> dict[str, str]:
    """The wheels of this machine's list, all there and unharmed, each with its SHA-256.

    Raises:
        FolderError: the folder is not there, not for this machine, not for this lock, or not whole.
    """
    where, python = this_machine()
    make = command(step, where, python)
    if not os.path.isdir(folder):
        raise FolderError(f"There is no folder of wheels at {folder}.", f"WHEELS=/path/to/the/folder; or {make}")
    there = lists(folder)
    if not there:
        raise FolderError(f"{folder} is no folder of wheels: it has no list of them.", make)
    name = f"{step}-{where}-{python}"
    if name not in there:
        kinds = ", ".join(sorted({each.split("-", 1)[1] for each in there if each.startswith(f"{step}-")}))
        what = {"lab": "the lab", "dev": "the tests", "site": "the site"}[step]
        raise FolderError(f"{folder} has no wheels of {what} for {where}-{python}, only for: {kinds or 'none'}.", make)
    if old := too_old():
        raise FolderError(f"This system is too old for the wheels: {old}.", "use Docker: docker compose up")
    lock, wheels = read_list(there[name])
    if lock != digest_of_lock(step):
        raise FolderError(f"{folder} was made for another version of the lab.", make)
    missing = [each for each in wheels if not os.path.isfile(os.path.join(folder, each))]
    if missing or not wheels:
        lost = f"{len(missing)} of {len(wheels)} wheels are missing, such as {min(missing, default='all')}"
        raise FolderError(f"{folder} is not whole: {lost}.", f"copy the folder once more; or {make}")
    for each, digest in wheels.items():
        if digest_of(os.path.join(folder, each)) != digest:
            raise FolderError(f"{each} in {folder} was cut or changed.", f"copy the folder once more; or {make}")
    named = set(re.findall(r"sha256:([0-9a-f]{64})", lock_of(step)))
    if strange := sorted(each for each, digest in wheels.items() if digest not in named and normal(each) not in BUILT):
        raise FolderError(f"{strange[0]} in {folder} is not the one that the lock names.", make)
    return wheels


def requirements(step: str, wheels: dict[str, str]) -> str:
    """The lock of the step, in which the packages that were built have the hashes of their wheels, too."""
    built = {normal(name): digest for name, digest in wheels.items() if normal(name) in BUILT}
    lines = []
    for line in lock_of(step).splitlines():
        lines.append(line)
        name = re.match(r"([A-Za-z0-9._-]+)(\[.*\])?==.* \\$", line)
        if name and normal(name[1]) in built:
            lines.append(f"    --hash=sha256:{built[normal(name[1])]} \\")
    return "\n".join(lines) + "\n"


def main(folder: str, step: str, result: str = "") -> int:
    try:
        wheels = check(folder, step)
    except FolderError as error:
        print(error, file=sys.stderr)
        return 3
    if result:
        with open(result, "w", encoding="utf-8") as file:
            file.write(requirements(step, wheels))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
