//! What an audio stream receives: audio, digits and reports of the party, judged, counted and handed on.

use media_core::dtmf::telephone_event;
use media_core::rtp::latch::Verdict;
use media_core::rtp::{self, Header};

use crate::recording::Direction;
use crate::stream::audio::AudioStream;
use crate::stream::control;
use crate::thread::clock::SECOND;
use crate::thread::context::Context;
use crate::thread::events::{Event, first_packet};

/// Digits a party may send within a second; more are not reported.
const MAX_DIGITS_PER_SECOND: u32 = 25;
/// Comfort noise (RFC 3389): a sign of life without audio.
const COMFORT_NOISE: u8 = 13;

/// What a datagram was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing to pass on.
    Nothing,
    /// Audio whose payload lies there in the datagram.
    Audio(Header, usize, usize),
    /// The same, in another format than before: what it goes on to must be linked anew first.
    Turned(Header, usize, usize),
    /// A digit, held or released; true for the first packet of one; the RTP clock of the party, in Hz.
    Digit(Header, telephone_event::Event, bool, u32),
}

/// What a packet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Audio,
    Digit,
    Noise,
}

/// Keys of the last second.
#[derive(Debug, Default)]
pub(super) struct DigitLimit {
    second: u64,
    count: u32,
}

impl AudioStream {
    /// Judges a datagram that came to the RTP port.
    pub(crate) fn receive(
        &mut self,
        datagram: &[u8],
        source: Option<std::net::SocketAddr>,
        ctx: &mut Context<'_>,
    ) -> Heard {
        let Some((header, kind, start, end)) = self.understand(datagram) else {
            return self.receive_other(datagram, source, ctx);
        };
        if !self.is_of_party(source, &header, ctx) {
            return self.drop_packet(ctx);
        }
        self.hear(header, kind, (datagram, start, end), ctx)
    }

    /// Whether a packet comes from the party; where that sends from is learned.
    #[inline]
    pub(super) fn is_of_party(
        &mut self,
        source: Option<std::net::SocketAddr>,
        header: &Header,
        ctx: &Context<'_>,
    ) -> bool {
        match self.net.judge(source, header, ctx.now, &self.counters) {
            Verdict::Stray => return false,
            Verdict::Learn => {
                if let Some(source) = source {
                    ctx.node.events.publish(first_packet(self.id, source));
                }
            }
            Verdict::Accept => {}
        }
        true
    }

    /// Takes a packet of the party.
    #[inline]
    pub(super) fn hear(
        &mut self,
        header: Header,
        kind: Kind,
        (datagram, start, end): (&[u8], usize, usize),
        ctx: &mut Context<'_>,
    ) -> Heard {
        self.counters.packets_received.add(1);
        self.counters.bytes_received.add((end - start) as u64);
        ctx.totals.received.add(1);
        self.last_heard = ctx.now;
        let timestamp = (kind == Kind::Audio).then_some(header.timestamp);
        self.reception
            .on_packet(header.ssrc, header.sequence, timestamp, ctx.now);
        match kind {
            Kind::Audio => {
                self.receive_audio(&header, &datagram[start..end], ctx);
                Heard::Audio(header, start, end)
            }
            Kind::Digit => self.receive_digit(header, &datagram[start..end], ctx),
            Kind::Noise => Heard::Nothing,
        }
    }

    /// Takes note of a datagram of RTCP.
    pub(crate) fn receive_rtcp(
        &mut self,
        datagram: &[u8],
        source: Option<std::net::SocketAddr>,
        ctx: &Context<'_>,
    ) {
        if media_core::rtp::rtcp::is_valid(datagram) && self.net.accept_rtcp(source) {
            let ssrc = self.sender.ssrc;
            control::receive(datagram, ssrc, &mut self.reception, &self.counters, ctx.now);
        } else {
            self.counters.packets_dropped.add(1);
        }
    }

    /// Header, kind and place of the payload of a packet whose format was agreed on.
    fn understand(&self, datagram: &[u8]) -> Option<(Header, Kind, usize, usize)> {
        let numbers = self.numbers;
        let packet = rtp::parse(datagram).filter(|_| numbers.receive_payload_type.is_some())?;
        let payload_type = packet.header.payload_type;
        let is = |number: Option<u8>| number == Some(payload_type);
        let kind = if is(numbers.receive_payload_type) {
            Kind::Audio
        } else if is(numbers.receive_event) {
            Kind::Digit
        } else if payload_type == COMFORT_NOISE {
            Kind::Noise
        } else {
            return None;
        };
        Some((
            packet.header,
            kind,
            packet.start,
            packet.start + packet.payload.len(),
        ))
    }

    fn receive_audio(&mut self, header: &Header, payload: &[u8], ctx: &Context<'_>) {
        if self.is_listening() {
            self.taps
                .packet(Direction::Received, header.into(), payload, ctx.now);
        }
        if let Some(digit) = self
            .inband_dtmf
            .as_mut()
            .and_then(|inband| inband.receive(payload))
        {
            self.publish_digit(digit, true, ctx);
        }
    }

    fn receive_digit(&mut self, header: Header, payload: &[u8], ctx: &mut Context<'_>) -> Heard {
        self.taps
            .digit_packet(Direction::Received, (&header).into());
        let Some(event) = telephone_event::Event::parse(payload) else {
            return Heard::Nothing;
        };
        let pressed = self.dtmf_receiver.on_event(event, &header, ctx.now);
        if let Some(digit) = pressed {
            self.publish_digit(digit, false, ctx);
        }
        let spoken = self
            .format
            .as_ref()
            .map(|format| self.hearing.spoken(&format.coding));
        let clock_rate = spoken.map_or(8000, |spoken| spoken.clock_rate);
        Heard::Digit(header, event, pressed.is_some(), clock_rate)
    }

    fn publish_digit(&mut self, digit: char, inband: bool, ctx: &Context<'_>) {
        let second = ctx.now / SECOND;
        if self.digit_limit.second != second {
            self.digit_limit = DigitLimit { second, count: 0 };
        }
        self.digit_limit.count += 1;
        if self.digit_limit.count > MAX_DIGITS_PER_SECOND {
            return;
        }
        self.taps.on_digit(digit, ctx.now);
        ctx.node.events.publish(Event::Digit {
            stream: self.id,
            digit,
            inband,
        });
    }

    pub(super) fn drop_packet(&self, ctx: &Context<'_>) -> Heard {
        self.counters.packets_dropped.add(1);
        ctx.totals.dropped.add(1);
        Heard::Nothing
    }
}
