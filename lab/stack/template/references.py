"""Names and ARNs of one lab, turned into references that hold in whatever stack the template becomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab.stack.names import FUNCTIONS, START_FUNCTION, Names

_ONE_REFERENCE = re.compile(r"\$\{([A-Za-z0-9:]+)(?:\.([A-Za-z0-9.]+))?\}")


def ref(name: str) -> dict[str, Any]:
    """What CloudFormation calls ``!Ref``."""
    return {"Ref": name}


def arn(name: str) -> dict[str, Any]:
    """The ARN of a resource of the template."""
    return {"Fn::GetAtt": [name, "Arn"]}


def sub(text: str) -> dict[str, Any]:
    """What CloudFormation calls ``!Sub``: a text with ``${…}`` in it."""
    return {"Fn::Sub": text}


def logical(folder: str) -> str:
    """``base64_decoder`` → ``Base64Decoder``."""
    return "".join(part.capitalize() for part in folder.split("_"))


def in_definition(names: Names) -> dict[str, tuple[str, dict[str, Any]]]:
    """What a deployed definition may say → the word that the definition gets for it, and what that word stands for.

    The words are those of the files in ``statemachine/``, but for ``${Partition}``: linters take it for a mistake.
    """
    found = {
        names.queue_url(names.failure_queue): ("FailureQueueUrl", ref("FailureQueue")),
        names.queue_arn(names.failure_queue): ("FailureQueueArn", arn("FailureQueue")),
    }
    for folder in FUNCTIONS:
        if folder != START_FUNCTION:
            word = f"{logical(folder)}Function"
            found[names.function_arn(folder)] = (f"{word}Arn", arn(word))
            found[names.function(folder)] = (word, ref(word))
    return found


def replace_in_definition(names: Names, definition: str) -> tuple[str, dict[str, Any]]:
    """The definition with ``${Word}`` for each name of the lab, and what each word that is used stands for."""
    used = {}
    known = in_definition(names)
    for text in sorted(known, key=len, reverse=True):  # an ARN holds the name
        word, value = known[text]
        if text in definition:
            definition = definition.replace(text, f"${{{word}}}")
            used[word] = value
    return definition, dict(sorted(used.items()))


class References:
    """Turns what AWS answers into what a template says.

    Args:
        names: of the lab that was read.
    """

    def __init__(self, names: Names) -> None:
        of = {
            names.state_machine_arn: "${StateMachine}",
            names.queue_arn(names.queue): "${Queue.Arn}",
            names.queue_arn(names.dead_letter_queue): "${DeadLetterQueue.Arn}",
            names.queue_arn(names.failure_queue): "${FailureQueue.Arn}",
            names.log_group_arn(names.log_group): "${WorkflowLogs.Arn}",
            names.log_group_arn(f"/aws/lambda/{names.prefix}-*"): "arn:${AWS::Partition}:logs:${AWS::Region}:"
            "${AWS::AccountId}:log-group:/aws/lambda/${AWS::StackName}-*:*",
            f"arn:{names.target.partition}:": "arn:${AWS::Partition}:",
        }
        of |= {names.function_arn(folder): f"${{{logical(folder)}Function.Arn}}" for folder in FUNCTIONS}
        self._of = dict(sorted(of.items(), key=lambda pair: -len(pair[0])))

    def in_text(self, text: str) -> str | dict[str, Any]:
        """A text, or the reference that it becomes."""
        found = text.replace("${", "${!")
        for literal, reference in self._of.items():
            found = found.replace(literal, reference)
        if found == text.replace("${", "${!"):
            return text
        if only := _ONE_REFERENCE.fullmatch(found):
            return {"Fn::GetAtt": [only[1], only[2]]} if only[2] else ref(only[1])
        return sub(found)

    def within(self, document: Any) -> Any:
        """A document with all its texts turned into references."""
        if isinstance(document, str):
            return self.in_text(document)
        if isinstance(document, Mapping):
            return {key: self.within(value) for key, value in document.items()}
        if isinstance(document, list):
            return [self.within(value) for value in document]
        return document
