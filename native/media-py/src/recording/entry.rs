//! What a tap puts into its ring and the writer reads: entries of a fixed header and a payload.

use media_core::recorder::Place;
use rtrb::Consumer;

/// Octets before each entry's payload.
pub(super) const ENTRY: usize = 22;

/// Stands for the name of a codec where the payloads are samples.
pub(super) const PCM: &str = "PCM";

/// What is in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Received,
    Sent,
    /// The party speaks another codec; the payload is `clock_rate name/fmtp`.
    ReceivedCodec,
    /// The same of what it is sent.
    SentCodec,
    /// Recording pauses; the timestamp is 1 if the time is left out.
    Pause,
    /// Recording goes on.
    Resume,
    /// The recording ends; the timestamp is the digit that ended it, or 0.
    End,
}

/// One thing in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) length: u16,
    pub(super) place: Place,
    pub(super) at_ns: u64,
}

impl Entry {
    pub(super) fn octets(&self) -> [u8; ENTRY] {
        let mut out = [0; ENTRY];
        out[0] = self.kind as u8;
        out[2..4].copy_from_slice(&self.length.to_ne_bytes());
        out[4..8].copy_from_slice(&self.place.ssrc.to_ne_bytes());
        out[8..12].copy_from_slice(&self.place.timestamp.to_ne_bytes());
        out[12..20].copy_from_slice(&self.at_ns.to_ne_bytes());
        out[20..22].copy_from_slice(&self.place.sequence.to_ne_bytes());
        out
    }

    /// Reads the next entry and its payload, if there is one.
    pub(super) fn read(ring: &mut Consumer<u8>, payload: &mut Vec<u8>) -> Option<Self> {
        let mut octets = [0; ENTRY];
        ring.pop_entire_slice(&mut octets).ok()?;
        let word = |at: usize| [octets[at], octets[at + 1], octets[at + 2], octets[at + 3]];
        let entry = Self {
            kind: match octets[0] {
                0 => Kind::Received,
                1 => Kind::Sent,
                2 => Kind::ReceivedCodec,
                3 => Kind::SentCodec,
                4 => Kind::Pause,
                5 => Kind::Resume,
                _ => Kind::End,
            },
            length: u16::from_ne_bytes([octets[2], octets[3]]),
            place: Place {
                ssrc: u32::from_ne_bytes(word(4)),
                sequence: u16::from_ne_bytes([octets[20], octets[21]]),
                timestamp: u32::from_ne_bytes(word(8)),
            },
            at_ns: octets[12..20].try_into().map_or(0, u64::from_ne_bytes),
        };
        payload.clear();
        payload.resize(usize::from(entry.length), 0);
        // Header and payload become readable one after the other: the payload may be on its way.
        while ring.pop_entire_slice(payload).is_err() {
            if ring.is_abandoned() {
                return None;
            }
            std::thread::yield_now();
        }
        Some(entry)
    }
}
