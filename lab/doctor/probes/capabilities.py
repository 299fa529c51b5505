"""The list of capabilities, each tried against an endpoint with what it builds on."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from lab import stack
from lab.doctor.probes import account, events, iam, sqs, stacks, workflows
from lab.doctor.probes import functions as lambda_
from lab.doctor.probes import logs as cloudwatch_logs
from lab.doctor.probes.place import DiffersError, Place, Result, Verdict
from lab.errors import LabError, UnavailableError
from lab.stack import Names, functions, logs, mapping, queues, roles, state_machine, waiting
from lab.stack.names import FUNCTIONS
from lab.target import Access, Target, check_endpoint_url


class EndpointError(UnavailableError):
    """Nothing answers at an endpoint that is to be probed."""


_KEYS_REFUSED = frozenset(
    {"AccessDenied", "AccessDeniedException", "InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch"}
    | {"MissingAuthenticationToken", "UnrecognizedClientException", "IncompleteSignature", "ExpiredToken"}
)

# name, notebooks that need it, the probe, and what it builds on
PROBES: tuple[tuple[str, str, Callable[[Place], str], tuple[str, ...]], ...] = (
    ("identity", "all", account.identity, ()),
    ("queues with redrive", "01–12", sqs.queues_with_redrive, ("identity",)),
    ("messages in batches", "02–12", sqs.messages_in_batches, ("queues with redrive",)),
    ("roles and policies", "01–12", iam.roles_and_policies, ("identity",)),
    ("log groups", "01–12", cloudwatch_logs.log_groups, ("identity",)),
    ("functions", "01–12", lambda_.functions_run, ("roles and policies",)),
    ("errors of functions", "02, 06", lambda_.errors_by_name, ("functions",)),
    ("logs of functions", "02–12", cloudwatch_logs.logs_of_functions, ("functions",)),
    ("Express Workflow with logs", "01–12", workflows.express_with_logs, ("roles and policies", "log groups")),
    ("Express executions", "02–12", workflows.executions, ("Express Workflow with logs",)),
    ("execution events in the log", "02–12", workflows.execution_events, ("Express executions",)),
    (
        "synchronous executions",
        "03, 06–08",
        workflows.synchronous_execution,
        ("Express Workflow with logs", "functions"),
    ),
    ("no history of Express", "02, 08", workflows.no_history_of_express, ("Express executions",)),
    ("event source mapping", "01–12", lambda_.event_source_mapping, ("functions", "queues with redrive")),
    ("partial batch failures", "06, 09", lambda_.partial_batch_failures, ("event source mapping",)),
    ("dead letters moved back", "06", sqs.dead_letters_moved_back, ("partial batch failures",)),
    ("reserved concurrency", "06, 08", lambda_.reserved_concurrency, ("functions",)),
    ("Standard Workflow", "08", workflows.standard_workflow, ("roles and policies",)),
    ("EventBridge rule", "09", events.event_rule, ("Standard Workflow",)),
    ("stack of a template", "12", stacks.stack_of_a_template, ("queues with redrive",)),
    ("account settings", "10", account.account_settings, ()),
    ("resources by tag", "99 on aws", account.resources_by_tag, ("queues with redrive",)),
)


def probe(
    endpoint_url: str, *, access: Access | None = None, say: Callable[[str], None] = lambda text: None
) -> list[Result]:
    """Try every capability against an endpoint on this machine, and clean up.

    Args:
        endpoint_url: such as ``http://127.0.0.1:4566``.
        access: the endpoint's own keys and certificate; default is any keys, and certificates that everybody trusts.
        say: gets the name of each capability that was tried.

    Raises:
        TargetError: the URL leads away from this machine.
        EndpointError: nothing answers there, it is not trusted, or it does not take the keys.
    """
    check_endpoint_url(endpoint_url)
    target = Target("localstack", f"probe-{secrets.token_hex(3)}", endpoint_url=endpoint_url, access=access)
    _answers(target, endpoint_url)
    place = Place(Names(target))
    results: dict[str, Result] = {}
    try:
        for capability, notebooks, run, needs in PROBES:
            lacking = [need for need in needs if results[need].verdict == "missing"]
            verdict: Verdict = "missing"
            seen = f"needs {lacking[0]}" if lacking else ""
            if not lacking:
                verdict, seen = attempt(run, place)
            results[capability] = Result(capability, notebooks, verdict, seen)
            say(capability)
    finally:
        left = _clean_up(place)
    found = list(results.values())
    if left:
        found.append(Result("cleaning up", "99", "differs", f"left behind: {', '.join(left)}"))
    else:
        found.append(Result("cleaning up", "99", "works", "nothing is left"))
    return found


def _answers(target: Target, endpoint_url: str) -> None:
    try:
        target.client("sts").get_caller_identity()
    except (EndpointConnectionError, ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError) as error:
        other = "http" if endpoint_url.startswith("https:") else "https"
        raise EndpointError(
            f"Nothing answers at {endpoint_url} ({type(error).__name__}).",
            next_step=f"start it, then the same command again; if it speaks {other}, with {other}:// in the URL",
        ) from None
    except SSLError as error:
        reason = str(error.kwargs.get("error", error))
        if "CERTIFICATE_VERIFY_FAILED" not in reason:
            raise EndpointError(
                f"{endpoint_url} does not speak https.", next_step="the same command with http:// in place of https://"
            ) from None
        detail = reason.partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        raise EndpointError(
            f"The certificate of {endpoint_url} is not trusted ({detail or 'it cannot be verified'}).",
            cause="it is signed by the emulator itself, or is for another name than the one in the URL.",
            next_step=f"lab doctor --endpoint-url {endpoint_url} --ca-bundle FILE, with the emulator's certificate",
        ) from None
    except ClientError as error:
        if waiting.error_code(error) in _KEYS_REFUSED:
            raise EndpointError(
                f"{endpoint_url} does not take these keys ({waiting.error_code(error)}).",
                cause="this emulator checks keys, and has its own.",
                next_step="export LAB_PROBE_ACCESS_KEY=… LAB_PROBE_SECRET_KEY=… with the keys that it prints or keeps, "
                "then the same command again",
            ) from None
    except Exception:  # noqa: BLE001 - something answers; what it can do is found out below
        pass


def attempt(run: Callable[[Place], str], place: Place) -> tuple[Verdict, str]:
    try:
        return "works", run(place)
    except DiffersError as error:
        return "differs", str(error)
    except ClientError as error:
        return "missing", f"{error.operation_name}: {waiting.error_code(error)}"
    except LabError as error:
        return "missing", error.what
    except BotoCoreError as error:
        return "missing", type(error).__name__
    except Exception as error:  # noqa: BLE001 - an answer that lacks a field is one more way to be missing
        return "missing", f"the answer cannot be used ({type(error).__name__}: {error})"


def _clean_up(place: Place) -> list[str]:
    names = place.names
    steps: list[Callable[[], Any]] = [
        *reversed(place.clean_up),
        lambda: mapping.delete(names),
        lambda: state_machine.delete(names),
        *(lambda folder=folder: functions.delete(names, folder) for folder in FUNCTIONS),
        lambda: queues.delete(names),
        lambda: roles.delete(names),
        lambda: logs.delete(names),
    ]
    for step in steps:
        with contextlib.suppress(Exception):  # what is missing cannot be deleted; what survives is told below
            step()
    try:
        return stack.survivors(names.target)
    except Exception:  # noqa: BLE001 - an endpoint that cannot list has been found out above
        return []
