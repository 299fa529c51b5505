"""What is sent and how: message bodies, plans of rates, and the sender that keeps to them whatever the system does.

``messages`` are the bodies, ``plan`` says when each is due, ``run`` sends them from a pool of threads, ``delivery``
carries one batch through refusals and lost answers, ``ledger`` keeps the account on disk, ``judge`` says whether a
stage counts.
"""

from lab.load.judge import SEND_LAG_LIMIT_S
from lab.load.ledger import LedgerError, read_ledger
from lab.load.plan import Plan, PlanError, Stage, linear_ramp, parse_rates, staircase
from lab.load.run import Progress, SendResult
from lab.load.sender import Sender

__all__ = [
    "SEND_LAG_LIMIT_S",
    "LedgerError",
    "Plan",
    "PlanError",
    "Progress",
    "SendResult",
    "Sender",
    "Stage",
    "linear_ramp",
    "parse_rates",
    "read_ledger",
    "staircase",
]
