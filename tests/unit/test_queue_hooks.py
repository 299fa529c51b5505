"""What a queue counts while its messages change hands, with the hook and without: LocalStack's own queues."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

COUNTS = """
import json, sys, threading, time
from localstack.services.sqs import models
if sys.argv[1] == "hook":
    from lab.emulator.runtime.hooks.queue_receives import PATCHES
    PATCHES["localstack.services.sqs.models"](models)
names = ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessages"]  # the order that is hard
counted = {}
for kind, name in ((models.StandardQueue, "queue"), (models.FifoQueue, "queue.fifo")):
    queue = kind(name, "us-east-1", "000000000000")
    for number in range(3):
        body = {"MessageId": str(number), "Body": "", "MD5OfBody": str(number), "Attributes": {}}
        own = {"message_group_id": "one", "message_deduplication_id": str(number)} if name.endswith("fifo") else {}
        queue.put(body, **own)
    def count():
        return sum(int(value) for value in queue.get_queue_attributes(names).values())
    before = count()
    # Asks for more than there is, as a mapping with a batching window does, and waits for them.
    collecting = threading.Thread(target=queue.receive, args=(10, 1, 30), kwargs={"poll_empty_queue": True})
    collecting.start()
    time.sleep(0.5)
    while_collecting = count()
    collecting.join()
    counted[name] = [before, while_collecting, count()]
print(json.dumps(counted))
"""


@pytest.mark.parametrize(("hook", "while_collecting"), [("hook", 3), ("none", 0)])
def test_a_message_that_is_being_handed_out_is_in_flight(hook: str, while_collecting: int) -> None:
    ended = subprocess.run([sys.executable, "-c", COUNTS, hook], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == {"queue": [3, while_collecting, 3], "queue.fifo": [3, while_collecting, 3]}


IN_A_HURRY = """
import sys, threading
from localstack.services.sqs import models
from lab.emulator.runtime.hooks.queue_receives import PATCHES
PATCHES["localstack.services.sqs.models"](models)
sys.setswitchinterval(1e-6)
queue, over = models.StandardQueue("queue", "us-east-1", "000000000000"), threading.Event()
for number in range(20):
    queue.put({"MessageId": str(number), "Body": "", "MD5OfBody": "", "Attributes": {}})
def receive():
    for _ in range(300):  # twenty go out, and come back
        received = queue.receive(20, 0, 30)
        for handle in received.receipt_handles:
            queue.update_visibility_timeout(handle, 0)
    over.set()
threading.Thread(target=receive).start()
fewest, looks = 20, 0
while not over.is_set():
    answer = queue.get_queue_attributes(["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessages"])
    fewest, looks = min(fewest, sum(map(int, answer.values()))), looks + 1
print(fewest, looks > 100)
"""


def test_no_message_is_missed_however_often_one_looks() -> None:
    ended = subprocess.run([sys.executable, "-c", IN_A_HURRY], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["20", "True"]


SETTINGS_MEANWHILE = """
import json, sys, threading, time
from localstack.services.sqs import models
if sys.argv[1] == "hook":
    from lab.emulator.runtime.hooks.queue_receives import PATCHES
    PATCHES["localstack.services.sqs.models"](models)
hidden_s = {}
for kind, name in ((models.StandardQueue, "queue"), (models.FifoQueue, "queue.fifo")):
    for asked in (None, 7):
        queue = kind(name, "us-east-1", "000000000000", {"VisibilityTimeout": "60"})
        waiting = threading.Thread(target=queue.receive, args=(10, 5, asked))
        waiting.start()
        time.sleep(0.3)
        queue.attributes["VisibilityTimeout"] = "1"
        own = {"message_group_id": "one", "message_deduplication_id": "a"} if name.endswith("fifo") else {}
        queue.put({"MessageId": "a", "Body": "", "MD5OfBody": "", "Attributes": {}}, **own)
        waiting.join()
        (message,) = queue.inflight
        hidden_s[f"{name} {asked}"] = [message.visibility_timeout, round(message.visibility_deadline - time.time())]
print(json.dumps(hidden_s))
"""


@pytest.mark.parametrize(("hook", "hidden"), [("hook", [1, 1]), ("none", [60, 60])])
def test_a_setting_that_changes_while_somebody_waits_counts_for_the_next_message(hook: str, hidden: list[int]) -> None:
    ended = subprocess.run([sys.executable, "-c", SETTINGS_MEANWHILE, hook], capture_output=True, text=True, check=True)
    asked = [7, 7]  # by the receiver, who knows better than the queue
    assert json.loads(ended.stdout) == {
        "queue None": hidden,
        "queue 7": asked,
        "queue.fifo None": hidden,
        "queue.fifo 7": asked,
    }
