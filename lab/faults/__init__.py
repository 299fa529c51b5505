"""Faults on demand: what goes wrong on purpose in a run, seeded, for a share of its messages.

``read_faults`` makes a plan of a preset's name or a file, ``injected`` puts it in place for one run. The functions are
deployed with a wrapper before their handler, the sender gets a client that loses answers, bodies are broken before they
leave, and the emulator's hook ``injected_throttles`` throttles invocations.
"""

from lab.faults.in_functions import FaultsLeftError, check_none_left, left_in
from lab.faults.injecting import Injection, check, injected
from lab.faults.plan import Fault, FaultError, Faults, in_words, table_of
from lab.faults.presets import PRESETS
from lab.faults.reading import named, read_faults

__all__ = [
    "PRESETS",
    "Fault",
    "FaultError",
    "Faults",
    "FaultsLeftError",
    "Injection",
    "check",
    "check_none_left",
    "in_words",
    "injected",
    "left_in",
    "named",
    "read_faults",
    "table_of",
]
