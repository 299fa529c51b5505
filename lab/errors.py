"""The base of every error that a person at the keyboard can meet.

Concrete errors live beside the code that raises them and end in ``Error``.
"""

from __future__ import annotations


class LabError(Exception):
    """Something a user can meet and mend.

    Args:
        what: what happened, one sentence.
        cause: the likely cause, one sentence; empty when ``what`` says it.
        next_step: the exact command to type next, or the change to make.
    """

    def __init__(self, what: str, *, cause: str = "", next_step: str = "") -> None:
        self.what = what
        self.cause = cause
        self.next_step = next_step
        self.exit_code = 1  # of the command that ends with it
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
