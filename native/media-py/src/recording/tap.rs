//! The packet thread's end of a recording: a ring of octets with one writer and one reader.

use std::path::PathBuf;
use std::sync::mpsc::Sender;

use media_core::recorder::{Options, Place};
use media_core::stream::hearing::Coding;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::recording::entry::{ENTRY, Entry, Kind, PCM};
use crate::recording::orders::{Started, ToWriter};

/// Octets between a packet thread and the writer: more than three seconds of both directions of G.711.
const RING: usize = 64 * 1024;
/// The place of an entry that is not a packet.
const NOWHERE: Place = Place {
    ssrc: 0,
    sequence: 0,
    timestamp: 0,
};

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the party.
    Received,
    /// To the party.
    Sent,
}

/// What a recording is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A leg whose codec was not agreed on yet.
    Unknown,
    /// The packets of a leg: what the party speaks, and what it is sent.
    Leg(&'a Coding, &'a Coding),
    /// Samples at this rate, as `media_core::codec::pcm` writes them.
    Pcm(u32),
}

/// Why a recording ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It was stopped, or its stream was closed.
    Stopped,
    /// The party pressed this digit.
    Digit(char),
}

/// What Python asks for.
#[derive(Debug)]
pub(crate) struct TapOptions {
    pub(crate) recording: u64,
    pub(crate) path: PathBuf,
    /// The rate is chosen when it begins.
    pub(crate) recorder: Options,
    pub(crate) finish_on_key: String,
    pub(crate) beep: bool,
}

/// A recording that has not begun yet, with everything that needs memory.
pub(crate) struct NewRecording {
    pub(crate) options: TapOptions,
    producer: Producer<u8>,
    consumer: Consumer<u8>,
    writer: Sender<ToWriter>,
}

impl NewRecording {
    pub(crate) fn new(options: TapOptions, writer: Sender<ToWriter>) -> Self {
        let (producer, consumer) = RingBuffer::new(RING);
        Self {
            options,
            producer,
            consumer,
            writer,
        }
    }

    /// Begins now. G.711 (and what is not known yet) is recorded at 8 kHz, everything else at 16 kHz.
    pub(crate) fn begin(mut self, stream: u64, source: Source<'_>, now: u64) -> Tap {
        let is_narrow = match source {
            Source::Unknown => true,
            Source::Leg(received, _) => {
                let name = &received.codec;
                name.eq_ignore_ascii_case("PCMU") || name.eq_ignore_ascii_case("PCMA")
            }
            Source::Pcm(rate) => rate == 8000,
        };
        self.options.recorder.rate = if is_narrow { 8000 } else { 16_000 };
        let started = Started {
            stream,
            recording: self.options.recording,
            path: self.options.path,
            options: self.options.recorder,
            start_ns: now,
            ring: self.consumer,
        };
        // If the writer is gone the plane is closing, and this recording is not awaited.
        let _ = self.writer.send(ToWriter::Start(Box::new(started)));
        let mut tap = Tap {
            recording: self.options.recording,
            finish_on_key: self.options.finish_on_key,
            received_only: self.options.recorder.received_only,
            producer: self.producer,
            writer: self.writer,
        };
        match source {
            Source::Unknown => {}
            Source::Leg(received, sent) => {
                tap.set_codec(Direction::Received, received, now);
                tap.set_codec(Direction::Sent, sent, now);
            }
            Source::Pcm(rate) => {
                let codec = format!("{rate} {PCM}/{rate}");
                tap.push(Kind::ReceivedCodec, NOWHERE, codec.as_bytes(), now);
                tap.push(Kind::SentCodec, NOWHERE, codec.as_bytes(), now);
            }
        }
        tap
    }
}

/// A recording that is being made.
pub(crate) struct Tap {
    pub(crate) recording: u64,
    finish_on_key: String,
    received_only: bool,
    producer: Producer<u8>,
    writer: Sender<ToWriter>,
}

impl Tap {
    /// Whether this digit ends it.
    pub(crate) fn ends_on(&self, digit: char) -> bool {
        self.finish_on_key.contains(digit)
    }

    /// Whether the writer has ended it by itself.
    pub(crate) fn is_over(&self) -> bool {
        self.producer.is_abandoned()
    }

    /// Copies a packet; without room it is left out.
    pub(crate) fn packet(&mut self, direction: Direction, place: Place, payload: &[u8], now: u64) {
        let kind = match direction {
            Direction::Received => Kind::Received,
            Direction::Sent if self.received_only => return,
            Direction::Sent => Kind::Sent,
        };
        self.push(kind, place, payload, now);
    }

    /// What goes this way is of another codec from now on.
    pub(crate) fn set_codec(&mut self, direction: Direction, coding: &Coding, now: u64) {
        let codec = format!("{} {}/{}", coding.clock_rate, coding.codec, coding.fmtp);
        let kind = match direction {
            Direction::Received => Kind::ReceivedCodec,
            Direction::Sent => Kind::SentCodec,
        };
        self.push(kind, NOWHERE, codec.as_bytes(), now);
    }

    /// Pauses it, with (`Some(true)`) the time left out or silent, or lets it go on (`None`).
    pub(crate) fn pause(&mut self, skips: Option<bool>, now: u64) {
        let place = Place {
            timestamp: u32::from(skips == Some(true)),
            ..NOWHERE
        };
        let kind = if skips.is_some() {
            Kind::Pause
        } else {
            Kind::Resume
        };
        self.push(kind, place, &[], now);
    }

    /// Ends it.
    pub(crate) fn end(mut self, cause: Cause, now: u64) {
        let digit = match cause {
            Cause::Stopped => 0,
            Cause::Digit(digit) => u32::from(digit),
        };
        // Without room the writer notices that the ring is abandoned.
        let place = Place {
            timestamp: digit,
            ..NOWHERE
        };
        self.push(Kind::End, place, &[], now);
        drop(self.producer);
        let _ = self.writer.send(ToWriter::Look(self.recording));
    }

    fn push(&mut self, kind: Kind, place: Place, payload: &[u8], at_ns: u64) {
        if self.producer.slots() < ENTRY + payload.len() {
            return;
        }
        let entry = Entry {
            kind,
            length: payload.len() as u16,
            place,
            at_ns,
        };
        let _ = self.producer.push_entire_slice(&entry.octets());
        let _ = self.producer.push_entire_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_as_they_went_in_and_a_full_ring_drops() {
        let (producer, mut consumer) = RingBuffer::new(100);
        let (writer, _receiver) = std::sync::mpsc::channel();
        let mut tap = Tap {
            recording: 1,
            finish_on_key: "#".to_owned(),
            received_only: true,
            producer,
            writer,
        };
        let first = Place {
            ssrc: 7,
            sequence: 65_535,
            timestamp: 160,
        };
        tap.packet(Direction::Sent, NOWHERE, &[9; 10], 3);
        tap.packet(Direction::Received, first, &[8; 40], 55);
        tap.packet(Direction::Received, NOWHERE, &[8; 40], 75);
        let mut payload = Vec::new();
        let entry = Entry::read(&mut consumer, &mut payload).unwrap();
        assert_eq!(
            (entry.kind, entry.place, entry.at_ns),
            (Kind::Received, first, 55)
        );
        assert_eq!(payload, [8; 40]);
        assert_eq!(Entry::read(&mut consumer, &mut payload), None);
        tap.end(Cause::Digit('#'), 99);
        let entry = Entry::read(&mut consumer, &mut payload).unwrap();
        assert_eq!(
            (entry.kind, entry.place.timestamp),
            (Kind::End, u32::from('#'))
        );
    }
}
