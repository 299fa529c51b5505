"""From one source to two notebooks: the learner's, with exercises to do and nothing executed, and the solved one.

The source is ``notebooks/source/NN_topic.py`` in jupytext's percent format. A part that only the solved notebook shows
stands between ``# BEGIN SOLUTION`` and ``# END SOLUTION``; comment lines after ``# INSTEAD`` are what the learner gets
in its place, without their ``# ``::

    # BEGIN SOLUTION
    return {**event, "words": len(text.split())}
    # INSTEAD
    # return event  # your code here
    # END SOLUTION
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbval.plugin import get_sanitize_patterns

from lab import paths

BEGIN, INSTEAD, END = "# BEGIN SOLUTION", "# INSTEAD", "# END SOLUTION"
VARIES = "nbval-ignore-output"

# The first code cell of every notebook, folded: with another kernel than the lab's, the first import would end in a
# bare ModuleNotFoundError. IPython prints what _render_traceback_ gives in place of a traceback.
RIGHT_KERNEL = """\
# Is this the lab's own Python? The same in every notebook.
from importlib import metadata


class OtherKernelError(Exception):
    def _render_traceback_(self):
        return [str(self)]


try:
    metadata.version("express-lab")
except metadata.PackageNotFoundError:
    raise OtherKernelError(
        "This notebook runs with another Python than the lab's, which lacks the lab.\\n"
        "Next: Kernel → Change Kernel → Express Lab; in an editor, choose the Python .venv/bin/python of this project. "
        "Where neither is offered, type in a terminal: make lab"
    ) from None"""
SANITIZE_FILE = Path(__file__).with_name("sanitize.cfg")

# A cell whose output varies proves nothing by its output: one of the next cells has to.
GUARDED_WITHIN = 4
GUARD = re.compile(r"\bself_checks\.|^\s*assert\b", re.MULTILINE)

# What would tell the reader about the machine that executed the notebook, and change with the next one. An answer of
# boto3 that is shown as it came has the date in its headers.
MACHINE = re.compile(
    r"(?<![\w.])/(?:home|Users|root|tmp|private|var/folders|work)/\S+|(?:127\.0\.0\.1|localhost):\d+|ResponseMetadata"
)


class SourceError(Exception):
    """A notebook source that cannot be built."""


@dataclass(frozen=True)
class Edition:
    """One notebook to be: ``source`` and the file it becomes."""

    source: Path
    solved: bool
    path: Path

    @property
    def name(self) -> str:
        """The notebook as people call it: ``notebooks/solutions/02_first_message.ipynb``."""
        return f"notebooks/{'solutions/' if self.solved else ''}{self.path.name}"


def editions(root: Path = paths.NOTEBOOKS) -> list[Edition]:
    """Every notebook that the sources make, in the order of the workshop: the learner's first, then the solved ones."""
    sources = sorted((root / "source").glob("[0-9][0-9]_*.py"))
    learners = [Edition(source, False, root / f"{source.stem}.ipynb") for source in sources]
    solved = [Edition(source, True, root / "solutions" / f"{source.stem}.ipynb") for source in sources]
    return learners + solved


def build(edition: Edition) -> nbformat.NotebookNode:
    """The notebook without outputs. The same source always gives the same bytes.

    Raises:
        SourceError: the marks of a solution do not pair up.
    """
    read = jupytext.read(edition.source, fmt="py:percent")
    notebook = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"display_name": "Express Lab", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "made_from": f"notebooks/source/{edition.source.name}; edit that file, then: make notebooks",
        }
    )
    seen: Counter[str] = Counter()
    guarded = False
    for cell in read.cells:
        text = choose(cell.source, solved=edition.solved, where=edition.source.name)
        if not text.strip():
            continue
        if cell.cell_type == "code" and not guarded:
            folded = {"jupyter": {"source_hidden": True}}
            notebook.cells.append(nbformat.v4.new_code_cell(RIGHT_KERNEL, id="right-kernel", metadata=folded))
            guarded = True
        new = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        tags = cell.metadata.get("tags")
        # Named after its content, so that a new cell above does not rename all cells below.
        digest = hashlib.sha256(f"{cell.cell_type}{text}".encode()).hexdigest()[:10]
        seen[digest] += 1
        notebook.cells.append(new(text, id=f"{digest}-{seen[digest]}", metadata={"tags": sorted(tags)} if tags else {}))
    return notebook


def choose(text: str, *, solved: bool, where: str) -> str:
    """``text`` of a cell with its solution, or with what the learner gets instead.

    Raises:
        SourceError: the marks do not pair up.
    """
    kept: list[str] = []
    part = ""
    for line in text.split("\n"):
        mark = line.strip()
        if mark in (BEGIN, INSTEAD, END):
            if {"": BEGIN, BEGIN: (INSTEAD, END), INSTEAD: END}[part].__contains__(mark) is False:
                raise SourceError(f"{where}: '{mark}' is out of place in the cell that starts {text[:60]!r}")
            if mark == END and part == BEGIN and not solved:
                kept.append(_indent_of(line) + "...  # your code here")
            part = "" if mark == END else mark
        elif part == "" or (part == BEGIN and solved):
            kept.append(line)
        elif part == INSTEAD and not solved:
            kept.append(re.sub(r"^(\s*)# ?", r"\1", line))
    if part:
        raise SourceError(f"{where}: no '{END}' in the cell that starts {text[:60]!r}")
    return "\n".join(kept)


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def complaints(edition: Edition) -> list[str]:
    """Why the committed notebook is out of step with its source, or not fit to be committed; empty when it is fine."""
    if not edition.path.exists():
        return ["it does not exist"]
    notebook = nbformat.read(edition.path, as_version=4)
    wanted = build(edition)
    found: list[str] = []
    if _essence(notebook) != _essence(wanted):
        found.append(f"its cells differ from {edition.source.name}: {_first_difference(notebook, wanted)}")
    if edition.solved:
        return (
            found
            + unexecuted(notebook)
            + misnumbered(notebook)
            + leaks(notebook)
            + unguarded(notebook)
            + undescribed(notebook)
        )
    return found + spoilers(notebook)


def _essence(notebook: nbformat.NotebookNode) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ()))) for cell in notebook.cells]


def _first_difference(notebook: nbformat.NotebookNode, wanted: nbformat.NotebookNode) -> str:
    for number, (have, want) in enumerate(zip(_essence(notebook), _essence(wanted), strict=False), start=1):
        if have != want:
            return f"cell {number} is {have[1][:60]!r}, the source has {want[1][:60]!r}"
    return f"it has {len(notebook.cells)} cells, the source {len(wanted.cells)}"


def spoilers(notebook: nbformat.NotebookNode) -> list[str]:
    """Cells of a learner's notebook that tell what comes out before it was run."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        f"code cell {number} has an output or an execution count: the learner's edition has none"
        for number, cell in enumerate(code, start=1)
        if cell.outputs or cell.execution_count is not None
    ]


def misnumbered(notebook: nbformat.NotebookNode) -> list[str]:
    """Results with another number than their cell: a page would show ``[8]`` beside the code and ``[7]`` below it."""
    return [
        f"the result of code cell [{cell.execution_count}] says [{output.execution_count}]"
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result" and output.execution_count != cell.execution_count
    ]


def undescribed(notebook: nbformat.NotebookNode) -> list[str]:
    """Pictures without a text for those who do not see them, and tables without headers."""
    found = []
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        for output in cell.outputs:
            page = output.get("data", {}).get("text/html", "")
            if "image/png" in output.get("data", {}) and not re.search(r'<img [^>]*alt="[^"]{10,}"', page):
                found.append(f"the picture of code cell {number} has no alternative text")
            if "<table" in page and "<th>" not in page:
                found.append(f"the table of code cell {number} has no headers")
    return found


def unexecuted(notebook: nbformat.NotebookNode) -> list[str]:
    """Cells that were not executed in one go from a clean kernel, or that failed."""
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        if cell.execution_count != number:
            found.append(f"code cell {number} has the execution count {cell.execution_count}: not run from the top")
        if any(text.startswith("Not yet: ") or "\nNot yet: " in text for text in output_texts(cell)):
            found.append(f"code cell {number} says that its exercise is not solved")
        found += [
            f"code cell {number} ended in {output.ename}" for output in cell.outputs if output.output_type == "error"
        ]
        if _wants_output(cell) and not cell.outputs:
            found.append(f"code cell {number} shows something, but has no output")
    return found


def _wants_output(cell: nbformat.NotebookNode) -> bool:
    """Whether the last line is a call of something that prints: then an empty output is one that got lost."""
    return bool(
        re.match(
            r"(print|self_checks\.\w+|workshop\.(show\w*|compare|predict)|charts\.\w+)\(", cell.source.split("\n")[-1]
        )
    )


def leaks(notebook: nbformat.NotebookNode) -> list[str]:
    """Outputs that name a path, a port or the name of the machine that executed the notebook."""
    host = socket.gethostname()
    found = []
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        for text in output_texts(cell):
            match = MACHINE.search(text)
            if match:
                found.append(f"the output of code cell {number} tells {match[0]!r}")
            if len(host) > 4 and host in text:
                found.append(f"the output of code cell {number} tells the name of a machine")
    return found


def unguarded(notebook: nbformat.NotebookNode) -> list[str]:
    """Cells whose output varies, and neither they nor one of the next cells checks what came out."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        f"code cell {number + 1} is tagged {VARIES}, and nothing checks what it shows"
        for number, cell in enumerate(code)
        if VARIES in cell.metadata.get("tags", ())
        and not any(GUARD.search(later.source) for later in code[number : number + GUARDED_WITHIN])
    ]


def output_texts(cell: nbformat.NotebookNode) -> list[str]:
    """Every text in the outputs of a cell; pictures are not texts."""
    texts: list[str] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            texts.append(output.text)
        texts += [str(value) for kind, value in output.get("data", {}).items() if not kind.startswith("image/")]
    return [re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", text) for text in texts]


def sanitized(cell: nbformat.NotebookNode) -> list[Any]:
    """The outputs of a cell as nbval compares them: ids and durations replaced."""
    patterns = get_sanitize_patterns(SANITIZE_FILE.read_text("utf-8"))

    def clean(text: str) -> str:
        for pattern, replacement in patterns:
            text = re.sub(pattern, replacement, text)
        return text

    return [clean(text) for text in output_texts(cell)]
