"""Stands before a function of the workflow and prints the id of each message when the function has done its work.

So the way of a message can be measured where the workflow writes no log. When it was printed, the log group knows. It
runs on Lambda, where there is no ``lab``: plain Python.
"""

import json
from typing import Any

import handler


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    answer: dict[str, Any] = handler.lambda_handler(event, context)
    print(json.dumps({"stamp": event.get("lab_id")}), flush=True)
    return answer
