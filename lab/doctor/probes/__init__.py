"""What an AWS-compatible endpoint can do of what the workshop needs: each capability is tried for real.

Nothing is taken from a version number. The probes make the lab's own resources, with the lab's own code, under a
throw-away name, and remove them. One module a service; ``capabilities`` holds their list.
"""

from lab.doctor.probes.capabilities import EndpointError, probe
from lab.doctor.probes.place import DiffersError, Result, Verdict

__all__ = ["DiffersError", "EndpointError", "Result", "Verdict", "probe"]
