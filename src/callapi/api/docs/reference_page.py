"""The readable page at `/docs`, made of the same tables; one file, nothing from elsewhere."""

import re
from collections.abc import Iterable
from html import escape
from typing import Any, Final

from callapi import __version__
from callapi.api.docs.openapi import faults_of
from callapi.api.docs.style import STYLE
from callapi.api.operation import Operation
from callapi.api.requests.parameters import Parameter
from callapi.api.requests.request_path import TWILIO
from callapi.api.resources import Resource

_FURTHER: Final = re.compile(r"Parameter(?:[2-9]|\d\d)\.")
"""Numbered parameters after the first: the page shows one of a kind."""

_INTRODUCTION: Final = """
<p>Every path below is served under <code>/2010-04-01</code> (Twilio's; JSON unless it ends in <code>.xml</code>),
<code>/2012-04-24</code> and <code>/restcomm/2012-04-24</code> (Restcomm's; XML unless it ends in <code>.json</code> or
<code>Accept</code> names JSON). Parameters are sent as a query (GET) or as a form (POST, PUT). Sign in by HTTP Basic
with the account's sid and token, or with the sid and secret of an API key (<a href="#Keys">Keys</a>).</p>
<pre>curl -u "$CALLAPI_ACCOUNT_SID:$CALLAPI_AUTH_TOKEN" \\
  {url}{base}/Accounts/$CALLAPI_ACCOUNT_SID/Calls.json \\
  --data-urlencode To=sip:bob@192.0.2.7 --data-urlencode From=1000 \\
  --data-urlencode Url=http://127.0.0.1:9000/voice</pre>
<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>
"""


def page(resources: Iterable[Resource], public_url: str) -> str:
    """The page as HTML."""
    resources = tuple(resources)
    links = "".join(f'<a href="#{each.name}">{each.name}</a>' for each in resources)
    introduction = _INTRODUCTION.replace("{url}", escape(public_url)).replace("{base}", TWILIO)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>CallAPI REST</title>'
        f"<style>{STYLE}</style></head><body><h1>CallAPI REST <small>{__version__}</small></h1>"
        f"{introduction}<nav>{links}<a href='#errors'>Errors</a></nav>"
        f"{''.join(_resource(each) for each in resources)}{_errors(resources)}</body></html>"
    )


def _resource(resource: Resource) -> str:
    paragraphs = "".join(f"<p>{_prose(each)}</p>" for each in resource.about.strip().split("\n\n"))
    operations = "".join(_operation(each) for each in resource.operations if each.method != "PUT")
    return f'<h2 id="{resource.name}">{resource.name}</h2>{paragraphs}{operations}'


def _operation(operation: Operation) -> str:
    suffixes = ", ".join(f".{each}" for each in sorted(operation.formats))
    rows = "".join(_parameter(each) for each in operation.parameters if not _FURTHER.match(each.name))
    table = f"<table><tr><th>parameter<th>value<th>meaning</tr>{rows}</table>" if rows else ""
    return (
        f"<h3>{escape(operation.about)}</h3>"
        f'<p class="path"><span class="verb">{operation.method}</span> {escape(operation.path)} ({suffixes})</p>'
        f"<p>{_prose(operation.handler.__doc__ or '')}</p>{table}"
    )


def _parameter(parameter: Parameter[Any]) -> str:
    names = " or ".join(f"<code>{escape(each)}</code>" for each in (parameter.name, *parameter.aliases))
    if parameter.is_required:
        need = "; required"
    elif parameter.default in {None, (), "", False}:
        need = ""
    else:
        default = parameter.default
        need = f"; default {escape(' '.join(default) if isinstance(default, tuple) else str(default))}"
    return f"<tr><td>{names}<td>{_value(parameter)}{need}<td>{_prose(parameter.about)}</tr>"


def _value(parameter: Parameter[Any]) -> str:
    schema: Any = parameter.kind.schema
    match schema:
        case {"enum": words}:
            return " | ".join(map(escape, words))
        case {"items": {"enum": words}}:
            return "any of " + " ".join(map(escape, words))
        case {"minimum": minimum, "maximum": maximum}:
            return f"{minimum} to {maximum}"
        case {"type": "boolean"}:
            return "true | false"
        case {"format": "uri"}:
            return "URL"
        case _:
            return "text"


def _errors(resources: Iterable[Resource]) -> str:
    faults = {fault for resource in resources for each in resource.operations for fault in faults_of(each)}
    rows = "".join(
        f'<tr><td>{each.code}<td>{each.status}<td>{escape(each.text)} <a href="{each.more_info}">more</a></tr>'
        for each in sorted(faults, key=lambda each: each.code)
    )
    return f'<h2 id="errors">Errors</h2><table><tr><th>code<th>HTTP<th>message</tr>{rows}</table>'


def _prose(text: str) -> str:
    """Text with `code` in it."""
    parts = escape(" ".join(text.split()), quote=False).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
