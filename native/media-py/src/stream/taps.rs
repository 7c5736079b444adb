//! Who records and hears one audio stream, as its packet thread sees them.

use media_core::recorder::Place;
use media_core::stream::hearing::Coding;

use crate::recording::{Cause, Direction, NewRecording, Source, Tap};
use crate::stream::listening::{Listening, NewListening};
use crate::thread::context::Context;

/// Frames are made sooner by so much in all: where in its 20 ms a party sends, and a packet that was late once.
const MAX_SOONER_MS: u64 = 40;

/// Recordings of one stream, those that wait for their beep to end among them, and who listens to it.
#[derive(Default)]
pub(crate) struct Taps(Option<Box<Lists>>);

#[derive(Default)]
struct Lists {
    active: Vec<Tap>,
    waiting: Vec<NewRecording>,
    listenings: Vec<Listening>,
    /// Of the listenings' entry in the wheel; `None`: it is not there.
    pacing: Option<u64>,
    /// By how much frames are made sooner than when listening began.
    sooner_ms: u64,
}

impl Taps {
    /// Whether the stream is neither recorded nor heard.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Copies a packet to all recordings and listenings; nearly always there are none.
    pub(crate) fn packet(&mut self, direction: Direction, place: Place, payload: &[u8], now: u64) {
        let Some(lists) = &mut self.0 else {
            return;
        };
        for tap in &mut lists.active {
            tap.packet(direction, place, payload, now);
        }
        for listening in &mut lists.listenings {
            listening.packet(direction, place, payload, now);
        }
    }

    /// A packet of a digit went this way.
    pub(crate) fn digit_packet(&mut self, direction: Direction, place: Place) {
        if let Some(lists) = &mut self.0 {
            for listening in &mut lists.listenings {
                listening.skip(direction, place);
            }
        }
    }

    /// Begins to listen; to what, once a format was agreed on.
    pub(crate) fn listen(
        &mut self,
        new: NewListening,
        received: Option<&Coding>,
        sent: Option<&Coding>,
    ) {
        self.lists().listenings.push(new.begin(received, sent));
    }

    /// Ends a listening.
    pub(crate) fn stop_listening(&mut self, id: u64) {
        if let Some(lists) = &mut self.0 {
            lists.listenings.retain(|listening| listening.id != id);
        }
    }

    /// Whether frames are due in the wheel, and no entry was made for them yet.
    pub(crate) fn wants_pacing(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|lists| lists.pacing.is_none() && !lists.listenings.is_empty())
    }

    /// Takes note of the entry in the wheel, or that it is gone.
    pub(crate) fn set_pacing(&mut self, token: Option<u64>) {
        if let Some(lists) = &mut self.0 {
            lists.pacing = token;
        }
    }

    /// Whether an entry of the wheel is that of the listenings.
    pub(crate) fn is_paced_by(&self, token: u64) -> bool {
        self.0
            .as_ref()
            .is_some_and(|lists| lists.pacing == Some(token))
    }

    /// Makes the frames that are due; by how many milliseconds the next are to be made sooner than after 20. `None`
    /// if no listening is left.
    pub(crate) fn make_frames(&mut self, stream: u64, ctx: &mut Context<'_>) -> Option<u64> {
        let lists = self
            .0
            .as_mut()
            .filter(|lists| !lists.listenings.is_empty())?;
        let mut spare_ms = MAX_SOONER_MS - lists.sooner_ms;
        for listening in &mut lists.listenings {
            let clock = (ctx.now, &ctx.node.events);
            listening.make(stream, clock, &mut ctx.scratch.packet);
            spare_ms = spare_ms.min(listening.spare_ms());
        }
        if spare_ms > 0 {
            lists.sooner_ms += spare_ms;
            for listening in &mut lists.listenings {
                listening.make_sooner(spare_ms);
            }
        }
        Some(spare_ms)
    }

    /// Forgets those that the writer has ended.
    pub(crate) fn forget_ended(&mut self) {
        if let Some(lists) = &mut self.0 {
            lists.active.retain(|tap| !tap.is_over());
            lists.listenings.retain(|listening| !listening.is_over());
            let is_idle = lists.active.is_empty() && lists.waiting.is_empty();
            if is_idle && lists.listenings.is_empty() && lists.pacing.is_none() {
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
        source: Source<'_>,
        now: u64,
    ) {
        let tap = recording.begin(stream, source, now);
        self.lists().active.push(tap);
    }

    /// Whether a recording is being made.
    pub(crate) fn is_recording(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|lists| !lists.active.is_empty())
    }

    /// Keeps a recording until its beep is over.
    pub(crate) fn wait(&mut self, recording: NewRecording) {
        self.lists().waiting.push(recording);
    }

    /// Begins those recordings whose beep is over; `is_playing` says so of a playback's id.
    pub(crate) fn begin_waiting(
        &mut self,
        is_playing: impl Fn(u64) -> bool,
        (stream, source): (u64, Source<'_>),
        now: u64,
    ) {
        let Some(lists) = &mut self.0 else {
            return;
        };
        let is_over = |new: &mut NewRecording| !is_playing(new.options.recording);
        for recording in lists.waiting.extract_if(.., is_over) {
            lists.active.push(recording.begin(stream, source, now));
        }
    }

    /// Ends a recording and keeps it; `None`: all.
    pub(crate) fn stop(
        &mut self,
        recording: Option<u64>,
        (stream, source): (u64, Source<'_>),
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
            lists.active.push(new.begin(stream, source, now));
        }
        for tap in lists.active.extract_if(.., |tap| is_meant(tap.recording)) {
            tap.end(Cause::Stopped, now);
        }
    }

    /// Pauses a recording, or lets it go on; see [`Tap::pause`].
    pub(crate) fn pause(&mut self, recording: u64, skips: Option<bool>, now: u64) {
        let Some(lists) = &mut self.0 else {
            return;
        };
        for tap in &mut lists.active {
            if tap.recording == recording {
                tap.pause(skips, now);
            }
        }
    }

    /// What goes this way is of another codec from now on.
    pub(crate) fn set_codec(&mut self, direction: Direction, coding: &Coding, now: u64) {
        let Some(lists) = &mut self.0 else {
            return;
        };
        for tap in &mut lists.active {
            tap.set_codec(direction, coding, now);
        }
        for listening in &mut lists.listenings {
            listening.set_codec(direction, coding);
        }
    }

    fn lists(&mut self) -> &mut Lists {
        self.0.get_or_insert_default()
    }
}
