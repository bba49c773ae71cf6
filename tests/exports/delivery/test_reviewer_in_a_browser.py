"""A reviewer alone with a browser: every question and the register, asked of a trail that was made through every
channel, each answer compared with what the script that made it has counted; then the chain, with a head that was kept.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from connections.models import Connection
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.questions import in_order
from tests.exports.delivery.test_register import (  # noqa: F401 - fixtures
    Script,
    browsers,
    oscar_s,
    questions_of,
    script,
)
from tests.pages.conftest import site  # noqa: F401 - a fixture
from tests.support import cast
from tests.support.browsing import sign_in, violations


@pytest.mark.slow
def test_a_reviewer_gets_every_answer_right_and_verifies_the_chain(
    script: Script,  # noqa: F811
    saved_s3_connection: Connection,
    rita: User,
    site: str,  # noqa: F811
    page: Page,
):
    sign_in(page, site, "rita", cast.PASSWORD)
    page.get_by_role("link", name="Audit", exact=True).click()
    kept = page.locator("#trail-head").inner_text()
    assert re.fullmatch(r"\d+:[0-9a-f]{64}", kept)

    titles = {question.slug: question.title for question in in_order()}
    questions = questions_of(script, saved_s3_connection)
    assert {question.slug for question in questions} == set(titles)
    for question in questions:
        page.goto(f"{site}/audit/questions/")
        page.get_by_role("link", name=titles[question.slug]).click()
        for name, value in question.asked.items():
            page.locator(f"main [name={name}]").fill(value)
        page.get_by_role("button", name="Ask").click()
        answer = page.locator(".ea-answer").inner_text()
        assert answer.startswith(question.begins), question.slug
        for words in question.holds:
            assert words in answer, question.slug

    page.goto(f"{site}/audit/")
    page.get_by_role("link", name="Register", exact=True).click()
    assert _lines_of_the_register(page) == sum(script.lines.values())
    for channel in {key[2] for key in script.lines}:
        page.locator("main [name=channel]").select_option(channel)
        page.get_by_role("button", name="Filter").click()
        wanted = sum(count for key, count in script.lines.items() if key[2] == channel)
        assert _lines_of_the_register(page) == wanted, channel
    page.goto(f"{site}/audit/register/")
    assert _by_person(page) == _counted_by_person(script)

    page.goto(f"{site}/audit/")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator(".ea-verdict-good")).to_contain_text("unbroken")
    page.get_by_text("Compare with …").click()
    page.get_by_label("A head that was kept elsewhere").fill(kept)
    page.get_by_role("button", name="Verify and compare").click()
    sequence = int(kept.partition(":")[0])
    expect(page.get_by_text(f"it contains entry {sequence} with that hash")).to_be_visible()
    expect(page.locator(".ea-verdict-good")).to_contain_text("unbroken")
    assert AuditEntry.objects.latest("sequence").sequence > sequence, "what she asked is a part of the trail by now"
    assert violations(page) == []


def _lines_of_the_register(page: Page) -> int:
    return page.locator("main table.ea-register tbody tr").count()


def _by_person(page: Page) -> dict[str, list[int]]:
    table = page.get_by_role("table", name="By person")
    rows = table.locator("tbody tr")
    found = {}
    for number in range(rows.count()):
        cells = rows.nth(number).locator("th, td").all_inner_texts()
        found[cells[0].strip()] = [int(cell.replace(",", "")) for cell in cells[1:5]]
    return found


def _counted_by_person(script: Script) -> dict[str, list[int]]:  # noqa: F811
    kinds = ("download", "handed-over", "delivery", "reading")
    found: dict[str, Counter[str]] = {}
    for (who, kind, _, _), count in script.lines.items():
        found.setdefault(who.rpartition(" of ")[2], Counter())[kind] += count
    return {who: [mine[kind] for kind in kinds] for who, mine in found.items()}
