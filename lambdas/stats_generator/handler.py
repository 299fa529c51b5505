"""Second step of the workflow: describe the text in four numbers.

Takes  ``{"output": "Over 9000 clouds!", …}``
Gives  ``{"input": "Over 9000 clouds!", "stats": {…}, …}``; whatever else the event holds is passed on.

The text changes its name from ``output`` (of the decoder) to ``input`` (of what follows). The base64 text that was
called ``input`` so far ends here, which also keeps long messages below the 262,144 bytes a state may hand over.
"""

import unicodedata
from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    passed_on = dict(event)
    text = passed_on.pop("output")
    return {**passed_on, "input": text, "stats": statistics_of(text)}


def statistics_of(text: str) -> dict[str, int | float]:
    """Words are what white space separates, so ``clouds!`` is one word of seven characters."""
    words = text.split()
    return {
        "text_length": len(text),
        # An empty text has no words, and so no average.
        "avg_word_length": sum(len(word) for word in words) / len(words) if words else 0.0,
        # The next two count words, not characters: "9000" is one, and so is "clouds!".
        "num_digits": sum(word.isdigit() for word in words),
        "num_special_chars": sum(not is_plain(word) for word in words),
    }


def is_plain(word: str) -> bool:
    """Only letters, digits, and the marks that belong to them (vowel signs, accents)."""
    return word.isalnum() or all(each.isalnum() or unicodedata.category(each).startswith("M") for each in word)
