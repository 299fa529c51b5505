"""Roles and their policies."""

from __future__ import annotations

from lab.doctor.probes.place import DiffersError, Place
from lab.stack import roles


def roles_and_policies(place: Place) -> str:
    for role in roles.wanted(place.names):
        roles.ensure(place.names, role)
        for policy in role.policies:
            found = place.client("iam").get_role_policy(RoleName=role.name, PolicyName=policy)
            if not found["PolicyDocument"]["Statement"]:
                raise DiffersError("a role's policy comes back empty")
    return "three roles with their policies"
