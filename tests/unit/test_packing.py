"""A handler of a notebook is packed with all that it uses: what passes locally does not fail deployed."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from lab import workshop


@pytest.fixture
def notebook() -> Any:
    """A shell that runs cells as a kernel does."""
    shell = InteractiveShell.instance()
    shell.reset()
    yield shell
    InteractiveShell.clear_instance()


def packed(shell: Any, *cells: str) -> dict[str, Any]:
    """Run the cells, pack ``lambda_handler``, and run what was packed where nothing else is known."""
    for cell in cells:
        shell.run_cell(cell).raise_error()
    archive = zipfile.ZipFile(io.BytesIO(workshop.package_of(shell.user_ns["lambda_handler"])))
    assert archive.namelist() == ["handler.py"]
    module: dict[str, Any] = {"__name__": "handler"}
    exec(compile(archive.read("handler.py"), "handler.py", "exec"), module)
    return module


HELPER = """
import re
from collections import Counter as Tally

SMALLEST = 2
PATTERN = re.compile("[a-z]+")

def longest(words):
    return max(sorted(words), key=len, default="")

def lambda_handler(event, context):
    words = Tally(word for word in PATTERN.findall(event["text"]) if len(word) >= SMALLEST)
    return {**event, "longest_word": longest(words)}

print("a cell may do other things as well")
lambda_handler({"text": "a cloud"}, None)
"""


def test_helpers_imports_and_values_of_the_cell_are_packed_and_nothing_that_it_merely_does(
    notebook: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    module = packed(notebook, HELPER)
    assert module["lambda_handler"]({"text": "a cloud and the sky"}, None)["longest_word"] == "cloud"
    assert capsys.readouterr().out.count("other things") == 1  # by the cell, not by the module


def test_what_the_function_uses_of_earlier_cells_is_packed_as_well(notebook: Any) -> None:
    module = packed(
        notebook,
        "import json as j\nfrom math import ceil\nclass Half:\n    def of(self, number):\n"
        "        return ceil(number / 2)",
        "def helper(number):\n    return Half().of(number)",
        "limits = {'most': 9}\ndef lambda_handler(event, context):\n"
        "    return j.dumps([helper(event['n']), limits['most']])",
    )
    assert module["lambda_handler"]({"n": 7}, None) == "[4, 9]"


def test_functions_that_need_each_other_are_packed_once_each(notebook: Any) -> None:
    module = packed(
        notebook,
        "def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and even(n - 1)\n"
        "def lambda_handler(event, context):\n    return even(event)",
    )
    assert module["lambda_handler"](10, None) is True


def test_what_lambda_cannot_have_is_named_before_it_is_deployed(notebook: Any) -> None:
    with pytest.raises(workshop.NotPackableError, match="uses “table”, a Thing of this notebook"):
        packed(
            notebook,
            "class Thing:\n    def __init__(self): pass\n",
            "def make():\n    return Thing()",
            "table = make()",
            "def lambda_handler(event, context):\n    return table",
        )
