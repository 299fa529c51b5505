# %% [markdown]
# # When things fail
#
# **Time:** 50 minutes
#
# So far the weather was fair. Now you lose a message, with your own hands and on purpose. You find out why it is
# gone, and build the system that loses none. After this notebook you
#
# - know the two places where this system can lose a message without a word, and how to close both,
# - can find a message that nobody could handle, mend the cause, and send it on its way again,
# - know why a message may be handled twice, and how to make an effect that takes place once,
# - can say what an asynchronous and a synchronous start lose, double and cost.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **partial batch response** | the list of failed ids that a function gives back, so that only those return to the queue |
# | **visibility timeout** | how long SQS hides a message that somebody has received; then it hands it out again |
# | **poison message** | a message that fails each time it is handled |
# | **dead-letter queue** | where SQS moves a message that was received too often; a message in it is a *dead letter* |
# | **redrive** | to move dead letters back, when the cause is mended |
# | **Retry**, **Catch** | what a state does after an error: try again; go on to another state |
# | **back-off**, **jitter** | longer waits from attempt to attempt; waits of random length |
# | **failure queue** | where the resilient workflow keeps the messages of failed executions |
# | **to throttle** | to refuse a call because too many are at work |

# %%
import base64
import contextlib
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import psutil
from lab import charts, observe, paths, session, stack, workshop
from lab.analysis import account
from lab.load import Plan, Stage, messages
from lab.stack import documents, exercises, mapping, tags
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)

# %%
sqs = here.client("sqs")
functions = here.client("lambda")
workflows = here.client("stepfunctions")
queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
dead_arn = names.queue_arn(names.dead_letter_queue)
dead_url = sqs.get_queue_url(QueueName=names.dead_letter_queue)["QueueUrl"]

# %% [markdown]
# You change many settings below. When you begin again after a pause, this makes the lab as it was, and empties the
# dead-letter queue:

# %%
stack.provision(here)
if observe.queue_depth(sqs, dead_url).total:
    observe.drain_messages(sqs, dead_url)
for url in (queue_url, dead_url):
    print(observe.queue_depth(sqs, url).total)

# %% [markdown]
# ## Predict
#
# - The event source mapping does not read the partial batch response. Of ten messages one is not JSON. Where does
#   it end: in the queue, in the dead-letter queue, among the failed executions, or nowhere?
# - Lambda refuses to invoke a function of the workflow. How many queues have the message then?
# - While 40 messages are under way, you kill processes that work on them. How many messages are lost?
# - A function does its work for five messages, but its answer is lost. How many executions does that make?
# - Which start tells the queue that an execution failed, the asynchronous or the synchronous one?

# %%
# BEGIN SOLUTION
workshop.predict("where the unreadable message ends", "the queue")
workshop.predict("queues that have the throttled message", 1)
workshop.predict("messages lost when processes are killed", 2)
workshop.predict("executions of five messages", 5)
workshop.predict("the start that tells the queue", "synchronous")
# INSTEAD
# workshop.predict("where the unreadable message ends", ...)
# workshop.predict("queues that have the throttled message", ...)
# workshop.predict("messages lost when processes are killed", ...)
# workshop.predict("executions of five messages", ...)
# workshop.predict("the start that tells the queue", ...)
# END SOLUTION

# %% [markdown]
# ## Run: lose a message
#
# In notebook 01 you told the mapping to read which messages failed, with `ReportBatchItemFailures`. Take that away.
# It is a single setting, easily forgotten: a mapping that you make without it is as this one is now.


# %%
def change_mapping(**changes):
    mapping_id = mapping.find(names)["UUID"]
    functions.update_event_source_mapping(UUID=mapping_id, **changes)
    workshop.wait_for_mapping(names)


change_mapping(FunctionResponseTypes=[])

# %% [markdown]
# Now ten messages. The fifth one is cut off in the middle, so it is not JSON (below you see its end). `send`
# sends twenty a second. Then it waits until each message has come to an end, or until nothing has changed for
# some seconds: what is lost never comes to an end.

# %%
second = {"embedded": 1, "localstack": 4, "aws": 20}[here.kind]


def send(to_send, patience_s=8):
    plan = Plan([Stage(20, len(to_send) / 20)])
    waits = patience_s * second
    return session.run_plan(here, plan, to_send, patience_s=waits)


def ten_with_one_cut_off(seed):
    ten = list(messages.generate(10, seed=seed))
    ten[4] = messages.broken("not_json", lab_id=ten[4].lab_id)
    return ten


ten_with_one_cut_off(61)[4].body[-19:]

# %% [markdown]
# Below, a queue hides a message for one second only, and a function that starts cold may take longer. So `wake` invokes
# `start_execution` with an empty batch first, each time after it was changed.


# %%
def wake():
    def invoke(_):
        functions.invoke(
            FunctionName=names.function("start_execution"),
            Payload=json.dumps({"Records": []}),
        )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(invoke, range(2)))


wake()

# %% tags=["nbval-ignore-output"]
unread = send(ten_with_one_cut_off(61), patience_s=3)

# %% [markdown]
# ## Read the result: gone
#
# Look where you would look: into the two queues, and at the executions.

# %%
executed = unread.executions["name"].nunique()
print("in the queue:            ", observe.queue_depth(sqs, queue_url).total)
print("in the dead-letter queue:", observe.queue_depth(sqs, dead_url).total)
print("executions:              ", executed, "of", len(unread.sends))

# %% [markdown]
# Nothing. No queue has it, no execution, and nobody reported an error. Only an account finds it: who was sent, and is
# nowhere?

# %%
lost = unread.account[unread.account["fate"] == "lost"]
self_checks.answer(
    "of ten messages nine succeeded, and one is lost",
    expected=(9, 1),
    observed=(int((unread.account["fate"] == "succeeded").sum()), len(lost)),
    look_at="unread.account; was the mapping changed?",
)
workshop.compare("where the unreadable message ends", "nowhere")

# %% [markdown]
# The account has a row for each message: its fate, where it was last seen, and the error.

# %% tags=["nbval-ignore-output"]
lost[["fate", "station", "error", "what"]]

# %% tags=["nbval-ignore-output"]
charts.fates(unread.account)

# %%
self_checks.answer(
    "its last trace is an error in the log of start_execution",
    expected=["InvalidMessageError"],
    observed=lost["error"].tolist(),
    look_at="lost, the table",
)

# %% [markdown]
# How can that be? `start_execution` caught the error, as it should, put the id into its answer, and returned. For
# Lambda that is a success, since the function raised nothing. After a success Lambda deletes *the whole batch*. The
# answer that says otherwise was there, but nobody read it.

# %% [markdown]
# ## Run: save it
#
# Two settings. The mapping reads the answer again. And so that you need not wait for five minutes, the queue
# hides a message for one second only, and gives it up after two receives. (In earnest keep what notebook 01 says:
# six times the function's timeout, and five receives. On AWS a queue needs up to a minute to take on new
# attributes.)

# %%
change_mapping(FunctionResponseTypes=["ReportBatchItemFailures"])


def impatient_queue():
    redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2}
    sqs.set_queue_attributes(
        QueueUrl=queue_url,
        Attributes={
            "VisibilityTimeout": "1",
            "RedrivePolicy": json.dumps(redrive),
        },
    )
    time.sleep(60 if here.kind == "aws" else 0)


impatient_queue()

# %% tags=["nbval-ignore-output"]
saved = send(ten_with_one_cut_off(62))
account.kinds(saved.account)[["count", "what"]]

# %%
self_checks.answer(
    "now the message is in the dead-letter queue, and none is lost",
    expected=(1, 0),
    observed=(
        int((saved.account["fate"] == "dead_lettered").sum()),
        len(saved.reconciliation.lost),
    ),
    look_at="saved.account",
)

# %% [markdown]
# The function failed for this message twice, and each time the message alone came back. The other nine of its batch
# ran once. Powertools for AWS Lambda, a library of AWS, has this part of `start_execution` ready:
#
# ```python
# from aws_lambda_powertools.utilities.batch import (
#     BatchProcessor,
#     EventType,
#     process_partial_response,
# )
#
# processor = BatchProcessor(event_type=EventType.SQS)
#
# def start(record):  # raises when the record fails
#     ...
#
# def lambda_handler(event, context):
#     return process_partial_response(
#         event=event,
#         record_handler=start,
#         processor=processor,
#         context=context,
#     )
# ```
#
# It differs in one point: when *all* records of a batch fail, it raises an error, if you do not tell it otherwise. It
# does not change the setting of your mapping. Without `ReportBatchItemFailures` it loses messages just as well.

# %% [markdown]
# ## Run: poison messages
#
# A dead letter has a cause, and there are two kinds. Either the message is wrong, or the system is. Here is the
# second kind: somebody changes a setting, and mistypes it. From now on `start_execution` asks for a state machine
# that is not there.


# %%
def set_state_machine(arn):
    start = names.function("start_execution")
    functions.update_function_configuration(
        FunctionName=start,
        Environment={"Variables": {"STATE_MACHINE_ARN": arn}},
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=start)
    wake()


# %%
set_state_machine(names.state_machine_arn + "-x")

# %% tags=["nbval-ignore-output"]
poisoned = send(list(messages.generate(6, seed=63)))
account.kinds(poisoned.account)[["count", "what"]]

# %%
self_checks.answer(
    "all six are dead letters",
    expected={"dead_lettered": 6},
    observed=poisoned.account["fate"].value_counts().to_dict(),
    look_at="poisoned.account, and lab status in a terminal",
)

# %% [markdown]
# ## Read the result: what the dead letters say
#
# Look at them, without taking them out. A dead letter is the message as it was sent. It does not say why it is here.

# %% tags=["nbval-ignore-output"]
dead = observe.peek_messages(sqs, dead_url)
dead["begins with"] = dead["body"].str[:40]
dead[["begins with", "receive_count"]]

# %% [markdown]
# The cause is in the log of the function that refused them: find a line with the id of one of them.

# %% tags=["nbval-ignore-output"]
group = names.function_log_group("start_execution")
line = workshop.find_line(here, group, poisoned.sends["message_id"][0])
reason = json.loads(line)["error"]
print(reason["name"])
print(reason["message"])

# %%
self_checks.answer(
    "seven dead letters; the reason names the wrong state machine",
    expected=(7, True),
    observed=(len(dead), f"{names.state_machine}-x" in reason["message"]),
    look_at="dead, and reason",
)

# %% [markdown]
# (On your machine and on AWS the role of the function may start this one state machine only. So the refusal says
# that the function is not allowed to, before anybody looks whether the other one exists.)
#
# ## Run: mend the cause, and move them back
#
# First mend the setting. Then a single call moves all messages from the dead-letter queue to the queue. SQS does it
# by itself, and tells how far it is.

# %%
set_state_machine(names.state_machine_arn)
back = session.Watch(names)
sqs.start_message_move_task(
    SourceArn=dead_arn, DestinationArn=names.queue_arn(names.queue)
)
state = "RUNNING"
while state == "RUNNING":
    time.sleep(0.2)
    tasks = sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"]
    state = tasks[0]["Status"]
print(state, "after", tasks[0]["ApproximateNumberOfMessagesMoved"], "messages")

# %% tags=["nbval-ignore-output"]
back.until_drained(6, patience_s=8 * second)
moved, _, _ = back.tables()
print(moved["status"].value_counts().to_dict())

# %%
in_time = set(moved.loc[moved["status"] == "SUCCEEDED", "lab_id"])
self_checks.answer(
    "the six succeeded, and one dead letter is dead again",
    expected=(set(poisoned.sends["lab_id"]), 1),
    observed=(in_time, observe.queue_depth(sqs, dead_url).total),
    look_at="moved, the table",
)

# %% [markdown]
# The one that is there again is the message that was cut off. Its cause was not mended: it is in the message itself.
# Moving it back again and again would change nothing. Such a message has to be mended by somebody who knows what it
# should be; or it is thrown away, and its sender is told. Here we throw it away.
#
# The command `lab dead-letters` shows dead letters with their reason, and `lab redrive` moves them back.

# %%
thrown_away = observe.drain_messages(sqs, dead_url)
thrown_away["body"].str[-19:].tolist()

# %% [markdown]
# ## Run: lose one in the workflow
#
# The queue is safe now. What about the way behind it? Lambda *throttles*: when too many functions are at work in an
# account, it refuses the next invocation (notebook 10 says when). For an experiment, a reserved concurrency of zero
# makes it refuse all invocations of one function.

# %%
throttled = names.function("string_cleaner")


def throttle():
    functions.put_function_concurrency(
        FunctionName=throttled, ReservedConcurrentExecutions=0
    )


def release():
    functions.delete_function_concurrency(FunctionName=throttled)


# %% tags=["nbval-ignore-output"]
throttle()
refused = send(list(messages.generate(5, seed=64)))
release()
account.kinds(refused.account)[["count", "what"]]

# %%
refused_errors = refused.account["error"].unique().tolist()
in_queues = sum(
    observe.queue_depth(sqs, url).total for url in (queue_url, dead_url)
)
self_checks.answer(
    "five executions failed, and no queue knows of their messages",
    expected=({"failed": 5}, ["Lambda.TooManyRequestsException"], 0),
    observed=(
        refused.account["fate"].value_counts().to_dict(),
        refused_errors,
        in_queues,
    ),
    look_at="refused.account",
)
workshop.compare("queues that have the throttled message", in_queues)

# %% [markdown]
# There was nothing wrong with these messages. A second later they would have gone through. But Lambda deleted each of
# them from the queue when its execution was *started*, and the plain definition has no second attempt. On AWS a burst is
# enough for that: the first throttled state of an execution ends it. Only the log still has the text.

# %% [markdown]
# ## Run: try again, and keep what fails
#
# `text_processing_resilient.asl.json` is the same workflow with three additions. These are the first two, of one
# state:

# %%
definition = documents.definition(
    "text_processing_resilient", names.substitutions
)
cleaning = definition["States"]["Remove special characters"]
workshop.show_json({key: cleaning[key] for key in ("TimeoutSeconds", "Retry")})

# %% [markdown]
# - AWS recommends to try four errors of Lambda again, and names the fifth, `Lambda.TooManyRequestsException`, for
#   throttling. The first retrier has all five.
# - *Back-off*: it waits 1, 2, 4, then 8 seconds. What is overloaded needs rest, not more calls. *Jitter*: each
#   wait has a random length between zero and that. Otherwise all that failed together would come back together.
#   *Cap*: no wait is longer than eight seconds.
# - The second retrier is for a process that ended or gave no answer. That may be the message's fault, so there is one
#   more attempt only.
# - An Express Workflow ends after five minutes, whatever it does. All attempts of all states fit into that.
#
# The third addition: when all attempts have failed, or when trying again makes no sense, `Catch` leads to a state
# that sends the message to a failure queue. Then the execution fails under the name of the error.

# %%
workshop.show_json(
    {
        "Catch": cleaning["Catch"],
        "Keep the failed message": {
            key: definition["States"]["Keep the failed message"][key]
            for key in ("Type", "Resource", "Parameters")
        },
    }
)

# %%
charts.state_machine_graph(definition)

# %% [markdown]
# It needs a queue more, and its role needs a permission more: `sqs:SendMessage`, for this one queue. The command
# `lab up --workflow resilient` makes all of it; here is the same in a cell. (It also makes the queue patient again,
# so your two settings are repeated.)

# %%
stack.provision(here, stack.Settings(workflow="resilient"))
impatient_queue()
failure_url = sqs.get_queue_url(QueueName=names.failure_queue)["QueueUrl"]
if observe.queue_depth(sqs, failure_url).total:  # of an earlier try
    observe.drain_messages(sqs, failure_url)

# %% [markdown]
# The same throttle, for two seconds:

# %% tags=["nbval-ignore-output"]
throttle()
threading.Timer(2, release).start()
tried = send(list(messages.generate(5, seed=65)), patience_s=20)
account.kinds(tried.account)[["count", "what"]]

# %%
self_checks.answer(
    "all five succeeded, with attempts that failed before",
    expected=({"succeeded": 5}, True),
    observed=(
        tried.account["fate"].value_counts().to_dict(),
        bool((tried.executions["events"] > 22).all()),
    ),
    look_at="tried.executions, the column “events”: 22 without a retry",
)

# %% [markdown]
# And a message that no attempt can help? Its text is not base64:

# %% tags=["nbval-ignore-output"]
three = list(messages.generate(3, seed=66))
three[1] = messages.broken("bad_base64", lab_id=three[1].lab_id)
caught = send(three)
kept = observe.peek_messages(sqs, failure_url)
workshop.show_json(json.loads(kept["body"][0])["input"])

# %%
letter = json.loads(kept["body"][0])
self_checks.answer(
    "the failure queue has the message as it was, and the error",
    expected=(json.loads(three[1].body), "InvalidBase64Error", 1),
    observed=(letter["input"], letter["failure"]["Error"], len(kept)),
    look_at="letter",
)
self_checks.answer(
    "and the execution failed under the same name",
    expected=["InvalidBase64Error"],
    observed=caught.account.query("fate == 'failed'")["error"].tolist(),
    look_at="caught.account",
)

# %% [markdown]
# So this message has two records: it is a failed execution in the account, and a letter in the failure queue. The
# letter also has the ARN of the execution, which leads to its log.
#
# Doubt: is anything left that this workflow loses? An execution that runs into the five minutes ends without a
# `Catch`, and so does one whose data get larger than 262,144 bytes. Both are rare, both have a name in the account,
# and their text is in the log only.

# %% [markdown]
# ## Run: kill a process
#
# Processes die: a bug ends them, memory runs out, a machine fails. On your machine the functions run in processes
# that you can see. Find those of one function, and kill them while 40 messages are under way. So that they are
# caught at work, the function is made slow first: a file of two lines stands before its handler.


# %%
def deploy(folder, before):
    """The function of a folder, with a handler of ours before its own."""
    own = (paths.LAMBDAS / folder / "handler.py").read_text("utf-8")
    function = names.function(folder)
    functions.update_function_code(
        FunctionName=function,
        ZipFile=workshop.archive({"original.py": own, "handler.py": before}),
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=function)


slow = """
import time
import original

def lambda_handler(event, context):
    time.sleep(0.1)
    return original.lambda_handler(event, context)
"""
deploy("string_cleaner", slow)


# %%
def processes_of(folder):
    emulator = psutil.Process(session.status(here)["emulator_pid"])
    found = []
    for process in emulator.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            function = process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
            if function == names.function(folder):
                found.append(process.pid)
    return found


killed = []


def kill():
    for _ in range(2):
        time.sleep(0.7)
        for pid in processes_of("string_cleaner"):
            os.kill(pid, 9)
            killed.append(pid)


# %% tags=["nbval-ignore-output"]
if here.kind == "embedded":
    threading.Thread(target=kill).start()
forty = list(messages.generate(40, seed=67))
survived = send(forty, patience_s=20)
print(len(killed), "processes killed")
account.kinds(survived.account)[["count", "what"]]

# %%
disturbed = int((survived.executions["events"] > 22).sum())
self_checks.answer(
    "processes were killed, and no message is lost",
    expected=(True, 0),
    observed=(
        here.kind != "embedded" or len(killed) > 0,
        len(survived.reconciliation.lost),
    ),
    look_at="killed, and survived.account",
)
workshop.compare("messages lost when processes are killed", 0)

# %% tags=["nbval-ignore-output"]
print(disturbed, "executions needed another attempt.")
charts.sent_and_finished(survived.messages)

# %%
self_checks.answer(
    "each of the 40 succeeded, or failed and was kept",
    expected=40,
    observed=int(survived.account["fate"].isin(["succeeded", "failed"]).sum()),
    look_at="survived.account",
)

# %% [markdown]
# Nobody had to do anything. Lambda started new processes, and the state tried again: its error was
# `Runtime.ExitError`. (Where both attempts met a kill, the message is in the failure queue.) Had the process of
# `start_execution` died, the queue would have handed out its batch again.
#
# What of this is the same on AWS? The error has the same name there, and Lambda replaces an environment whose process
# ended. But nobody can kill one from outside. To try it out there, a function has to end itself, or AWS Fault
# Injection Service is used: its actions delay invocations of a function, or make them fail.

# %% [markdown]
# ## Run: twice
#
# “At least once” is a promise with a price. A function does its work, and then its answer is lost: it dies, or it
# takes too long. Nobody knows that the work is done, so the queue hands the batch out again. Force it: this handler
# starts all executions, and raises an error when it sees a message for the first time.

# %%
forgetful = """
import original

def lambda_handler(event, context):
    answer = original.lambda_handler(event, context)
    for record in event["Records"]:
        if record["attributes"]["ApproximateReceiveCount"] == "1":
            raise RuntimeError("the work is done, and nobody hears of it")
    return answer
"""
deploy("string_cleaner", "from original import lambda_handler")
deploy("start_execution", forgetful)
wake()

# %% [markdown]
# `send` waits for each message to end, and these have ended when they come back. So wait until the queue is empty,
# too, and count the executions of each message. (SQS counts approximately. So the queue must look empty three times in
# a row.)


# %%
def until_empty():
    deadline, empty_looks = time.monotonic() + 30 * second, 0
    while empty_looks < 3 and time.monotonic() < deadline:
        depth = observe.queue_depth(sqs, queue_url).total
        empty_looks = 0 if depth else empty_looks + 1
        time.sleep(0.2 * second)


# %% tags=["nbval-ignore-output"]
watch = session.Watch(names)
twice = send(list(messages.generate(5, seed=68)))
until_empty()
watch.until_drained(10, patience_s=3 * second)
doubled, _, _ = watch.tables()
doubled["name"].value_counts()

# %%
self_checks.answer(
    "each of five messages was executed more than once",
    expected=(5, True),
    observed=(
        doubled["name"].nunique(),
        bool((doubled["name"].value_counts() > 1).all()),
    ),
    look_at="doubled",
)
workshop.compare("executions of five messages", 10)

# %% [markdown]
# For the words of notebook 05 it did not matter: each name was counted once. But think of an effect in the world.
# Each execution that succeeds writes an invoice, and sends it to an office. Two ways to do it:
#
# - *Plain*: send it.
# - *Idempotent*: send it to a FIFO queue, under the name of the message. Such a queue drops what has the name of
#   another one that came in the last five minutes.

# %%
office = exercises.name(names, "invoices")
careful_office = f"{office}.fifo"
office_url = workshop.create(
    sqs.create_queue, QueueName=office, tags=tags.as_mapping(here.name)
)["QueueUrl"]
careful_url = workshop.create(
    sqs.create_queue,
    QueueName=careful_office,
    Attributes={"FifoQueue": "true"},
    tags=tags.as_mapping(here.name),
)["QueueUrl"]


def send_invoice(name):
    sqs.send_message(QueueUrl=office_url, MessageBody=name)


def send_invoice_once(name):
    sqs.send_message(
        QueueUrl=careful_url,
        MessageBody=name,
        MessageGroupId="invoices",
        MessageDeduplicationId=name,
    )


# %%
def invoices_of_each():
    urls = {"plain": office_url, "idempotent": careful_url}
    return pd.Series(
        {way: observe.queue_depth(sqs, url).total for way, url in urls.items()}
    )


before = invoices_of_each()
for name in doubled["name"]:
    send_invoice(name)
    send_invoice_once(name)

# %% tags=["nbval-ignore-output"]
invoices = invoices_of_each() - before
invoices.to_frame("invoices for 5 messages")

# %%
self_checks.answer(
    "five customers get one invoice each, or one for each execution",
    expected=(len(doubled), 5),
    observed=tuple(invoices),
    look_at="invoices, and doubled",
)

# %% [markdown]
# Five minutes are short: a dead letter may come back after days. For longer one keeps the names in a table, in a single
# write that fails when the name is there already. Powertools does that with a table of DynamoDB:
#
# ```python
# from aws_lambda_powertools.utilities.idempotency import (
#     DynamoDBPersistenceLayer,
#     idempotent_function,
# )
#
# table = DynamoDBPersistenceLayer(table_name="invoices")
#
# @idempotent_function(
#     data_keyword_argument="name", persistence_store=table
# )
# def send_invoice(*, name):
#     ...
# ```
#
# The first call with a name runs the function and keeps its answer, the next one gets that answer. When the function
# raises an error, the name is forgotten, so that the next call tries again. You write the heart of it in exercise 5.

# %% [markdown]
# ## Run: wait for the answer, or not
#
# `start_execution` starts asynchronously: `StartExecution` returns at once, and the function never learns how the
# execution ended. There is a second call, `StartSyncExecution`, that waits. Then the function can tell the queue that
# an execution failed. Measure both with the plain workflow, and with the same kind of ten messages: one has a text
# that is not base64.


# %%
def ten_with_one_bad_text(seed):
    ten = list(messages.generate(10, seed=seed))
    ten[3] = messages.broken("bad_base64", lab_id=ten[3].lab_id)
    return ten


def measure(to_send):
    """Send, wait until the queue is empty, and say what became of it."""
    before = observe.queue_depth(sqs, dead_url).total
    watch = session.Watch(names)
    run = send(to_send)
    until_empty()
    watch.until_drained(len(to_send) + 2, patience_s=2 * second)
    executions, _, _ = watch.tables()
    succeeded = executions["status"] == "SUCCEEDED"
    dead = observe.queue_depth(sqs, dead_url).total - before
    billed = session.invocations_of(here, run)
    billed = billed[billed["function"] == "start_execution"]
    return run, {
        "dead letters": dead,
        "in no queue": 10 - executions.loc[succeeded, "name"].nunique() - dead,
        "executions of the bad one": int((~succeeded).sum()),
        "start_execution, billed ms": round(billed["billed_s"].sum() * 1000),
    }


# %%
stack.provision(here)
impatient_queue()
wake()

# %% tags=["nbval-ignore-output"]
at_once, asynchronous = measure(ten_with_one_bad_text(69))
asynchronous

# %%
self_checks.answer(
    "asynchronous: one execution failed, and no queue has its message",
    expected=(0, 1),
    observed=(asynchronous["dead letters"], asynchronous["in no queue"]),
    look_at="at_once.account",
)

# %% [markdown]
# Now the synchronous one. The handler stays as it is; its call is replaced by one that waits, and raises an error
# when the execution failed. The role needs the permission for this other call.

# %%
waiting = """
import os

import boto3
from botocore.config import Config
import original

# AWS has an address of its own for this call; an emulator has one for all.
on_aws = "AWS_ENDPOINT_URL" not in os.environ
client = boto3.client(
    "stepfunctions",
    config=Config(inject_host_prefix=on_aws, max_pool_connections=10),
)

class Waiting:
    def start_execution(self, **request):
        answer = client.start_sync_execution(**request)
        if answer["status"] != "SUCCEEDED":
            raise RuntimeError(answer.get("error", answer["status"]))
        return answer

original.step_functions = Waiting()
lambda_handler = original.lambda_handler
"""
may_wait = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["states:StartSyncExecution"],
            "Resource": [names.state_machine_arn],
        }
    ],
}

# %%
iam = here.client("iam")
iam.put_role_policy(
    RoleName=names.start_role,
    PolicyName="wait_for_executions",
    PolicyDocument=json.dumps(may_wait),
)
deploy("start_execution", waiting)
wake()

# %% tags=["nbval-ignore-output"]
waited, synchronous = measure(ten_with_one_bad_text(70))
synchronous

# %%
self_checks.answer(
    "synchronous: the failed message became a dead letter",
    expected=(1, 0),
    observed=(synchronous["dead letters"], synchronous["in no queue"]),
    look_at="waited.account",
)
self_checks.answer(
    "and it was executed at each of its receives",
    expected=True,
    observed=synchronous["executions of the bad one"] >= 2,
    look_at="waited.received",
)
workshop.compare("the start that tells the queue", "synchronous")

# %% [markdown]
# ## Read the result: what each of them costs
#
# Side by side:

# %% tags=["nbval-ignore-output"]
compared = pd.DataFrame(
    {"asynchronous": asynchronous, "synchronous": synchronous}
)
compared

# %%
self_checks.answer(
    "asynchronous leaves one in no queue, synchronous none",
    expected=[1, 0],
    observed=compared.loc["in no queue"].tolist(),
    look_at="compared",
)

# %% [markdown]
# - **Asynchronous** loses what fails in the workflow, if the workflow does not keep it. It doubles when an answer is
#   lost. `start_execution` is done in milliseconds, and the batch is gone from the queue.
# - **Synchronous** leaves the message with the queue until the end, and needs no failure queue. But each attempt runs
#   *all* states again. The function is billed while it waits, its timeout must be longer than the workflow takes, and
#   the rate is limited by how many functions may wait at once. AWS says of the two: an asynchronous Express
#   execution runs at least once, a synchronous one at most once.
#
# So the lab starts asynchronously, and the resilient workflow keeps what fails.
#
# At last, all that you sent so far, in one account:

# %% tags=["nbval-ignore-output"]
runs = [unread, saved, poisoned, refused, tried, caught, survived, twice]
everything = pd.concat([run.account for run in [*runs, at_once, waited]])
charts.fates(everything[everything["fate"] != "foreign"])

# %%
self_checks.answer(
    "of all your messages only the very first loss is lost",
    expected=1,
    observed=int((everything["fate"] == "lost").sum()),
    look_at="everything",
)

# %% [markdown]
# Before you go on, mend what was changed: the handlers, the queue, the extra permission. And empty the dead-letter queue.

# %%
iam.delete_role_policy(
    RoleName=names.start_role, PolicyName="wait_for_executions"
)
stack.provision(here, stack.Settings(workflow="resilient"))
for url in (dead_url, failure_url):
    if observe.queue_depth(sqs, url).total:
        observe.drain_messages(sqs, url)

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: say which ones failed
#
# Write a handler for batches. A record is right when its body is JSON. It gives back a partial batch response: an
# object with `batchItemFailures`, a list with `{"itemIdentifier": …}` for each record that failed.


# %%
def lambda_handler(event, context):
    # BEGIN SOLUTION
    failed = []
    for record in event["Records"]:
        try:
            json.loads(record["body"])
        except ValueError:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
    # INSTEAD
    # for record in event["Records"]:  # your code here
    #     json.loads(record["body"])
    # return {"batchItemFailures": []}
    # END SOLUTION


# %%
self_checks.exercise_batch(lambda_handler)

# %% [markdown]
# Put it to work. For a moment it takes the place of `start_execution` behind your queue. It starts nothing, so a
# message that is right is just taken out of the queue, and one that is not comes back.

# %%
function = names.function("start_execution")
functions.update_function_code(
    FunctionName=function, ZipFile=workshop.package_of(lambda_handler)
)
functions.get_waiter("function_updated_v2").wait(FunctionName=function)
impatient_queue()
wake()
sent = sqs.send_message_batch(
    QueueUrl=queue_url,
    Entries=[
        {"Id": f"{number}", "MessageBody": body}
        for number, body in enumerate(["{}", "{", "{}"])
    ],
)
print(len(sent["Successful"]), "messages sent")

# %% tags=["nbval-ignore-output"]
until_empty()
dead = observe.drain_messages(sqs, dead_url)
print("dead letters:", dead["body"].tolist())

# %% [markdown]
# Only `{`: then your handler saves what it must. A `{}` with it: then it raises an error, and all that was in the batch
# comes back. None: then it reports nothing. Put `start_execution` back:

# %%
stack.provision(here, stack.Settings(workflow="resilient"))
self_checks.answer(
    "the queue is empty",
    expected=0,
    observed=observe.queue_depth(sqs, queue_url).total,
    look_at="lab status in a terminal",
)

# %% [markdown]
# ### Exercise 2: try again
#
# The plain definition, and one state of it that tries again: write its retrier. It must outlast a throttle of a few
# seconds and still end long before the five minutes: all waits together are between 15 and 60 seconds, and none is
# longer than ten. What is wrong with a message must not be tried again.

# %%
# BEGIN SOLUTION
retrier = {
    "ErrorEquals": ["Lambda.TooManyRequestsException"],
    "IntervalSeconds": 1,
    "BackoffRate": 2,
    "MaxAttempts": 6,
    "MaxDelaySeconds": 8,
    "JitterStrategy": "FULL",
}
# INSTEAD
# retrier = {  # your code here
#     "ErrorEquals": ["States.TaskFailed"],
#     "IntervalSeconds": 1,
#     "MaxAttempts": 1,
# }
# END SOLUTION

# %% [markdown]
# Deploy it, throttle the function for two seconds, and start three executions meanwhile:


# %%
def deploy_definition(definition):
    workflows.update_state_machine(
        stateMachineArn=names.state_machine_arn,
        definition=json.dumps(definition),
    )
    time.sleep(10 if here.kind == "aws" else 0)


def execute(_=None):
    ended = workflows.start_sync_execution(
        stateMachineArn=names.state_machine_arn, input=messages.SAMPLE_BODY
    )
    return ended["status"]


# %% tags=["nbval-ignore-output"]
mine = documents.definition("text_processing", names.substitutions)
mine["States"]["Remove special characters"]["Retry"] = [retrier]
deploy_definition(mine)
throttle()
later = threading.Timer(2, release)
later.start()
with ThreadPoolExecutor(3) as pool:
    statuses = list(pool.map(execute, range(3)))
later.join()
statuses

# %%
self_checks.exercise_retrier(retrier, statuses)

# %% [markdown]
# ### Exercise 3: mend, and send again
#
# A sender used the URL-safe kind of base64, which has `-` and `_` in place of `+` and `/`. The workflow refuses such
# a text, and the resilient one keeps the message. Make it refuse one:

# %% tags=["nbval-ignore-output"]
stack.provision(here, stack.Settings(workflow="resilient"))
wake()
text = "Is it? ~~~ Is it not? >>>"
safe = base64.urlsafe_b64encode(text.encode()).decode()
body = json.dumps({"lab_id": "mended-000000", "input": safe})
first = send([messages.Message("mended-000000", body, text)])
account.kinds(first.account)[["count", "what"]]

# %% [markdown]
# Write the function that mends a body. It takes the body as text and gives it back as text. Only `input` changes.


# %%
def mended(body):
    # BEGIN SOLUTION
    document = json.loads(body)
    text = document["input"].replace("-", "+").replace("_", "/")
    return json.dumps({**document, "input": text})
    # INSTEAD
    # return body  # your code here
    # END SOLUTION


# %%
self_checks.exercise_mended(mended)

# %% [markdown]
# Take the letters out of the failure queue, mend what is in them, and send it:

# %% tags=["nbval-ignore-output"]
letters = observe.drain_messages(sqs, failure_url)
bodies = [json.dumps(json.loads(one)["input"]) for one in letters["body"]]
again = send(
    [
        messages.Message(json.loads(body)["lab_id"], mended(body), text)
        for body in bodies
    ]
)
print(again.executions["status"].value_counts().to_dict())

# %%
self_checks.answer(
    "one letter was taken out and sent again",
    expected=(1, 1),
    observed=(len(letters), len(again.executions)),
    look_at="letters, and again.account",
)

# %% [markdown]
# `SUCCEEDED`: then your function has saved the message. `FAILED`: then it is in the failure queue again.
#
# ### Exercise 4: catch by name
#
# The failure queue fills with messages that nobody can help, because their senders made them wrong. These three
# errors are the sender's fault: see `lambdas/base64_decoder/handler.py`. For them, the execution must fail under the
# error's name, and keep nothing. What is not the sender's fault is kept as before. Change the catchers of the first
# state. The two states to choose from are `Keep the failed message` and `Fail with the error's own name`.

# %%
# BEGIN SOLUTION
catchers = [
    {
        "ErrorEquals": [
            "MissingInputError",
            "InvalidBase64Error",
            "InvalidTextError",
        ],
        "Next": "Fail with the error's own name",
    },
    {"ErrorEquals": ["States.ALL"], "Next": "Keep the failed message"},
]
# INSTEAD
# catchers = [  # your code here
#     {"ErrorEquals": ["States.ALL"], "Next": "Keep the failed message"},
# ]
# END SOLUTION

# %% tags=["nbval-ignore-output"]
before = observe.queue_depth(sqs, failure_url).total
mine = documents.definition("text_processing_resilient", names.substitutions)
mine["States"]["Decode base64 string"]["Catch"] = catchers
deploy_definition(mine)
ended = workflows.start_sync_execution(
    stateMachineArn=names.state_machine_arn,
    input=messages.broken("bad_base64").body,
)
kept = observe.queue_depth(sqs, failure_url).total - before
print(ended["status"], ended["error"], kept)

# %%
self_checks.exercise_catchers(catchers, kept)

# %% [markdown]
# ### Exercise 5: once
#
# The heart of an idempotent effect. `done` is the set of the names whose effect has taken place; `effect(name)` makes
# it, and may raise an error. The effect must take place once for each name, however often the name comes. When it
# failed, it must be tried again the next time. (A set lives in one process. In earnest `done` is a table.)


# %%
def once(name, done, effect):
    # BEGIN SOLUTION
    if name not in done:
        effect(name)
        done.add(name)
    # INSTEAD
    # effect(name)  # your code here
    # END SOLUTION


# %%
self_checks.exercise_once(once)

# %% [markdown]
# Write the invoices of the doubled executions once more, with your function around the *plain* way:

# %% tags=["nbval-ignore-output"]
before = observe.queue_depth(sqs, office_url).total
done = set()
for name in doubled["name"]:
    once(name, done, send_invoice)
print(observe.queue_depth(sqs, office_url).total - before, "invoices more")

# %% [markdown]
# Five: then your function is right.
#
# ## As it was
#
# The notebooks that follow use the plain workflow. Make it that again, and delete what this notebook made.

# %%
stack.provision(here)
for url in (office_url, careful_url, failure_url):
    workshop.delete(sqs.delete_queue, QueueUrl=url)
self_checks.answer(
    "“lab up” finds nothing left to do",
    expected=[],
    observed=lambda: self_checks.changed_by_lab_up(here),
    look_at="the settings named above; “lab up” has put them right",
)

# %% [markdown]
# ## Recap
#
# - A function that catches its errors must say which records failed, and the mapping must be told to read that.
#   Otherwise they are deleted, without a word.
# - When the execution is started, the queue forgets the message. From there on the workflow has to keep it: `Retry`
#   for what passes, `Catch` and a failure queue for what does not.
# - A dead letter: find the reason in the log, mend the cause, then move it back. What is wrong with the message itself
#   comes back as a dead letter.
# - “At least once” means sometimes twice. Give each message a name, and make effects that can be repeated.
# - Whether anything is lost, only an account tells: each message that was sent must be somewhere.
#
# Next: `07_tuning`. Which of the settings that you turned here matter for latency and price, and by how much?

# %% [markdown]
# ## Roads not taken
#
# - **A Standard Workflow.** It keeps its own history, starts one execution only for each name, and a failed
#   execution can be *redriven* from the state that failed. It costs many times as much for work as short as this.
# - **An alarm.** In earnest an alarm of CloudWatch watches the dead-letter queue and the failure queue, and somebody
#   is told when they are not empty.
# - **Faults by chance.** `lab ramp --faults` injects faults of many kinds into a share of the messages, with a seed.
#   Here you made each fault with your own hands.
# - **Lambda's own destinations.** For a function that is invoked asynchronously, Lambda itself can send what failed
#   to a queue. Here an event source mapping invokes the function, and the queue does that work.

# %% [markdown]
# ## Sources
#
# - [Errors in a batch](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html): what is
#   deleted, what comes back
# - [Errors of Lambda in a workflow](https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html):
#   the four to try again, and the one for throttling
# - [Retry and Catch](https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html),
#   [the Fail state](https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html)
# - [Back-off and jitter](https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/)
# - [Redrive](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html)
#   of a dead-letter queue
# - [Reserved concurrency](https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html)
# - [At least once, at most once](https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html)
#   of Express Workflows
# - [Deduplication](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html)
#   in a FIFO queue
# - Powertools: [batches](https://docs.aws.amazon.com/powertools/python/latest/utilities/batch/),
#   [idempotency](https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/)
# - [Faults in functions](https://docs.aws.amazon.com/fis/latest/userguide/use-lambda-actions.html) with AWS Fault
#   Injection Service

# %% [markdown]
# ## Quiz
#
# Five questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("06")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("06", "b", "a", "c", "c", "b")
# INSTEAD
# workshop.answer_quiz("06", ..., ..., ..., ..., ...)
# END SOLUTION
