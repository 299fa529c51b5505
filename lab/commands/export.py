"""``lab export``: what you built, as a CloudFormation template."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import NameOption, TargetOption, chosen, typed_path
from lab.commands.terminal import out, short, spinner


def export(
    target: TargetOption = None,
    name: NameOption = None,
    file: Annotated[Path, typer.Option("--out", help="Where the template goes.", callback=typed_path)] = Path(
        "template.yaml"
    ),
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there and differs.")] = False,
) -> None:
    """Write what you built as a CloudFormation template.

    It is read from what is deployed: code, definition, policies, settings; alarms are added. Nothing in it has a name
    of this lab, so a stack of it can stand beside it, or in another account.
    """
    from lab import session

    here = chosen(target, name)
    with spinner("Reading what is deployed ..."):
        exported = session.export(here)
    session.write_template(exported, file, replace=replace)
    written = short(file)
    out.print(f"{written}: {exported.resources} resources, {len(exported.text.encode()):,} bytes.", soft_wrap=True)
    bucket = " --s3-bucket YOUR-BUCKET" if exported.needs_bucket else ""
    path = shlex.quote(written)
    out.print(f"Look for mistakes: cfn-lint {path}", soft_wrap=True)
    out.print(
        f"Make a stack of it on AWS: aws cloudformation deploy --template-file {path} --stack-name text-processing "
        f"--capabilities CAPABILITY_IAM{bucket}",
        soft_wrap=True,
    )
    out.print("Delete it: aws cloudformation delete-stack --stack-name text-processing", soft_wrap=True)
