"""Which hooks there are, which of them are switched on, and what became of each."""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable, Mapping
from types import ModuleType

from lab.emulator.runtime.hooks.after_import import after_import, around_import
from lab.emulator.runtime.settings import ENVIRONMENT

LOG = logging.getLogger(__name__)

# The versions whose code was read and tested with the hooks.
WRITTEN_FOR = ("4.9.2", "2026.3.0")
OFF_WORDS = frozenset({"off", "0", "false", "no"})

NAMES = (
    "code_archives",
    "execution_logs",
    "execution_memory",
    "execution_stops",
    "fast_lane",
    "function_code",
    "function_invocations",
    "function_logs",
    "function_runtimes",
    "garbage_collection",
    "http_requests",
    "injected_throttles",
    "json_copies",
    "json_texts",
    "jsonata",
    "jsonpath",
    "lambda_tasks",
    "log_answers",
    "log_reading",
    "mapping_batches",
    "mapping_checks",
    "mapping_hold_back",
    "message_bodies",
    "metrics",
    "payload_limits",
    "permissions",
    "queue_mapping",
    "queue_receives",
    "rule_targets",
    "service_catalogue",
    "service_routes",
    "stack_pace",
    "stack_updates",
    "start_up",
    "state_machine_programs",
    "status_events",
    "stream_polling",
    "stream_providers",
    "task_threads",
)


def switched_off(environment: Mapping[str, str]) -> frozenset[str]:
    """The hooks that ``LAB_HOOKS`` and ``LAB_HOOKS_OFF`` turn off."""
    return frozenset(NAMES) if _all_off(environment) else _single(environment) & frozenset(NAMES)


def _all_off(environment: Mapping[str, str]) -> bool:
    return environment.get("LAB_HOOKS", "on").lower() in OFF_WORDS


def _single(environment: Mapping[str, str]) -> frozenset[str]:
    return frozenset(part.strip() for part in environment.get("LAB_HOOKS_OFF", "").split(","))


class Hooks:
    """The hooks of this process.

    Args:
        version: LocalStack's version.
        environment: where the switches are read from.
        report: called with all states whenever one changes after the start.
    """

    def __init__(
        self,
        version: str,
        environment: Mapping[str, str] = ENVIRONMENT,
        report: Callable[[Mapping[str, str]], None] = lambda states: None,
    ) -> None:
        self._version = version
        self._environment = environment
        self._report = report
        self._modules: dict[str, ModuleType] = {}
        self.states: dict[str, str] = {}

    def install(self) -> None:
        """Arms every hook that is switched on."""
        if self._version not in WRITTEN_FOR and not _all_off(self._environment):
            LOG.warning(
                "The lab's hooks were written for LocalStack %s, not %s: they stand aside, and everything runs slowly.",
                " and ".join(WRITTEN_FOR),
                self._version,
            )
        if unknown := _single(self._environment) - {"", *NAMES}:
            LOG.warning("LAB_HOOKS_OFF names hooks that do not exist: %s.", ", ".join(sorted(unknown)))
        for name in NAMES:
            self.states[name] = self._wanted(name)
            if self.states[name] == "on":
                self._arm(name)

    def ready(self) -> None:
        """LocalStack is ready."""
        self._call_all("ready")

    def flush(self) -> None:
        """Delivers what hooks hold back."""
        self._call_all("flush")

    def _call_all(self, function: str) -> None:
        for name, module in self._modules.items():
            if hasattr(module, function):
                try:
                    getattr(module, function)()
                except Exception as error:  # noqa: BLE001 - one hook must not keep the others from their work
                    LOG.warning("The lab's hook %s failed: %r", name, error)

    def _wanted(self, name: str) -> str:
        if name in switched_off(self._environment):
            return "off"
        if self._version not in WRITTEN_FOR:
            return f"stood aside: written for LocalStack {' and '.join(WRITTEN_FOR)}, not {self._version}"
        return "on"

    def _arm(self, name: str) -> None:
        try:
            hook = importlib.import_module(f"lab.emulator.runtime.hooks.{name}")
        except ImportError as error:  # the environment of this LocalStack lacks something
            LOG.warning("The lab's hook %s stands aside: %s", name, error)
            self.states[name] = f"stood aside: {error}"
            return
        self._modules[name] = hook
        if hasattr(hook, "install"):
            hook.install()
        for target, patch in hook.PATCHES.items():
            after_import(target, functools.partial(self._apply, name, patch))
        for target, action in getattr(hook, "AROUND", {}).items():
            around_import(target, action)

    def _apply(self, name: str, patch: Callable[[ModuleType], None], module: ModuleType) -> None:
        try:
            patch(module)
        except Exception as error:  # noqa: BLE001 - a hook that does not fit must never break LocalStack
            LOG.warning("The lab's hook %s does not fit %s and stands aside: %s", name, module.__name__, error)
            self.states[name] = f"stood aside: does not fit {module.__name__} ({error!r})"
            self._report(self.states)
