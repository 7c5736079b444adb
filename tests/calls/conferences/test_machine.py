"""The rules of a room: when it starts and ends, what its events are and in which order, for any inputs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.base.ids import CallSid
from callapi.calls.conferences.events import ConferenceStep, LeaveReason
from callapi.calls.conferences.machine import (
    BeginRecording,
    Close,
    Enter,
    JoinRefused,
    Output,
    PlayBeep,
    Release,
    Report,
    RoomMachine,
    RoomState,
    SetCoach,
    SetMuted,
    Withdraw,
)
from callapi.calls.conferences.options import Beep, ParticipantOptions

A, B, C, D = (CallSid(f"CA{letter}") for letter in "abcd")
PLAIN = ParticipantOptions(beep=Beep.FALSE)
WAITS = ParticipantOptions(beep=Beep.FALSE, start_on_enter=False)
HOST = ParticipantOptions(beep=Beep.FALSE, end_on_exit=True)
HUNG_UP, KICKED = LeaveReason.HUNG_UP, LeaveReason.UPDATED_VIA_API


def steps(outputs: list[Output]) -> list[str]:
    """The events, with the last letter of the participant's sid."""
    found = []
    for each in outputs:
        if isinstance(each, Report):
            who = each.happening.participant
            found.append(each.happening.step.value + (f" {who.call_sid[-1]}" if who else ""))
    return found


def room(*options: ParticipantOptions, **more: Any) -> tuple[RoomMachine, list[Output]]:
    """A room that A, B, … have joined, and what the last arrival led to."""
    machine = RoomMachine(**more)
    outputs: list[Output] = []
    for sid, each in zip((A, B, C, D), options, strict=False):
        outputs = machine.join(sid, each)
    return machine, outputs


def test_it_starts_with_the_second_participant() -> None:
    machine, outputs = room(PLAIN)
    assert machine.state == "init"
    assert steps(outputs) == ["participant-join a"]
    outputs = machine.join(B, PLAIN)
    assert machine.state == "in-progress"
    assert steps(outputs) == ["participant-join b", "conference-start"]
    assert [each for each in outputs if isinstance(each, Enter)] == [Enter(A, False), Enter(B, False)]


def test_it_waits_for_one_that_starts_it() -> None:
    machine, _ = room(WAITS, WAITS)
    assert machine.state is RoomState.INIT
    assert steps(machine.join(C, PLAIN)) == ["participant-join c", "conference-start"]
    assert all(each.is_mixed for each in machine.joined)


def test_it_ends_with_the_last_one() -> None:
    machine, _ = room(PLAIN, PLAIN)
    assert steps(machine.leave(A, HUNG_UP)) == ["participant-leave a"]
    assert machine.state is RoomState.IN_PROGRESS
    outputs = machine.leave(B, HUNG_UP)
    assert steps(outputs) == ["participant-leave b", "conference-end"]
    last = outputs[-1]
    assert isinstance(last, Close)
    assert (last.reason, last.ended_by) == ("last-participant-left", B)


def test_it_ends_with_its_moderator_who_leaves_first() -> None:
    machine, _ = room(HOST, PLAIN, PLAIN)
    outputs = machine.leave(A, HUNG_UP)
    assert steps(outputs) == [
        "participant-leave a",
        "participant-leave b",
        "participant-leave c",
        "conference-end",
    ]
    reasons = [each.happening.leave_reason for each in outputs if isinstance(each, Report)]
    assert reasons == ["participant_hung_up", *["moderator_ended_conference"] * 2, None]
    assert [each.call_sid for each in outputs if isinstance(each, Release)] == [A, B, C]


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ((PLAIN,), "last-participant-kicked"),
        ((HOST, PLAIN), "participant-with-end-conference-on-exit-kicked"),
    ],
)
def test_a_kick_is_named_at_the_end(options: tuple[ParticipantOptions, ...], end: str) -> None:
    machine, _ = room(*options)
    close = machine.leave(A, KICKED)[-1]
    assert isinstance(close, Close)
    assert close.reason == end


def test_the_api_ends_it_once() -> None:
    machine, _ = room(PLAIN, PLAIN)
    assert steps(machine.end()) == ["participant-leave a", "participant-leave b", "conference-end"]
    assert machine.end() == []
    assert machine.leave(A, HUNG_UP) == []


def test_hold_takes_out_of_the_mix_and_comes_back_as_it_was() -> None:
    machine, _ = room(PLAIN, PLAIN)
    machine.mute(A, muted=True)
    assert machine.hold(A, hold=True)[0] == Withdraw(A)
    assert machine.hold(A, hold=True) == []
    outputs = machine.hold(A, hold=False)
    assert outputs[0] == Enter(A, muted=True)
    assert steps(outputs) == ["participant-unhold a"]


def test_one_on_hold_before_the_start_is_not_mixed_at_the_start() -> None:
    machine, _ = room(PLAIN)
    assert steps(machine.hold(A, hold=True)) == ["participant-hold a"]
    outputs = machine.join(B, PLAIN)
    assert [each for each in outputs if isinstance(each, Enter)] == [Enter(B, False)]
    assert machine.hold(A, hold=False)[0] == Enter(A, False)


def test_mute_is_reported_once() -> None:
    machine, _ = room(PLAIN, PLAIN)
    outputs = machine.mute(B, muted=True)
    assert outputs[0] == SetMuted(B, True)
    assert steps(outputs) == ["participant-mute b"]
    assert machine.mute(B, muted=True) == []
    assert steps(machine.mute(B, muted=False)) == ["participant-unmute b"]


def test_a_coach_is_heard_by_one_and_never_by_all_because_that_one_left() -> None:
    machine, _ = room(PLAIN, PLAIN)
    outputs = machine.join(C, ParticipantOptions(beep=Beep.FALSE, coach=A))
    assert outputs[1:] == [Enter(C, False), SetCoach(C, coaching=True, target=A)]
    assert SetCoach(C, coaching=True, target=None) in machine.leave(A, HUNG_UP)
    outputs = machine.modify(C, coaching=True, coach=B)
    assert outputs[0] == SetCoach(C, coaching=True, target=B)
    assert machine.modify(C, coaching=False)[0] == SetCoach(C, coaching=False, target=None)


@pytest.mark.parametrize("coach", [CallSid("CAunknown"), C])
def test_a_bad_coach_is_refused(coach: CallSid) -> None:
    machine, _ = room(PLAIN, PLAIN)
    with pytest.raises(JoinRefused) as refused:
        machine.join(C, ParticipantOptions(coach=coach))
    assert refused.value.code == 13240


def test_a_full_room_and_a_label_that_is_taken_are_refused() -> None:
    machine, _ = room(ParticipantOptions(label="x"), PLAIN, max_participants=2)
    with pytest.raises(JoinRefused) as refused:
        machine.join(C, PLAIN)
    assert refused.value.code == 60080
    machine.leave(B, HUNG_UP)
    with pytest.raises(JoinRefused) as refused:
        machine.join(C, ParticipantOptions(label="x"))
    assert refused.value.code == 16025
    assert machine.join(D, ParticipantOptions(label="y"))


def test_one_that_is_invited_keeps_the_room_and_its_label_until_it_fails() -> None:
    machine, _ = room(PLAIN)
    machine.invite(B, ParticipantOptions(label="x"))
    assert steps(machine.leave(A, HUNG_UP)) == ["participant-leave a"]
    assert machine.state is RoomState.INIT
    outputs = machine.leave(B, LeaveReason.ADD_FAILED)
    assert steps(outputs) == ["participant-leave b", "conference-end"]
    assert not [each for each in outputs if isinstance(each, Release)]


def test_an_invited_one_joins_under_its_own_label() -> None:
    machine, _ = room(PLAIN)
    labelled = ParticipantOptions(label="x", beep=Beep.FALSE)
    machine.invite(B, labelled)
    assert steps(machine.join(B, labelled)) == ["participant-join b", "conference-start"]


@pytest.mark.parametrize(
    ("beep", "on_enter", "on_exit"),
    [
        (Beep.TRUE, True, True),
        (Beep.FALSE, False, False),
        (Beep.ON_ENTER, True, False),
        (Beep.ON_EXIT, False, True),
    ],
)
def test_beeps(beep: Beep, on_enter: bool, on_exit: bool) -> None:
    machine, _ = room(PLAIN, PLAIN)
    assert (PlayBeep() in machine.join(C, ParticipantOptions(beep=beep))) is on_enter
    assert (PlayBeep() in machine.leave(C, HUNG_UP)) is on_exit


def test_the_recording_begins_with_the_room() -> None:
    machine, outputs = room(PLAIN, records=True)
    assert BeginRecording() not in outputs
    assert BeginRecording() in machine.join(B, PLAIN)
    assert BeginRecording() not in machine.join(C, PLAIN)


def test_modify_reports_what_changed_and_nothing_else() -> None:
    machine, _ = room(PLAIN, PLAIN)
    assert steps(machine.modify(A, end_on_exit=True)) == ["participant-modify a"]
    assert machine.modify(A, end_on_exit=True) == []
    assert machine.modify(A, beeps_on_exit=True) == []
    assert steps(machine.leave(A, HUNG_UP))[-1] == "conference-end"


def test_announcements_and_speech() -> None:
    machine, _ = room(PLAIN, PLAIN)
    assert steps(machine.announced("http://a", None, None)) == ["announcement-end"]
    assert steps(machine.announced("http://a", B, "404")) == ["announcement-fail b"]
    assert steps(machine.speech(A, is_speaking=True)) == ["participant-speech-start a"]
    assert machine.speech(D, is_speaking=True) == []


OPTIONS = st.builds(
    ParticipantOptions,
    label=st.sampled_from([None, "x", "y"]),
    muted=st.booleans(),
    beep=st.sampled_from(Beep),
    start_on_enter=st.booleans(),
    end_on_exit=st.sampled_from([False, False, False, True]),
    coach=st.sampled_from([None, None, A, B]),
)
SIDS = st.sampled_from([A, B, C, D])
COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), SIDS, OPTIONS),
        st.tuples(st.just("invite"), SIDS, OPTIONS),
        st.tuples(st.just("leave"), SIDS, st.sampled_from([HUNG_UP, KICKED])),
        st.tuples(st.just("mute"), SIDS, st.booleans()),
        st.tuples(st.just("hold"), SIDS, st.booleans()),
        st.tuples(st.just("modify"), SIDS, st.booleans()),
        st.tuples(st.just("end"), SIDS, st.none()),
    ),
    max_size=30,
)


def perform(machine: RoomMachine, command: tuple[str, CallSid, Any]) -> list[Output]:
    """One command, where it makes sense."""
    verb, sid, value = command
    is_known = sid in machine.participants
    is_joined = is_known and machine.participants[sid].is_joined
    outputs: list[Output] = []
    match verb:
        case _ if machine.state is RoomState.COMPLETED:
            pass
        case "end":
            outputs = machine.end()
        case "join" if not is_joined:
            outputs = machine.join(sid, value)
        case "invite" if not is_known:
            outputs = machine.invite(sid, value)
        case "leave" if is_known:
            outputs = machine.leave(sid, value if is_joined else LeaveReason.ADD_FAILED)
        case "mute" if is_known:
            outputs = machine.mute(sid, muted=value)
        case "hold" if is_known:
            outputs = machine.hold(sid, hold=value)
        case "modify" if is_known:
            outputs = machine.modify(sid, end_on_exit=value)
    return outputs


@given(COMMANDS)
def test_any_commands_leave_a_legal_room(commands: list[tuple[str, CallSid, Any]]) -> None:
    """Each arrival is followed by one leave, the end comes once and last, and only joined participants are mixed."""
    machine = RoomMachine(max_participants=3)
    events: list[str] = []
    mixed: set[CallSid] = set()
    for command in commands:
        try:
            outputs = perform(machine, command)
        except JoinRefused:
            continue
        events += steps(outputs)
        for each in outputs:
            match each:
                case Enter(sid):
                    assert sid not in mixed
                    mixed.add(sid)
                case Withdraw(sid):
                    mixed.remove(sid)
                case SetMuted(sid) | SetCoach(sid):
                    assert sid in mixed
                case _:
                    pass
        assert mixed == {each.call_sid for each in machine.joined if each.is_mixed}
        assert len(machine.participants) <= 3
        labels = [each.options.label for each in machine.participants.values() if each.options.label]
        assert len(labels) == len(set(labels))
    for sid in (A, B, C, D):
        own = [
            each for each in events if each in {f"participant-join {sid[-1]}", f"participant-leave {sid[-1]}"}
        ]
        joins = [each for each in own if "join" in each]
        assert len(joins) <= own.count(f"participant-leave {sid[-1]}") + 1
    assert events.count(ConferenceStep.START) <= 1
    if ConferenceStep.END in events:
        assert events.index(ConferenceStep.END) == len(events) - 1
        assert not mixed
        assert not machine.participants


def test_a_participant_is_found_by_its_sid_or_its_label() -> None:
    machine, _ = room(PLAIN, ParticipantOptions(beep=Beep.FALSE, label="host"))
    by_sid, by_label = machine.find(A), machine.find("host")
    assert by_sid is not None
    assert by_label is not None
    assert (by_sid.facts.call_sid, by_label.facts.call_sid) == (A, B)
    assert machine.find("guest") is None


def test_an_announcement_that_ends_after_the_room_is_not_reported() -> None:
    machine, _ = room(PLAIN, PLAIN)
    assert steps(machine.announced("http://a/x", None, None)) == ["announcement-end"]
    machine.end()
    assert machine.announced("http://a/x", None, "not heard") == []


def test_who_was_invited_and_has_not_come_leaves_no_event_when_the_room_ends() -> None:
    machine, _ = room(PLAIN, PLAIN)
    machine.invite(C, PLAIN)
    outputs = machine.end()
    assert steps(outputs) == ["participant-leave a", "participant-leave b", "conference-end"]
    assert machine.participants == {}
