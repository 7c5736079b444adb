//! The recordings of one audio stream, as its packet thread sees them.

use media_core::take::Place;

use crate::audio::{AudioStream, Context};
use crate::recording::{Cause, Direction, NewRecording, Tap};
use crate::sounds::{Sound, ToneName};
use crate::speech::Playback;

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

    /// Ends those that wait for this key.
    pub(crate) fn press(&mut self, key: char, now: u64) {
        if let Some(lists) = &mut self.0 {
            for tap in lists.active.extract_if(.., |tap| tap.ends_on(key)) {
                tap.end(Cause::Digit(key), now);
            }
        }
    }

    fn active(&mut self) -> &mut [Tap] {
        self.0.as_mut().map_or(&mut [], |lists| &mut lists.active)
    }

    fn lists(&mut self) -> &mut Lists {
        self.0.get_or_insert_default()
    }
}

impl AudioStream {
    /// Begins a recording, after a beep if one is wanted.
    pub(crate) fn record(&mut self, recording: NewRecording, ctx: &Context<'_>) {
        if recording.options.beep {
            let playback = Playback {
                id: recording.options.recording,
                sound: Sound::tone(ToneName::Beep),
            };
            self.speech.play(self.id, playback, ctx);
            self.sender.start_spurt();
            self.taps.lists().waiting.push(recording);
        } else {
            self.begin(recording, ctx.now);
        }
    }

    /// Begins the recordings whose beep is over.
    pub(crate) fn begin_waiting(&mut self, now: u64) {
        let Some(lists) = &mut self.taps.0 else {
            return;
        };
        let speech = &self.speech;
        let is_over = |new: &mut NewRecording| !speech.is_playing(new.options.recording);
        for recording in lists.waiting.extract_if(.., is_over) {
            let tap = recording.begin(self.id, self.format.as_ref(), now);
            lists.active.push(tap);
        }
    }

    /// Ends a recording and keeps it; `None`: all.
    pub(crate) fn stop_recording(&mut self, recording: Option<u64>, now: u64) {
        let Some(lists) = &mut self.taps.0 else {
            return;
        };
        let is_meant = |id: u64| recording.is_none_or(|meant| meant == id);
        for new in lists
            .waiting
            .extract_if(.., |new| is_meant(new.options.recording))
        {
            lists
                .active
                .push(new.begin(self.id, self.format.as_ref(), now));
        }
        for tap in lists.active.extract_if(.., |tap| is_meant(tap.recording)) {
            tap.end(Cause::Stopped, now);
        }
    }

    /// Tells the recordings what the leg speaks.
    pub(crate) fn retune_taps(&mut self, now: u64) {
        if let Some(format) = &self.format {
            for tap in self.taps.active() {
                tap.set_codec(format, now);
            }
        }
    }

    fn begin(&mut self, recording: NewRecording, now: u64) {
        let tap = recording.begin(self.id, self.format.as_ref(), now);
        self.taps.lists().active.push(tap);
    }
}
