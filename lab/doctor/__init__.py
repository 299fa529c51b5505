"""What this machine lacks for the lab (`examine`), and what an endpoint can do of what the workshop needs (`probe`)."""

from lab.doctor.preflight import Finding, examine
from lab.doctor.probes import probe

__all__ = ["Finding", "examine", "probe"]
