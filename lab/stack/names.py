"""What each resource of a lab is called, and the ARN it has.

Names follow from the lab's name alone, so provisioning can be resumed after a crash and two labs never meet. ARNs
follow from names, account, region and partition, so that resources that refer to each other can be made in parallel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lab.target import Target

PIPELINE_FUNCTIONS = ("base64_decoder", "stats_generator", "string_cleaner", "tokenizer_counter")
START_FUNCTION = "start_execution"
FUNCTIONS = (*PIPELINE_FUNCTIONS, START_FUNCTION)
# Which definition of the Express Workflow is deployed: the name that learners type → its file in statemachine/.
WORKFLOWS = {
    "plain": "text_processing",
    "resilient": "text_processing_resilient",
    "jsonata": "text_processing_jsonata",
}
LOG_LEVELS = ("ALL", "ERROR", "FATAL", "OFF")
STARTS = ("asynchronous", "synchronous")


@dataclass(frozen=True)
class Settings:
    """What a learner may want to turn.

    Attributes:
        function_timeout_s: timeout of each function. AWS refuses a mapping to a queue whose visibility timeout is
            shorter, and advises six times as much: time to try again when the function is throttled.
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        batch_size: messages that the mapping hands to one invocation at most.
        max_receive_count: deliveries of a message before it moves to the dead-letter queue. AWS advises five or more,
            since a delivery counts although the function was throttled and never saw the message.
        memory_mb: memory of each function, in MiB. On AWS its share of a processor grows with it.
        mapping_enabled: whether the mapping starts to poll at once.
        mapping_concurrency: batches at work at once at most, 2 to 1,000; None leaves it to Lambda.
        reserved_concurrency: invocations of each function at once at most; None leaves it to the account. It caps
            the containers of LocalStack in Docker; what is beyond it fails with TooManyRequestsException.
        batching_window_s: how long the mapping may collect messages for a batch that is not full, 0 to 300 seconds.
        log_level: which execution events Step Functions writes, one of ``LOG_LEVELS``. With any but ``ALL`` the lab
            does not see executions that succeed.
        start: ``asynchronous`` (StartExecution), or ``synchronous``: ``start_execution`` waits for the end of each
            execution (StartSyncExecution), and its role may do that, too.
        stamped: whether the first and the last function of the workflow print the id of each message.
        workflow: ``plain``, the sample as it is; ``resilient``, which tries again and keeps what fails (only that one
            has a failure queue, and a role that may send to it); or ``jsonata``, which does in expressions what the
            four functions do.
    """

    function_timeout_s: int = 10
    batch_size: int = 10
    max_receive_count: int = 5
    memory_mb: int = 128
    mapping_enabled: bool = True
    mapping_concurrency: int | None = None
    reserved_concurrency: int | None = None
    batching_window_s: int = 0
    log_level: str = "ALL"
    start: str = "asynchronous"
    stamped: bool = False
    workflow: str = "plain"

    def __post_init__(self) -> None:
        for name, value, known in (("log level", self.log_level, LOG_LEVELS), ("start", self.start, STARTS)):
            if value not in known:
                raise ValueError(f"There is no {name} {value!r}; there are: {', '.join(known)}.")
        if self.workflow not in WORKFLOWS:
            raise ValueError(f"There is no workflow {self.workflow!r}; there are: {', '.join(WORKFLOWS)}.")

    @property
    def visibility_timeout_s(self) -> int:
        """Six times the function's timeout."""
        return 6 * self.function_timeout_s


@dataclass(frozen=True)
class Names:
    """Names and ARNs of one lab's resources on one target.

    Attributes:
        target: where.
        run: of which run, on AWS; None is the target's own.
    """

    target: Target
    run: str | None = None

    @property
    def prefix(self) -> str:
        """What every resource name starts with."""
        run = self.target.run if self.run is None else self.run
        return f"express-lab-{self.target.name}" + (f"-{run}" if run else "")

    @property
    def queue(self) -> str:
        """The queue's name."""
        return f"{self.prefix}-messages"

    @property
    def dead_letter_queue(self) -> str:
        """The dead-letter queue's name."""
        return f"{self.prefix}-dead-letters"

    @property
    def failure_queue(self) -> str:
        """The name of the queue in which the resilient workflow keeps what failed for good."""
        return f"{self.prefix}-failures"

    @property
    def state_machine(self) -> str:
        """The Express Workflow's name."""
        return f"{self.prefix}-text-processing"

    @property
    def log_group(self) -> str:
        """The log group of execution events. AWS wants this prefix: it keeps the resource policy short."""
        return f"/aws/vendedlogs/states/{self.state_machine}"

    @property
    def workflow_role(self) -> str:
        """The role that the Express Workflow assumes."""
        return f"{self.prefix}-workflow"

    @property
    def functions_role(self) -> str:
        """The role of the four functions of the workflow."""
        return f"{self.prefix}-functions"

    @property
    def start_role(self) -> str:
        """The role of ``start_execution``."""
        return f"{self.prefix}-start-execution"

    @property
    def stack(self) -> str:
        """The CloudFormation stack that is made of the exported template; its resources' names begin with it."""
        return f"{self.prefix}-cfn"

    def function(self, folder: str) -> str:
        """The deployed name of the function in ``lambdas/<folder>``."""
        return f"{self.prefix}-{folder.replace('_', '-')}"

    def function_log_group(self, folder: str) -> str:
        """Where Lambda writes what the function prints."""
        return f"/aws/lambda/{self.function(folder)}"

    def queue_arn(self, queue: str) -> str:
        """ARN of a queue."""
        return self._arn("sqs", queue)

    def queue_url(self, queue: str) -> str:
        """URL of a queue that need not exist yet, as a state machine takes it."""
        target = self.target
        suffix = "amazonaws.com.cn" if target.partition == "aws-cn" else "amazonaws.com"
        return f"https://sqs.{target.region}.{suffix}/{target.account}/{queue}"

    def role_arn(self, role: str) -> str:
        """ARN of a role (roles have no region)."""
        return f"arn:{self.target.partition}:iam::{self.target.account}:role/{role}"

    def function_arn(self, folder: str) -> str:
        """ARN of a function."""
        return self._arn("lambda", f"function:{self.function(folder)}")

    def log_group_arn(self, log_group: str) -> str:
        """ARN of a log group, with the ``:*`` that Step Functions asks for."""
        return self._arn("logs", f"log-group:{log_group}:*")

    @property
    def state_machine_arn(self) -> str:
        """ARN of the Express Workflow."""
        return self._arn("states", f"stateMachine:{self.state_machine}")

    @cached_property
    def substitutions(self) -> dict[str, str]:
        """Values for ``${Name}`` in policies and state machine definitions."""
        values = {
            "Partition": self.target.partition,
            "Region": self.target.region,
            "Account": self.target.account,
            "QueueArn": self.queue_arn(self.queue),
            "DeadLetterQueueArn": self.queue_arn(self.dead_letter_queue),
            "FailureQueueArn": self.queue_arn(self.failure_queue),
            "FailureQueueUrl": self.queue_url(self.failure_queue),
            "StateMachineArn": self.state_machine_arn,
            "FunctionLogGroupsArn": self.log_group_arn(f"/aws/lambda/{self.prefix}-*"),
        }
        for folder in FUNCTIONS:
            title = "".join(part.capitalize() for part in folder.split("_"))
            values[f"{title}Function"] = self.function(folder)
            values[f"{title}FunctionArn"] = self.function_arn(folder)
        return values

    def _arn(self, service: str, resource: str) -> str:
        target = self.target
        return f"arn:{target.partition}:{service}:{target.region}:{target.account}:{resource}"
