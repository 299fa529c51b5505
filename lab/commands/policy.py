"""``lab policy``: what the learner's own identity needs on AWS."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from lab.commands.options import NameOption, chosen, typed_region
from lab.target import permissions


def policy(
    name: NameOption = None,
    account: Annotated[str | None, typer.Option("--account", help="Twelve digits; default is the caller's.")] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Default is the caller's.", callback=typed_region)
    ] = None,
) -> None:
    """Print the IAM policy that your own identity needs on AWS."""

    caller = chosen("aws", name)
    document = permissions.policy(
        # With both given nothing is asked of AWS: an administrator can print it for somebody else.
        partition=permissions.partition_of(region) if account and region else caller.partition,
        region=region or caller.region,
        account=account or caller.account,
        name=caller.name,
    )
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
