"""Evaluates JSONata in Python.

Replaces ``eval_jsonata_expression``, ``extract_jsonata_variable_references``, ``encode_jsonata_variable_declarations``
and ``compose_jsonata_expression`` of ``localstack.services.stepfunctions.asl.jsonata.jsonata``, the functions that Step
Functions adds, what ``StringJSONata`` makes of an error, ``EventManager.add_event``, and the names of errors that Maps
and Parallels hand on.

Wrong: LocalStack evaluates JSONata in a Java machine, which it downloads at the first expression: a lab without the
internet has none. It also puts data into the expression as text, where a quotation mark in a string ends the string; it
takes a division for the beginning of a regular expression; ``$hash`` and ``$uuid`` give a sentence that they are not
supported, ``$random`` takes no seed; and an expression that raises an error ends its state with ``States.Runtime``,
where AWS says ``States.QueryEvaluationError``, a name that LocalStack lets out of no Map and no Parallel.

The same to see: ``jsonata-python`` is a port of the library that LocalStack runs in Java. ``$eval`` is not there, as on
AWS. In a regular expression ``\\w``, ``\\d``, ``\\s`` and ``\\b`` know the letters, digits and spaces of ASCII alone,
as they do in Java and, but for ``\\s``, in JavaScript; Python alone would count an "é" as a letter. Which of the two
AWS runs, its documentation does not say. An expression that does not end within ten seconds is ended: it would hold
up the emulator. So is one that calls itself deeper than Python's stack allows, some fifty times (calls in tail position
do not count). The documentation of AWS does not give its words for an error; those of JSONata are in the cause.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import random
import re
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

_DIFFERENT_EXPRESSIONS = 1024
_LONGEST_MS = 10_000
# Of MD5 to SHA-512 the names that AWS takes, without their dash and in lower case, are those of hashlib.
_ALGORITHMS = ("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512")
_MOST_IN_RANGE = 1_000  # as of the intrinsic function States.ArrayRange, which $range takes the place of


def _library() -> ModuleType:
    """The library; importing it sets Python's limit of recursion to 10,000 for the whole process: put back."""
    limit = sys.getrecursionlimit()
    try:
        import jsonata
    finally:
        sys.setrecursionlimit(limit)
    return jsonata


class Declared(str):
    """Declarations of variables as text, which LocalStack passes about, and the values that they are of."""

    values: dict[str, Any]


class Composed(str):
    """An expression with its declarations as text, and what it is made of: the values need not be read again."""

    expression: str
    values: dict[str, Any]


def declare(bindings: Mapping[str, Any]) -> Declared:
    """Declarations of these variables, whose names begin with ``$``."""
    made = Declared("".join(f"{name}:={json.dumps(value, default=str)};" for name, value in bindings.items()))
    made.values = {name.removeprefix("$"): value for name, value in bindings.items()}
    return made


def compose(final_jsonata_expression: str, variable_declarations_list: Sequence[str | Declared]) -> Composed:
    """The expression behind its declarations."""
    text = "".join(part for part in variable_declarations_list if not isinstance(part, Declared))
    made = Composed(f"({''.join(variable_declarations_list)}{final_jsonata_expression})")
    made.expression = f"({text}{final_jsonata_expression})"
    made.values = {}
    for part in variable_declarations_list:
        if isinstance(part, Declared):
            made.values |= part.values
    return made


def evaluate(expression: str) -> Any:
    """What the expression gives, as plain data.

    Raises:
        Exception: of the library, with JSONata's own code and words; whatever else goes wrong in it.
    """
    values: dict[str, Any] = {}
    if isinstance(expression, Composed):
        values = expression.values
        expression = expression.expression
    library = _library()
    own = copy.copy(_parsed(expression))
    library.Jsonata.CURRENT.jsonata = own  # what the library takes for the expression at work in this thread
    frame = own.create_frame(own.environment)
    frame.set_runtime_bounds(_LONGEST_MS, None)
    for name, function in (_functions() | values).items():
        frame.bind(name, function)
    found = own.evaluate(None, frame)
    # A function has no JSON. Given a text, LocalStack asks for its type, and says that this one is not supported.
    plain = found is None or isinstance(found, str | bool)
    return found if plain else json.loads(json.dumps(found, default=lambda function: "a function"))


@functools.lru_cache(maxsize=_DIFFERENT_EXPRESSIONS)
def _parsed(expression: str) -> Any:
    return _library().Jsonata(expression, _compiled)


def _compiled(pattern: str, flags: Any) -> re.Pattern[str]:
    ignore_case = re.IGNORECASE if flags.case_insensitive else 0
    return re.compile(pattern, re.ASCII | ignore_case | (re.MULTILINE if flags.multiline else 0))


# What Step Functions adds, https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html


@functools.cache
def _functions() -> dict[str, Any]:
    added: dict[str, Callable[..., Any]] = {
        "partition": _partition,
        "range": _range,
        "hash": _hash,
        "random": _random,
        "uuid": lambda: str(uuid.uuid4()),
        "parse": lambda text=None: None if text is None else json.loads(text),
    }
    call = _library().Jsonata.JLambda
    return {name: call(function) for name, function in added.items()} | {"eval": None}


def _partition(array: Any, size: Any) -> Any:
    items = array if isinstance(array, list) else [array]
    size = int(size)
    if size < 1:
        raise ValueError("$partition takes a size of 1 at least")
    return [list(items[at : at + size]) for at in range(0, len(items), size)]


def _range(first: Any, last: Any, step: Any) -> Any:
    if step == 0:
        raise ValueError("$range takes a step other than 0")
    count = max(int((last - first) // step) + 1, 0)
    if count > _MOST_IN_RANGE:
        raise ValueError(f"$range makes {_MOST_IN_RANGE} items at most")
    return [first + number * step for number in range(count)]


def _hash(text: Any, algorithm: Any) -> str:
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"$hash knows {', '.join(_ALGORITHMS)}, not {algorithm}")
    data = text if isinstance(text, str) else json.dumps(text, separators=(",", ":"), ensure_ascii=False)
    name = algorithm.replace("-", "").lower()
    return hashlib.new(name, data.encode(), usedforsecurity=False).hexdigest()


def _random(seed: Any = None) -> float:
    return (random if seed is None else random.Random(seed)).random()


# Which variables an expression names

_PIECE = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<comment>/\*.*?\*/)"""
    r"""|(?P<variable>\$\$|\$[A-Za-z0-9_$]+(?:\.[A-Za-z0-9_][A-Za-z0-9_$]*)*|\$)|(?P<other>\s+|\w+|.)""",
    re.DOTALL,
)
_REGULAR = re.compile(r"/(?:\\.|[^/\\\n])+/[a-z]*")
_OPERAND = re.compile(r"[\w)\]}\"'$]")


def variables_of(expression: str) -> set[str]:
    """The variables that an expression names. A slash behind an operand divides, any other begins a pattern."""
    found, at, before = set(), 0, ""
    while at < len(expression):
        regular = _REGULAR.match(expression, at)
        if regular and not expression.startswith("/*", at) and not _OPERAND.fullmatch(before):
            at, before = regular.end(), "/"
            continue
        piece = _PIECE.match(expression, at)
        assert piece is not None  # whatever it is, "other" takes it
        if piece["variable"]:
            found.add(piece["variable"])
        if not piece["comment"] and not piece[0].isspace():
            before = piece[0][-1]
        at = piece.end()
    return found


# Into LocalStack


def _patch(module: ModuleType) -> None:
    def evaluate_or_say_why(expression: str) -> Any:
        try:
            return evaluate(expression)
        except Exception as error:
            code = getattr(error, "error", None) or type(error).__name__
            raise module.JSONataException(code, f"{code}: {error}") from error

    def extract(expression: str) -> set[str]:
        found = variables_of(expression or "")
        for name in ("$", "$$"):
            if name in found:
                raise module.IllegalJSONataVariableReference(variable_reference=name)
        return found

    _library()
    replace(module, "extract_jsonata_variable_references", lambda original: extract)
    replace(module, "eval_jsonata_expression", lambda original: evaluate_or_say_why)
    replace(module, "encode_jsonata_variable_declarations", lambda original: declare)
    replace(module, "compose_jsonata_expression", lambda original: compose)


def _patch_functions(module: ModuleType) -> None:
    replace(module, "get_intrinsic_functions_declarations", lambda original: lambda variable_references: "")


def _patch_errors(module: ModuleType) -> None:
    from localstack.aws.api.stepfunctions import EvaluationFailedEventDetails
    from localstack.services.stepfunctions.asl.jsonata.jsonata import JSONataException

    name = module.StatesErrorNameType.StatesQueryEvaluationError

    def make(evaluate_body: Any) -> Any:
        @functools.wraps(evaluate_body)
        def evaluate_or_fail(self: Any, env: Any) -> None:
            try:
                evaluate_body(self, env)
            except JSONataException as error:
                cause = f"The JSONata expression '{self.expression}' threw an error during evaluation. {error.details}"
                details = EvaluationFailedEventDetails(error=name.to_name(), cause=cause)
                failure = module.FailureEventException(
                    module.FailureEvent(
                        env=env,
                        error_name=module.StatesErrorName(typ=name),
                        event_type=module.HistoryEventType.EvaluationFailed,
                        event_details=module.EventDetails(evaluationFailedEventDetails=details),
                    )
                )
                told = failure.get_evaluation_failed_event_details()
                env.event_manager.add_event(
                    context=env.event_history_context,
                    event_type=module.HistoryEventType.EvaluationFailed,
                    event_details=module.EventDetails(evaluationFailedEventDetails=told),
                )
                raise failure from error

        return evaluate_or_fail

    replace(module.StringJSONata, "_eval_body", make)


def _patch_events(module: ModuleType) -> None:
    """A state that may try again tells its failure itself; what an expression has told already is told once."""

    def make(add: Any) -> Any:
        @functools.wraps(add)
        def add_event(self: Any, context: Any, event_type: Any, event_details: Any = None, **more: Any) -> Any:
            details = (event_details or {}).get("evaluationFailedEventDetails")
            told = vars(self).setdefault("lab_told", set())
            if details is not None and "state" not in details and context.source_event_id in told:
                return context.source_event_id
            number = add(self, context, event_type, event_details, **more)
            if details is not None:
                told.add(number)
            return number

        return add_event

    replace(module.EventManager, "add_event", make)


def _patch_names(module: ModuleType) -> None:
    """What failed inside a Map or Parallel keeps its name, also one that begins with ``States.``."""

    def make(custom: Any) -> Any:
        def named(error_name: str | None) -> Any:
            made = custom(error_name=None)
            made.error_name = error_name
            return made

        return named

    replace(module, "CustomErrorName", make)


_ASL = "localstack.services.stepfunctions.asl"
_EXECUTION = f"{_ASL}.component.state.state_execution"
PATCHES = {
    f"{_ASL}.jsonata.jsonata": _patch,
    f"{_ASL}.component.intrinsic.jsonata": _patch_functions,
    f"{_ASL}.component.common.string.string_expression": _patch_errors,
    f"{_ASL}.eval.event.event_manager": _patch_events,
    f"{_EXECUTION}.state_parallel.branches_decl": _patch_names,
    f"{_EXECUTION}.state_map.iteration.iteration_worker": _patch_names,
}
