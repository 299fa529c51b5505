"""Replacing attributes of LocalStack's classes and modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Sets ``owner.name`` to ``make(original)``.

    Raises:
        AttributeError: there is no such attribute, so the hook was written for other code.
    """
    setattr(owner, name, make(getattr(owner, name)))
