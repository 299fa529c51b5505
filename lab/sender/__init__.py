"""Plans of rates, and the sender that keeps to them whatever the system does.

``plan`` says when each message is due, ``run`` sends them from a pool of threads, ``delivery`` carries one batch
through refusals and lost answers, ``ledger`` keeps the account on disk, ``judge`` says whether a stage counts.
"""

from lab.sender.judge import SEND_LAG_LIMIT_S
from lab.sender.ledger import LedgerError, read_ledger
from lab.sender.plan import Plan, PlanError, Stage, linear_ramp, parse_rates, staircase
from lab.sender.run import Progress, Sender, SendResult

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
