"""A page opened from the disk, and everything that it said and asked for meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page


@contextmanager
def opened(browser: Browser, file: Path, *, may_fetch: tuple[str, ...] = ()) -> Iterator[Page]:
    """The page; at the end nothing was said on the console and nothing asked for but the file itself.

    Args:
        browser: where it opens.
        file: the page.
        may_fetch: beginnings of addresses that it may ask for as well, such as ``data:``.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    fetched: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(file.as_uri())
    yield page
    page.close()
    assert said == []
    assert {url for url in fetched if not url.startswith(may_fetch)} == {file.as_uri()}
