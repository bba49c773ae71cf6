"""What tests in a real browser ask of a page."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
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
    script = "" if page.evaluate("'axe' in window") else AXE_SCRIPT  # half a megabyte, once a page
    found = Axe(script).run(page, options=options).response["violations"]
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


# WCAG 1.4.11: what shows where a control is, and that it has the focus
LEAST_CONTRAST = 3.0
_EDGES = """([least]) => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
    const brush = canvas.getContext('2d', {willReadFrequently: true});
    const known = new Map();
    const parse = colour => {  // whatever CSS writes → [red, green, blue, opacity]
        if (!known.has(colour)) {
            brush.clearRect(0, 0, 1, 1);
            brush.fillStyle = colour;
            brush.fillRect(0, 0, 1, 1);
            const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
            known.set(colour, [r, g, b, a / 255]);
        }
        return known.get(colour);
    };
    const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
    const light = rgb => {
        const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
        const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
        return (high + 0.05) / (low + 0.05);
    };
    const behind = element => element === null
        ? parse('#fff') : over(parse(getComputedStyle(element).backgroundColor), behind(element.parentElement));
    const name = element => element.outerHTML.replace(/\\s+/g, ' ').slice(0, 90);
    const found = new Map();
    const fault = (kind, ratio, element) => found.set(`${kind} ${element.tagName} ${element.className}`,
        `${kind} ${ratio.toFixed(2)}:1 of ${name(element)}`);
    const seen = element => element.checkVisibility({visibilityProperty: true, opacityProperty: true})
        && !element.closest('.visually-hidden') && element.getClientRects().length;
    // a link that has the size of a button, and no edge, is a link
    for (const element of document.querySelectorAll('input, select, textarea, button, .btn:not(.btn-link)')) {
        if (!seen(element) || element.disabled || element.type === 'hidden') continue;
        const style = getComputedStyle(element), outside = behind(element.parentElement);
        const fill = over(parse(style.backgroundColor), outside);
        const border = parseFloat(style.borderTopWidth) > 0 && style.borderTopStyle !== 'none'
            ? over(parse(style.borderTopColor), outside) : outside;
        const ratio = Math.max(contrast(border, outside), contrast(fill, outside));
        if (ratio < least) fault('edge', ratio, element);
    }
    const before = document.activeElement;
    const takesFocus = 'a[href], input, select, textarea, button, summary, [tabindex="0"]';
    for (const element of document.querySelectorAll(takesFocus)) {
        if (!seen(element) || element.disabled || element.type === 'hidden') continue;
        element.focus({preventScroll: true, focusVisible: true});
        if (document.activeElement !== element) continue;
        const style = getComputedStyle(element);
        const outside = behind(element.parentElement);
        const ratio = style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2 ? 1
            : contrast(over(parse(style.outlineColor), outside), outside);
        if (ratio < least) fault('focus', ratio, element);
    }
    before?.focus({preventScroll: true});
    return [...found.values()];
}"""


def faint_edges(page: Page) -> list[str]:
    """Controls whose border, or whose outline with the focus, is not told from what is around it."""
    page.keyboard.press("Tab")  # from now on the focus is that of a keyboard, which shows
    found: list[str] = page.evaluate(_EDGES, [LEAST_CONTRAST])
    return found
