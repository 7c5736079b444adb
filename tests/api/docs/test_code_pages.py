"""A page for each code that a notification may have."""

import re
from pathlib import Path

import pytest

from callapi.api.docs.code_pages import code_page, rows
from callapi.base.ids import new_notification_sid
from callapi.store import NotificationRecord
from tests.api.world import NOW, World

DOCUMENT = Path(__file__).parents[3] / "docs" / "notifications.md"


def test_every_code_of_the_table_has_a_page() -> None:
    """Also the ends of a range, and what is in no row of its own."""
    codes = set(
        re.findall(r"\b\d{5}\b", DOCUMENT.read_text("utf-8").partition("| ---")[2].rpartition("|")[0])
    )
    assert len(codes) > 40
    assert [each for each in codes if code_page(each) is None] == []
    assert "failed" in (code_page("11200") or "")
    assert len(rows()) > 30


@pytest.mark.parametrize("code", ["1", "99999", "abcde", "<b>", "\uff11\uff12\uff11\uff10\uff10"])
def test_other_codes_have_none(code: str) -> None:
    """Nothing of the address is in the answer."""
    assert code_page(code) is None


async def test_more_info_leads_there(world: World) -> None:
    """Without authentication, under a policy without scripts."""
    note = NotificationRecord(new_notification_sid(), world.account.sid, 0, 11200, "x", NOW, "2012-04-24")
    await world.keep(note)
    shown = (await world.get(f"Notifications/{note.sid}.json")).json
    assert shown["more_info"] == "http://127.0.0.1:8080/docs/errors/11200"
    page = await world.get("/docs/errors/11200", auth=("", ""))
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await world.get("/docs/errors/99999", auth=("", ""))).status == 404
