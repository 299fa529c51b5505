"""Expectations of a run: read and checked before anything is sent, judged when it is over, told to a CI server."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.analysis import expectations
from lab.analysis.expectations import Expectation
from lab.clock import today
from lab.session.find import FindOptions
from lab.session.options import RampOptions
from lab.session.outcome import RampResult
from lab.session.results import OutputFolderError, make_folder


def read_expectations(texts: Sequence[str], options: RampOptions) -> list[Expectation]:
    """The expectations that these lines say, checked against what will be sent.

    Raises:
        ExpectationError: a line cannot be read, or the run can never meet it.
        PlanError: the options make no sense.
    """
    read = [expectations.parsed(text) for text in texts]
    if isinstance(options, FindOptions):
        expectations.check(read, None, options.highest)
    else:
        rates = [stage.rate for stage in options.plan().stages]
        expectations.check(read, rates, max(rates))
    return read


def judged(result: RampResult, expected: Sequence[Expectation]) -> RampResult:
    """The run with what came of the expectations."""
    account = result.reconciliation.as_dict()
    verdicts = expectations.judge(expected, result.stages, result.saturation.rate, account)
    return replace(result, verdicts=tuple(verdicts))


def make_room_for(junit: Path) -> None:
    """See that the file can be written, before anything is sent.

    Raises:
        OutputFolderError: it cannot.
    """
    make_folder(junit.parent)
    if junit.is_dir():
        raise OutputFolderError(f"{junit} is a folder.", next_step=f"--junit {junit / 'lab.xml'}")


def write_junit(result: RampResult, path: Path) -> None:
    """Write JUnit XML, which CI servers show: a test case for each expectation, and two for the account.

    Raises:
        OutputFolderError: it could not be written after all.
    """
    words = result.words
    cases = [(verdict.expectation.text, verdict.met, verdict.observed) for verdict in result.verdicts]
    cases.append(("every message is accounted for", result.reconciliation.holds, result.reconciliation.explain()))
    cases.append(
        ("the words that came out are those that went in", words.matches, f"{words.total} of {words.expected_total}")
    )
    failures = sum(not met for _, met, _ in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", {"name": "express-lab", **counts})
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": "lab ramp", **counts, "timestamp": f"{today():%Y-%m-%dT%H:%M:%S}", "id": "0"}
    )
    for name, met, observed in cases:
        case = ElementTree.SubElement(suite, "testcase", {"name": name, "classname": "lab.ramp"})
        if not met:
            failure = ElementTree.SubElement(case, "failure", {"message": observed, "type": "expectation"})
            failure.text = f"{name}: {observed}"
        else:
            ElementTree.SubElement(case, "system-out").text = observed
    ElementTree.indent(root)
    try:
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise OutputFolderError(
            f"{path} could not be written ({error.strerror}).", next_step="the same command with another --junit FILE"
        ) from error
