"""The roles that IAM of this LocalStack holds, with everything that their policies say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Role:
    """A role: who may take it on, what its policies allow, and the boundary of that, if it has one."""

    trust: Document
    policies: tuple[Document, ...]
    boundary: Document | None = None


def find(role_arn: str) -> Role | None:
    """The role of an ARN as it is now, or None."""
    parts = role_arn.split(":")
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
        return None
    try:
        from localstack.services.iam.models import iam_stores
    except ImportError:
        return _of_moto(role_arn, partition=parts[1], account=parts[4])
    return _of_localstack(iam_stores[parts[4]]["us-east-1"], role_arn, parts[5].rpartition("/")[2])


def _of_moto(role_arn: str, *, partition: str, account: str) -> Role | None:
    """LocalStack 4.9.2 keeps roles in moto."""
    from moto.iam.models import iam_backends

    backend = iam_backends[account][partition]
    for role in list(backend.roles.values()):
        if role.arn == role_arn:
            boundary = backend.managed_policies.get(role.permissions_boundary_arn)
            return Role(
                _parsed(role.assume_role_policy_document),
                _all_parsed([*role.policies.values(), *map(_default_version, role.managed_policies.values())]),
                None if boundary is None else _parsed(_default_version(boundary)),
            )
    return None


def _default_version(policy: Any) -> str:
    return next(str(version.document) for version in policy.versions if version.is_default)


def _of_localstack(store: Any, role_arn: str, name: str) -> Role | None:
    """LocalStack 2026.3.0 keeps them itself."""
    entity = store.ROLES.get(name)
    if entity is None or entity.role["Arn"] != role_arn:
        return None

    def managed(arn: str) -> str:
        policy = store.MANAGED_POLICIES.get(arn)
        if policy is None:
            return _document_of_aws(arn)
        return str(policy.versions[policy.policy["DefaultVersionId"]]["Document"])

    boundary = (entity.role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return Role(
        _parsed(entity.role["AssumeRolePolicyDocument"]),
        _all_parsed([*entity.inline_policies.values(), *map(managed, entity.attached_policy_arns)]),
        _parsed(managed(boundary)) if boundary else None,
    )


def _document_of_aws(policy_arn: str) -> str:
    from localstack.aws.connect import connect_to

    iam = connect_to().iam
    version = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    return json.dumps(iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)["PolicyVersion"]["Document"])


def _all_parsed(texts: Iterable[str]) -> tuple[Document, ...]:
    return tuple(map(_parsed, texts))


def _parsed(text: str | Document) -> Document:
    """A document, which some keep as text, and some of them with URL escapes."""
    if not isinstance(text, str):
        return text
    document: Document = json.loads(text if text.lstrip().startswith("{") else unquote(text))
    return document
