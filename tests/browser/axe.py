"""Accessibility by axe-core, which the package axe-playwright-python carries, so nothing is fetched.

``faults(page)`` looks at the whole page, ``faults(page, "#quiz")`` at a part of it; ``[]`` is what a test wants.
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# WCAG 2.2 up to AA, and what axe-core calls best practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SERIOUS = ("serious", "critical")


def faults(page: Page, within: str = "", *, impacts: tuple[str, ...] = SERIOUS) -> list[str]:
    """What axe-core finds, a line each: the rule, what it asks for, and where.

    Args:
        within: a CSS selector; the whole page without it.
        impacts: which of minor, moderate, serious and critical count.

    Raises:
        LookupError: nothing is there, or axe-core checked nothing: such a page would always pass.
    """
    if within and page.locator(within).count() == 0:
        raise LookupError(f"the page has no {within}")
    options: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations", "passes"]}
    found = Axe().run(page, context=within or None, options=options).response
    if not found["passes"]:
        raise LookupError(f"axe-core found nothing to check in {within or 'the page'}")
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: {' '.join(str(part) for part in node['target'])}"
        for each in found["violations"]
        if each["impact"] in impacts
        for node in each["nodes"]
    ]
