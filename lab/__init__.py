"""Express Lab: a workshop on high-volume event processing with SQS, Lambda and Step Functions Express Workflows."""

__version__ = "0.1.0"
