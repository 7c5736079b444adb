//! What a stream sends of its own: a playback, what an application feeds, and digits.

use std::collections::VecDeque;

use media_core::codec::Encoder;
use media_core::dtmf::telephone_event::DtmfSender;
use media_core::tone::Tone;

use crate::stream::feeding::Feed;
use crate::stream::sounds::Sound;
use crate::thread::context::Context;
use crate::thread::events::Event;

/// Rows of digits that may wait.
const MAX_DIGIT_ROWS: usize = 32;

/// A prompt or tone that is being played.
pub(crate) struct Playback {
    pub(crate) id: u64,
    pub(crate) sound: Sound,
}

/// A row of digits that is being sent.
pub(crate) struct DigitRow {
    /// `None`: a digit of the other leg, for a party that knows no events.
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

/// The other leg's digit that is being passed on: its timestamp there and here.
pub(crate) struct PassedDigit {
    pub(crate) theirs: u32,
    pub(crate) ours: u32,
    pub(crate) updated_ns: u64,
}

/// Where the sound comes from that a stream sends, digits aside.
#[derive(Default)]
pub(crate) enum Source {
    /// What the stream is linked with, if anything.
    #[default]
    Link,
    /// A prompt or tone.
    Playback(Box<Playback>),
    /// What an application feeds, silence if it feeds nothing.
    Feed(Box<Feed>),
}

/// What a stream sends of its own.
#[derive(Default)]
pub(crate) struct Playout {
    pub(crate) source: Source,
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
        !matches!(self.source, Source::Link) || !self.rows.is_empty()
    }

    /// Whether the playback with this id goes on.
    pub(crate) fn is_playing(&self, playback: u64) -> bool {
        matches!(&self.source, Source::Playback(present) if present.id == playback)
    }

    /// For tests: an encoder that is not the format's.
    #[cfg(test)]
    pub(crate) fn set_encoder(&mut self, encoder: Box<dyn Encoder + Send>) {
        self.encoder = Some(encoder);
    }

    /// Whether it takes precedence over what the link has.
    pub(crate) fn has_priority(&self) -> bool {
        !matches!(self.source, Source::Link) || self.is_sending_digit
    }

    /// Another codec was agreed on.
    pub(crate) fn forget_codec(&mut self) {
        self.encoder = None;
    }

    /// Starts a prompt; the one before ends unfinished. While an application feeds, the prompt ends at once.
    pub(crate) fn play(&mut self, stream: u64, playback: Playback, ctx: &Context<'_>) {
        if matches!(self.source, Source::Feed(_)) {
            publish_ended(stream, playback.id, false, ctx);
            return;
        }
        self.stop_playback(stream, None, ctx);
        self.source = Source::Playback(Box::new(playback));
    }

    /// Starts a feed; a prompt, or another feed, ends.
    pub(crate) fn start_feed(&mut self, stream: u64, feed: Box<Feed>, ctx: &Context<'_>) {
        self.stop_playback(stream, None, ctx);
        self.stop_feed(stream, None, ctx);
        self.source = Source::Feed(feed);
    }

    /// The feed with this id, if it is still open.
    pub(crate) fn feed(&mut self, id: u64) -> Option<&mut Feed> {
        match &mut self.source {
            Source::Feed(feed) if feed.id == id => Some(feed),
            _ => None,
        }
    }

    /// Ends the feed with this id (`None`: whichever it is), and drops what it has.
    pub(crate) fn stop_feed(&mut self, stream: u64, id: Option<u64>, ctx: &Context<'_>) {
        if let Source::Feed(feed) = &mut self.source
            && id.is_none_or(|id| id == feed.id)
        {
            feed.clear(stream, ctx);
            self.source = Source::Link;
        }
    }

    /// Ends what is played; the link has the word again.
    pub(crate) fn end_playback(&mut self) -> Option<Box<Playback>> {
        match std::mem::take(&mut self.source) {
            Source::Playback(playback) => Some(playback),
            other => {
                self.source = other;
                None
            }
        }
    }

    /// Ends the playback, or the row of digits, with this id; `None`: the playback, whichever it is.
    pub(crate) fn stop_playback(&mut self, stream: u64, playback: Option<u64>, ctx: &Context<'_>) {
        let is_meant = |id: u64| playback.is_none_or(|meant| meant == id);
        if matches!(&self.source, Source::Playback(present) if is_meant(present.id))
            && let Some(stopped) = self.end_playback()
        {
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
        self.stop_feed(stream, None, ctx);
        for row in self.rows.drain(..) {
            row.publish_ended(stream, false, ctx);
        }
    }
}

pub(crate) fn publish_ended(stream: u64, playback: u64, finished: bool, ctx: &Context<'_>) {
    ctx.node.events.complete(Event::PlaybackEnded {
        stream,
        playback,
        finished,
    });
}
