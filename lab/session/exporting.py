"""The lab as a template to take home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import stack
from lab.errors import UsageError
from lab.stack import template
from lab.target import Target


class TemplateFileError(UsageError):
    """The template cannot be written where it should go."""


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        document: the template as data.
        text: the same as a page of YAML.
    """

    document: dict[str, Any]
    text: str

    @property
    def resources(self) -> int:
        """How many resources it has."""
        return len(self.document["Resources"])

    @property
    def needs_bucket(self) -> bool:
        """Whether it is too long to be handed over with the call, and has to lie in an S3 bucket."""
        return len(self.text.encode()) > template.MOST_INLINE_BYTES


def export(target: Target) -> Exported:
    """Read what is deployed and say it as a CloudFormation template.

    Raises:
        StackMissingError: the lab is not complete.
        NotExportableError: something is deployed that a template cannot say.
    """
    stack.describe(target)
    document = template.document(template.read(stack.Names(target)))
    return Exported(document, template.template(document))


def write_template(exported: Exported, file: Path, *, replace: bool = False) -> None:
    """Write the template; a file that somebody changed stays as it is.

    Raises:
        TemplateFileError: there is another file of that name, or the folder cannot be written.
    """
    try:
        if not replace and file.exists() and file.read_bytes() != exported.text.encode():
            raise TemplateFileError(
                f"{file} is there already, and differs.",
                cause="an earlier export, which you may have changed since.",
                next_step="lab export --out another.yaml; or lab export --replace, which writes over it",
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(exported.text, "utf-8")
    except OSError as error:
        raise TemplateFileError(
            f"{file} cannot be written ({error.strerror}).", next_step="lab export --out ~/template.yaml"
        ) from error
