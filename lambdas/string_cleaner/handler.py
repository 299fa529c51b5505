"""Third step of the workflow: leave only words and single spaces.

Takes  ``{"input": "cloud-capped towers!", …}``
Gives  ``{"input": "cloud-capped towers!", "output": "cloud capped towers ", …}``; whatever else the event holds
(``stats``) is passed on.
"""

import re
from typing import Any

# Letters and digits of every script and the underscore are word characters; \W is everything else.
NOT_WORDS = re.compile(r"\W+")


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {**event, "output": NOT_WORDS.sub(" ", event["input"])}
