# %% [markdown]
# # Word frequencies
#
# **Time:** 35 minutes
#
# So far you asked how fast the messages came out. Now ask whether the result is right: does every word that went
# in come out, exactly as often? After this notebook you
#
# - can send a text of your own through the workflow, and prove that no word was lost or counted twice,
# - know what rank, frequency and Zipf's law are, and see where a real text follows the law and where it does not,
# - know what “at least once” means, and count each message once all the same.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **token** | a word as the workflow counts it: lower case, no special characters |
# | **distinct words** | how many different ones there are |
# | **frequency** | how often a word occurs |
# | **rank** | its place when words are sorted by frequency; the commonest has rank 1 |
# | **Zipf's law** | in a long text, frequency is about proportional to 1 / rank |
# | **at least once** | a promise: what you send is delivered once or more often, never less |
# | **duplicate** | the second delivery of the same message |
# | **idempotent** | made so that doing it twice has the same effect as doing it once |

# %%
import json
import textwrap
import uuid
from collections import Counter

import pandas as pd
from lab import charts, session, stack, workshop
from lab.analysis import words
from lab.load import messages
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)

# %%
sqs = here.client("sqs")
workflows = here.client("stepfunctions")
queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]

# %% [markdown]
# The text is a file of the project. You can use any other text file instead, if its encoding is UTF-8; if it is
# not, the next cell says which encoding it is and how to change it. This is how the text begins:

# %%
file = workshop.text_file("night_post.txt")
text = messages.read_text(file)
print(textwrap.fill(text.split("\n\n")[1], 76))

# %% [markdown]
# ## Predict
#
# - Which word will be the commonest, and what share of the text will it be: 1%, 10%, 30%?
# - How many of the distinct words occur only once: a tenth, or half of them?
# - A message is delivered twice, so its words are counted twice. How would you notice?

# %%
# BEGIN SOLUTION
workshop.predict("the commonest word", "and")
workshop.predict("its share of the text, in %", 1)
workshop.predict("words that occur once, in %", 10)
workshop.predict("how to notice a duplicate", "compare the totals")
# INSTEAD
# workshop.predict("the commonest word", ...)
# workshop.predict("its share of the text, in %", ...)
# workshop.predict("words that occur once, in %", ...)
# workshop.predict("how to notice a duplicate", ...)
# END SOLUTION

# %% [markdown]
# ## Run: cut the text into messages
#
# A message holds 20 words, and no word is ever cut in two. So the words of all messages together must be the
# words of the text. `messages.count_words` counts by a rule of its own, not with the code of your functions;
# otherwise you would compare a result with itself at the end. A word is a row of letters, digits and the marks that
# belong to them, in any script. Some scripts write no spaces (Chinese, Thai); there a word is everything between
# two punctuation marks.

# %%
pieces = messages.from_text(file, words_per_message=20)
went_in = messages.count_words(text)
print(
    len(pieces),
    "messages;",
    sum(went_in.values()),
    "words,",
    len(went_in),
    "distinct",
)

# %%
self_checks.answer(
    "the words of all messages are the words of the text",
    expected=went_in,
    observed=sum(
        (messages.count_words(piece.text) for piece in pieces), Counter()
    ),
    look_at="pieces, and their texts",
)

# %% [markdown]
# ## Run: send them
#
# No stages this time, and no plan: it does not matter how fast you send them. `SendMessageBatch` takes ten
# messages at a time. Its answer has two lists: a call that succeeded may still name messages that failed. If you
# do not read the second list, you lose messages.


# %%
def send(pieces):
    refused = []
    for start in range(0, len(pieces), 10):
        entries = [
            {"Id": str(n), "MessageBody": piece.body}
            for n, piece in enumerate(pieces[start : start + 10])
        ]
        answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        refused += answer.get("Failed", [])
    return refused


# %%
watch = session.Watch(names)
refused = send(pieces)
self_checks.answer(
    "SQS refused no message",
    expected=[],
    observed=refused,
    look_at="refused: each entry has a “Code” and a “Message”",
)

# %% [markdown]
# Wait until all of them have come to an end:

# %%
watch.until_drained(len(pieces), patience_s=session.PATIENCE_S[here.kind])
executions, _, _ = watch.tables()
self_checks.answer(
    "each message has an execution that succeeded",
    expected=len(pieces),
    observed=int(
        executions.loc[executions["status"] == "SUCCEEDED", "lab_id"].nunique()
    ),
    look_at="executions, the columns “status” and “error”",
)

# %% [markdown]
# ## Read the result: the same words
#
# Each execution returned the words of its own message. This is the output of the first one:

# %%
first = executions[executions["lab_id"] == pieces[0].lab_id].iloc[0]
workshop.say(str(json.loads(first["output"])["word_counts"]))

# %% [markdown]
# Added up over all executions:

# %%
counts = words.count_words(executions)
counts.head(5)

# %%
comparison = words.compare_words(counts, went_in)
self_checks.answer(
    "every word came out exactly as often as it went in",
    expected=[],
    observed=comparison.differences["word"].tolist(),
    look_at="comparison.differences: each word with both counts",
)
self_checks.answer(
    "as many words came out as went in",
    expected=sum(went_in.values()),
    observed=comparison.total,
    look_at="counts, the table",
)

# %% [markdown]
# Exactly the same, word for word. To compare only the totals would be a weaker check: one word too many and one too
# few cancel each other out. A good test of a pipeline compares *what* came out, not only how much.

# %%
charts.word_frequencies(counts)

# %% [markdown]
# One word of ten is “the”. Other small words follow, which say nothing about the text. The first words that tell
# you what the text is about come further down. Is a tenth usual? That is one text, and a short one. Keep the number
# in mind; you will count “the” in another text below.

# %%
share = counts["count"].max() / counts["count"].sum()
workshop.compare("the commonest word", counts["word"][0])
workshop.compare("its share of the text, in %", float(share * 100))

# %% [markdown]
# ## Read the result: rank and frequency
#
# Now draw all words, not only the first twenty: the rank of each on one axis, how often it occurred on the
# other. Both axes are logarithmic, where each step is a multiplication. On such axes “proportional to
# 1 / rank” is a straight line that falls by one decade for each decade.

# %%
charts.rank_frequency(counts)

# %%
self_checks.answer(
    "so many are distinct, and so many occur once, as in the text",
    expected=(len(went_in), sum(count == 1 for count in went_in.values())),
    observed=(len(counts), int((counts["count"] == 1).sum())),
    look_at="counts, the table",
)

# %%
once = (counts["count"] == 1).mean()
workshop.compare("words that occur once, in %", float(once * 100))

# %% [markdown]
# Nearly half of the distinct words occur once: the flat row at the bottom. George Zipf found in the 1930s
# that the counts of words follow such a line in every language that he looked at. The *exponent* says how
# steep the line is; 1 is exactly Zipf's law, the dotted line. That line has as many words in all as the text. The
# dots of this text fall off less steeply. Is the law wrong, or is the text too short? Try a longer one.

# %% [markdown]
# ## Run: a chapter of a real book
#
# *Alice's Adventures in Wonderland* by Lewis Carroll came out in 1865 and is in the public domain; `texts/README.md`
# says why, and where the file comes from. Its first chapter has nearly three times as many words as the story above.
# It goes the same way, a hundred words a message:

# %%
chapter = workshop.text_file("alice_chapter_1.txt")
chapter_pieces = messages.from_text(chapter, words_per_message=100)
chapter_in = messages.count_words(messages.read_text(chapter))
watch = session.Watch(names)
refused = send(chapter_pieces)
watch.until_drained(
    len(chapter_pieces), patience_s=session.PATIENCE_S[here.kind]
)
chapter_counts = words.count_words(watch.tables()[0])

# %%
self_checks.answer(
    "every word of the chapter came out exactly as often as it went in",
    expected=([], []),
    observed=(
        refused,
        words.compare_words(chapter_counts, chapter_in)
        .differences["word"]
        .tolist(),
    ),
    look_at="refused, and chapter_counts",
)

# %%
charts.rank_frequency(chapter_counts)

# %%
small, real = words.fit_zipf(counts), words.fit_zipf(chapter_counts)
print(f"{small.exponent:.2f} for {counts['count'].sum():,} words")
print(f"{real.exponent:.2f} for {chapter_counts['count'].sum():,} words")
self_checks.answer(
    "the longer text is nearer to Zipf's law",
    expected=True,
    observed=abs(real.exponent - 1) < abs(small.exponent - 1),
    look_at="small.exponent and real.exponent",
)

# %% [markdown]
# So the chapter falls off nearly as the law says. How near is near? These are the words that occur more than twice
# as often as the dotted line says, or less than half as often:

# %%
law = words.zipf_counts(chapter_counts).round().astype(int)
near = words.near_zipf(chapter_counts)
off = chapter_counts.assign(law=law)[~near]
off[["rank", "word", "count", "law"]]

# %%
self_checks.answer(
    "99 words of 100 are within a factor of two of the law",
    expected=True,
    observed=bool(near.mean() >= 0.99),
    look_at="near, and the table off",
)

# %% [markdown]
# One word is off, and it is the commonest: the chapter has far fewer of “the” than the law says. Benoît Mandelbrot
# proposed a better law in the 1950s, 1 / (rank + a constant): it changes the first ranks and hardly any other. And
# “the” is one word of 24 here, not one of ten. The share that you found above was the share in one text.
#
# Doubt this result, too. A factor of two is wide, and two texts are few. A longer text need not come nearer to 1
# either: all twelve chapters of this book together are steeper than the law. What you may say is that the counts fall
# about as 1 / rank over hundreds of ranks, from dozens down to one.

# %% [markdown]
# ## Run: ten thousand words
#
# `messages.generate` draws words at random from a vocabulary of 2,000, by Mandelbrot's law. One
# hundred messages, twenty a second:

# %% tags=["nbval-ignore-output"]
result = session.ramp(here, session.RampOptions(rates="20", seconds=5, seed=7))

# %%
self_checks.answer(
    "the words of these messages came out as they went in",
    expected=True,
    observed=result.words.matches,
    look_at="result.words.differences",
)

# %% tags=["nbval-ignore-output"]
charts.rank_frequency(result.word_counts)

# %%
self_checks.answer(
    "99 of 100 drawn words are within a factor of two of the law, too",
    expected=True,
    observed=bool(words.near_zipf(result.word_counts).mean() >= 0.99),
    look_at="result.word_counts",
)

# %% [markdown]
# Compare the two charts. The real chapter and the drawn words have the same shape: the first rank lies below the
# line, the rest lie along it. But the drawn words say nothing about language. They follow the law because they were
# drawn that way, and their chart shows that they came through the workflow unchanged. The author of the chapter
# wrote it seventy years before Zipf found the law.
#
# Why does it matter when you build such a pipeline? Because the load on its parts is as uneven as the words. Think
# of a later step with one counter for each word, each on a machine of its own: the machine with “the” would have
# hundreds of times the work of most others. The same law holds for visitors of web pages, for inhabitants of cities
# and for customers of shops. A *hot key* is Zipf's law in a database.

# %% [markdown]
# ## Read the result: the texts as distributions
#
# In notebook 02 the four statistics of one text were four lonely bars. With a hundred texts they are
# distributions: what is usual, what is rare.

# %% tags=["nbval-ignore-output"]
charts.text_statistics(result.statistics)

# %%
self_checks.answer(
    "each message has a row, and each word is one of its tokens",
    expected=(
        result.reconciliation.as_dict()["succeeded"],
        result.words.total,
    ),
    observed=(len(result.statistics), int(result.statistics["tokens"].sum())),
    look_at="result.statistics",
)

# %% [markdown]
# The lengths are spread evenly: each text has 60 to 140 words, a number drawn at random. The average lengths of a
# word lie close together, as averages do: the more words in an average, the closer. Words of digits are rare; most
# texts have none, a few have one, and so the tall bars of their chart are on the left.

# %% [markdown]
# ## Run: the same message twice
#
# SQS promises to deliver each message *at least once*. If the message is not deleted in time, or the answer gets
# lost, SQS hands it out again. StartExecution of an Express Workflow makes the same promise. “Exactly once” is hard
# to have: when you wait for an answer and none comes, you can only try again or give up.
#
# `start_execution` names the execution after the message. Does a name stop a second start? Try it: the same
# name, twice.

# %%
watch = session.Watch(names)
name = f"twice-{uuid.uuid4()}"
for _ in range(2):
    workflows.start_execution(
        stateMachineArn=names.state_machine_arn,
        name=name,
        input=messages.SAMPLE_BODY,
    )

# %%
watch.until_drained(2, patience_s=session.PATIENCE_S[here.kind])
twice, _, _ = watch.tables()
twice[["name", "status", "events"]]

# %%
self_checks.answer(
    "that one name has two executions, each with its own ARN",
    expected=(2, 2),
    observed=(
        int((twice["name"] == name).sum()),
        twice["execution_arn"].nunique(),
    ),
    look_at="twice, the table",
)

# %% [markdown]
# Two executions of one name. Nobody complained. (A Standard Workflow would not have started the second; an
# Express Workflow does, here as on AWS.) The name does not prevent the duplicate. But it shows it.
#
# The sample has 100 words. Add up what both executions returned, and then count each name once:

# %%
outputs = [json.loads(output) for output in twice["output"]]
added_up = sum(sum(output["word_counts"].values()) for output in outputs)
counted_once = int(words.count_words(twice)["count"].sum())
print(added_up, counted_once)

# %%
self_checks.answer(
    "200 words when added up, 100 when each message counts once",
    expected=(200, 100),
    observed=(added_up, counted_once),
    look_at="lab/analysis/words.py, the function outputs",
)

# %% [markdown]
# So, since delivery is at least once, counting must be *idempotent*. Remember the names that you have seen, and
# leave out those that come again. `words.count_words` does so. Therefore the comparison above was exact, although
# nobody promised that each message would run only once.
#
# (At the end of the story, old Marten does so with letters that come twice.)

# %%
answer = "one name has more than one execution"
workshop.compare("how to notice a duplicate", answer)

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: count each message once
#
# `outputs` is a list of pairs: the name of an execution, and the word counts that it returned. Add the counts up
# to one dictionary, but count each name only once. (A `Counter` can do `total.update(counts)`.)


# %%
def count_once(outputs):
    total = Counter()
    # BEGIN SOLUTION
    seen = set()
    for name, counts in outputs:
        if name not in seen:
            seen.add(name)
            total.update(counts)
    # INSTEAD
    # for _name, counts in outputs:
    #     total.update(counts)  # your code here: each name once
    # END SOLUTION
    return total


# %%
self_checks.exercise_count_once(count_once)

# %% [markdown]
# ### Exercise 2: how few words make a text
#
# What share of all words are the `ranks` commonest ones? `counts` is a dictionary: each word, and how often it
# occurs, in no particular order.


# %%
def coverage(counts, ranks):
    # BEGIN SOLUTION
    commonest = sorted(counts.values(), reverse=True)[:ranks]
    return sum(commonest) / sum(counts.values())
    # INSTEAD
    # return 1.0  # your code here
    # END SOLUTION


# %%
self_checks.exercise_coverage(coverage)

# %% [markdown]
# How many words must you know to read three quarters of a text? Here are the story and the chapter:

# %%
shares = pd.DataFrame(
    {
        name: {
            ranks: round(coverage(counted, ranks), 2)
            for ranks in (1, 10, 50, 100, 200)
        }
        for name, counted in (("story", went_in), ("chapter", chapter_in))
    }
).rename_axis("commonest words")
if shares.nunique().max() == 1:
    workshop.say(
        "One word cannot make as much of a text as 200 do: this table is not "
        "right before exercise 2 is solved. Then run this cell again."
    )
shares

# %% [markdown]
# ### And a text of your own
#
# Put a text file into `notebooks/texts`, write its name into the cell that begins with `chapter =`, and run the
# notebook again from there. Is your text nearer to Zipf's law? (What the prose says of the chapter will no longer
# fit, and a check may say so.)

# %% [markdown]
# ## Recap
#
# - Compare what came out with what went in, word for word, and count what went in by other means.
# - A few words make most of a text; most words occur once. Load is as uneven as words are.
# - Delivery is at least once, so duplicates will come. Give each message a name, and count each name once.
# - The answer of a batch call has a list of failures. Read it.
#
# Next: `06_when_things_fail`. You lose a message on purpose, and build the system that loses none.

# %% [markdown]
# ## Roads not taken
#
# - **A FIFO queue.** SQS has queues that keep the order and drop a duplicate that is sent within five minutes.
#   They are slower and cost more, and the workflow behind them could still be started twice.
# - **A table of names.** In production one keeps the names that were counted in a database, such as DynamoDB with a
#   conditional write, since a `set` forgets them when its process ends.
# - **A Distributed Map.** When all texts lie in S3 already, one state of a Standard Workflow can start a child
#   workflow for each of them, up to 10,000 at the same time. Here messages come one by one, through a queue.
# - **Real counting jobs** use Athena or Spark on files. Here every message runs through four functions,
#   because the functions and the queue are the lesson, not the words.

# %% [markdown]
# ## Sources
#
# - [At least once: SQS](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html),
#   [Express Workflows](https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html)
# - [Distributed Map](https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html)

# %% [markdown]
# ## Quiz
#
# Five questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("05")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("05", "c", "a", "a", "c", "b")
# INSTEAD
# workshop.answer_quiz("05", ..., ..., ..., ..., ...)
# END SOLUTION
