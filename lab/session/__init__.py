"""The workflows behind the commands: bring a lab up, send to it, ramp it, show it all, take it down."""

from lab.session.lifecycle import (
    PATIENCE_S,
    MessageFileError,
    Timing,
    UnfinishedMessageError,
    down,
    read_message_file,
    send,
    status,
    up,
)
from lab.session.present import describe_execution, stages_as_table
from lab.session.watch import Progress, Watch

__all__ = [
    "PATIENCE_S",
    "MessageFileError",
    "Progress",
    "Timing",
    "UnfinishedMessageError",
    "Watch",
    "describe_execution",
    "down",
    "read_message_file",
    "send",
    "stages_as_table",
    "status",
    "up",
]
