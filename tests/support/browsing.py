"""What tests in a real browser ask of a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect


def sign_in(page: Page, site: str, name: str, password: str) -> None:
    page.goto(f"{site}/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds; by all its rules, or those alone."""
    options: dict[str, object] = {"resultTypes": ["violations"]}  # what passes need not be told, which takes as long
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def cut_off(page: Page) -> list[str]:
    """Elements that stick out to the right, and texts that are cut without an ellipsis."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('main *, header *')].filter(element => {
            if (element.closest('.visually-hidden, svg, thead')) return false;
            const style = getComputedStyle(element);
            if (style.display === 'inline' || style.textOverflow === 'ellipsis') return false;
            return element.getBoundingClientRect().right > window.innerWidth + 0.5
                || (style.overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1);
        }).map(element => element.outerHTML.slice(0, 120))"""
    )
    return found
