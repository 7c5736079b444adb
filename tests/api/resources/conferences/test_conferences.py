"""Conferences and their participants over REST, without media."""

from callapi.base.ids import new_call_sid
from callapi.calls.conferences.options import ParticipantOptions, RoomOptions
from tests.api.world import World

FORM = {"From": "+15550100", "To": "sip:bob@127.0.0.1"}


async def test_a_participant_is_called_into_a_room_that_is_made_by_name(world: World) -> None:
    answer = await world.post(
        "Conferences/Team meeting/Participants.json", **(FORM | {"Label": "bob", "Muted": "true"})
    )
    assert answer.status == 201
    made = answer.json
    assert (made["label"], made["muted"], made["hold"], made["status"]) == ("bob", True, False, "queued")
    (command,) = world.calls.created
    assert command.document.inline is not None
    assert 'participantLabel="bob"' in command.document.inline
    assert ">Team meeting</Conference>" in command.document.inline
    room = made["conference_sid"]
    for key in (room, "Team meeting"):
        for who in (made["call_sid"], "bob"):
            fetched = await world.get(f"Conferences/{key}/Participants/{who}.json")
            assert fetched.json["call_sid"] == made["call_sid"]
    listed = await world.get(f"Conferences/{room}/Participants.json?Muted=true")
    assert [each["call_sid"] for each in listed.json["participants"]] == [made["call_sid"]]
    listed = await world.get(f"Conferences/{room}/Participants.json?Hold=true")
    assert listed.json["participants"] == []


async def test_names_and_values_are_written_safely_into_the_document(world: World) -> None:
    await world.post(
        'Conferences/A & "B"/Participants.json', **(FORM | {"Label": 'x" muted="true', "Beep": "onEnter"})
    )
    (command,) = world.calls.created
    assert command.document.inline is not None
    assert 'A &amp; "B"</Conference>' in command.document.inline
    assert "participantLabel='x\" muted=\"true'" in command.document.inline


async def test_a_label_that_is_taken_and_a_full_room_are_refused(world: World) -> None:
    await world.post("Conferences/x/Participants.json", **(FORM | {"Label": "bob", "MaxParticipants": "2"}))
    answer = await world.post("Conferences/x/Participants.json", **(FORM | {"Label": "bob"}))
    assert (answer.status, answer.json["code"]) == (400, 16025)
    await world.post("Conferences/x/Participants.json", **FORM)
    answer = await world.post("Conferences/x/Participants.json", **FORM)
    assert (answer.status, answer.json["code"]) == (400, 60080)
    assert len(world.calls.created) == 2


async def test_changes_of_a_participant(world: World) -> None:
    sid = new_call_sid()
    world.conferences.invite(world.account.sid, "x", RoomOptions(), sid, ParticipantOptions())
    path = f"Conferences/x/Participants/{sid}.json"
    for form, key, value in (
        ({"Muted": "true"}, "muted", True),
        ({"Hold": "true", "HoldUrl": "http://app/hold"}, "hold", True),
        ({"Hold": "false"}, "hold", False),
        ({"EndConferenceOnExit": "true"}, "end_conference_on_exit", True),
    ):
        answer = await world.post(path, **form)
        assert answer.json[key] is value
    answer = await world.post(path, Coaching="true")
    assert (answer.status, answer.json["code"]) == (400, 13240)
    assert (await world.delete(path)).status == 204
    assert (await world.get(path)).status == 404


async def test_a_room_is_listed_and_ended(world: World) -> None:
    room = world.conferences.invite(
        world.account.sid, "x", RoomOptions(), new_call_sid(), ParticipantOptions()
    )
    listed = await world.get("Conferences.json?FriendlyName=x&Status=init")
    (shown,) = listed.json["conferences"]
    assert shown["sid"] == room.record.sid
    assert set(shown["subresource_uris"]) == {"participants", "recordings"}
    answer = await world.post(f"Conferences/{shown['sid']}.json", Status="completed")
    assert (answer.json["status"], answer.json["reason_conference_ended"]) == (
        "completed",
        "conference-ended-via-api",
    )
    listed = await world.get(f"Conferences/{shown['sid']}/Participants.json")
    assert listed.json["participants"] == []
    assert (await world.post(f"Conferences/{shown['sid']}.json")).status == 400


async def test_unknown_rooms_are_absent(world: World) -> None:
    unknown = "CF" + "0" * 32
    assert (await world.get(f"Conferences/{unknown}.json")).status == 404
    assert (await world.get(f"Conferences/{unknown}/Participants.json")).status == 404
    assert (await world.post(f"Conferences/{unknown}/Participants.json", **FORM)).status == 404
