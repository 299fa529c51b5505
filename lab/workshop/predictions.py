"""A place to write a prediction down, and to find it again beside the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lab.workshop import learning
from lab.workshop.page import filled

_NEARLY = 0.1


def predict(question: str, prediction: Any = ...) -> None:
    """Keep a prediction, a number or a text, on this machine; :func:`compare` takes it up again.

    Args:
        question: what is predicted, in the words that ``compare`` will use.
        prediction: the learner's own; with ``...`` in its place nothing is kept, and the cell says what to do.
    """
    if prediction is ... or prediction is None:
        _print(filled(f"{question}: write your guess in place of ...", "Open: "))
        return
    kept = prediction if isinstance(prediction, bool | int | float | str) else str(prediction)
    learning.change(lambda record: record["predictions"].update({question: kept}))
    _print(filled(f"{question}: {_written(kept)}", "Noted: "))


def score(answers: Mapping[str, str]) -> None:
    """Print how many predictions came out as they were written down, of those that are words.

    Args:
        answers: what came out, by question, in the words that :func:`predict` used.
    """
    written = learning.read()["predictions"]
    right = [question for question, answer in answers.items() if _same_word(written.get(question), answer)]
    _print(f"{len(right)} of {len(answers)} predictions are right.")


def compare(question: str, answer: Any) -> None:
    """Show the prediction and what came out one above the other, and how far apart two numbers are."""
    prediction = learning.read()["predictions"].get(question)
    guess = "nothing was written down" if prediction is None else _written(prediction)
    _print(
        "\n".join(
            [
                filled(question),
                filled(guess, "  predicted: "),
                filled(_written(answer) + _distance(prediction, answer), "  answer:    "),
            ]
        )
    )


def _distance(prediction: Any, answer: Any) -> str:
    if isinstance(prediction, str) and isinstance(answer, str):
        return ", as you predicted" if _same_word(prediction, answer) else ""
    if not (_is_number(prediction) and _is_number(answer) and prediction > 0 and answer > 0):
        return ""
    times = answer / prediction
    if abs(times - 1) < _NEARLY:
        return ", nearly as you predicted" if times != 1 else ", as you predicted"
    return f", {_written(times)} times your guess" if times > 1 else f"; your guess is {_written(1 / times)} times that"


def _same_word(prediction: Any, answer: Any) -> bool:
    return isinstance(prediction, str) and prediction.strip().casefold() == str(answer).strip().casefold()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _written(value: Any) -> str:
    """Three digits are enough to compare with a guess."""
    if not _is_number(value):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _print(text: str) -> None:
    print(text)  # noqa: T201 - the notebook's own output
