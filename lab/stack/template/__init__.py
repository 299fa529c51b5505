"""What the learner built, as a CloudFormation template: read from what is deployed, never from the lab's own settings.

``built.read`` looks at every resource, ``resources`` and ``alarms`` say each of them in CloudFormation's words, and
``text`` writes the page. ``stack`` finds, and deletes, a stack that was made of it beside the lab.
"""

from lab.stack.template.built import Built, NotExportableError, read
from lab.stack.template.document import MOST_INLINE_BYTES, document, template
from lab.stack.template.order import needs, waits_for, waves

__all__ = [
    "MOST_INLINE_BYTES",
    "Built",
    "NotExportableError",
    "document",
    "needs",
    "read",
    "template",
    "waits_for",
    "waves",
]
