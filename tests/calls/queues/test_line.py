"""The order of a queue, for any arrivals and leavings."""

from hypothesis import given
from hypothesis import strategies as st

from callapi.base.ids import CallSid
from callapi.calls.queues.line import Line, Place

A, B, C = CallSid("CAa"), CallSid("CAb"), CallSid("CAc")


def test_equals_are_served_in_the_order_of_their_arrival() -> None:
    line = Line()
    for at, sid in enumerate((A, B, C)):
        line.enter(sid, 999, float(at))
    assert [line.position(each) for each in (A, B, C)] == [1, 2, 3]
    assert line.average_wait_s(10.0) == 9
    front = line.take_front()
    assert front is not None
    assert front.call_sid == A
    assert line.position(B) == 1
    line.put_back(front)
    assert line.position(A) == 1


def test_a_lower_priority_goes_before() -> None:
    line = Line()
    line.enter(A, 999, 0.0)
    line.enter(B, 1, 1.0)
    line.enter(C, 999, 2.0)
    assert [each.call_sid for each in line.order()] == [B, A, C]


def test_an_empty_line() -> None:
    line = Line()
    assert (line.take_front(), line.leave(A), line.position(A), line.average_wait_s(1.0)) == (
        None,
        None,
        None,
        0,
    )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(0, 9), st.integers(1, 3)),
        st.tuples(st.just("leave"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("take"), st.just(0), st.just(0)),
        st.tuples(st.just("back"), st.just(0), st.just(0)),
    )
)


@given(STEPS)
def test_each_is_served_once_and_in_order(steps: list[tuple[str, int, int]]) -> None:
    line, model, taken = Line(), [], []  # type: ignore[var-annotated]
    for number, (step, who, priority) in enumerate(steps):
        sid = CallSid(f"CA{who}")
        if step == "enter" and sid not in line and all(each.call_sid != sid for each in taken):
            line.enter(sid, priority, 0.0)
            model.append((priority, number, sid))
        elif step == "leave":
            line.leave(sid)
            model = [each for each in model if each[2] != sid]
        elif step == "take":
            place = line.take_front()
            assert (place is None) == (not model)
            if place is not None:
                assert place.call_sid == min(model)[2]
                model.remove(min(model))
                taken.append(place)
        elif step == "back" and taken:
            place = taken.pop()
            line.put_back(place)
            model.append((place.priority, -1 if not model else place.number - 10_000, place.call_sid))
            break
        assert len(line) == len(model)


def test_who_is_in_it() -> None:
    line = Line()
    line.enter(A, 999, 0.0)
    assert (A in line, B in line, len(line)) == (True, False, 1)


def test_callers_of_other_nodes_stand_among_those_of_this_one() -> None:
    line = Line()
    line.enter(A, 999, 5.0, 50)
    line.show_others([Place(B, 999, 40, 4.0, "node-2"), Place(C, 999, 60, 6.0, "node-3")])
    assert [each.call_sid for each in line.order()] == [B, A, C]
    line.show_others([Place(C, 999, 60, 6.0, "node-3")])
    assert [(each.call_sid, each.node) for each in line.order()] == [(A, ""), (C, "node-3")]
    line.enter(B, 999, 7.0)
    assert line.position(B) == 2, "the number after the last of this node"
    line.show_others([])
    assert line.position(C) is None
