"""Replacing attributes of LocalStack's classes and modules."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Sets ``owner.name`` to ``make(original)``.

    Raises:
        AttributeError: there is no such attribute, so the hook was written for other code.
    """
    setattr(owner, name, make(getattr(owner, name)))


def afterwards(owner: Any, name: str, action: Callable[[Any], None]) -> None:
    """Lets ``action(self)`` follow each call of the method ``owner.name``, which takes and returns nothing.

    Raises:
        AttributeError: there is no such attribute, so the hook was written for other code.
    """

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def both(self: Any) -> None:
            original(self)
            action(self)

        return both

    replace(owner, name, make)
