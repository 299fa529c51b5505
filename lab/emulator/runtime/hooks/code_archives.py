"""Packs the code of a stack's functions without the program ``zip``, which few machines have.

Replaces ``is_debian`` in ``localstack.utils.testutil``, which decides who packs.

Not slow, but in the way: on Debian and in every container made from it CloudFormation calls ``zip`` for the code that a
template holds, because it is quicker. Without that program no function of a template can be made.

The same to see: Python's own ``zipfile`` packs, as LocalStack has it do everywhere else.
"""

from __future__ import annotations

from types import ModuleType

from lab.emulator.runtime.hooks.replacing import replace


def _patch(module: ModuleType) -> None:
    replace(module, "is_debian", lambda original: lambda: False)


PATCHES = {"localstack.utils.testutil": _patch}
