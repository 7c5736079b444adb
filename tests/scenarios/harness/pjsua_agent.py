"""One PJSUA2 phone as a process: commands come as JSON lines on stdin, answers and events leave as JSON lines.

PJSUA2 wants one thread for itself, so it lives apart from asyncio. Usage: `pjsua_agent.py CONFIG_JSON`, where the
configuration has `name`, `folder` (recordings, log), `rtp_port`, `silence` (a WAV of nothing), `srtp`. Each command is
`{"id": n, "do": verb, ...}` and gets `{"id": n, ...}` back, with `error` where it failed; events have `event`, `call`.
"""

import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

Json = dict[str, Any]
SRTP = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "required": pj.PJMEDIA_SRTP_MANDATORY,
}


class Wire:
    """The line to the test: the process's first stdout, which the library must not write on."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        os.set_blocking(0, False)
        self._pending = b""

    def report(self, **message: Any) -> None:
        """Write one line."""
        self._out.write(json.dumps({"at": time.time(), **message}) + "\n")

    def commands(self) -> list[Json]:
        """The commands that have arrived; SystemExit when the test has gone."""
        while select.select([0], [], [], 0)[0]:
            chunk = os.read(0, 65536)
            if not chunk:
                raise SystemExit(0)
            self._pending += chunk
        *lines, self._pending = self._pending.split(b"\n")
        return [json.loads(line) for line in lines if line]


class Call(pj.Call):  # type: ignore[misc]  # the binding has no types
    """One call: records what it hears from its first audio on, and says what happens to it."""

    def __init__(self, phone: "Phone", call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, call_id)
        self.phone = phone
        self.number = phone.next_number()
        self.recorder: Any = None
        self.player: Any = None
        self.path = ""
        """What the player plays."""
        self.audio: Any = None
        self.recording = str(phone.folder / f"{phone.name}-{self.number}.wav")

    def report(self, event: str, **more: Any) -> None:
        """Report an event of this call."""
        self.phone.wire.report(event=event, call=self.number, **more)

    def onCallState(self, prm: Any) -> None:  # noqa: N802
        """INCOMING, CALLING, EARLY, CONNECTING, CONFIRMED, DISCONNECTED."""
        info = self.getInfo()
        more = {"code": info.lastStatusCode, "reason": info.lastReason, "sip_call_id": info.callIdString}
        change = prm.e.body.tsxState
        if prm.e.type == pj.PJSIP_EVENT_TSX_STATE and change.type == pj.PJSIP_EVENT_RX_MSG:
            more["text"] = change.src.rdata.wholeMsg
        self.report("state", state=info.stateText, **more)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.fall_silent()
            self.recorder = self.audio = None  # closes the recording
            # let go at once: the library gives this call's id to the next one, which a late farewell would hang up
            self.phone.calls.pop(self.number, None)

    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        """Every message that arrives in the dialog, whole."""
        change = prm.e.body.tsxState
        if change.type == pj.PJSIP_EVENT_RX_MSG:
            self.report("message", text=change.src.rdata.wholeMsg)

    def onCallMediaState(self, _prm: Any) -> None:  # noqa: N802
        """Audio began, was held, or came back: connect recorder and player again."""
        info = self.getInfo()  # held while its parts are read: the binding's parts die with the whole
        for index, medium in enumerate(info.media):
            if medium.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            self.report("media", status=medium.status, direction=medium.dir)
            if medium.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self.connect(self.getAudioMedia(index))

    def connect(self, audio: Any) -> None:
        """Record from `audio`; speak into it if there is something to say."""
        if self.recorder is None:
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(self.recording)
            self.phone.quiet.startTransmit(self.recorder)  # so that its clock runs on without a sender
            self.report("recorder", path=self.recording)
        self.audio = audio
        audio.startTransmit(self.recorder)
        if self.player is not None:
            self.player.startTransmit(audio)

    def play(self, path: str) -> None:
        """Say `path` from now on, over and over."""
        self.fall_silent()
        self.path, self.player = path, self.phone.take_player(path)
        if self.audio is not None:
            self.player.startTransmit(self.audio)

    def fall_silent(self) -> None:
        """Say nothing more."""
        if self.player is None:
            return
        if self.audio is not None:
            with contextlib.suppress(pj.Error):  # its audio may have ended
                self.player.stopTransmit(self.audio)
        self.phone.idle_players.setdefault(self.path, []).append(self.player)
        self.player = None

    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        """A REFER of the other side: the call that it leads to is one of ours."""
        call = Call(self.phone)
        self.phone.calls[call.number] = call
        prm.newCall = call
        self.report("referred", to=prm.dstUri)

    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: N802
        """A NOTIFY about a REFER of ours."""
        self.report("transfer", code=prm.statusCode, is_final=prm.finalNotify)

    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802
        """A digit by RFC 4733 or INFO."""
        self.report("digit", digit=prm.digit)


class Account(pj.Account):  # type: ignore[misc]  # the binding has no types
    """The phone's identity."""

    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self.phone = phone

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        """An INVITE: reported with its whole text; answered at once if there is a standing order."""
        call = Call(self.phone, prm.callId)
        self.phone.calls[call.number] = call
        call.report("incoming", text=prm.rdata.wholeMsg, source=prm.rdata.srcAddress)
        order = self.phone.standing_order
        if "ring" in order:
            self.phone.do_answer(call, {"code": order["ring"]})
        if "code" in order:
            number = call.number
            self.phone.after(order.get("after", 0.0), lambda: self.phone.answer_later(number, order))

    def onRegState(self, prm: Any) -> None:  # noqa: N802
        """The answer to a REGISTER."""
        self.phone.wire.report(event="registered", call=0, code=prm.code, reason=prm.reason)


class Phone:
    """The library, one account and its calls."""

    def __init__(self, config: Json) -> None:
        self.name: str = config["name"]
        self.folder = Path(config["folder"])
        self.wire = Wire()
        self.calls: dict[int, Call] = {}
        self.standing_order: Json = {}
        self.idle_players: dict[str, list[Any]] = {}
        """Players without a call, by path: PJSUA2 crashes if one is closed just as it ends its file."""
        self._count = 0
        self._later: list[tuple[float, Callable[[], None]]] = []
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(self._endpoint_config())
        self.addresses = {
            name: self._listen(kind)
            for name, kind in (("udp", pj.PJSIP_TRANSPORT_UDP), ("tcp", pj.PJSIP_TRANSPORT_TCP))
        }
        if "certificate" in config:
            self.addresses["tls"] = self._listen(pj.PJSIP_TRANSPORT_TLS, config)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        self.quiet = pj.AudioMediaPlayer()
        self.quiet.createPlayer(config["silence"], 0)
        self.account = Account(self)
        self.account.create(self._account_config(config))

    def next_number(self) -> int:
        """The number of the next call, from 1."""
        self._count += 1
        return self._count

    def take_player(self, path: str) -> Any:
        """A player of `path`, at its beginning."""
        if idle := self.idle_players.get(path):
            player = idle.pop()
            player.setPos(0)
            return player
        player = pj.AudioMediaPlayer()
        player.createPlayer(path, 0)
        return player

    def answer_later(self, number: int, order: Json) -> None:
        """Answer a call, unless it is over."""
        if number in self.calls:
            self.do_answer(self.calls[number], order)

    def _endpoint_config(self) -> Any:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = False
        config.uaConfig.maxCalls = 32
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.logConfig.filename = str(self.folder / f"{self.name}.log")
        config.logConfig.level = 5
        config.logConfig.msgLogging = 1
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        config.medConfig.clockRate = 16000
        return config

    def _listen(self, kind: int, files: Json | None = None) -> str:
        config = pj.TransportConfig()
        config.port = 0
        config.boundAddress = "127.0.0.1"
        if files is not None:
            config.tlsConfig.certFile = files["certificate"]
            config.tlsConfig.privKeyFile = files["private_key"]
            config.tlsConfig.CaListFile = files["ca"]
            config.tlsConfig.verifyServer = True
        info = self.endpoint.transportGetInfo(self.endpoint.transportCreate(kind, config))
        return str(info.localAddress)

    def _account_config(self, config: Json) -> Any:
        account = pj.AccountConfig()
        account.idUri = config.get("identity") or f"sip:{self.name}@{self.addresses['udp']}"
        account.mediaConfig.transportConfig.port = config["rtp_port"]
        account.mediaConfig.transportConfig.portRange = (
            120  # else it counts up, call by call, into other ranges
        )
        account.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        account.mediaConfig.srtpUse = SRTP[config.get("srtp", "off")]
        account.mediaConfig.srtpSecureSignaling = 0
        account.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        if "username" in config:
            credentials = pj.AuthCredInfo("digest", "*", config["username"], 0, config["password"])
            account.sipConfig.authCreds.append(credentials)
        if "registrar" in config:
            account.regConfig.registrarUri = config["registrar"]
            account.regConfig.retryIntervalSec = 5  # the library's own is five minutes
            account.regConfig.firstRetryIntervalSec = 1
        return account

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` on this thread, later."""
        self._later.append((time.monotonic() + seconds, action))

    def run(self) -> None:
        """Serve until the command to quit."""
        self.wire.report(event="ready", call=0, **self.addresses)
        while True:
            self.endpoint.libHandleEvents(5)
            due = [each for each in self._later if each[0] <= time.monotonic()]
            self._later = [each for each in self._later if each not in due]
            for _, action in due:
                action()
            for command in self.wire.commands():
                self._dispatch(command)

    def _dispatch(self, command: Json) -> None:
        try:
            answer = getattr(self, f"do_{command['do']}")(self.calls.get(command.get("call", 0)), command)
            self.wire.report(id=command["id"], **(answer or {}))
        except (pj.Error, AttributeError, KeyError) as error:
            text = error.info() if isinstance(error, pj.Error) else repr(error)
            self.wire.report(id=command["id"], error=text)

    # ---- commands: `do_<verb>(call, command)`

    def do_invite(self, _call: None, command: Json) -> Json:
        """Call `uri`, with `headers`, saying `play`."""
        call = Call(self)
        self.calls[call.number] = call
        if command.get("play"):
            call.play(command["play"])
        call.makeCall(command["uri"], self._operation(command))
        return {"call": call.number}

    def do_answer(self, call: Call, command: Json) -> None:
        """Answer with `code`; `play` from then on."""
        if command.get("play"):
            call.play(command["play"])
        operation = self._operation(command)
        operation.statusCode = command["code"]
        with contextlib.suppress(pj.Error) if "id" not in command else contextlib.nullcontext():
            call.answer(operation)

    def do_hang_up(self, call: Call | None, command: Json) -> None:
        """BYE, CANCEL or a final response, as due; nothing if the other side was faster."""
        if call is not None:
            operation = self._operation(command)
            operation.statusCode = command.get("code", 0)
            call.hangup(operation)

    def do_play(self, call: Call, command: Json) -> None:
        """Say `path`, over and over."""
        call.play(command["path"])

    def do_digits(self, call: Call, command: Json) -> None:
        """Press keys (RFC 4733)."""
        call.dialDtmf(command["digits"])

    def do_hold(self, call: Call, command: Json) -> None:
        """Put the other on hold."""
        call.setHold(self._operation(command))

    def do_resume(self, call: Call, command: Json) -> None:
        """Take the other from hold."""
        operation = self._operation(command)
        operation.opt.flag = pj.PJSUA_CALL_UNHOLD
        call.reinvite(operation)

    def do_transfer(self, call: Call, command: Json) -> None:
        """REFER to `uri`; or to the party of the call `to`, with Replaces."""
        operation = self._operation(command)
        if "to" in command:
            call.xferReplaces(self.calls[command["to"]], operation)
        else:
            call.xfer(command["uri"], operation)

    def do_statistics(self, call: Call, _command: Json) -> Json:
        """Packets sent, received, lost."""
        statistics = call.getStreamStat(0)
        rtcp = statistics.rtcp
        return {"sent": rtcp.txStat.pkt, "received": rtcp.rxStat.pkt, "lost": rtcp.rxStat.loss}

    def do_codecs(self, _call: None, command: Json) -> None:
        """Offer and accept only `names`, in that order."""
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 0)
        for place, name in enumerate(command["names"]):
            self.endpoint.codecSetPriority(name, 250 - place)

    def do_register(self, _call: None, command: Json) -> None:
        """REGISTER anew, or with `on` false take the registration away."""
        self.account.setRegistration(command["on"])

    def do_standing_order(self, _call: None, command: Json) -> None:
        """What to do with every further call: `ring`, `after` seconds `code`, `play`; empty: nothing."""
        self.standing_order = command["order"]

    def do_reset(self, _call: None, _command: Json) -> None:
        """Hang everything up; forget standing orders."""
        self.standing_order = {}
        self.endpoint.hangupAllCalls()

    def do_quit(self, _call: None, command: Json) -> None:
        """Leave, without the library's slow farewell."""
        self.endpoint.hangupAllCalls()
        self.endpoint.libHandleEvents(50)
        self.wire.report(id=command["id"])
        os._exit(0)

    @staticmethod
    def _operation(command: Json) -> Any:
        operation = pj.CallOpParam(True)
        for name, value in command.get("headers", []):
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            operation.txOption.headers.append(header)
        return operation


if __name__ == "__main__":
    Phone(json.loads(sys.argv[1])).run()
