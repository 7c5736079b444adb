//! What a packet thread does by the clock: its wheel, the part of its streams that is looked after, its timer.

use std::os::fd::AsFd;

use rustix::time::{Itimerspec, TimerfdTimerFlags, timerfd_settime};

use crate::stream::listening::FRAME_MS;
use crate::thread::clock::{self, MS};
use crate::thread::context::Context;
use crate::thread::members::Member;
use crate::thread::packet_thread::PacketThread;
use crate::thread::wheel::{Entry, Wheel};

/// Each stream is looked after once in so many parts of a round.
const PARTS: u32 = 5;
/// Between two parts.
const PART_NS: u64 = 50 * MS;
/// What is known of a stream is asked for so many streams before it is looked after.
const AHEAD: u32 = 4;

impl PacketThread {
    /// After a panic: what was due when it happened is lost.
    pub(super) fn pace_anew(&mut self) {
        self.wheel = Wheel::new(clock::now_ns());
        for index in 0..self.members.extent() {
            if let Some(stream) = self.members.audio(index) {
                stream.playout.pacing = None;
                stream.taps.set_pacing(None);
            }
            self.pace(index);
        }
        for room in self.rooms.ids() {
            if let Some(room) = self.rooms.get(room) {
                room.pacing = None;
            }
            self.pace_room(room);
        }
    }

    /// After a command: puts a room into the wheel if it has something to mix and is not there yet.
    pub(crate) fn pace_room(&mut self, room: u64) {
        let token = self.next_token;
        if let Some(entry) = self.rooms.entry(room, token) {
            self.next_token += 1;
            self.wheel.add(entry, FRAME_MS, self.now);
        }
    }

    /// After a command: puts an audio stream into the wheel if it has something to say and is not there yet.
    pub(crate) fn pace(&mut self, index: u32) {
        let Some(stream) = self.members.audio(index) else {
            return;
        };
        stream.renumber();
        if stream.is_paced() && stream.playout.pacing.is_none() {
            let token = self.next_token;
            self.next_token += 1;
            stream.playout.pacing = Some(token);
            let entry = Entry { index, token };
            let period_ms = stream.ptime_ms();
            self.wheel.add(entry, period_ms, self.now);
        }
        if stream.taps.wants_pacing() {
            let token = self.next_token;
            self.next_token += 1;
            stream.taps.set_pacing(Some(token));
            self.wheel.add(Entry { index, token }, FRAME_MS, self.now);
        }
    }

    pub(super) fn turn_wheel(&mut self, due: &mut Vec<Entry>) {
        while let Some(at_ms) = self.wheel.turn(self.now, due) {
            for entry in due.drain(..) {
                let mut ctx = Context {
                    now: self.now,
                    node: &self.node,
                    totals: &self.totals,
                    scratch: &mut self.scratch,
                };
                if let Some(room) = self.rooms.paced_by(&entry) {
                    room.tick(&mut self.members, &mut self.current, &mut ctx);
                    if room.is_active() {
                        self.wheel.again(entry, at_ms, FRAME_MS);
                    } else {
                        room.pacing = None;
                    }
                    continue;
                }
                let Some(stream) = self.members.audio(entry.index) else {
                    continue;
                };
                self.current = Some(entry.index);
                if stream.taps.is_paced_by(entry.token) {
                    match stream.taps.make_frames(stream.id, &mut ctx) {
                        Some(sooner_ms) => self.wheel.again(entry, at_ms, FRAME_MS - sooner_ms),
                        None => stream.taps.set_pacing(None),
                    }
                    continue;
                }
                if stream.playout.pacing != Some(entry.token) {
                    continue;
                }
                let goes_on = stream.tick(&mut ctx);
                stream.begin_waiting(ctx.now);
                stream.renumber();
                if goes_on {
                    let period_ms = stream.ptime_ms();
                    self.wheel.again(entry, at_ms, period_ms);
                } else {
                    stream.playout.pacing = None;
                }
            }
        }
    }

    /// Looks after a part of the streams, when it is time.
    pub(super) fn maintain(&mut self) {
        let (part, at) = self.next_part;
        if self.now < at {
            return;
        }
        self.next_part = ((part + 1) % PARTS, self.now + PART_NS);
        for index in (part..self.members.extent()).step_by(PARTS as usize) {
            self.current = Some(index);
            if let Some(stream) = self.members.peek(index + AHEAD * PARTS) {
                stream.expect_to_receive();
            }
            if let Some(stream) = self.members.peek(index + AHEAD / 2 * PARTS) {
                stream.expect_to_count();
            }
            let (members, mut ctx) = self.split();
            match members.get(index) {
                Some(Member::Audio(stream)) => stream.maintain(&mut ctx),
                Some(Member::Video(stream)) => stream.maintain(ctx.now),
                None => {}
            }
        }
    }

    /// Sets the timer for what comes first; a thread without streams sleeps until a command comes.
    pub(super) fn arm(&mut self) {
        let maintenance = (!self.members.is_empty()).then_some(self.next_part.1);
        let wanted = match (self.wheel.next_due_ns(), maintenance) {
            (Some(wheel), Some(maintenance)) => wheel.min(maintenance),
            (wheel, maintenance) => wheel.or(maintenance).unwrap_or(0),
        };
        if wanted == self.armed_ns && wanted > self.now {
            return;
        }
        self.armed_ns = wanted;
        let timer = Itimerspec {
            it_interval: clock::timespec(0),
            it_value: clock::timespec(wanted),
        };
        let _ = timerfd_settime(self.timer.as_fd(), TimerfdTimerFlags::ABSTIME, &timer);
    }
}
