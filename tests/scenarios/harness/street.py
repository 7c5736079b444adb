"""A node that browsers may use, its application, and the tabs that are its phones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.scenarios.harness.application import Application, Webhook
from tests.scenarios.harness.browser_phone import Browser, BrowserPage
from tests.scenarios.harness.node import Node, Settings

SECURITY_FAILED = "60062"
PASSWORD = "correct horse battery"
MICROPHONE_HZ = 700.0
"""What the microphone of the tests' browser says."""


class Street:
    """A node with its clients, their application, and a browser."""

    def __init__(self, node: Node, webhook: Webhook, browser: Browser, server: str = "") -> None:
        """`server`: where pages find the node; by default its HTTP port."""
        self.node, self.webhook, self.browser = node, webhook, browser
        self.server = server or f"ws://127.0.0.1:{node.http_port}/sip"

    async def open(self, login: str, library: str) -> BrowserPage:
        """A tab in which `login` is registered."""
        await self.node.rest("POST", "Clients.json", Login=login, Password=PASSWORD)
        page = await self.browser.open(
            f"{login}-{library}",
            library=library,
            uri=f"sip:{login}@127.0.0.1:{self.node.sip_port}",
            password=PASSWORD,
            server=self.server,
        )
        assert (await page.event("registered"))["code"] == 200
        return page

    async def call(self, page: BrowserPage, verb: str = "call") -> None:
        """The tab calls the node's number."""
        await page.run(verb, f"sip:1000@127.0.0.1:{self.node.sip_port}")

    async def security_failure(self, sid: str) -> str:
        """The text of the notification that names why a call's media could not be secured, once it is there."""
        page: dict[str, Any] = {}
        for _ in range(150):
            _, page = await self.node.rest("GET", f"Calls/{sid}/Notifications.json")
            for each in page["notifications"]:
                if each["error_code"] == SECURITY_FAILED:
                    return str(each["message_text"])
            await asyncio.sleep(0.1)
        raise AssertionError(f"no notification {SECURITY_FAILED}: {page}")

    async def close_tabs(self) -> None:
        """Close whatever is open."""
        for page in list(self.browser.pages.values()):
            await page.close()
            del self.browser.pages[page.name]


@asynccontextmanager
async def new_street(
    folder: Path, application: Application, name: str, browser: Browser, settings: Settings | None = None
) -> AsyncIterator[Street]:
    """A node that lets the pages of `browser` in, whose application is `name`; the tabs are closed at the end."""
    webhook = application.webhook(name)
    numbers = [{"number": "*", "voice_url": webhook.url("voice")}]
    allowed = {"http": {"allowed_origins": [browser.origin]}}
    async with Node(folder, numbers=numbers, settings={**allowed, **(settings or {})}) as node:
        found = Street(node, webhook, browser)
        try:
            yield found
        finally:
            await found.close_tabs()
