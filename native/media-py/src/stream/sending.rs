//! What an audio stream sends: packets of the other leg as they are, and what its [`Playout`] has, paced.
//!
//! While there is anything to pace, the stream is in its thread's wheel and [`tick`] sends one packet each packet
//! time. Packets of the other leg in the same format are relayed as they come and are not paced.
//!
//! [`Playout`]: crate::stream::playout::Playout
//! [`tick`]: AudioStream::tick

use media_core::codec::codecs;
use media_core::dtmf::telephone_event::{self, DtmfSender, Step};
use media_core::rtp::sender::Stamp;
use media_core::rtp::{self, Header};
use media_core::tone::Tone;

use crate::stream::audio::AudioStream;
use crate::stream::link::Link;
use crate::stream::playout::{PassedDigit, Source, publish_ended};
use crate::stream::receiving::Heard;
use crate::thread::context::Context;

/// A digit of the other leg that was not updated for so long no longer suppresses its audio.
const DIGIT_HOLD_NS: u64 = 60_000_000;
/// A new segment of a long digit begins at least so many ticks after the one before (RFC 4733 section 2.5.1.3).
const SEGMENT_TICKS: u32 = 0x8000;

impl AudioStream {
    /// Passes on what the other leg said. `datagram` is changed in place. True if there is something to pace now that
    /// was not there before.
    pub(crate) fn forward(
        &mut self,
        heard: Heard,
        datagram: &mut [u8],
        ctx: &mut Context<'_>,
    ) -> bool {
        match heard {
            Heard::Nothing => false,
            Heard::Audio(header, ..) | Heard::Turned(header, ..) if self.can_relay() => {
                self.relay(&header, datagram, ctx);
                false
            }
            Heard::Audio(header, start, end) | Heard::Turned(header, start, end) => {
                if let Some(transcoder) = self.link.transcoder() {
                    transcoder.insert((&header).into(), &datagram[start..end], ctx.now);
                }
                false
            }
            Heard::Digit(header, event, begins, from_rate) => {
                self.forward_digit(&header, (event, begins), from_rate, ctx);
                self.is_paced()
            }
        }
    }

    /// Gives what was heard to the room that the stream is a member of, if it is of one.
    pub(crate) fn speak(&mut self, heard: Heard, datagram: &[u8], now: u64) {
        let Link::Room { input, .. } = &mut self.link else {
            return;
        };
        let Some((transcoder, _)) = input.transcoder() else {
            return;
        };
        match heard {
            Heard::Audio(header, start, end) | Heard::Turned(header, start, end) => {
                transcoder.insert((&header).into(), &datagram[start..end], now);
            }
            Heard::Digit(header, ..) => transcoder.skip((&header).into()),
            Heard::Nothing => {}
        }
    }

    /// Sends a packet that others are sent too: its header is rewritten.
    pub(crate) fn send_encoded(&mut self, packet: &mut [u8], ctx: &mut Context<'_>) {
        let stamp = self.sender.make(ctx.now);
        self.transmit(stamp, self.numbers.payload_type(), packet, ctx);
    }

    /// Samples of one packet; 0 without a format.
    pub(crate) fn packet_samples(&mut self) -> usize {
        let rate = self.encoder_rate();
        let ptime_ms = self
            .format
            .as_ref()
            .map_or(0, |format| format.coding.ptime_ms);
        (rate / 1000 * ptime_ms) as usize
    }

    /// Sends what is due now; false if nothing is left to pace.
    pub(crate) fn tick(&mut self, ctx: &mut Context<'_>) -> bool {
        let Some(format) = &self.format else {
            return self.is_paced();
        };
        let (ptime_ms, clock_rate) = (format.coding.ptime_ms, format.coding.clock_rate);
        let event = format.event;
        if self.digit_step(ptime_ms, clock_rate, event, ctx) {
            return true;
        }
        ctx.scratch.pcm.clear();
        match &self.playout.source {
            Source::Playback(_) => self.play_step(ptime_ms, ctx),
            Source::Feed(_) => self.feed_step(ptime_ms, ctx),
            Source::Link => self.transcode_step(ptime_ms, ctx),
        }
        self.is_paced()
    }

    /// One packet time of a row of digits; false if audio may sound meanwhile.
    fn digit_step(
        &mut self,
        ptime_ms: u32,
        clock_rate: u32,
        event: Option<u8>,
        ctx: &mut Context<'_>,
    ) -> bool {
        let Some(row) = self.playout.rows.front_mut() else {
            return false;
        };
        let step = row.digits.step(ptime_ms, clock_rate);
        let was_sending = std::mem::replace(
            &mut self.playout.is_sending_digit,
            matches!(step, Step::Event { .. }),
        );
        match step {
            Step::Event {
                event: digit,
                starts,
            } => {
                match event {
                    Some(payload_type) => self.send_digit(digit, starts, payload_type, ctx),
                    None => self.sound_digit(digit, starts, ptime_ms, ctx),
                }
                true
            }
            Step::Silence => {
                if was_sending {
                    self.sender.start_spurt();
                }
                false
            }
            Step::Done => {
                if let Some(row) = self.playout.rows.pop_front() {
                    row.publish_ended(self.id, true, ctx);
                }
                false
            }
        }
    }

    /// A digit as sound, for a party that knows no events.
    fn sound_digit(
        &mut self,
        event: telephone_event::Event,
        starts: bool,
        ptime_ms: u32,
        ctx: &mut Context<'_>,
    ) {
        let rate = self.encoder_rate();
        let count = (rate / 1000 * ptime_ms) as usize;
        ctx.scratch.pcm.clear();
        if let Some(row) = self.playout.rows.front_mut() {
            if starts {
                let digit = telephone_event::digit_of(event.code);
                row.tone = digit
                    .and_then(|digit| Tone::digit(digit, telephone_event::DIGIT_MS as u16, rate));
                self.sender.start_spurt();
            }
            if let Some(tone) = &mut row.tone {
                tone.fill(count, &mut ctx.scratch.pcm);
            }
        }
        ctx.scratch.pcm.resize(count, 0);
        self.send_samples(ctx);
    }

    fn send_digit(
        &mut self,
        event: telephone_event::Event,
        starts: bool,
        payload_type: u8,
        ctx: &mut Context<'_>,
    ) {
        let can_send = self.can_send();
        let Some(row) = self.playout.rows.front_mut().filter(|_| can_send) else {
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
        self.send_event(stamp, event, payload_type, ctx);
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
        if let Source::Playback(playback) = &mut self.playout.source {
            playback.sound.fill(count, rate, &mut ctx.scratch.pcm);
            if ctx.scratch.pcm.is_empty() {
                let id = playback.id;
                self.playout.end_playback();
                self.sender.start_spurt();
                publish_ended(self.id, id, true, ctx);
                return;
            }
        }
        ctx.scratch.pcm.resize(count, 0);
        self.send_samples(ctx);
    }

    /// One packet of what the application feeds. While nothing may be sent, the feed waits.
    fn feed_step(&mut self, ptime_ms: u32, ctx: &mut Context<'_>) {
        if !self.can_send() {
            self.sender.start_spurt();
            return;
        }
        let rate = self.encoder_rate();
        let count = (rate / 1000 * ptime_ms) as usize;
        if let Source::Feed(feed) = &mut self.playout.source {
            feed.fill(count, rate, &mut ctx.scratch.pcm);
        }
        self.send_samples(ctx);
        if let Source::Feed(feed) = &mut self.playout.source {
            feed.publish_marks(self.id, ctx);
        }
    }

    fn transcode_step(&mut self, ptime_ms: u32, ctx: &mut Context<'_>) {
        let count = (self.encoder_rate() / 1000 * ptime_ms) as usize;
        if self.is_passing_digit(ctx.now) {
            return;
        }
        let Some(transcoder) = self.link.transcoder() else {
            return;
        };
        transcoder.fill(count, &mut ctx.scratch.pcm);
        if ctx.scratch.pcm.is_empty() {
            self.sender.start_spurt();
        } else {
            self.send_samples(ctx);
        }
    }

    /// Before packets are relayed that were transcoded: sends what waits, so that it is not lost.
    pub(crate) fn send_waiting(&mut self, ctx: &mut Context<'_>) {
        if !self.link.is_paced() || self.playout.has_priority() {
            return;
        }
        let count = self.packet_samples();
        loop {
            ctx.scratch.pcm.clear();
            let transcoder = self.link.transcoder().filter(|_| count > 0);
            if !transcoder.is_some_and(|transcoder| transcoder.take(count, &mut ctx.scratch.pcm)) {
                return;
            }
            self.send_samples(ctx);
        }
    }

    /// Encodes and sends one packet of the samples in the scratch buffer.
    pub(crate) fn send_samples(&mut self, ctx: &mut Context<'_>) {
        if !self.can_send() {
            return;
        }
        self.encoder_rate();
        let (Some(format), Some(encoder)) = (&self.format, &mut self.playout.encoder) else {
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
        if self.playout.encoder.is_none() {
            let opened = self
                .format
                .as_ref()
                .map(|format| codecs::open(&format.coding.codec, &format.coding.fmtp));
            self.playout.encoder = opened.and_then(Result::ok).map(|(encoder, _)| encoder);
        }
        self.playout
            .encoder
            .as_ref()
            .map_or(8000, |encoder| encoder.sample_rate())
    }

    /// A digit of the other leg goes on with our payload type and timestamps (RFC 4733 section 2.1).
    fn forward_digit(
        &mut self,
        header: &Header,
        (event, begins): (telephone_event::Event, bool),
        from_rate: u32,
        ctx: &mut Context<'_>,
    ) {
        if let Some(transcoder) = self.link.transcoder() {
            transcoder.skip(header.into());
        }
        if !self.can_send() {
            return;
        }
        let Some(payload_type) = self.numbers.event else {
            self.sender.skip(header);
            if begins {
                self.sound_passed_digit(event, ctx);
            }
            return;
        };
        if self.playout.is_sending_digit {
            return;
        }
        let Some(stamp) = self.digit_stamp(header, begins, ctx.now) else {
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

    /// A digit of the other leg becomes a digit of our own, as sound, when it begins.
    fn sound_passed_digit(&mut self, event: telephone_event::Event, ctx: &Context<'_>) {
        let digit = telephone_event::digit_of(event.code).map(String::from);
        if let Some(digits) = digit.as_deref().and_then(DtmfSender::new) {
            self.playout.send_digits(self.id, None, digits, ctx);
        }
    }

    /// Relayed audio and digits share the numbers of their source; transcoded audio has its own.
    fn digit_stamp(&mut self, header: &Header, begins: bool, now: u64) -> Option<Stamp> {
        if !self.link.is_paced() {
            return self.sender.relay_event(header, now);
        }
        if let Some(digit) = &mut self.playout.passed_digit
            && !begins
        {
            // Some senders raise the timestamp with each packet; a new segment of a long digit is further ahead.
            let step = header.timestamp.wrapping_sub(digit.theirs);
            if step < SEGMENT_TICKS {
                (digit.theirs, digit.updated_ns) = (header.timestamp, now);
                return Some(self.sender.repeat(digit.ours, now));
            }
            if step > u32::MAX / 2 {
                return None; // late, of a digit that another has followed
            }
        }
        self.sender.start_spurt();
        let stamp = self.sender.make(now);
        self.sender.start_spurt();
        self.playout.passed_digit = Some(PassedDigit {
            theirs: header.timestamp,
            ours: stamp.timestamp,
            updated_ns: now,
        });
        Some(stamp)
    }

    fn is_passing_digit(&self, now: u64) -> bool {
        let digit = self.playout.passed_digit.as_ref();
        digit.is_some_and(|digit| now.saturating_sub(digit.updated_ns) < DIGIT_HOLD_NS)
    }
}
