"""Options that several commands share, and the target that they choose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab import variables
from lab.target import Target, resolve

TargetOption = Annotated[
    str | None,
    typer.Option("--target", help="embedded (default), localstack or aws; LAB_TARGET sets it too."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before resources are made on aws.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the lab; LAB_NAME sets it too.")]


def typed_path(path: Path | None) -> Path | None:
    """The path of an option, for every option that takes one: ``~`` is the home folder, which ``--out=~/x`` leaves."""
    try:
        return None if path is None else variables.folder_or_file(path)
    except ValueError as error:
        raise typer.BadParameter(f"'{path}': {error}.") from None


def typed_region(region: str | None) -> str | None:
    """The region of an option."""
    try:
        return None if region is None else variables.region_name(region)
    except ValueError as error:
        raise typer.BadParameter(f"'{region}': {error}.") from None


def chosen(target: str | None, name: str | None) -> Target:
    """The target of a command; see ``lab.target.resolve``."""
    return resolve(target, name)
