"""What CloudFormation reads out of a template: which resource needs which, and so what can be made when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_IN_TEXT = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[A-Za-z0-9.]+)?\}")


def needs(document: dict[str, Any]) -> dict[str, set[str]]:
    """Each resource of a template → the resources that must be there before it."""
    resources = document["Resources"]
    return {name: set(_mentioned(body)) & set(resources) - {name} for name, body in resources.items()}


def waits_for(document: dict[str, Any], name: str) -> set[str]:
    """All that must be there before a resource: what it needs, what that needs, and so on."""
    direct = needs(document)
    found: set[str] = set()
    left = list(direct[name])
    while left:
        if (one := left.pop()) not in found:
            found.add(one)
            left += direct[one]
    return found


def waves(document: dict[str, Any]) -> list[list[str]]:
    """The resources in the order in which they can be made; those of one wave side by side.

    Raises:
        ValueError: some need each other in a circle.
    """
    direct, made, found = needs(document), set[str](), []
    while len(made) < len(direct):
        ready = [name for name, before in direct.items() if name not in made and before <= made]
        if not ready:
            raise ValueError(f"these need each other: {', '.join(sorted(set(direct) - made))}")
        found.append(ready)
        made |= set(ready)
    return found


def _mentioned(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _mentioned(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "Ref":
                yield one
            elif key == "Fn::GetAtt":
                yield one[0]
            elif key == "Fn::Sub":
                yield from _IN_TEXT.findall(one)
            elif key == "DependsOn":
                yield from [one] if isinstance(one, str) else one
            else:
                yield from _mentioned(one)
