"""What notebook 12 does with a template: look at a part, lint it, bring a stack up to date with it, see what came."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from botocore.exceptions import ClientError, WaiterError
from IPython.display import Markdown

from lab import stack
from lab.errors import LabError
from lab.stack import exported, template
from lab.workshop.page import filled

# A stack of this size takes a minute or two on AWS.
_PATIENCE = {"Delay": 1, "MaxAttempts": 900}
_LONGEST_FINDING = 160
_NOTHING_TO_DO = "No updates are to be performed"


class StackFailedError(LabError):
    """CloudFormation could not make, or change, a stack as its template says."""


def part(document: dict[str, Any], name: str) -> Markdown:
    """One parameter, resource or output of a template, as it stands on its page."""
    found = next(section[name] for section in document.values() if isinstance(section, dict) and name in section)
    return Markdown(f"```yaml\n{template.template({name: found}).rstrip()}\n```")


def lint(text: str) -> list[str]:
    """What AWS's own linter finds in a template, in its words; nothing is asked of AWS.

    Returns:
        One line a finding: rule, sentence, and the line of the template.
    """
    from cfnlint.api import lint as find_mistakes  # it takes a second to import

    found = find_mistakes(text)
    sentences = [textwrap.shorten(match.message, _LONGEST_FINDING, placeholder=" …") for match in found]
    return [f"{match.rule.id} line {match.linenumber}: {text}" for match, text in zip(found, sentences, strict=True)]


def show_findings(findings: Iterable[str]) -> None:
    """Print what the linter found."""
    lines = [filled(line) for line in findings]
    print("\n".join(lines) if lines else "The linter finds no mistake.")  # noqa: T201 - the notebook's own output


def wait_for_stack(names: stack.Names, what: str) -> None:
    """Return when the stack is there, changed, or gone.

    Args:
        names: of the lab.
        what: ``create``, ``update`` or ``delete``.

    Raises:
        StackFailedError: it went wrong; says which resource, and why.
    """
    client = names.target.client("cloudformation")
    try:
        client.get_waiter(f"stack_{what}_complete").wait(StackName=names.stack, WaiterConfig=_PATIENCE)
    except WaiterError as error:
        raise _failed(names, str(error)) from None


def update_stack(names: stack.Names, text: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Bring the stack up to date with a template and parameters; one that is so already is fine.

    Raises:
        StackFailedError: CloudFormation refuses it, or a resource could not be changed.
    """
    client = names.target.client("cloudformation")
    given = [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in (parameters or {}).items()]
    try:
        client.update_stack(StackName=names.stack, TemplateBody=text, Parameters=given, Capabilities=["CAPABILITY_IAM"])
    except ClientError as error:
        message = error.response["Error"].get("Message", "")
        if _NOTHING_TO_DO not in message:
            raise StackFailedError(
                f"CloudFormation refuses the update: {message}", next_step="mend the cell above, then run it and this"
            ) from None
        print("Nothing has changed.")  # noqa: T201 - the notebook's own output
        return
    wait_for_stack(names, "update")
    print("The stack is up to date.")  # noqa: T201 - the notebook's own output


def outputs(names: stack.Names) -> dict[str, str]:
    """The outputs of the stack, by their names."""
    [found] = names.target.client("cloudformation").describe_stacks(StackName=names.stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def events(names: stack.Names) -> pd.DataFrame:
    """What CloudFormation did, in its order: ``resource``, ``status``, ``after_s`` (since the first), ``reason``."""
    pages = names.target.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=names.stack)
    rows = [event for page in pages for event in page["StackEvents"]][::-1]
    return pd.DataFrame(
        {
            "resource": [row["LogicalResourceId"] for row in rows],
            "status": [row["ResourceStatus"] for row in rows],
            "after_s": [(row["Timestamp"] - rows[0]["Timestamp"]).total_seconds() for row in rows],
            "reason": [row.get("ResourceStatusReason") for row in rows],
        }
    )


def _failed(names: stack.Names, what: str) -> StackFailedError:
    try:
        told = events(names)
        failed = told[told["status"].str.endswith("FAILED") & told["reason"].notna()]
        if len(failed):
            first = failed.iloc[0]
            what = f"{first['resource']}: {first['reason']}"
    except ClientError:  # the stack is gone altogether
        pass
    return StackFailedError(
        f"The stack {names.stack} did not come about: {what}",
        next_step="mend the template; workshop.delete_stack(names), then run the cells from the deployment on",
    )


def delete_stack(names: stack.Names) -> None:
    """Delete the stack with all its resources, and wait until it is gone; one that is not there is fine."""
    exported.delete(names)
