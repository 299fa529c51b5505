"""The three roles: of the workflow, of its four functions, and of ``start_execution``."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from botocore.exceptions import ClientError

from lab.stack import documents, tags, waiting
from lab.stack.names import Names, Settings


@dataclass(frozen=True)
class Role:
    """A role to be: who may assume it, and its policies by file name."""

    name: str
    service: str
    policies: tuple[str, ...]


# Policies that only some settings need; with others they are taken away: of the workflow's role, and of the starter's.
KEEP_FAILURES = "keep_failures"
WAIT_FOR_EXECUTIONS = "wait_for_executions"


def wanted(names: Names, settings: Settings | None = None) -> list[Role]:
    """The roles of a lab."""
    keeps = (KEEP_FAILURES,) if settings is not None and settings.workflow == "resilient" else ()
    waits = (WAIT_FOR_EXECUTIONS,) if settings is not None and settings.start == "synchronous" else ()
    return [
        Role(names.workflow_role, "states.amazonaws.com", ("invoke_functions", "deliver_logs", *keeps)),
        Role(names.functions_role, "lambda.amazonaws.com", ("write_function_logs",)),
        Role(
            names.start_role,
            "lambda.amazonaws.com",
            ("write_function_logs", "receive_messages", "start_executions", *waits),
        ),
    ]


def ensure(names: Names, role: Role) -> None:
    """Make a role, or bring its trust and policies up to date."""
    iam = names.target.client("iam")
    trust = documents.policy("trust", {"Service": role.service})
    try:
        wanted_tags = tags.as_pairs(names.target.name, names.target.run)
        iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=trust, Tags=wanted_tags)
    except ClientError as error:
        if waiting.error_code(error) != "EntityAlreadyExists":
            raise
        iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=trust)
    for file in role.policies:
        iam.put_role_policy(
            RoleName=role.name, PolicyName=file, PolicyDocument=documents.policy(file, names.substitutions)
        )
    sometimes = {names.workflow_role: KEEP_FAILURES, names.start_role: WAIT_FOR_EXECUTIONS}.get(role.name)
    if sometimes is not None and sometimes not in role.policies:
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_role_policy(RoleName=role.name, PolicyName=sometimes)


def delete(names: Names) -> None:
    """Delete the roles and their policies."""
    for role in wanted(names):
        delete_role(names, role.name)


def delete_role(names: Names, role: str) -> None:
    """Delete a role and its policies; one that is not there is fine."""
    iam = names.target.client("iam")
    with contextlib.suppress(iam.exceptions.NoSuchEntityException):
        for file in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            with contextlib.suppress(iam.exceptions.NoSuchEntityException):
                iam.delete_role_policy(RoleName=role, PolicyName=file)
        # IAM may still see a policy that was just deleted.
        waiting.through_propagation(lambda: iam.delete_role(RoleName=role))


def survivors(names: Names) -> list[str]:
    """Roles of this lab that exist."""
    iam = names.target.client("iam")
    found = []
    for role in wanted(names):
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            iam.get_role(RoleName=role.name)
            found.append(f"role {role.name}")
    return found
