"""The resources of a lab: queue, dead-letter queue, roles, functions, log groups, state machine and mapping.

``provision`` makes what is missing and mends what differs, ``describe`` looks at what is there, ``destroy`` removes
it and ``survivors`` lists what is left. One module a kind; all of them work from :class:`~lab.stack.names.Names`.
"""

from lab.stack.lifecycle import StackMissingError, describe, destroy, missing, provision, survivors
from lab.stack.names import PIPELINE_FUNCTIONS, Names, Settings

__all__ = [
    "PIPELINE_FUNCTIONS",
    "Names",
    "Settings",
    "StackMissingError",
    "describe",
    "destroy",
    "missing",
    "provision",
    "survivors",
]
