"""While nothing new comes: when readers start over, and how long it has been."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lab.observe import Lull


def test_readers_start_over_after_pauses_that_double_until_something_new_comes() -> None:
    now, rewound = [100.0], []
    reader: Any = SimpleNamespace(rewind=lambda: rewound.append(now[0]))
    lull = Lull(reader, reader, first_after_s=2, clock=lambda: now[0])
    quiet = []
    for second in range(30):
        now[0] = 100.0 + second
        quiet.append(lull.with_known("more" if second >= 20 else "some"))
    assert quiet[:20] == list(range(20))
    assert quiet[20:] == list(range(10))
    assert rewound == [at for at in (102, 104, 108, 116, 122, 124, 128) for _ in range(2)]
