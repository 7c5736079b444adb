"""The subscriptions of one dialog at work, beside its INVITE (RFC 5057): machines, timers, users of their events."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import assert_never

from callapi.sip.dialog import Dialog
from callapi.sip.endpoint.dialog_sender import DialogSender
from callapi.sip.endpoint.driver import Driver
from callapi.sip.endpoint.machine_runner import run
from callapi.sip.endpoint.timers import Timing
from callapi.sip.endpoint.transactions import ServerTransaction
from callapi.sip.errors import ParseError, RemoteProtocolError
from callapi.sip.invite_session.inputs import BEGIN, RequestReceived, ResponseReceived
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.messages.transfer import read_refer_to
from callapi.sip.outbound_refer import OutboundRefer
from callapi.sip.outputs import Finish, Report, Respond, SendRequest, StartTimer, StopTimer, TimerFired
from callapi.sip.subscription.events import (
    NotifierCommand,
    NotifierInput,
    NotifierOutput,
    ReferEnded,
    SubscriberInput,
    SubscriberOutput,
)
from callapi.sip.subscription.inbound import InboundRefer
from callapi.sip.subscription.notifier import ReferNotifier
from callapi.sip.subscription.subscriber import ReferSubscriber

METHODS = frozenset({"REFER", "NOTIFY", "SUBSCRIBE"})
"""The methods that belong to subscriptions and not to the INVITE of a dialog."""
EVENT = "refer"
MAX_SUBSCRIPTIONS = 8
"""On one dialog at a time."""


class SubscriptionRunner(ABC):
    """The shell of one machine."""

    __slots__ = ("_driver", "_finished", "_sender", "dialog", "is_over", "timers")

    def __init__(
        self,
        driver: Driver,
        sender: DialogSender,
        dialog: Dialog,
        finished: Callable[["SubscriptionRunner"], None],
    ) -> None:
        self.timers: dict[StrEnum, Timing] = {}
        self.dialog = dialog
        self.is_over = False
        self._driver = driver
        self._sender = sender
        self._finished = finished

    def timer_fired(self, timer: StrEnum) -> None:
        """A timer of the machine."""
        self.feed(TimerFired(timer))

    def answered(self, request: Request, response: Response, *, is_local: bool) -> None:
        """As `ClientUser`."""
        self.feed(ResponseReceived(request, response, is_local))

    def over(self, request: Request) -> None:
        """As `ClientUser`: not called for other requests than INVITE."""
        del request

    @abstractmethod
    def feed(self, input_: RequestReceived | ResponseReceived | TimerFired) -> None:
        """One step of the machine."""

    def close(self) -> None:
        """The endpoint stops, or the connection is lost."""
        if not self.is_over:
            self._finish()

    def _perform(self, output: NotifierOutput | SubscriberOutput) -> None:
        match output:
            case StartTimer(timer, at):
                self._driver.timers.start(self, timer, at)
            case StopTimer(timer):
                self._driver.timers.stop(self, timer)
            case Respond(handle, response):
                if isinstance(handle, ServerTransaction):
                    self._driver.respond(handle, response)
            case SendRequest(request):
                self._sender.send(request, self)
            case Report(event):
                self._report(event)
            case Finish():
                self._finish()
            case _:
                assert_never(output)

    def _report(self, event: object) -> None:
        del event

    def _finish(self) -> None:
        self.is_over = True
        self._driver.timers.stop_all(self)
        self._finished(self)


class NotifierRunner(SubscriptionRunner):
    """A received REFER; the `NotifierPort` of its `InboundRefer`."""

    __slots__ = ("machine",)

    machine: ReferNotifier

    def feed(self, input_: NotifierInput) -> None:
        """One step of the machine."""
        for output in run(self.machine, input_, self._driver.clock(), self.dialog.call_id):
            self._perform(output)

    def command(self, command: NotifierCommand) -> None:
        """As `NotifierPort`."""
        if not self.is_over:
            self.feed(command)


class SubscriberRunner(SubscriptionRunner):
    """A REFER that was sent, and the object that gets its events."""

    __slots__ = ("machine", "refer")

    machine: ReferSubscriber
    refer: OutboundRefer

    def feed(self, input_: SubscriberInput) -> None:
        """One step of the machine."""
        for output in run(self.machine, input_, self._driver.clock(), self.dialog.call_id):
            self._perform(output)

    def close(self) -> None:
        """As `SubscriptionRunner`; the application is not left waiting."""
        self.refer.put(ReferEnded(None, "the connection was lost"))
        super().close()

    def _report(self, event: object) -> None:
        self.refer.put(event)  # type: ignore[arg-type]  # the machine's output union


class Subscriptions:
    """The subscriptions of one dialog; `emptied` is called when the last has ended."""

    __slots__ = ("_driver", "_emptied", "_has_had_refer", "_notifiers", "_sender", "_subscribers")

    def __init__(self, driver: Driver, sender: DialogSender, emptied: Callable[[], None]) -> None:
        self._driver = driver
        self._sender = sender
        self._emptied = emptied
        self._notifiers: list[NotifierRunner] = []
        self._subscribers: list[SubscriberRunner] = []
        self._has_had_refer = False

    @property
    def is_empty(self) -> bool:
        """Whether none is alive."""
        return not self._notifiers and not self._subscribers

    def close(self) -> None:
        """End all of them without a message to the peer."""
        for runner in (*self._notifiers, *self._subscribers):
            runner.close()

    def receive_refer(
        self, dialog: Dialog, contact: str, request: Request, transaction: ServerTransaction
    ) -> InboundRefer | None:
        """Take a REFER of the peer; None: it was refused."""
        try:
            dialog.receive(request)
            refer_to = read_refer_to(request)
        except (RemoteProtocolError, ParseError) as error:
            self._respond(dialog, request, transaction, error.status_hint, f"{error}"[:120])
            return None
        if len(self._notifiers) >= MAX_SUBSCRIPTIONS:
            self._respond(dialog, request, transaction, 503)
            return None
        runner = NotifierRunner(self._driver, self._sender, dialog, self._forget)
        runner.machine = ReferNotifier(
            dialog, contact, request, transaction, is_first=not self._has_had_refer
        )
        self._has_had_refer = True
        self._notifiers.append(runner)
        runner.feed(BEGIN)
        return InboundRefer(request, refer_to, runner)

    def send_refer(self, dialog: Dialog, machine: ReferSubscriber) -> OutboundRefer:
        """Send the REFER of a machine."""
        runner = SubscriberRunner(self._driver, self._sender, dialog, self._forget)
        runner.machine, runner.refer = machine, OutboundRefer()
        self._subscribers.append(runner)
        runner.feed(BEGIN)
        return runner.refer

    def receive(self, request: Request, transaction: ServerTransaction) -> None:
        """A NOTIFY or SUBSCRIBE: 489 for another event package, 481 for a subscription that is not there."""
        event, *parameters = [part.strip() for part in (request.headers.get("Event") or "").split(";")]
        wanted = next((part[3:] for part in parameters if part.lower().startswith("id=")), None)
        runners = self._subscribers if request.method == "NOTIFY" else self._notifiers
        found = [each for each in runners if wanted in {None, each.machine.event_id}]
        if event.lower() != EVENT:
            response = make_response(request, 489, headers=(("Allow-Events", EVENT),))
            self._driver.respond(transaction, response)
        elif not found:
            self._driver.respond(transaction, make_response(request, 481))
        else:
            runner = found[0]  # RFC 3515 §2.4.6: without an id it is the first
            try:
                runner.dialog.receive(request)
            except RemoteProtocolError as error:
                self._respond(runner.dialog, request, transaction, error.status_hint)
                return
            runner.feed(RequestReceived(request, transaction))

    def _respond(
        self,
        dialog: Dialog,
        request: Request,
        transaction: ServerTransaction,
        status: int,
        reason: str | None = None,
    ) -> None:
        response = make_response(request, status, reason, to_tag=dialog.local_tag)
        self._driver.respond(transaction, response)

    def _forget(self, runner: SubscriptionRunner) -> None:
        self._notifiers = [each for each in self._notifiers if each is not runner]
        self._subscribers = [each for each in self._subscribers if each is not runner]
        if self.is_empty:
            self._emptied()
