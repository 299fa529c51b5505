"""Plans of faults with a name: ``lab ramp --faults bad-day``."""

from __future__ import annotations

from lab.faults.plan import Fault, Faults
from lab.stack.names import PIPELINE_FUNCTIONS, START_FUNCTION

PRESETS: dict[str, Faults] = {
    "flaky-functions": Faults((Fault("raises", 5),)),
    "slow-functions": Faults((Fault("slow", 5, seconds=2.0),)),
    "timeouts": Faults((Fault("times_out", 1),)),
    "crashes": Faults((Fault("dies", 1),)),
    "throttled-tasks": Faults((Fault("throttled", 2),)),
    "delivered-twice": Faults((Fault("delivered_twice", 5),)),
    "refused-starts": Faults((Fault("start_refused", 5),)),
    "lost-answers": Faults((Fault("answer_lost", 5),)),
    "broken-bodies": Faults((Fault("broken", 10),)),
    "bad-day": Faults(
        (
            *(Fault("raises", 1.25, (folder,)) for folder in PIPELINE_FUNCTIONS),
            *(Fault("throttled", 0.5, (folder,)) for folder in PIPELINE_FUNCTIONS),
            Fault("broken", 2),
            Fault("answer_lost", 1),
            Fault("start_refused", 1, (START_FUNCTION,)),
            Fault("delivered_twice", 1),
        )
    ),
}
