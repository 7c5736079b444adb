"""`<Application>`: call another application of the account. A noun of `<Dial>`.

The text, or a nested `<ApplicationSid>`, names it; each `<Parameter>` reaches its request.
"""

import re
from dataclasses import dataclass, replace

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element
from callapi.rcml.elements.nested_parameters import Parameters, read_parameters
from callapi.rcml.elements.nouns.noun import CallEvent
from callapi.rcml.tree import ElementNode

_SID = re.compile(r"AP[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Application(Element):
    """Call the application `sid` of the same account."""

    sid: str
    """Empty: it is not named, or not by a sid; the outcome is `failed`."""
    parameters: Parameters = ()
    """What its requests carry beyond their own."""
    customer_id: str | None = None
    """`CustomerId` of its requests; None: the account's sid."""
    copies_to: bool = False
    """Its call has the `To` of the caller's, in place of the sid of the application."""
    status_callback: str | None = None
    status_callback_method: Method = Method.POST
    status_callback_events: frozenset[CallEvent] = frozenset({CallEvent.COMPLETED})


def read_application(node: ElementNode) -> Application:
    """`<Application>` as written."""
    given = Attributes(node)
    application = Application(
        sid="",
        customer_id=given.text("customerId"),
        copies_to=given.flag("copyParentTo", default=False),
        status_callback=given.url("statusCallback"),
        status_callback_method=given.method("statusCallbackMethod"),
        status_callback_events=given.events("statusCallbackEvent", CallEvent.COMPLETED),
        line=node.line,
        column=node.column,
    )
    given.without_effect("url", "method")
    given.finish()
    parameters = read_parameters(node, "ApplicationSid", code=13215)
    nested = next((child.text for child in node.children if child.name == "ApplicationSid"), "")
    sid = node.text or nested
    if _SID.fullmatch(sid) is None:
        node.warn(f"<Application> names no application by its sid (AP...): {sid[:40]!r}; the Dial will fail")
        sid = ""
    return replace(application, sid=sid, parameters=parameters)
