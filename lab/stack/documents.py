"""Reads IAM policies and state machine definitions and puts the lab's names into them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import paths

POLICIES = Path(__file__).parent / "policies"

# Only ${Name} is ours; a JSONPath such as $.Payload is left alone.
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def policy(file: str, values: Mapping[str, str]) -> str:
    """The policy ``lab/stack/policies/<file>.json`` as JSON text, with ``${Name}`` replaced.

    Raises:
        KeyError: the document has a name that ``values`` lacks.
    """
    return fill((POLICIES / f"{file}.json").read_text("utf-8"), values)


def definition(file: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The state machine definition ``statemachine/<file>.asl.json`` as a dictionary, with ``${Name}`` replaced.

    Raises:
        KeyError: the document has a name that ``values`` lacks.
    """
    text = (paths.STATE_MACHINES / f"{file}.asl.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(fill(text, values))
    return document


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with every ``${Name}`` replaced by ``values["Name"]``."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)
