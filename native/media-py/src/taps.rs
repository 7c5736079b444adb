//! The recordings of one audio stream, as its packet thread sees them.

use media_core::recorder::Place;

use crate::format::Format;
use crate::recording::{Cause, Direction, NewRecording, Tap};

/// Recordings of one stream, those that wait for their beep to end among them.
#[derive(Default)]
pub(crate) struct Taps(Option<Box<Lists>>);

#[derive(Default)]
struct Lists {
    active: Vec<Tap>,
    waiting: Vec<NewRecording>,
}

impl Taps {
    /// Copies a packet to all recordings; nearly always there are none.
    pub(crate) fn packet(&mut self, direction: Direction, place: Place, payload: &[u8], now: u64) {
        for tap in self.active() {
            tap.packet(direction, place, payload, now);
        }
    }

    /// Forgets those that the writer has ended.
    pub(crate) fn forget_ended(&mut self) {
        if let Some(lists) = &mut self.0 {
            lists.active.retain(|tap| !tap.is_over());
            if lists.active.is_empty() && lists.waiting.is_empty() {
                self.0 = None;
            }
        }
    }

    /// Ends those that wait for this digit.
    pub(crate) fn on_digit(&mut self, digit: char, now: u64) {
        if let Some(lists) = &mut self.0 {
            for tap in lists.active.extract_if(.., |tap| tap.ends_on(digit)) {
                tap.end(Cause::Digit(digit), now);
            }
        }
    }

    /// Begins a recording now.
    pub(crate) fn begin(
        &mut self,
        recording: NewRecording,
        stream: u64,
        format: Option<&Format>,
        now: u64,
    ) {
        let tap = recording.begin(stream, format, now);
        self.lists().active.push(tap);
    }

    /// Keeps a recording until its beep is over.
    pub(crate) fn wait(&mut self, recording: NewRecording) {
        self.lists().waiting.push(recording);
    }

    /// Begins those recordings whose beep is over; `is_playing` says so of a playback's id.
    pub(crate) fn begin_waiting(
        &mut self,
        is_playing: impl Fn(u64) -> bool,
        (stream, format): (u64, Option<&Format>),
        now: u64,
    ) {
        let Some(lists) = &mut self.0 else {
            return;
        };
        let is_over = |new: &mut NewRecording| !is_playing(new.options.recording);
        for recording in lists.waiting.extract_if(.., is_over) {
            lists.active.push(recording.begin(stream, format, now));
        }
    }

    /// Ends a recording and keeps it; `None`: all.
    pub(crate) fn stop(
        &mut self,
        recording: Option<u64>,
        (stream, format): (u64, Option<&Format>),
        now: u64,
    ) {
        let Some(lists) = &mut self.0 else {
            return;
        };
        let is_meant = |id: u64| recording.is_none_or(|meant| meant == id);
        for new in lists
            .waiting
            .extract_if(.., |new| is_meant(new.options.recording))
        {
            lists.active.push(new.begin(stream, format, now));
        }
        for tap in lists.active.extract_if(.., |tap| is_meant(tap.recording)) {
            tap.end(Cause::Stopped, now);
        }
    }

    /// The leg speaks another codec from now on.
    pub(crate) fn set_codec(&mut self, format: &Format, now: u64) {
        for tap in self.active() {
            tap.set_codec(format, now);
        }
    }

    fn active(&mut self) -> &mut [Tap] {
        self.0.as_mut().map_or(&mut [], |lists| &mut lists.active)
    }

    fn lists(&mut self) -> &mut Lists {
        self.0.get_or_insert_default()
    }
}
