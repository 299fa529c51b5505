"""First step of the workflow: turn the base64 ``input`` back into text.

Takes  ``{"input": "SGVsbG8h", …}``
Gives  ``{"input": "SGVsbG8h", "output": "Hello!", …}``; whatever else the event holds is passed on.

Step Functions reports the class name of an exception as the error's name, so each fault has a class of its own: a
``Catch`` in the state machine can tell them apart.
"""

import base64
import re
from typing import Any

# Groups of four characters; the last group may end in one or two "=". b64decode() alone accepts more: it leaves out
# foreign characters and extra padding without an error, and wrong text would come out.
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


# A text has ends of lines and pages. Other control characters come from data, or from UTF-16: "H\0e\0l\0l\0o\0".
CONTROL_CHARACTER = re.compile(r"[\0-\x08\x0e-\x1f]")


class MissingInputError(Exception):
    """The event has no ``input``, or it is not a string."""


class InvalidBase64Error(Exception):
    """``input`` holds characters outside the base64 alphabet, or its padding is wrong."""


class InvalidTextError(Exception):
    """The decoded bytes are not UTF-8 text."""


def lambda_handler(event: Any, context: object) -> dict[str, Any]:
    encoded = event.get("input") if isinstance(event, dict) else None
    if not isinstance(encoded, str):
        raise MissingInputError("the event needs a string named 'input'")

    # A long message that is copied from a page may contain line breaks. They mean nothing in base64.
    encoded = "".join(encoded.split())
    if not BASE64.fullmatch(encoded):
        raise InvalidBase64Error("'input' has characters outside the base64 alphabet, or its padding is wrong")

    try:
        text = base64.b64decode(encoded).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidTextError(f"'input' does not decode to UTF-8 text: {error}") from error
    if CONTROL_CHARACTER.search(text):
        raise InvalidTextError("'input' decodes to control characters; encode the text as UTF-8, not as UTF-16")

    return {**event, "output": text}
