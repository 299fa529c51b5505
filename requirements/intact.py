"""intact.py SITE_PACKAGES: whether the packages there are whole, with every file that their records name.

Prints the name of the first package that is not, and ends with 1. A damaged package folder would otherwise show as a
traceback somewhere in a lesson. It runs at every `make`, so it only looks, and reads nothing but the records.
"""

import os
import sys


def main() -> int:
    site = sys.argv[1]
    there: dict[str, set[str]] = {}
    for record in sorted(entry.name for entry in os.scandir(site) if entry.name.endswith(".dist-info")):
        try:
            with open(os.path.join(site, record, "RECORD"), encoding="utf-8") as lines:
                files = [line.rsplit(",", 2)[0].strip('"') for line in lines]
        except OSError:
            print(record.split("-")[0])
            return 1
        for file in files:
            folder, _, name = file.rpartition("/")
            if folder not in there:
                try:
                    there[folder] = {entry.name for entry in os.scandir(os.path.join(site, folder))}
                except OSError:
                    there[folder] = set()
            if name not in there[folder] and not name.endswith(".pyc"):
                print(record.split("-")[0])
                return 1
    return 0


sys.exit(main())
