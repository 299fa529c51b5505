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
from lab.session.watch import Progress, Watch

__all__ = [
    "PATIENCE_S",
    "MessageFileError",
    "Progress",
    "Timing",
    "UnfinishedMessageError",
    "Watch",
    "down",
    "read_message_file",
    "send",
    "status",
    "up",
]
