"""Lets each role do what its policies allow, and nothing else.

Replaces nothing that works: LocalStack keeps roles and policies and asks them nothing. Checked are the calls that carry
a role's credentials (of a function, of a task, of a rule), the tasks and mappings that other hooks bring straight into
the process, what a function's role lets it log, and, when a state machine, function or mapping is made, what AWS checks
of its role then.

Not fast, but right: a learner who forgets a permission sees what is refused, in AWS's words, and where. A decision is
kept until a role or policy changes (see `authorization`).

The same to see: whoever calls with credentials of their own may do everything, as before. Policies of queues,
functions and buckets are not read: they can neither add to what a role may do nor take from it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from lab.emulator.runtime import actions, authorization, state_machines
from lab.emulator.runtime.actions import Place
from lab.emulator.runtime.authorization import DeniedError
from lab.emulator.runtime.hooks import permissions_in_process as in_process

# What the role of a state machine needs to have its execution events delivered, by the guide of Step Functions.
LOG_DELIVERY_ACTIONS = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)
NO_LOG_DESTINATION = "The state machine IAM Role is not authorized to access the Log Destination"
READING = ("Get", "List", "Simulate", "Generate")


def install() -> None:
    """Called before LocalStack imports anything large."""
    authorization.enforce()


# Calls that come through LocalStack's API


def _patch_gateway(module: ModuleType) -> None:
    from localstack.aws.api import CommonServiceException

    def check(chain: Any, context: Any, response: Any) -> None:
        header = context.request.headers.get("Authorization") or ""
        _, found, rest = header.partition("Credential=")
        caller = authorization.caller_of(rest.partition("/")[0]) if found else None
        service, operation = context.service.service_name, context.operation.name
        request = context.service_request or {}
        if caller is not None:
            place = Place(context.partition, context.region, context.account_id)
            action, resource = actions.permission(service, operation, request, place)
            try:
                authorization.authorize(caller.role_arn, action, resource, caller.session)
            except DeniedError as denied:
                raise _refusal(context, action, resource, str(denied)) from None
        if operation in ("CreateStateMachine", "UpdateStateMachine"):
            _check_workflow_role(context, request)
        elif operation == "AssumeRole":
            _check_trust(context, request)

    def _refusal(context: Any, action: str, resource: str, message: str) -> Exception:
        service, protocol = context.service.service_name, context.service.protocol
        if service == "sqs":  # which writes actions in small letters
            message = message.replace(action, action.lower())
        elif service == "s3":
            message = message.replace(f"resource: {resource} ", f'resource: "{resource}" ')
        if service == "sqs" or protocol in ("query", "ec2", "rest-xml"):
            return CommonServiceException("AccessDenied", message, 403, sender_fault=True)
        return CommonServiceException("AccessDeniedException", message, 403 if protocol == "rest-json" else 400)

    def _check_workflow_role(context: Any, request: Any) -> None:
        arn = request.get("stateMachineArn") or Place(context.partition, context.region, context.account_id).arn(
            "states", f"stateMachine:{request.get('name')}"
        )
        role_arn, logging = request.get("roleArn"), request.get("loggingConfiguration")
        if role_arn is None or logging is None:
            before = state_machines.find(context.account_id, context.region, arn)
            role_arn = role_arn or getattr(before, "role_arn", None)
            logging = logging or getattr(before, "logging_config", None) or {}
        if role_arn is None:
            return  # there is no such state machine: Step Functions says so
        if not authorization.may_be_assumed(role_arn, "states.amazonaws.com", arn):
            raise CommonServiceException("AccessDeniedException", in_process.NOT_ASSUMABLE_BY_STATES)
        if logging.get("level", "OFF") != "OFF" and not all(
            authorization.permitted(role_arn, f"logs:{action}", "*") for action in LOG_DELIVERY_ACTIONS
        ):
            raise CommonServiceException("AccessDeniedException", NO_LOG_DESTINATION)

    def _check_trust(context: Any, request: Any) -> None:
        internal = context.internal_request_params or {}
        service = internal.get("service_principal")
        if service and not authorization.may_be_assumed(
            request["RoleArn"], f"{service}.amazonaws.com", internal.get("source_arn") or ""
        ):
            message = f"{service}.amazonaws.com is not authorized to perform: sts:AssumeRole on {request['RoleArn']}"
            raise CommonServiceException("AccessDenied", message, 403, sender_fault=True)

    module.serve_custom_service_request_handlers.append(check)
    module.run_custom_response_handlers.append(_watch)


def _watch(chain: Any, context: Any, response: Any) -> None:
    """Learns who got credentials, and that a policy has changed."""
    if context.service is None or context.operation is None:
        return
    service, operation = context.service.service_name, context.operation.name
    if service == "iam" and not operation.startswith(READING):
        authorization.forget_decisions()
    elif operation == "AssumeRole" and context.service_response:
        credentials = context.service_response.get("Credentials")
        if credentials:
            request = context.service_request
            authorization.remember_caller(credentials["AccessKeyId"], request["RoleArn"], request["RoleSessionName"])


_LAMBDA = "localstack.services.lambda_"
_TASK = "localstack.services.stepfunctions.asl.component.state.state_execution.state_task"
PATCHES = {
    "localstack.aws.handlers": _patch_gateway,
    f"{_TASK}.lambda_eval_utils": in_process.patch_tasks,
    f"{_TASK}.service.state_task_service_lambda": in_process.patch_task_errors,
    f"{_TASK}.state_task_lambda": in_process.patch_plain_task_errors,
    f"{_LAMBDA}.event_source_mapping.esm_worker_factory": in_process.patch_pollers,
    f"{_LAMBDA}.invocation.execution_environment": in_process.patch_environments,
    f"{_LAMBDA}.invocation.logs": in_process.patch_function_logs,
    f"{_LAMBDA}.provider": in_process.patch_mappings,
}
