"""What services do in the name of a role without a call through LocalStack's API.

Used by `permissions`: tasks that go straight to Lambda, the credentials and logs of functions, and the pollers of
mappings.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime import actions, authorization
from lab.emulator.runtime.actions import Place
from lab.emulator.runtime.authorization import DeniedError
from lab.emulator.runtime.hooks.replacing import replace

QUEUE_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
# Lambda's guide names more, such as ListShards; these three are what reading a stream takes.
STREAM_ACTIONS = ("GetRecords", "GetShardIterator", "DescribeStream")
NOT_ASSUMABLE_BY_LAMBDA = "The role defined for the function cannot be assumed by Lambda."
NOT_ASSUMABLE_BY_STATES = (
    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the "
    "provided role."
)


# Tasks


def patch_tasks(module: ModuleType) -> None:
    from botocore.exceptions import ClientError

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def execute(env: Any, parameters: dict[str, Any], region: str, state_credentials: Any) -> None:
            role_arn = state_credentials.role_arn
            machine = env.states.context_object.context_object_data["StateMachine"]["Id"]
            if not authorization.may_be_assumed(role_arn, "states.amazonaws.com", machine):
                raise _no_permissions(env)
            _, partition, _, _, account, _ = role_arn.split(":", 5)
            resource = actions.function_arn(
                str(parameters["FunctionName"]), Place(partition, region, account), str(parameters.get("Qualifier", ""))
            )
            try:
                authorization.authorize(role_arn, "lambda:InvokeFunction", resource)
            except DeniedError as denied:
                raise _invoke_denied(str(denied)) from None
            original(env=env, parameters=parameters, region=region, state_credentials=state_credentials)

        return execute

    def _no_permissions(env: Any) -> Exception:
        """The guide lists this error; its words are those that Step Functions has when a state machine is made."""
        from localstack.aws.api.stepfunctions import HistoryEventType, TaskFailedEventDetails
        from localstack.services.stepfunctions.asl.component.common.error_name import (
            failure_event,
            states_error_name,
            states_error_name_type,
        )
        from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails

        name = states_error_name_type.StatesErrorNameType.StatesPermissions
        details = TaskFailedEventDetails(
            error=name.to_name(), cause=NOT_ASSUMABLE_BY_STATES, resource="invoke", resourceType="lambda"
        )
        return failure_event.FailureEventException(
            failure_event.FailureEvent(
                env=env,
                error_name=states_error_name.StatesErrorName(typ=name),
                event_type=HistoryEventType.TaskFailed,
                event_details=EventDetails(taskFailedEventDetails=details),
            )
        )

    def _invoke_denied(message: str) -> Exception:
        from localstack.utils.strings import long_uid

        metadata = {"RequestId": long_uid(), "HTTPStatusCode": 403, "HTTPHeaders": {}, "RetryAttempts": 0}
        error = {"Code": "AccessDeniedException", "Message": message}
        return ClientError({"Error": error, "ResponseMetadata": metadata}, "Invoke")

    replace(module, "execute_lambda_function_integration", make)


def patch_task_errors(module: ModuleType) -> None:
    """Step Functions names an error of Lambda that Lambda's API does not name by the class of its client."""

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def error_and_cause(client_error: Any) -> tuple[str, str]:
            error, cause = original(client_error)
            return "Lambda.AWSLambdaException" if error == "Lambda.AccessDeniedException" else error, cause

        return staticmethod(error_and_cause)

    replace(module.StateTaskServiceLambda, "_error_cause_from_client_error", make)


def patch_plain_task_errors(module: ModuleType) -> None:
    """The same for a task whose resource is the function's ARN: LocalStack calls every refusal an ``Exception``."""
    from botocore.exceptions import ClientError

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def failure_event(self: Any, env: Any, ex: Exception) -> Any:
            event = original(self, env, ex)
            if isinstance(ex, ClientError) and ex.response["Error"]["Code"] == "AccessDeniedException":
                from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (
                    state_task_service_lambda as named,
                )

                error, cause = named.StateTaskServiceLambda._error_cause_from_client_error(ex)
                event.error_name = module.CustomErrorName(error)
                event.event_details["lambdaFunctionFailedEventDetails"].update(error=error, cause=cause)
            return event

        return failure_event

    replace(module.StateTaskLambda, "_from_error", make)


# Functions and mappings


def patch_environments(module: ModuleType) -> None:
    from localstack.aws.api import CommonServiceException

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def get_credentials(self: Any) -> Any:
            version = self.function_version
            arn = version.id.unqualified_arn()
            if not authorization.may_be_assumed(version.config.role, "lambda.amazonaws.com", arn):
                raise CommonServiceException("AccessDeniedException", NOT_ASSUMABLE_BY_LAMBDA, 403)
            return original(self)

        return get_credentials

    replace(module.ExecutionEnvironment, "get_credentials", make)


def patch_function_logs(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def add_logs(self: Any, log_item: Any) -> None:
            _, partition, _, _, account, _ = self.role_arn.split(":", 5)
            place = Place(partition, self.region, account)
            group = actions.log_stream_arn(log_item.log_group, "", place)
            stream = actions.log_stream_arn(log_item.log_group, log_item.log_stream, place)
            permitted = functools.partial(authorization.permitted, self.role_arn)
            if not permitted("logs:PutLogEvents", stream) or not permitted("logs:CreateLogStream", group):
                return  # Lambda says nothing either
            if permitted("logs:CreateLogGroup", group) or _group_exists(log_item.log_group, account, self.region):
                original(self, log_item)

        return add_logs

    def _group_exists(group: str, account: str, region: str) -> bool:
        from localstack.services.logs.models import get_moto_logs_backend

        return group in get_moto_logs_backend(account, region).groups

    class Connect:
        """Clients for the log loop, which makes the group anew each time; a role need not be able to."""

        def __init__(self, original: Any) -> None:
            self._connect = original

        def with_assumed_role(self, *, region_name: str, role_arn: str, service_principal: str) -> Any:
            return self._connect(aws_access_key_id=role_arn.split(":")[4], region_name=region_name)

    replace(module.LogHandler, "add_logs", make)
    replace(module, "connect_to", Connect)


def patch_mappings(module: ModuleType) -> None:
    from localstack.aws.api.lambda_ import InvalidParameterValueException

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def check_source(self: Any, service: str, resource_arn: str, function_arn: str, function_role_arn: str) -> None:
            if service == "sqs":
                for action in QUEUE_ACTIONS:
                    if not authorization.permitted(function_role_arn, f"sqs:{action}", resource_arn):
                        message = f"The function execution role does not have permissions to call {action} on SQS"
                        raise InvalidParameterValueException(message, Type="User")
            elif service in ("kinesis", "dynamodb"):
                for action in STREAM_ACTIONS:
                    if not authorization.permitted(function_role_arn, f"{service}:{action}", resource_arn):
                        message = (
                            f"Cannot access stream {resource_arn}. Please ensure the role can perform the "
                            f"{', '.join(STREAM_ACTIONS)} Actions on your stream in IAM."
                        )
                        raise InvalidParameterValueException(message, Type="User")
            original(self, service, resource_arn, function_arn, function_role_arn)

        return check_source

    replace(module.LambdaProvider, "check_service_resource_exists", make)


def patch_pollers(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def get_worker(self: Any) -> Any:
            worker = original(self)
            client: Any = getattr(worker.poller, "source_client", None)
            if hasattr(type(client), "role_arn"):  # it goes straight to the queue: see `queue_mapping`
                client.role_arn = self.function_role_arn
            return worker

        return get_worker

    replace(module.EsmWorkerFactory, "get_esm_worker", make)
