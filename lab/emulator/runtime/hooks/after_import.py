"""Runs a function right after, or around, the first import of a module."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from types import ModuleType

Action = Callable[[ModuleType], None]
Around = Callable[[Callable[[], None]], None]


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self) -> None:
        self.waiting: dict[str, list[Action]] = defaultdict(list)
        self.around: dict[str, Around] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.waiting and fullname not in self.around:
            return None
        specification = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if specification is not None and specification.loader is not None:
            specification.loader = _Loader(
                specification.loader, self.waiting.pop(fullname, []), self.around.pop(fullname, None)
            )
        return specification


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader, actions: list[Action], around: Around | None) -> None:
        self._loader = loader
        self._actions = actions
        self._around = around

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module must look as if it had been loaded the usual way.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        if self._around is None:
            self._loader.exec_module(module)
        else:
            self._around(functools.partial(self._loader.exec_module, module))
        for action in self._actions:
            action(module)


_FINDER = _Finder()


def after_import(name: str, action: Action) -> None:
    """Calls ``action(module)`` once the module is imported, at once when it already is."""
    module = sys.modules.get(name)
    if module is not None:
        action(module)
        return
    _look_out()
    _FINDER.waiting[name].append(action)


def around_import(name: str, action: Around) -> None:
    """Calls ``action(execute)`` in place of running the module's code; ``execute()`` runs it."""
    if name not in sys.modules:
        _look_out()
        _FINDER.around[name] = action


def _look_out() -> None:
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
