"""The page for those who are stuck: each message that the lab can raise has a row, in words that the code says."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from lab import paths
from tests.instructor import PAGES, rows

TROUBLES = (PAGES / "troubleshooting.md").read_text("utf-8")
# What runs inside LocalStack raises nothing that a user meets.
TREES = [
    ast.parse(file.read_text("utf-8"))
    for file in sorted(paths.PROJECT.glob("lab/**/*.py"))
    if paths.PROJECT / "lab" / "emulator" / "runtime" not in file.parents
]


def _named(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


# Each name that is called, with the modules and the calls.
CALLS: dict[str, list[tuple[ast.Module, ast.Call]]] = defaultdict(list)
BASES: dict[str, set[str]] = {}
for _tree in TREES:
    for _node in ast.walk(_tree):
        if isinstance(_node, ast.Call):
            CALLS[_named(_node.func)].append((_tree, _node))
        elif isinstance(_node, ast.ClassDef):
            BASES[_node.name] = {_named(base) for base in _node.bases}


def error_classes() -> list[str]:
    """Each error that a user can meet, without the bases, which nobody raises."""
    known = {"LabError"}
    while more := {name for name, own in BASES.items() if own & known} - known:
        known |= more
    return sorted(known - {"LabError", "UsageError", "UnavailableError"})


def said(error: str) -> set[str]:
    """All that the modules say which raise this error: its words may come from another function."""
    return {text for tree in {id(tree): tree for tree, _ in CALLS[error]}.values() for text in texts(tree)}


def messages_of(error: str) -> list[str]:
    """What stands first in each place that raises this error, where it is words and not handed over."""
    made = [call.args[0] for _, call in CALLS[error] if call.args]
    return [text for node in made if len(re.findall(r"\w{2,}", text := max(texts(node), key=len, default=""))) > 1]


def texts(tree: ast.AST) -> Iterator[str]:
    """The texts in a piece of code, with `…` for what they fill in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            yield str(node.value).replace("{}", "…")
        elif isinstance(node, ast.JoinedStr):
            pieces = (str(piece.value) if isinstance(piece, ast.Constant) else "…" for piece in node.values)
            yield in_short("".join(pieces))


def in_short(text: str) -> str:
    """A message in which several things that are filled in one after the other are one."""
    return re.sub(r"…(?:[:,]? ?…)+", "…", text)


ERRORS = error_classes()
REQUIREMENTS = paths.PROJECT / "requirements"
SCRIPT = (REQUIREMENTS / "install.sh").read_text("utf-8")
# The installer's own Python, which runs before there is a lab, and raises but one error.
INSTALLERS = {
    f"requirements/{file.name}": ast.parse(file.read_text("utf-8")) for file in REQUIREMENTS.glob("wheel*.py")
}


def troubles(text: str) -> list[tuple[str, list[str]]]:
    """Of each row the error that it is about, and the words of it."""
    wide = [row for row in rows(text) if len(row) == 4]
    return [(row[3].strip("`"), re.findall(r"“([^”]+)”", row[0])) for row in wide]


def missing_errors(text: str) -> set[str]:
    """The errors that a page of troubles does not have."""
    return set(ERRORS) - {error for error, _ in troubles(text)}


def test_every_error_that_the_lab_can_raise_has_its_row() -> None:
    assert len(ERRORS) > 50
    assert missing_errors(TROUBLES) == set(), "add a row to docs/instructor/troubleshooting.md"


@pytest.mark.parametrize("error", ERRORS)
def test_every_message_of_an_error_has_its_row(error: str) -> None:
    quoted = [in_short(each).strip("… ") for name, words in troubles(TROUBLES) if name == error for each in words]
    assert [text for text in messages_of(error) if not any(each in text for each in quoted)] == []


def test_an_error_without_a_row_is_found() -> None:
    without = "\n".join(line for line in TROUBLES.splitlines() if "`PortTakenError`" not in line)
    assert missing_errors(without) == {"PortTakenError"}


@pytest.mark.parametrize(("error", "words"), troubles(TROUBLES))
def test_a_row_has_words_that_the_code_says(error: str, words: list[str]) -> None:
    assert words, error
    if error in INSTALLERS:
        there = set(texts(INSTALLERS[error]))
    else:
        there = {in_short(re.sub(r"\$\w+|\$\([^)]*\)", "…", SCRIPT))} if error.endswith(".sh") else said(error)
    unsaid = [each for each in words if not any(in_short(each).strip("… ") in text for text in there)]
    assert unsaid == [], error


@pytest.mark.parametrize("script", INSTALLERS)
def test_every_message_about_folders_of_wheels_has_its_row(script: str) -> None:
    calls = [node for node in ast.walk(INSTALLERS[script]) if isinstance(node, ast.Call)]
    raised = [call.args[0] for call in calls if _named(call.func) == "FolderError" and call.args]
    handed = [each.value for call in calls for each in call.keywords if each.arg == "what"]
    found = [text for node in raised + handed if len(text := max(texts(node), key=len, default="")) > 5]
    assert len(found) > 4
    quoted = [in_short(each).strip("… ") for name, words in troubles(TROUBLES) if name == script for each in words]
    assert [text for text in found if not any(each in text for each in quoted)] == []


def test_every_message_of_the_installation_has_its_row() -> None:
    # Up to the first thing that is filled in; a message of the Makefile's own step is met by nobody.
    found = re.findall(r'\bstop "(?:\$what\n|\$\(pwd\)/)?([^"$]+)', SCRIPT)
    said = {text for text in found if not text.startswith("There is no step")}
    quoted = [each.split("…")[0] for error, words in troubles(TROUBLES) if error.endswith(".sh") for each in words]
    assert len(said) > 10
    assert [text for text in sorted(said) if not any(text.startswith(each) for each in quoted)] == []
