"""Options that several commands share, and the target that they choose."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.target import Target, resolve

TargetOption = Annotated[
    str | None,
    typer.Option("--target", help="embedded (default), localstack or aws; LAB_TARGET sets it too."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before resources are made on aws.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the lab; LAB_NAME sets it too.")]


def chosen(target: str | None, name: str | None) -> Target:
    """The target of a command; see ``lab.target.resolve``."""
    return resolve(target, name)
