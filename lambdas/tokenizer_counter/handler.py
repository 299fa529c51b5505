"""Last step of the workflow: count how often each word occurs, in lower case.

Takes  ``{"output": "The cloud the sky", …}``
Gives  ``{"word_counts": {"the": 2, "cloud": 1, "sky": 1}, …}``; whatever else the event holds (``input``, ``stats``)
is passed on.
"""

from collections import Counter
from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    passed_on = dict(event)
    cleaned = passed_on.pop("output")
    return {**passed_on, "word_counts": Counter(word.lower() for word in cleaned.split())}
