"""The base of every error that a person at the keyboard can meet.

Concrete errors live beside the code that raises them and end in ``Error``.
"""

from __future__ import annotations

# What the commands end with. Scripts rely on these; docs/commands.md lists them.
EXIT_CODES = {
    0: "all is well",
    1: "the run itself says no: an expectation is not met, a message is lost or failed, words differ, something is "
    "left or missing; or you answered no",
    2: "what you typed, or set, cannot be used: an option, a rate, an expectation, a variable, a file, a folder or a "
    "budget",
    3: "the target is not there, or cannot do it: the lab is not up, it does not answer, or it refuses",
    130: "stopped with Ctrl-C; 143 by SIGTERM, 129 by a closed terminal",
}


class LabError(Exception):
    """Something a user can meet and mend.

    Args:
        what: what happened, one sentence.
        cause: the likely cause, one sentence; empty when ``what`` says it.
        next_step: the exact command to type next, or the change to make.
    """

    exit_code = 1  # of the command that ends with it; see EXIT_CODES

    def __init__(self, what: str, *, cause: str = "", next_step: str = "") -> None:
        self.what = what
        self.cause = cause
        self.next_step = next_step
        super().__init__(self.render())

    def render(self) -> str:
        """The message as the command line and the notebooks print it: one to three lines."""
        lines = [self.what]
        if self.cause:
            lines.append(f"Likely cause: {self.cause}")
        if self.next_step:
            lines.append(f"Next: {self.next_step}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """What Jupyter prints where it would print a traceback; the name is IPython's."""
        return [self.render()]


class UsageError(LabError):
    """What the user typed, or set, cannot be used. Nothing was done."""

    exit_code = 2


class UnavailableError(LabError):
    """The target is not there, does not answer, or cannot do what was asked."""

    exit_code = 3
