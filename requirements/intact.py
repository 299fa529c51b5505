"""intact.py OLDEST NEWEST [INSTALLED]: whether this Python's .venv can be used; run from the project by .venv's Python.

Says why not, and ends with 3: the Python is another one than before, or, where the lab is INSTALLED, a package lacks a
file that its record names. A damaged package would otherwise show as a traceback somewhere in a lesson. It runs at
every `make`, so it only looks, and reads nothing but the records.
"""

import os
import sys


def main() -> int:
    oldest, newest, installed = int(sys.argv[1]), int(sys.argv[2]), any(sys.argv[3:])
    version = ".".join(map(str, sys.version_info[:3]))
    site = ".venv/lib/python{}.{}/site-packages".format(*sys.version_info)
    reason = ""
    if not (3, oldest) <= sys.version_info[:2] <= (3, newest):
        reason = f"The Python of .venv is another one now: Python {version}."
    elif not os.path.isdir(site):
        reason = f"The Python of .venv was replaced by Python {version}."
    elif installed and (damaged := first_damaged(site)):
        reason = f"The package {damaged} in .venv is damaged."
    if reason:
        print(reason)
    return 3 if reason else 0


def first_damaged(site: str) -> str:
    """The name of the first package of which a file is missing; empty when all are whole."""
    there: dict[str, set[str]] = {}
    for record in sorted(entry.name for entry in os.scandir(site) if entry.name.endswith(".dist-info")):
        package = record.split("-")[0]
        try:
            with open(os.path.join(site, record, "RECORD"), encoding="utf-8") as lines:
                files = [line.rsplit(",", 2)[0].strip('"') for line in lines]
        except OSError:
            return package
        for file in files:
            folder, _, name = file.rpartition("/")
            if folder not in there:
                try:
                    there[folder] = {entry.name for entry in os.scandir(os.path.join(site, folder))}
                except OSError:
                    there[folder] = set()
            if name not in there[folder] and not name.endswith(".pyc"):
                return package
    return ""


sys.exit(main())
