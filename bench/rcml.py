"""How long the documents of everyday take to read, in microseconds of CPU: `.venv/bin/python bench/rcml.py`."""

import timeit
from functools import partial

from callapi.rcml import parse

DOCUMENTS = {
    "dial": b"<Response><Dial><Sip>sip:alice@example.com</Sip></Dial></Response>",
    "dial with everything": b"""<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Dial timeout="10" callerId="bob" method="POST" action="/after" record="true" hangupOnStar="true">
    <Sip method="POST" url="/screen" statusCallback="/events" username="alice" password="secret"
         statusCallbackEvent="initiated ringing answered completed">
      sip:alice@example.com;transport=tcp?X-Order=7&amp;X-Shop=8
    </Sip>
  </Dial>
</Response>""",
    "dial of ten": b"<Response><Dial>%s</Dial></Response>" % (b"<Client url='/screen'>alice</Client>" * 10),
    "gather": b"""<Response>
  <Gather numDigits="1" action="/digits"><Say language="en-GB">Press one to accept.</Say></Gather>
  <Hangup/>
</Response>""",
    "bare ampersand": b"<Response><Dial><Sip>sip:alice@example.com?a=1&b=2</Sip></Dial></Response>",
}
ROUNDS, TIMES = 7, 1000


def main() -> None:
    for name, body in DOCUMENTS.items():
        best = min(timeit.repeat(partial(parse, body), number=TIMES, repeat=ROUNDS)) / TIMES
        print(f"{name:22} {best * 1e6:6.1f} us")


if __name__ == "__main__":
    main()
