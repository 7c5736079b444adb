//! What a stream sends of its own: a playback, digits, or what the other leg says in another format.

use std::collections::VecDeque;

use media_core::codec::Encoder;
use media_core::codecs;
use media_core::telephone_event::DtmfSender;
use media_core::tone::Tone;
use media_core::transcode::Transcoder;

use crate::context::Context;
use crate::events::Event;
use crate::format::Format;
use crate::sounds::Sound;

/// Rows of digits that may wait.
const MAX_DIGIT_ROWS: usize = 32;

/// A prompt or tone that is being played.
pub(crate) struct Playback {
    pub(crate) id: u64,
    pub(crate) sound: Sound,
}

/// A row of digits that is being sent.
pub(crate) struct DigitRow {
    /// `None`: a key of the other leg, for a party that knows no events.
    playback: Option<u64>,
    pub(crate) digits: DtmfSender,
    pub(crate) timestamp: u32,
    pub(crate) tone: Option<Tone>,
}

impl DigitRow {
    pub(crate) fn publish_ended(&self, stream: u64, finished: bool, ctx: &Context<'_>) {
        if let Some(playback) = self.playback {
            publish_ended(stream, playback, finished, ctx);
        }
    }
}

/// The other leg's key that is being passed on: its timestamp there and here.
pub(crate) struct PassedDigit {
    pub(crate) theirs: u32,
    pub(crate) ours: u32,
    pub(crate) updated_ns: u64,
}

/// What there is to say.
#[derive(Default)]
pub(crate) struct Playout {
    pub(crate) playback: Option<Box<Playback>>,
    /// Present while bridged with a leg of another format.
    pub(crate) transcoder: Option<Box<Transcoder>>,
    pub(crate) is_sending_digit: bool,
    /// Of the stream's entry in the wheel; `None`: it is not there.
    pub(crate) pacing: Option<u64>,
    pub(crate) rows: VecDeque<DigitRow>,
    pub(crate) encoder: Option<Box<dyn Encoder + Send>>,
    pub(crate) passed_digit: Option<PassedDigit>,
}

impl Playout {
    /// Whether there is anything to pace.
    pub(crate) fn is_active(&self) -> bool {
        self.playback.is_some() || !self.rows.is_empty() || self.transcoder.is_some()
    }

    /// Whether the playback with this id goes on.
    pub(crate) fn is_playing(&self, playback: u64) -> bool {
        self.playback
            .as_ref()
            .is_some_and(|present| present.id == playback)
    }

    /// For tests: an encoder that is not the format's.
    #[cfg(test)]
    pub(crate) fn set_encoder(&mut self, encoder: Box<dyn Encoder + Send>) {
        self.encoder = Some(encoder);
    }

    /// Whether anything but what the other leg says as it is has the word.
    pub(crate) fn has_priority(&self) -> bool {
        self.playback.is_some() || self.is_sending_digit || self.transcoder.is_some()
    }

    /// Another codec was agreed on.
    pub(crate) fn forget_codec(&mut self) {
        self.encoder = None;
    }

    /// Starts a prompt; the one before ends unfinished.
    pub(crate) fn play(&mut self, stream: u64, playback: Playback, ctx: &Context<'_>) {
        self.stop_playback(stream, None, ctx);
        self.playback = Some(Box::new(playback));
    }

    /// Ends the playback, or the row of digits, with this id; `None`: the playback, whichever it is.
    pub(crate) fn stop_playback(&mut self, stream: u64, playback: Option<u64>, ctx: &Context<'_>) {
        let is_meant = |id: u64| playback.is_none_or(|meant| meant == id);
        if let Some(stopped) = self.playback.take_if(|present| is_meant(present.id)) {
            publish_ended(stream, stopped.id, false, ctx);
        }
        if let Some(id) = playback {
            let before = self.rows.len();
            self.rows.retain(|row| row.playback != Some(id));
            if self.rows.len() < before {
                self.is_sending_digit = false;
                publish_ended(stream, id, false, ctx);
            }
        }
    }

    /// Adds a row of digits; it ends at once, unfinished, if too many wait already.
    pub(crate) fn send_digits(
        &mut self,
        stream: u64,
        playback: Option<u64>,
        digits: DtmfSender,
        ctx: &Context<'_>,
    ) {
        let row = DigitRow {
            playback,
            digits,
            timestamp: 0,
            tone: None,
        };
        if self.rows.len() < MAX_DIGIT_ROWS {
            self.rows.push_back(row);
        } else {
            row.publish_ended(stream, false, ctx);
        }
    }

    /// Ends everything, unfinished.
    pub(crate) fn end_all(&mut self, stream: u64, ctx: &Context<'_>) {
        self.stop_playback(stream, None, ctx);
        for row in self.rows.drain(..) {
            row.publish_ended(stream, false, ctx);
        }
        self.transcoder = None;
    }

    /// What the other leg says must be decoded (`from` is its format) to samples at `rate`, or not (`None`).
    pub(crate) fn transcode(&mut self, from: Option<&Format>, rate: u32) {
        self.passed_digit = None;
        self.transcoder = from.and_then(|from| {
            let (_, decoder) = codecs::open(&from.codec, &from.fmtp).ok()?;
            let transcoder = Transcoder::new(decoder, from.clock_rate, from.ptime_ms, rate);
            Some(Box::new(transcoder))
        });
    }
}

pub(crate) fn publish_ended(stream: u64, playback: u64, finished: bool, ctx: &Context<'_>) {
    ctx.node.events.complete(Event::PlaybackEnded {
        stream,
        playback,
        finished,
    });
}
