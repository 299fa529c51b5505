"""Two clocks, this machine's and the service's: reading the first, bounding the second, and never mixing them.

An instant that the host's clock gave and one that the service wrote (a log event, SQS's SentTimestamp) are of two
clocks. `now_ns` and `today` are the only readings of the host's time of day in the lab; `Difference` is what is known
of how far it is ahead of the service's; `ServiceClock` learns that from the answers to calls, and `Steadiness` notices
when the host's clock itself is set or stands still.
"""

from lab.clock.difference import APART_S, UNKNOWN, Difference, difference_of_messages
from lab.clock.host import now_ns, today
from lab.clock.service import ServiceClock
from lab.clock.steadiness import Break, Steadiness

__all__ = [
    "APART_S",
    "UNKNOWN",
    "Break",
    "Difference",
    "ServiceClock",
    "Steadiness",
    "difference_of_messages",
    "now_ns",
    "today",
]
