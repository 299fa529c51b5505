"""The exercises of notebook 06."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import Outcome, observe

THROTTLED = "Lambda.TooManyRequestsException"
OF_THE_MESSAGE = ("InvalidBase64Error", "InvalidTextError", "MissingInputError")
FAIL, KEEP = "Fail with the error's own name", "Keep the failed message"

BATCH = Exercise(
    "06.1",
    hints=(
        "What happens to the records behind a bad one when your function raises an error? Each record needs an attempt "
        "of its own.",
        "A record that cannot be read is caught where it is read, and its id is remembered. At the end you say which "
        "ids those were; lambdas/start_execution/handler.py does so, too.",
    ),
    recipe="Each record has its own try:\n"
    "    failed = []\n"
    '    for record in event["Records"]:\n'
    "        try:\n"
    '            json.loads(record["body"])\n'
    "        except ValueError:\n"
    '            failed.append({"itemIdentifier": record["messageId"]})\n'
    '    return {"batchItemFailures": failed}',
)
RETRIER = Exercise(
    "06.2",
    hints=(
        "Which error says that Lambda refused? You have seen its name in the account. And one more attempt is soon "
        "over: how long do you want to go on trying?",
        "Four fields make the waits: the first one, by what it grows, how many there are, and the longest that may be. "
        "A fifth one spreads them, so that those who failed together do not come back together.",
    ),
    recipe="For example:\n"
    "    retrier = {\n"
    '        "ErrorEquals": ["Lambda.TooManyRequestsException"],\n'
    '        "IntervalSeconds": 1,\n'
    '        "BackoffRate": 2,\n'
    '        "MaxAttempts": 6,\n'
    '        "MaxDelaySeconds": 8,\n'
    '        "JitterStrategy": "FULL",\n'
    "    }",
)
MENDED = Exercise(
    "06.3",
    hints=(
        "The two alphabets differ in two characters only. Everything else in the body stays as it is, the lab_id too.",
        "Read the body as JSON, change the one text in it, and write the body again. A character of a text can be "
        "replaced.",
    ),
    recipe="Read, replace, write:\n"
    "    document = json.loads(body)\n"
    '    text = document["input"].replace("-", "+").replace("_", "/")\n'
    '    return json.dumps({**document, "input": text})',
)
CATCHERS = Exercise(
    "06.4",
    hints=(
        "Step Functions takes the first catcher of the list that knows the error. The three names stand in "
        "lambdas/base64_decoder/handler.py.",
        "Two catchers: the first for the three errors that are the sender's fault, and it leads past the state that "
        "keeps a message. The second one is the one that was there.",
    ),
    recipe="The new one first:\n"
    "    catchers = [\n"
    "        {\n"
    '            "ErrorEquals": ["MissingInputError", "InvalidBase64Error", "InvalidTextError"],\n'
    '            "Next": "Fail with the error\'s own name",\n'
    "        },\n"
    '        {"ErrorEquals": ["States.ALL"], "Next": "Keep the failed message"},\n'
    "    ]",
)
ONCE = Exercise(
    "06.5",
    hints=(
        "Who was here before? done is a set of names: ask it first, and tell it afterwards.",
        "“Afterwards” is what matters. When the effect fails, its name must not be in the set, or nobody will try "
        "again.",
    ),
    recipe="Remember the name when the effect has succeeded, not before:\n"
    "    if name not in done:\n"
    "        effect(name)\n"
    "        done.add(name)",
)


def exercise_batch(handler: Callable[[dict[str, Any], Any], Any]) -> None:
    """06, exercise 1: a handler that names the records of a batch that failed."""
    cases: tuple[tuple[str, list[str], list[int]], ...] = (
        ("of three records the second is not JSON, and it alone comes back", ["{}", "{", "[1]"], [1]),
        ("when all are right, none comes back", ["{}", '"a"'], []),
        ("when none is right, all come back", ["{", ""], [0, 1]),
    )
    tell(
        BATCH,
        [
            observe(
                what,
                {"batchItemFailures": [{"itemIdentifier": f"m{number}"} for number in bad]},
                lambda bodies=bodies: handler(  # type: ignore[misc]
                    {"Records": [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]}, None
                ),
            )
            for what, bodies, bad in cases
        ],
    )


def exercise_retrier(retrier: Mapping[str, Any], statuses: Iterable[str]) -> None:
    """06, exercise 2: attempts that outlast a throttle of some seconds, and end long before the five minutes."""
    waits = _waits(retrier)
    ended = list(statuses)
    tell(
        RETRIER,
        [
            observe(
                "it tries again when Lambda refuses",
                True,
                lambda: bool({THROTTLED, "States.TaskFailed"} & set(retrier["ErrorEquals"])),
            ),
            observe(
                "the error of a broken message is not tried again", False, lambda: _matches_all(retrier["ErrorEquals"])
            ),
            Outcome("the waits grow", True, len(waits) > 1 and waits[-1] > waits[0]),
            Outcome("no wait is longer than ten seconds", True, bool(waits) and max(waits) <= 10),
            Outcome("all waits together are 15 to 60 seconds long", True, 15 <= sum(waits) <= 60),
            observe("the waits have a random length", "FULL", lambda: retrier.get("JitterStrategy", "NONE")),
            Outcome("all three executions succeeded", ["SUCCEEDED"] * 3, ended),
        ],
    )


def _matches_all(errors: Iterable[str]) -> bool:
    return bool({"States.ALL", "States.TaskFailed"} & set(errors))


def _waits(retrier: Mapping[str, Any]) -> list[float]:
    """The longest wait before each further attempt, with the defaults of the Amazon States Language."""
    wait, waits = float(retrier.get("IntervalSeconds", 1)), []
    for _ in range(int(retrier.get("MaxAttempts", 3))):
        waits.append(min(wait, float(retrier.get("MaxDelaySeconds", wait))))
        wait *= float(retrier.get("BackoffRate", 2))
    return waits


def exercise_mended(mended: Callable[[str], str]) -> None:
    """06, exercise 3: a body in URL-safe base64 becomes one in plain base64, and nothing else changes."""

    def body(text: bytes, encode: Callable[[bytes], bytes]) -> str:
        return json.dumps({"lab_id": "x-1", "input": encode(text).decode("ascii")})

    cases: tuple[tuple[str, bytes, Callable[[bytes], bytes]], ...] = (
        ("a text whose code has “-” and “_” is mended", b"~~~???>>>", base64.urlsafe_b64encode),
        ("a body that was right stays as it is", b"~~~???>>>", base64.standard_b64encode),
        ("a text without such characters stays as it is", b"Hello!", base64.urlsafe_b64encode),
    )

    def text_in(found: str) -> str:
        document = json.loads(found)
        return str(document.get("input")) if document.get("lab_id") == "x-1" else "the lab_id is another one, or gone"

    tell(
        MENDED,
        [
            observe(
                what,
                base64.standard_b64encode(text).decode("ascii"),
                lambda text=text, encode=encode: text_in(mended(body(text, encode))),  # type: ignore[misc]
            )
            for what, text, encode in cases
        ],
    )


def exercise_catchers(catchers: list[Mapping[str, Any]], kept: int) -> None:
    """06, exercise 4: errors that are the sender's fault are told by name, and their messages are not kept."""

    def leads_to(error: str) -> str:
        for catcher in catchers:
            if {error, "States.ALL"} & set(catcher["ErrorEquals"]):
                return str(catcher["Next"])
        return "nobody catches it"

    tell(
        CATCHERS,
        [
            observe(
                "each of the three errors of a broken message leads past the failure queue",
                [FAIL] * 3,
                lambda: [leads_to(error) for error in OF_THE_MESSAGE],
            ),
            observe(
                "whatever else happens, the message is kept", [KEEP] * 2, lambda: [leads_to(THROTTLED), leads_to("x")]
            ),
            Outcome("the broken message is not in the failure queue", 0, kept),
        ],
    )


def exercise_once(once: Callable[[str, set[str], Callable[[str], None]], Any]) -> None:
    """06, exercise 5: an effect that takes place once, however often its message comes, and is tried again."""

    def effects(names: list[str], failing: int) -> list[str]:
        done: set[str] = set()
        seen: list[str] = []
        left = failing

        def effect(name: str) -> None:
            nonlocal left
            if left:
                left -= 1
                raise ConnectionError("no answer")
            seen.append(name)

        for name in names:
            try:
                once(name, done, effect)
            except ConnectionError:
                continue
        return seen

    tell(
        ONCE,
        [
            observe("two messages, two effects", ["a", "b"], lambda: effects(["a", "b"], 0)),
            observe(
                "a message that comes three times has one effect", ["a", "b"], lambda: effects(["a", "a", "b", "a"], 0)
            ),
            observe(
                "an effect that fails the first time takes place the second time", ["a"], lambda: effects(["a", "a"], 1)
            ),
        ],
    )
