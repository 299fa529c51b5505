"""Lets a function name the Python that runs it, also one that LocalStack does not know yet.

Replaces the end of ``ALL_RUNTIMES``, the list of the runtimes that LocalStack takes.

Not slow, but untrue: every function runs on the Python that runs LocalStack. LocalStack 4.9.2 knows runtimes up to
python3.13, so on a newer Python a function could only be deployed under the name of another one.

The same to see: nothing where LocalStack knows its own Python; every other runtime is taken or refused as before.
"""

from __future__ import annotations

import sys
from types import ModuleType


def _patch(module: ModuleType) -> None:
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if own not in module.ALL_RUNTIMES:
        module.ALL_RUNTIMES.append(own)


PATCHES = {"localstack.services.lambda_.runtimes": _patch}
