//! The recordings of one audio stream, as its packet thread sees them.

use crate::audio::{AudioStream, Context};
use crate::recording::{Cause, Direction, NewRecording, Tap};
use crate::sounds::{Sound, ToneName};
use crate::speech::Playback;

/// Recordings of one stream, those that wait for their beep to end among them.
#[derive(Default)]
pub(crate) struct Taps {
    active: Vec<Tap>,
    waiting: Vec<NewRecording>,
}

impl Taps {
    /// Copies a packet to all recordings; nearly always there are none.
    pub(crate) fn packet(
        &mut self,
        direction: Direction,
        source: (u32, u32),
        payload: &[u8],
        now: u64,
    ) {
        for tap in &mut self.active {
            tap.packet(direction, source, payload, now);
        }
    }

    /// Forgets those that the writer has ended.
    pub(crate) fn forget_ended(&mut self) {
        self.active.retain(|tap| !tap.is_over());
    }

    /// Ends those that wait for this key.
    pub(crate) fn press(&mut self, key: char, now: u64) {
        for tap in self.active.extract_if(.., |tap| tap.ends_on(key)) {
            tap.end(Cause::Digit(key), now);
        }
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
            self.taps.waiting.push(recording);
        } else {
            self.begin(recording, ctx.now);
        }
    }

    /// Begins the recordings whose beep is over.
    pub(crate) fn begin_waiting(&mut self, now: u64) {
        let mut index = 0;
        while index < self.taps.waiting.len() {
            if self
                .speech
                .is_playing(self.taps.waiting[index].options.recording)
            {
                index += 1;
            } else {
                let recording = self.taps.waiting.swap_remove(index);
                self.begin(recording, now);
            }
        }
    }

    /// Ends a recording and keeps it; `None`: all.
    pub(crate) fn stop_recording(&mut self, recording: Option<u64>, now: u64) {
        let is_meant = |id: u64| recording.is_none_or(|meant| meant == id);
        let mut waiting = std::mem::take(&mut self.taps.waiting);
        for recording in waiting.extract_if(.., |new| is_meant(new.options.recording)) {
            self.begin(recording, now);
        }
        self.taps.waiting = waiting;
        for tap in self
            .taps
            .active
            .extract_if(.., |tap| is_meant(tap.recording))
        {
            tap.end(Cause::Stopped, now);
        }
    }

    /// Tells the recordings what the leg speaks.
    pub(crate) fn retune_taps(&mut self, now: u64) {
        if let Some(format) = &self.format {
            for tap in &mut self.taps.active {
                tap.set_codec(format, now);
            }
        }
    }

    fn begin(&mut self, recording: NewRecording, now: u64) {
        let tap = recording.begin(self.id, self.format.as_ref(), now);
        self.taps.active.push(tap);
    }
}
