"""Stands for the package ``jpype``, with which LocalStack runs Java, so that the lab needs none.

LocalStack imports it with Step Functions, and uses it for JSONata alone. The hook ``jsonata`` evaluates that in Python;
whoever turns the hook off has no JSONata. ``jpype1`` has to be compiled for each Python anew, so it is the last to come
to a new one.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any


def _start(*arguments: Any, **options: Any) -> None:
    raise RuntimeError(
        "JSONata needs the lab's hook 'jsonata', which is off or stood aside: start the lab without LAB_HOOKS=off and "
        "without LAB_HOOKS_OFF=jsonata."
    )


def stand_in() -> None:
    """Puts the stand-in into the place of ``jpype`` where there is none."""
    if "jpype" in sys.modules or importlib.util.find_spec("jpype") is not None:
        return
    package, imports, config = (ModuleType(name) for name in ("jpype", "jpype.imports", "jpype.config"))
    package.__path__ = []
    vars(package).update(imports=imports, config=config, startJVM=_start)
    sys.modules.update({module.__name__: module for module in (package, imports, config)})
