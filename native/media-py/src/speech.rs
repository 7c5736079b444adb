//! What a stream says: a playback, keys, or what the other leg of its bridge says in another format.
//!
//! Everything here is paced: while there is anything to say, the stream is in its thread's wheel and [`tick`]
//! sends one packet each packet time. What the other leg says in the same format is relayed as it comes and is
//! not paced; it waits while something is played.
//!
//! [`tick`]: AudioStream::tick

use std::collections::VecDeque;

use media_core::codec::{self, Encoder};
use media_core::rtp::{self, Header};
use media_core::sender::Stamp;
use media_core::telephone_event::{self, Presser, Step};
use media_core::tone::Tone;
use media_core::transcode::Transcoder;

use crate::audio::{AudioStream, Context, Heard};
use crate::events::Event;
use crate::format::Format;
use crate::sounds::Sound;

/// Rows of digits that may wait.
const MAX_ROWS: usize = 32;
/// A key of the other leg that was not updated for so long no longer suppresses its audio.
const KEY_HOLD_NS: u64 = 60_000_000;

/// A prompt or tone that is being played.
pub(crate) struct Playback {
    pub(crate) id: u64,
    pub(crate) sound: Sound,
}

/// A row of digits that is being sent.
struct Row {
    /// `None`: a key of the other leg, for a party that knows no events.
    playback: Option<u64>,
    presser: Presser,
    timestamp: u32,
    tone: Option<Tone>,
}

impl Row {
    fn tell_ended(&self, stream: u64, finished: bool, ctx: &Context<'_>) {
        if let Some(playback) = self.playback {
            tell_ended(stream, playback, finished, ctx);
        }
    }
}

/// The other leg's key that is being passed on: its timestamp there and here.
struct PassedKey {
    theirs: u32,
    ours: u32,
    updated_ns: u64,
}

/// What there is to say.
#[derive(Default)]
pub(crate) struct Speech {
    playback: Option<Box<Playback>>,
    /// Present while bridged with a leg of another format.
    transcoder: Option<Box<Transcoder>>,
    is_pressing: bool,
    /// Of the stream's entry in the wheel; `None`: it is not there.
    pub(crate) pacing: Option<u64>,
    rows: VecDeque<Row>,
    encoder: Option<Box<dyn Encoder + Send>>,
    passed_key: Option<PassedKey>,
}

impl Speech {
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
    pub(crate) fn is_speaking(&self) -> bool {
        self.playback.is_some() || self.is_pressing || self.transcoder.is_some()
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
            tell_ended(stream, stopped.id, false, ctx);
        }
        if let Some(id) = playback {
            let before = self.rows.len();
            self.rows.retain(|row| row.playback != Some(id));
            if self.rows.len() < before {
                self.is_pressing = false;
                tell_ended(stream, id, false, ctx);
            }
        }
    }

    /// Adds a row of digits; it ends at once, unfinished, if too many wait already.
    pub(crate) fn press(
        &mut self,
        stream: u64,
        playback: Option<u64>,
        presser: Presser,
        ctx: &Context<'_>,
    ) {
        let row = Row {
            playback,
            presser,
            timestamp: 0,
            tone: None,
        };
        if self.rows.len() < MAX_ROWS {
            self.rows.push_back(row);
        } else {
            row.tell_ended(stream, false, ctx);
        }
    }

    /// Ends everything, unfinished.
    pub(crate) fn end_all(&mut self, stream: u64, ctx: &Context<'_>) {
        self.stop_playback(stream, None, ctx);
        for row in self.rows.drain(..) {
            row.tell_ended(stream, false, ctx);
        }
        self.transcoder = None;
    }

    /// What the other leg says must be decoded (`from` is its format) to samples at `rate`, or not (`None`).
    pub(crate) fn transcode(&mut self, from: Option<&Format>, rate: u32) {
        self.passed_key = None;
        self.transcoder = from.and_then(|from| {
            let (_, decoder) = codec::open(&from.codec, &from.fmtp).ok()?;
            let transcoder = Transcoder::new(decoder, from.clock_rate, from.ptime_ms, rate);
            Some(Box::new(transcoder))
        });
    }
}

fn tell_ended(stream: u64, playback: u64, finished: bool, ctx: &Context<'_>) {
    ctx.node.events.answer(Event::PlaybackEnded {
        stream,
        playback,
        finished,
    });
}

impl AudioStream {
    /// Passes on what the other leg said, whose clock is `from_rate` Hz. `datagram` is changed in place. True if
    /// there is something to pace now that was not there before.
    pub(crate) fn pass_on(
        &mut self,
        heard: Heard,
        (datagram, from_rate): (&mut [u8], u32),
        ctx: &mut Context<'_>,
    ) -> bool {
        match heard {
            Heard::Nothing => false,
            Heard::Audio(header, ..) if self.can_relay() => {
                self.relay(&header, datagram, ctx);
                false
            }
            Heard::Audio(header, start, end) => {
                if let Some(transcoder) = &mut self.speech.transcoder {
                    transcoder.insert(&header, &datagram[start..end], ctx.now);
                }
                false
            }
            Heard::Key(header, event) => {
                self.pass_key_on(&header, event, from_rate, ctx);
                self.speech.is_active()
            }
        }
    }

    /// Sends what is due now; false if nothing is left to pace.
    pub(crate) fn tick(&mut self, ctx: &mut Context<'_>) -> bool {
        let Some(format) = &self.format else {
            return self.speech.is_active();
        };
        let (ptime_ms, clock_rate, event) = (format.ptime_ms, format.clock_rate, format.event);
        if self.press_step(ptime_ms, clock_rate, event, ctx) {
            return true;
        }
        ctx.scratch.pcm.clear();
        if self.speech.playback.is_some() {
            self.play_step(ptime_ms, ctx);
        } else if self.speech.transcoder.is_some() {
            self.transcode_step(ptime_ms, ctx);
        }
        self.speech.is_active()
    }

    /// One packet time of a row of digits; false if audio may sound meanwhile.
    fn press_step(
        &mut self,
        ptime_ms: u32,
        clock_rate: u32,
        event: Option<u8>,
        ctx: &mut Context<'_>,
    ) -> bool {
        let Some(row) = self.speech.rows.front_mut() else {
            return false;
        };
        let step = row.presser.step(ptime_ms, clock_rate);
        let was_pressing = std::mem::replace(
            &mut self.speech.is_pressing,
            matches!(step, Step::Event { .. }),
        );
        match step {
            Step::Event { event: key, starts } => {
                match event {
                    Some(payload_type) => self.send_key(key, starts, payload_type, ctx),
                    None => self.sound_key(key, starts, ptime_ms, ctx),
                }
                true
            }
            Step::Silence => {
                if was_pressing {
                    self.sender.start_spurt();
                }
                false
            }
            Step::Done => {
                if let Some(row) = self.speech.rows.pop_front() {
                    row.tell_ended(self.id, true, ctx);
                }
                false
            }
        }
    }

    /// A key as sound, for a party that knows no events.
    fn sound_key(
        &mut self,
        key: telephone_event::Event,
        starts: bool,
        ptime_ms: u32,
        ctx: &mut Context<'_>,
    ) {
        let rate = self.encoder_rate();
        let count = (rate / 1000 * ptime_ms) as usize;
        ctx.scratch.pcm.clear();
        if let Some(row) = self.speech.rows.front_mut() {
            if starts {
                let key = telephone_event::key_of(key.code);
                row.tone =
                    key.and_then(|key| Tone::digit(key, telephone_event::KEY_MS as u16, rate));
                self.sender.start_spurt();
            }
            if let Some(tone) = &mut row.tone {
                tone.fill(count, &mut ctx.scratch.pcm);
            }
        }
        ctx.scratch.pcm.resize(count, 0);
        self.say(ctx);
    }

    fn send_key(
        &mut self,
        key: telephone_event::Event,
        starts: bool,
        payload_type: u8,
        ctx: &mut Context<'_>,
    ) {
        let can_send = self.can_send();
        let Some(row) = self.speech.rows.front_mut().filter(|_| can_send) else {
            return;
        };
        let stamp = if starts {
            self.sender.start_spurt();
            let stamp = self.sender.make(ctx.now);
            self.sender.start_spurt();
            row.timestamp = stamp.timestamp;
            stamp
        } else {
            self.sender.repeat(row.timestamp, ctx.now)
        };
        self.send_event(stamp, key, payload_type, ctx);
    }

    fn send_event(
        &mut self,
        stamp: Stamp,
        event: telephone_event::Event,
        payload_type: u8,
        ctx: &mut Context<'_>,
    ) {
        let mut datagram = [0; rtp::HEADER + telephone_event::PAYLOAD];
        datagram[0] = 0x80;
        datagram[rtp::HEADER..].copy_from_slice(&event.octets());
        self.transmit(stamp, payload_type, &mut datagram, ctx);
    }

    fn play_step(&mut self, ptime_ms: u32, ctx: &mut Context<'_>) {
        let rate = self.encoder_rate();
        let count = (rate / 1000 * ptime_ms) as usize;
        if let Some(playback) = &mut self.speech.playback {
            playback.sound.fill(count, rate, &mut ctx.scratch.pcm);
            if ctx.scratch.pcm.is_empty() {
                let id = playback.id;
                self.speech.playback = None;
                self.sender.start_spurt();
                tell_ended(self.id, id, true, ctx);
                return;
            }
        }
        ctx.scratch.pcm.resize(count, 0);
        self.say(ctx);
    }

    fn transcode_step(&mut self, ptime_ms: u32, ctx: &mut Context<'_>) {
        let count = (self.encoder_rate() / 1000 * ptime_ms) as usize;
        if self.is_passing_key(ctx.now) {
            return;
        }
        if let Some(transcoder) = &mut self.speech.transcoder {
            transcoder.fill(count, &mut ctx.scratch.pcm);
        }
        if ctx.scratch.pcm.is_empty() {
            self.sender.start_spurt();
        } else {
            self.say(ctx);
        }
    }

    /// Encodes and sends one packet of the samples in the scratch buffer.
    fn say(&mut self, ctx: &mut Context<'_>) {
        if !self.can_send() {
            return;
        }
        let (Some(format), Some(encoder)) = (&self.format, &mut self.speech.encoder) else {
            return;
        };
        let payload_type = format.payload_type;
        let mut packet = std::mem::take(&mut ctx.scratch.packet);
        packet.clear();
        packet.resize(rtp::HEADER, 0);
        packet[0] = 0x80;
        encoder.encode(&ctx.scratch.pcm, &mut packet);
        let stamp = self.sender.make(ctx.now);
        self.transmit(stamp, payload_type, &mut packet, ctx);
        ctx.scratch.packet = packet;
    }

    /// Samples per second of our codec, which is opened now if it was not yet.
    pub(crate) fn encoder_rate(&mut self) -> u32 {
        if self.speech.encoder.is_none() {
            let opened = self
                .format
                .as_ref()
                .map(|format| codec::open(&format.codec, &format.fmtp));
            self.speech.encoder = opened.and_then(Result::ok).map(|(encoder, _)| encoder);
        }
        self.speech
            .encoder
            .as_ref()
            .map_or(8000, |encoder| encoder.sample_rate())
    }

    /// A key of the other leg goes on with our payload type and timestamps (RFC 4733 section 2.1).
    fn pass_key_on(
        &mut self,
        header: &Header,
        event: telephone_event::Event,
        from_rate: u32,
        ctx: &mut Context<'_>,
    ) {
        if let Some(transcoder) = &mut self.speech.transcoder {
            transcoder.skip(header);
        }
        if !self.can_send() {
            return;
        }
        let Some(payload_type) = self.numbers.event else {
            self.sender.skip(header);
            self.sound_passed_key(header, event, ctx);
            return;
        };
        if self.speech.is_pressing {
            return;
        }
        let Some(stamp) = self.key_stamp(header, ctx.now) else {
            return;
        };
        let (from_rate, to_rate) = (
            u64::from(from_rate.max(1)),
            u64::from(self.numbers.clock_rate),
        );
        let scaled = u64::from(event.duration) * to_rate / from_rate;
        let event = telephone_event::Event {
            duration: scaled.min(0xffff) as u16,
            ..event
        };
        self.send_event(stamp, event, payload_type, ctx);
    }

    /// A key of the other leg becomes a key of our own, as sound, when it begins.
    fn sound_passed_key(
        &mut self,
        header: &Header,
        event: telephone_event::Event,
        ctx: &Context<'_>,
    ) {
        let theirs = header.timestamp;
        if self
            .speech
            .passed_key
            .as_ref()
            .is_some_and(|key| key.theirs == theirs)
        {
            return;
        }
        self.speech.passed_key = Some(PassedKey {
            theirs,
            ours: 0,
            updated_ns: 0,
        });
        let key = telephone_event::key_of(event.code).map(String::from);
        if let Some(presser) = key.as_deref().and_then(Presser::new) {
            self.speech.press(self.id, None, presser, ctx);
        }
    }

    /// Relayed audio and keys share the numbers of their source; transcoded audio has its own.
    fn key_stamp(&mut self, header: &Header, now: u64) -> Option<Stamp> {
        if self.speech.transcoder.is_none() {
            return self.sender.relay_event(header, now);
        }
        if let Some(key) = &mut self.speech.passed_key
            && key.theirs == header.timestamp
        {
            key.updated_ns = now;
            return Some(self.sender.repeat(key.ours, now));
        }
        self.sender.start_spurt();
        let stamp = self.sender.make(now);
        self.sender.start_spurt();
        self.speech.passed_key = Some(PassedKey {
            theirs: header.timestamp,
            ours: stamp.timestamp,
            updated_ns: now,
        });
        Some(stamp)
    }

    fn is_passing_key(&self, now: u64) -> bool {
        let key = self.speech.passed_key.as_ref();
        key.is_some_and(|key| now.saturating_sub(key.updated_ns) < KEY_HOLD_NS)
    }
}
