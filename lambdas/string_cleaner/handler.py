"""Third step of the workflow: leave only words and single spaces.

Takes  ``{"input": "cloud-capped towers!", …}``
Gives  ``{"input": "cloud-capped towers!", "output": "cloud capped towers ", …}``; whatever else the event holds
(``stats``) is passed on.

A word begins with a letter, a digit or an underscore, of any script, and goes on with these and with the marks that
belong to them: vowel signs (हिन्दी), accents (é written as two characters). Scripts without spaces (Chinese, Japanese,
Thai) give one "word" for everything between two marks or spaces: to find the words in it, one needs a dictionary.
"""

import unicodedata
from typing import Any

# In Persian and in Indian scripts they stand between the letters of one word.
JOINERS = "\u200c\u200d"


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {**event, "output": only_words(event["input"])}


def only_words(text: str) -> str:
    cleaned = []
    in_word = False
    # NFC writes é in one way, as one character, so that the same word counts as the same.
    for character in unicodedata.normalize("NFC", text):
        in_word = starts_word(character) or (in_word and goes_on(character))
        if in_word:
            cleaned.append(character)
        elif not cleaned or cleaned[-1] != " ":
            cleaned.append(" ")
    return "".join(cleaned)


def starts_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def goes_on(character: str) -> bool:
    return unicodedata.category(character).startswith("M") or character in JOINERS
