"""JSONata in Python: what expressions give, what Step Functions adds, and the sample without functions."""

from __future__ import annotations

import base64
import json
import re
import sys
from typing import Any

import pytest

from lab import paths
from lab.emulator.runtime import no_java
from lab.emulator.runtime.hooks.jsonata import compose, declare, evaluate, variables_of
from lab.load.messages import SAMPLE_BODY, count_words, text_message

DEFINITION = json.loads((paths.STATE_MACHINES / "text_processing_jsonata.asl.json").read_text("utf-8"))


def result(expression: str, **variables: Any) -> Any:
    return evaluate(compose(expression, [declare({f"${name}": value for name, value in variables.items()})]))


def run(event: Any) -> Any:
    """Goes through the definition as Step Functions does: what it gives, or the name of the error of a Fail state."""
    name = DEFINITION["StartAt"]
    while True:
        state = DEFINITION["States"][name]
        if state["Type"] == "Fail":
            return state["Error"]
        if state["Type"] == "Choice":
            chosen = (
                rule["Next"] for rule in state["Choices"] if result(rule["Condition"][2:-2], states={"input": event})
            )
            name = next(chosen, state["Default"])
            continue
        event = result(state["Output"][2:-2], states={"input": event})
        if state.get("End"):
            return event
        name = state["Next"]


def encoded(text: str) -> dict[str, str]:
    return {"input": base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize("text", ['say "so"', "C:\\temp", "two\nlines", "naïve 東京", "${x} {% %}"])
def test_a_text_with_quotes_or_lines_stays_what_it_is(text: str) -> None:
    assert result("$word", word=text) == text
    assert evaluate(str(compose("$word", [declare({"$word": text})]))) == text


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$partition([1..7], 3)", [[1, 2, 3], [4, 5, 6], [7]]),
        ("$range(0, 10, 2)", [0, 2, 4, 6, 8, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("$hash('a', 'SHA-1')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("$parse('{\"a\": [1, null]}').a", [1, None]),
        ("$random(7) = $random(7) and $random(7) != $random(8)", True),
        ("$contains($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4/)", True),
    ],
)
def test_step_functions_adds_functions(expression: str, expected: Any) -> None:
    assert result(expression) == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("$eval('1')", "non-function"),
        ("1 + 'a'", "must evaluate to a number"),
        ("1 +", "S0211|operator"),
        ("$error('no')", "no"),
        ("$hash('a', 'CRC')", "SHA-512"),
        ("$partition([1], 0)", "1 at least"),
        ("$range(1, 5000, 1)", "1000 items"),
        ("$parse('{')", "Expecting"),
    ],
)
def test_an_error_says_what_is_wrong(expression: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        result(expression)


@pytest.mark.parametrize(
    ("expression", "variables"),
    [
        ("$a + $states.input.b", {"$a", "$states.input.b"}),
        ("$a / $b / $c", {"$a", "$b", "$c"}),
        ("$match($a, /x$/) and $b", {"$match", "$a", "$b"}),
        ("(1 + $a) / 2 & $match($b, /[$]$/)", {"$a", "$match", "$b"}),
        ("'$no' & \"$no\" /* $no / */ & $yes", {"$yes"}),
        (r"$replace($a, /\/$/, '')", {"$replace", "$a"}),
        ("$", {"$"}),
        ("x[$$.a]", {"$$"}),
    ],
)
def test_variables_are_found_beside_divisions_and_patterns(expression: str, variables: set[str]) -> None:
    assert variables_of(expression) == variables


def test_undefined_is_none_and_a_function_is_a_text() -> None:
    assert result("$states.input.absent", states={"input": {}}) is None
    assert isinstance(result("function($x) { $x }"), str)
    assert evaluate("$type(function($x) { $x })") == "function"


def test_word_characters_are_those_of_ascii() -> None:
    assert result(r"$replace($text, /\W+/, ' ')", text="naïve café_9!") == "na ve caf _9 "


def test_python_may_recurse_as_deep_as_before() -> None:
    before = sys.getrecursionlimit()
    result("1")
    assert sys.getrecursionlimit() == before


def test_the_sample_message_comes_out_as_with_functions() -> None:
    given = run(json.loads(SAMPLE_BODY))
    counts = given["word_counts"]
    assert (sum(counts.values()), len(counts), counts["the"], counts["my"], counts["and"]) == (100, 78, 5, 5, 4)
    assert given["stats"] == {
        "text_length": 540,
        "avg_word_length": pytest.approx(444 / 97),
        "num_digits": 0,
        "num_special_chars": 22,
    }


@pytest.mark.parametrize("text", ["", " ", "one", "9 and 99 9x", "It's a well-known_fact: 7 days.\n\n  Or eight?"])
def test_texts_in_ascii_have_the_words_that_the_functions_count(text: str) -> None:
    given = run({**encoded(text), "lab_id": "a-1", "more": [1]})
    assert given["word_counts"] == dict(count_words(text))
    words = text.split()
    assert given["stats"] == {
        "text_length": len(text),
        "avg_word_length": pytest.approx(sum(map(len, words)) / len(words)) if words else 0,
        "num_digits": sum(word.isdigit() for word in words),
        "num_special_chars": sum(not word.isalnum() for word in words),
    }
    assert (given["lab_id"], given["more"], given["input"]) == ("a-1", [1], text)
    assert "output" not in given


def test_a_message_of_the_lab_passes() -> None:
    message = text_message("a-1", "The cloud-capped towers")
    assert run(json.loads(message.body))["lab_id"] == "a-1"


def test_letters_beyond_ascii_part_a_word() -> None:
    assert run(encoded("naïve"))["word_counts"] == {"na": 1, "ve": 1}


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({}, "MissingInputError"),
        ({"input": 5}, "MissingInputError"),
        ({"input": None}, "MissingInputError"),
        ({"input": "a"}, "InvalidBase64Error"),
        ({"input": "SGVsbG8h!"}, "InvalidBase64Error"),
    ],
)
def test_a_broken_message_fails_with_the_name_that_the_function_gives(event: Any, error: str) -> None:
    assert run(event) == error


def test_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(Exception, match="InvalidTextError"):
        run({"input": base64.b64encode(b"\xff\xfe").decode()})


def test_base64_may_be_broken_into_lines() -> None:
    assert run({"input": "SGVs\r\nbG8h\n"})["word_counts"] == {"hello": 1}


def test_without_java_an_expression_is_refused_by_the_name_of_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "jpype"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(no_java.importlib.util, "find_spec", lambda name: None)
    try:
        no_java.stand_in()
        import jpype
        import jpype.imports

        with pytest.raises(RuntimeError, match="hook 'jsonata'"):
            jpype.startJVM("path", classpath=[], interrupt=False)
    finally:
        for name in ("jpype", "jpype.imports", "jpype.config"):
            sys.modules.pop(name, None)


def test_the_definition_names_no_function() -> None:
    text = json.dumps(DEFINITION)
    assert "lambda" not in text.lower().replace("without a lambda function", "")
    assert not re.search(r"\$\{", text)
