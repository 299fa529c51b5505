# %% [markdown]
# # Provision
#
# **Time:** 30 minutes
#
# You make every part of the system, one AWS call at a time: two queues, three roles, log groups, five
# functions, the Express Workflow, and the mapping that connects the queue with the first function. After this
# notebook you
#
# - know what each part is for, and which setting of it matters,
# - can read a state machine's definition,
# - can give a function exactly the permissions it needs.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **ARN** | Amazon Resource Name: the full name of a thing on AWS, with service, region and account |
# | **role** | an identity that a service uses while it works for you; its *policies* say what it may do |
# | **handler** | the Python function that Lambda calls, `lambda_handler(event, context)` |
# | **definition** | a state machine as JSON, in the Amazon States Language |
# | **event source mapping** | the part of Lambda that polls a queue and calls a function with what it finds |
# | **dead-letter queue** | where messages go that could not be handled after several tries |
# | **visibility timeout** | how long a message that was handed out stays hidden before it is handed out again |

# %%
import json

from lab import charts, paths, stack, workshop
from lab.stack import documents, exercises, tags
from lab.stack.functions import package
from lab.workshop import self_checks

here = workshop.open_lab(start=True, complete=False)
names = stack.Names(here)

# %% [markdown]
# `names` knows what everything in your lab is called. All names start with the lab's own, so that two labs
# in one account never meet.

# %%
print(names.queue, names.state_machine, sep="\n")

# %% [markdown]
# Five services take part, and boto3 has a client for each.

# %%
sqs = here.client("sqs")
iam = here.client("iam")
logs = here.client("logs")
functions = here.client("lambda")
workflows = here.client("stepfunctions")

# %% [markdown]
# ## Predict
#
# The function `start_execution` must know the state machine; the state machine must know the four functions
# that it calls; every function must know its role. Which of all these must be made first? Write your order
# down.
#
# And: the function is allowed to work for 10 seconds. For how long should the queue hide a message that it
# has handed out: 5 seconds, 10, or 60?

# %%
# BEGIN SOLUTION
workshop.predict("what must be made first", "the roles")
workshop.predict("seconds to hide a message", 10)
# INSTEAD
# workshop.predict("what must be made first", ...)
# workshop.predict("seconds to hide a message", ...)
# END SOLUTION

# %% [markdown]
# ## Run: the queues
#
# First the dead-letter queue, since the other one refers to it. It keeps messages for 14 days, the longest
# that SQS offers: somebody should have the time to look at them. The days count from when a message was first
# *sent*, not from when it came here. So a dead-letter queue must keep messages longer than the queue before it,
# which has them for four days unless you say otherwise.
#
# `workshop.create` makes the call that you give it. It tries again for a while, since on AWS some seconds pass
# before a new role is known everywhere. And it accepts that the thing exists already, so you can run this
# notebook twice.

# %%
workshop.create(
    sqs.create_queue,
    QueueName=names.dead_letter_queue,
    Attributes={"MessageRetentionPeriod": str(14 * 24 * 3600)},
    tags=tags.as_mapping(here.name),
)
workshop.tell(names.dead_letter_queue)

# %% [markdown]
# Now the queue itself. A message that was handed out and not handled becomes visible again when its visibility
# timeout is over. After five times it moves to the dead-letter queue.
#
# Two numbers need a reason. The *visibility timeout* must not be shorter than what the function may take, here 10
# seconds: AWS refuses to connect such a queue with the function, for a slow message would be handed out a second
# time while it is still in work. But one time is not enough. When an earlier batch keeps the function busy, Lambda
# may find no room for the next one. It is *throttled*, and tries again, while the messages stay hidden. For that
# AWS advises six times the function's timeout: 60 seconds.
#
# And *five times*, because each time that the queue hands out a message counts, even when Lambda found no room for
# it and the function never saw it. With a count of one, good messages would end among the dead letters only
# because Lambda was busy. AWS advises at least five.

# %%
redrive = {
    "deadLetterTargetArn": names.queue_arn(names.dead_letter_queue),
    "maxReceiveCount": 5,
}
workshop.create(
    sqs.create_queue,
    QueueName=names.queue,
    Attributes={
        "VisibilityTimeout": "60",
        "RedrivePolicy": json.dumps(redrive),
    },
    tags=tags.as_mapping(here.name),
)
workshop.tell(names.queue)

# %% [markdown]
# Ask SQS what it has stored.

# %%
queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
wanted = ["QueueArn", "VisibilityTimeout", "RedrivePolicy"]
sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=wanted)[
    "Attributes"
]

# %%
workshop.compare("seconds to hide a message", 60)

# %% [markdown]
# ## Run: the roles
#
# A role has two halves. The *trust policy* says who may use the role, here the service Lambda:

# %%
workshop.show_json(
    documents.policy("trust", {"Service": "lambda.amazonaws.com"})
)

# %% [markdown]
# The emulator checks both halves, as AWS does, before anything is done in the name of a role. Your own calls
# are not checked here; on AWS they are.
#
# The *permission policies* say what the role may do. The workflow may call exactly these four functions. When
# the policy is made, the ARNs of your lab replace the names in `${…}`.

# %%
workshop.show(documents.POLICIES / "invoke_functions.json")

# %% [markdown]
# You need three roles: one for the workflow, one for its four functions, and one for `start_execution`. Only
# the last one may receive messages and start executions.

# %%
roles = {
    names.workflow_role: ("states", ["invoke_functions", "deliver_logs"]),
    names.functions_role: ("lambda", ["write_function_logs"]),
    names.start_role: (
        "lambda",
        ["write_function_logs", "receive_messages", "start_executions"],
    ),
}

# %%
for role, (service, policies) in roles.items():
    trust = documents.policy("trust", {"Service": f"{service}.amazonaws.com"})
    arguments = {"RoleName": role, "AssumeRolePolicyDocument": trust}
    workshop.create(
        iam.create_role, **arguments, Tags=tags.as_pairs(here.name)
    )
    for policy in policies:
        text = documents.policy(policy, names.substitutions)
        iam.put_role_policy(
            RoleName=role, PolicyName=policy, PolicyDocument=text
        )
    workshop.tell(role, policies)

# %% [markdown]
# ## Run: the log groups
#
# The workflow writes its events into one log group. Each function has a log group of its own for what it prints.
# CloudWatch keeps what is logged for ever unless you set a number of days; here seven are enough. (What costs most on
# AWS is to write these logs. Notebook 10 shows how much.)

# %%
five = [*stack.PIPELINE_FUNCTIONS, "start_execution"]
for group in [names.log_group, *map(names.function_log_group, five)]:
    workshop.create(
        logs.create_log_group,
        logGroupName=group,
        tags=tags.as_mapping(here.name),
    )
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    workshop.tell(group)

# %% [markdown]
# ## Run: the functions of the workflow
#
# Each function is one Python file. These are the very files that are deployed; nothing is added to them.
# Lambda calls `lambda_handler` with the event, a dictionary, and what it returns goes on to the next state.

# %%
workshop.show(paths.LAMBDAS / "base64_decoder" / "handler.py")

# %% [markdown]
# The second function describes the text. Note what it counts: *words* that are numbers, and *words* with
# something special in them, not characters. You will need that in the next notebook.

# %%
workshop.show(paths.LAMBDAS / "stats_generator" / "handler.py")

# %% [markdown]
# The third replaces everything that is not part of a word with a space. The fourth counts the words.

# %%
workshop.show(paths.LAMBDAS / "string_cleaner" / "handler.py")

# %%
workshop.show(paths.LAMBDAS / "tokenizer_counter" / "handler.py")

# %% [markdown]
# To deploy a function, you send Lambda a zip archive with the file in it. You say which Python runs it, which
# function in it is the handler, how long it may take, and how much memory (in MB) it gets. `package` makes the
# archive. The Python is the one that really runs it: your emulator's own (`here` asks it), and
# `python3.13` on AWS.
#
# A function that takes more memory is ended with `Runtime.OutOfMemory`. On AWS, more memory also means a larger share
# of a processor. At 1,769 MB a function has one whole processor. 128 MB is the smallest size. AWS advises it for
# simple functions only; ours are simple.

# %%
common = {
    "Runtime": here.function_runtime,
    "Handler": "handler.lambda_handler",
    "Timeout": 10,
    "MemorySize": 128,
    "Tags": tags.as_mapping(here.name),
}

# %%
for folder in stack.PIPELINE_FUNCTIONS:
    workshop.create(
        functions.create_function,
        FunctionName=names.function(folder),
        Role=names.role_arn(names.functions_role),
        Code={"ZipFile": package(paths.LAMBDAS / folder)},
        **common,
    )
    workshop.tell(names.function(folder))

# %% [markdown]
# ## Run: the workflow
#
# This is the definition. Read it from the top: `StartAt` names the first state, `Next` the one that
# follows, and `End` is the end. Each state is a `Task` that invokes a function: `"Payload.$": "$"` hands it
# everything that the state was given, and `"OutputPath": "$.Payload"` keeps what the function returned and
# drops the envelope around it. (These expressions are JSONPath.)

# %%
workshop.show(paths.STATE_MACHINES / "text_processing.asl.json")

# %% [markdown]
# The same as a picture, with the names of your functions filled in:

# %%
definition = documents.definition("text_processing", names.substitutions)
charts.state_machine_graph(definition)

# %% [markdown]
# The log is the only record of a single execution of an Express Workflow. So tell it to log everything: level
# `ALL`, with the data that goes into and comes out of each state. (On AWS you may want less later: notebook 10
# shows what it costs.)

# %%
destination = {
    "cloudWatchLogsLogGroup": {
        "logGroupArn": names.log_group_arn(names.log_group)
    }
}
logging = {
    "level": "ALL",
    "includeExecutionData": True,
    "destinations": [destination],
}

# %%
workshop.create(
    workflows.create_state_machine,
    name=names.state_machine,
    type="EXPRESS",
    definition=json.dumps(definition, indent=2),
    roleArn=names.role_arn(names.workflow_role),
    loggingConfiguration=logging,
    tags=tags.as_pairs(here.name, key="key", value="value"),
)
workflows.describe_state_machine(stateMachineArn=names.state_machine_arn)[
    "type"
]

# %% [markdown]
# ## Run: from the queue to the workflow
#
# A queue cannot start a workflow by itself. A fifth function does it: it gets a batch of messages, starts
# one execution for each, and gives back the ids of those that failed. Anybody may put anything into a queue. So
# the function looks at each body first. A body that cannot be read fails alone, and the error's name says why.

# %%
workshop.show(paths.LAMBDAS / "start_execution" / "handler.py")

# %% [markdown]
# An environment variable tells it which state machine to start. The next cell also waits until Lambda has made
# all five functions ready.

# %%
workshop.create(
    functions.create_function,
    FunctionName=names.function("start_execution"),
    Role=names.role_arn(names.start_role),
    Environment={"Variables": {"STATE_MACHINE_ARN": names.state_machine_arn}},
    Code={"ZipFile": package(paths.LAMBDAS / "start_execution")},
    **common,
)
for folder in five:
    functions.get_waiter("function_active_v2").wait(
        FunctionName=names.function(folder)
    )
    workshop.tell(names.function(folder))

# %% [markdown]
# Last comes the event source mapping, and with it the system is alive: Lambda polls the queue and calls the
# function with up to ten messages at a time.
#
# `ReportBatchItemFailures` makes Lambda read the list of failed ids that the function returns. These messages go
# back to the queue, and the others are deleted. Without this setting Lambda asks only whether the function raised
# an error. Ours never does. So Lambda would take each batch for a success and delete all ten messages: a bad one
# would be gone, and nobody would know. (If the function did raise an error, all ten would come back, and nine
# executions would be started again.)

# %%
workshop.create(
    functions.create_event_source_mapping,
    EventSourceArn=names.queue_arn(names.queue),
    FunctionName=names.function("start_execution"),
    BatchSize=10,
    FunctionResponseTypes=["ReportBatchItemFailures"],
    Tags=tags.as_mapping(here.name),
)
workshop.wait_for_mapping(names)

# %% [markdown]
# ## Read the result
#
# Did the order matter? Hardly. An ARN follows from a name, an account and a region, so two things can refer
# to each other before either of them exists. Only this had to be right: a role before the function that
# uses it, and the mapping last, because from then on messages move.
#
# And the visibility timeout? With 5 seconds, AWS would have refused the mapping. It would accept 10, but 60 leaves
# room for new attempts.

# %%
workshop.compare("what must be made first", "the roles")

# %% [markdown]
# The command `lab up` makes all of this in a few seconds. If you did what it does, it finds nothing left to
# do.

# %%
self_checks.answer(
    "“lab up” finds nothing left to do",
    expected=[],
    observed=lambda: self_checks.changed_by_lab_up(here),
    look_at="the settings above; “lab up” has put them right, you can go on",
)

# %% [markdown]
# And this is all that you have made:

# %%
found = stack.survivors(here)
for kind in [
    "queue",
    "role",
    "log group",
    "function",
    "state machine",
    "event source mapping",
]:
    print(f"{sum(line.startswith(f'{kind} ') for line in found)} × {kind}")

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: write a handler
#
# Write a function that finds the longest word. It gets what `tokenizer_counter` returns, and gives back the
# same with `longest_word` added. Of equally long words take the one that comes first in the alphabet; if
# there are no words, take the empty text.
#
# | takes | gives |
# |---|---|
# | `{"word_counts": {"a": 2, "cloud": 1}, …}` | `{"word_counts": {"a": 2, "cloud": 1}, "longest_word": "cloud", …}` |


# %%
def lambda_handler(event, context):
    # BEGIN SOLUTION
    words = sorted(event["word_counts"])
    return {**event, "longest_word": max(words, key=len, default="")}
    # INSTEAD
    # return event  # your code here: add longest_word
    # END SOLUTION


# %% [markdown]
# Check it here, where a mistake is quickly found:

# %%
self_checks.exercise_longest_word(lambda_handler)

# %% [markdown]
# Then deploy it. `workshop.package_of` packs the function into an archive, as `handler.py`, with the helpers,
# imports and values that it uses. It gets a name of its own on Lambda, so the workflow does not change.

# %%
mine = exercises.name(names, "longest-word")
role = names.role_arn(names.functions_role)
code = workshop.package_of(lambda_handler)
workshop.create(
    functions.create_function,
    FunctionName=mine,
    Role=role,
    Code={"ZipFile": code},
    **common,
)
functions.get_waiter("function_active_v2").wait(FunctionName=mine)
functions.update_function_code(FunctionName=mine, ZipFile=code)
functions.get_waiter("function_updated_v2").wait(FunctionName=mine)

# %% [markdown]
# And call it, as the workflow would:

# %%
event = json.dumps({"word_counts": {"a": 2, "cloud": 1}})
response = functions.invoke(FunctionName=mine, Payload=event)
payload = json.load(response["Payload"])
print(payload)

# %%
self_checks.exercise_deployed(payload)

# %% [markdown]
# ### Exercise 2: give a permission, and no more
#
# A new function is to watch the dead-letter queue: it asks how many messages are in it (the call is
# `GetQueueAttributes`), and does nothing else. The policy below lets it do everything to everything. Narrow
# it to the one action on the one queue. `names.queue_arn(…)` gives the ARN of a queue.

# %%
policy = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            # BEGIN SOLUTION
            "Action": ["sqs:GetQueueAttributes"],
            "Resource": [names.queue_arn(names.dead_letter_queue)],
            # INSTEAD
            # "Action": ["*"],  # your code here
            # "Resource": ["*"],  # and here
            # END SOLUTION
        }
    ],
}

# %%
self_checks.exercise_policy(policy, names)

# %% [markdown]
# Now see it at work. A role gets your policy, and a function that works in its name tries two calls: the one
# that it needs, and one that it must not make.


# %%
def watch(event, context):
    import boto3

    client = boto3.client("sqs")
    answers = {}
    for call in ["get_queue_attributes", "receive_message"]:
        try:
            getattr(client, call)(QueueUrl=event["queue_url"])
            answers[call] = "allowed"
        except client.exceptions.ClientError as error:
            answers[call] = str(error)
    return answers


# %%
watcher = exercises.name(names, "watcher")
trust = documents.policy("trust", {"Service": "lambda.amazonaws.com"})
arguments = {"RoleName": watcher, "AssumeRolePolicyDocument": trust}
workshop.create(iam.create_role, **arguments, Tags=tags.as_pairs(here.name))
iam.put_role_policy(
    RoleName=watcher, PolicyName="watch", PolicyDocument=json.dumps(policy)
)
workshop.create(
    functions.create_function,
    FunctionName=watcher,
    Role=names.role_arn(watcher),
    Code={"ZipFile": workshop.package_of(watch)},
    **common | {"Handler": "handler.watch"},
)
functions.get_waiter("function_active_v2").wait(FunctionName=watcher)

# %%
found = sqs.get_queue_url(QueueName=names.dead_letter_queue)
event = json.dumps({"queue_url": found["QueueUrl"]})
response = functions.invoke(FunctionName=watcher, Payload=event)
for call, answer in json.load(response["Payload"]).items():
    workshop.say(f"{call}: {answer}")

# %% [markdown]
# With a policy that allows everything, both calls are allowed. With yours, the second is refused, and the
# message says who may not do what to which resource, and why. Change the policy and run the cells again: here
# a change counts at once, on AWS after some seconds. (LocalStack without this lab's runtime asks no policy.)

# %% [markdown]
# ## Recap
#
# - A queue holds messages. Its visibility timeout is six times what the function may take, so that Lambda can
#   try again when it is throttled. Messages that fail five times end in the dead-letter queue.
# - A role is the identity of a service while it works for you. Each of the three here may do what it must and
#   nothing else.
# - A state machine is JSON: states, each with what it does and what comes next. The log is the only record of a
#   single Express execution.
# - The mapping is the pump. As soon as it exists, messages flow. It must be told to read which of them failed.
#
# Next: `02_first_message`. You send one message and follow it.

# %% [markdown]
# ## Roads not taken
#
# - **Describe instead of call.** CloudFormation, the CDK, SAM or Terraform take a description of all this
#   and make the calls for you; in a project you would use one of them. Here the calls are the lesson.
# - **No function in between.** EventBridge Pipes connects a queue with a state machine without code. The lab keeps
#   the function because the original sample has it, and because it can look at each body before it starts anything.
# - **JSONata instead of JSONPath.** AWS recommends it for new state machines: one language for what goes into a
#   state and what comes out, with functions that compute. The lab keeps the sample's JSONPath.
# - **The workflow as code.** In a *durable function* of Lambda the steps are Python, and Lambda keeps what each step
#   returned. The lab is about Step Functions, which shows the steps as a graph and logs each of them.
# - **Encrypted queues and logs.** One attribute each, with a key of KMS; left out to keep the policies
#   short.

# %% [markdown]
# ## Sources
#
# - [A queue for Lambda](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html): six times the
#   timeout, at least one, and at least five receives
# - [Errors in a batch](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html) and
#   `ReportBatchItemFailures`
# - [How long a dead-letter queue keeps a message](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html)
# - [Memory and processor of a function](https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)
# - [How long logs are kept](https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html)
# - [Logs of Express Workflows](https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html)
# - [JSONata](https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html),
#   [durable functions](https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html),
#   [EventBridge Pipes](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes.html)

# %% [markdown]
# ## Quiz
#
# Four questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("01")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("01", "c", "b", "a", "b")
# INSTEAD
# workshop.answer_quiz("01", ..., ..., ..., ...)
# END SOLUTION
