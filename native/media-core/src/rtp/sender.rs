//! What a stream sends is one RTP source from its opening to its end: one SSRC, sequence numbers without a hole
//! that is ours, timestamps that follow the clock, a marker where sound begins anew, whatever its origin.

use crate::rtp::Header;

/// A relayed packet may come so many packets late; one that is older belongs to a source that restarted.
const MAX_LATE: u16 = 512;

/// Sequence number, timestamp and marker of a packet to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// First packet of a talk spurt.
    pub marker: bool,
    /// Ours.
    pub sequence: u16,
    /// Ours.
    pub timestamp: u32,
}

/// How a relayed source's numbers become ours.
#[derive(Debug, Clone, Copy)]
struct Mapping {
    ssrc: u32,
    highest: u16,
    /// Sequence numbers since the mapping was made: so far back a late packet may be.
    span: u16,
    sequence_shift: u16,
    timestamp_shift: u32,
}

/// The machine; one for each stream.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Of everything that this stream sends.
    pub ssrc: u32,
    clock_rate: u32,
    /// Ticks that one packet covers.
    packet_ticks: u32,
    next_sequence: u16,
    last_timestamp: u32,
    last_ns: Option<u64>,
    starts_spurt: bool,
    mapping: Option<Mapping>,
}

impl Sender {
    /// `random` seeds sequence numbers and timestamps (RFC 3550 section 5.1).
    pub fn new(ssrc: u32, random: u64) -> Self {
        Self {
            ssrc,
            clock_rate: 8000,
            packet_ticks: 160,
            next_sequence: (random >> 32) as u16 & 0x7fff,
            last_timestamp: random as u32,
            last_ns: None,
            starts_spurt: true,
            mapping: None,
        }
    }

    /// A format was agreed on. The timestamp goes on from where it is.
    pub fn set_format(&mut self, clock_rate: u32, packet_ticks: u32) {
        self.clock_rate = clock_rate.max(1);
        self.packet_ticks = packet_ticks;
    }

    /// What is sent from now on has another origin, or follows a pause.
    pub fn start_spurt(&mut self) {
        self.starts_spurt = true;
        self.mapping = None;
    }

    /// The stamp of the next packet that is made here. Within a spurt, timestamps advance by a packet each.
    pub fn make(&mut self, now_ns: u64) -> Stamp {
        let marker = std::mem::take(&mut self.starts_spurt);
        self.mapping = None;
        let timestamp = if marker {
            self.timestamp_at(now_ns)
        } else {
            self.last_timestamp.wrapping_add(self.packet_ticks)
        };
        self.advance(timestamp, now_ns);
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        Stamp {
            marker,
            sequence,
            timestamp,
        }
    }

    /// The stamp of a further packet of an event that began with `timestamp` (RFC 4733 section 2.5.1.2).
    pub fn repeat(&mut self, timestamp: u32, now_ns: u64) -> Stamp {
        self.mapping = None;
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        self.advance(self.timestamp_now(now_ns), now_ns);
        Stamp {
            marker: false,
            sequence,
            timestamp,
        }
    }

    /// The stamp of a packet that is passed on from another source whose clock has our rate. `None`: it is
    /// from before the moment when this source took over, or a copy of what is long gone.
    pub fn relay(&mut self, from: &Header, now_ns: u64) -> Option<Stamp> {
        let (stamp, is_newest) = self.renumber(from, now_ns)?;
        if is_newest {
            self.advance(stamp.timestamp, now_ns);
        }
        Some(stamp)
    }

    /// The same for a packet of an event, whose timestamp is when the event began.
    pub fn relay_event(&mut self, from: &Header, now_ns: u64) -> Option<Stamp> {
        let (stamp, is_newest) = self.renumber(from, now_ns)?;
        if is_newest {
            self.advance(self.timestamp_now(now_ns), now_ns);
        }
        Some(stamp)
    }

    fn renumber(&mut self, from: &Header, now_ns: u64) -> Option<(Stamp, bool)> {
        let late = |mapping: &Mapping| mapping.highest.wrapping_sub(from.sequence);
        let mapping = match self.mapping {
            Some(mapping) if mapping.ssrc == from.ssrc => mapping,
            _ => self.map(from, now_ns),
        };
        let mut mapping = match late(&mapping) {
            behind if behind >= 0x8000 || behind <= mapping.span.min(MAX_LATE) => mapping,
            behind if behind <= MAX_LATE => return None,
            _ => self.map(from, now_ns),
        };
        let marker = std::mem::take(&mut self.starts_spurt) || from.marker;
        let stamp = Stamp {
            marker,
            sequence: from.sequence.wrapping_add(mapping.sequence_shift),
            timestamp: from.timestamp.wrapping_add(mapping.timestamp_shift),
        };
        let ahead = from.sequence.wrapping_sub(mapping.highest);
        let is_newest = ahead < 0x8000;
        if is_newest {
            mapping.span = mapping.span.saturating_add(ahead);
            mapping.highest = from.sequence;
            self.next_sequence = stamp.sequence.wrapping_add(1);
        }
        self.mapping = Some(mapping);
        Some((stamp, is_newest))
    }

    /// A packet of the relayed source is not passed on: the hole it would leave is closed.
    pub fn skip(&mut self, from: &Header) {
        if let Some(mapping) = &mut self.mapping
            && mapping.ssrc == from.ssrc
            && mapping.highest.wrapping_sub(from.sequence) >= 0x8000
        {
            mapping.sequence_shift = mapping.sequence_shift.wrapping_sub(1);
            // What is behind this packet was numbered before the hole was closed, so nothing late fits.
            mapping.highest = from.sequence;
            mapping.span = 0;
        }
    }

    /// The timestamp of this moment, for sender reports; never before what was sent.
    pub fn timestamp_now(&self, now_ns: u64) -> u32 {
        self.last_timestamp.wrapping_add(self.elapsed(now_ns))
    }

    fn map(&mut self, from: &Header, now_ns: u64) -> Mapping {
        self.starts_spurt = true;
        Mapping {
            ssrc: from.ssrc,
            highest: from.sequence,
            span: 0,
            sequence_shift: self.next_sequence.wrapping_sub(from.sequence),
            timestamp_shift: self.timestamp_at(now_ns).wrapping_sub(from.timestamp),
        }
    }

    /// The timestamp of a spurt that begins now: by the clock, but not within the last packet.
    fn timestamp_at(&self, now_ns: u64) -> u32 {
        let elapsed = self.elapsed(now_ns);
        let least = if self.last_ns.is_some() {
            self.packet_ticks
        } else {
            0
        };
        self.last_timestamp.wrapping_add(elapsed.max(least))
    }

    fn elapsed(&self, now_ns: u64) -> u32 {
        self.last_ns.map_or(0, |last| {
            crate::rtp::ticks(now_ns.saturating_sub(last), self.clock_rate) as u32
        })
    }

    fn advance(&mut self, timestamp: u32, now_ns: u64) {
        self.last_timestamp = timestamp;
        self.last_ns = Some(now_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn from(ssrc: u32, sequence: u16, timestamp: u32) -> Header {
        Header {
            marker: false,
            payload_type: 0,
            sequence,
            timestamp,
            ssrc,
        }
    }

    #[test]
    fn what_is_made_here_advances_by_packets_and_marks_the_first() {
        let mut sender = Sender::new(1, 5 << 32);
        let stamps: Vec<_> = (0..3).map(|number| sender.make(number * 20 * MS)).collect();
        assert_eq!(
            stamps.iter().map(|each| each.sequence).collect::<Vec<_>>(),
            [5, 6, 7]
        );
        assert_eq!(
            stamps.iter().map(|each| each.timestamp).collect::<Vec<_>>(),
            [0, 160, 320]
        );
        assert_eq!(
            stamps.iter().map(|each| each.marker).collect::<Vec<_>>(),
            [true, false, false]
        );
    }

    #[test]
    fn play_then_relay_then_play_is_one_source() {
        let mut sender = Sender::new(1, 0);
        sender.make(0);
        sender.make(20 * MS);
        let first = sender.relay(&from(9, 40_000, 777), 1_000 * MS).unwrap();
        assert_eq!(
            (first.sequence, first.marker, first.timestamp),
            (2, true, 160 + 980 * 8)
        );
        let second = sender.relay(&from(9, 40_001, 937), 1_020 * MS).unwrap();
        assert_eq!(
            (second.sequence, second.marker, second.timestamp),
            (3, false, 160 + 1000 * 8)
        );
        sender.start_spurt();
        let third = sender.make(1_025 * MS);
        assert_eq!(
            (third.sequence, third.marker, third.timestamp),
            (4, true, 160 + 1020 * 8)
        );
    }

    #[test]
    fn losses_and_reordering_of_the_relayed_source_are_kept() {
        let mut sender = Sender::new(1, 0);
        let order = [65_534, 0, 65_535, 3, 2];
        let sent: Vec<_> = order
            .iter()
            .map(|sequence| {
                sender
                    .relay(&from(9, *sequence, 0), 0)
                    .map(|stamp| stamp.sequence)
            })
            .collect();
        assert_eq!(sent, [Some(0), Some(2), Some(1), Some(5), Some(4)]);
    }

    #[test]
    fn what_is_older_than_the_takeover_is_dropped() {
        let mut sender = Sender::new(1, 10 << 32);
        assert!(sender.relay(&from(9, 100, 1600), 0).is_some());
        assert_eq!(sender.relay(&from(9, 99, 1440), 0), None);
        assert_eq!(sender.relay(&from(9, 101, 1760), 0).unwrap().sequence, 11);
    }

    #[test]
    fn skipped_packets_leave_no_hole() {
        let mut sender = Sender::new(1, 0);
        assert_eq!(sender.relay(&from(9, 1, 0), 0).unwrap().sequence, 0);
        sender.skip(&from(9, 2, 0));
        sender.skip(&from(9, 3, 0));
        assert_eq!(sender.relay(&from(9, 4, 0), 0).unwrap().sequence, 1);
        assert_eq!(sender.relay(&from(9, 5, 0), 0).unwrap().sequence, 2);
    }

    #[test]
    fn a_source_that_restarts_is_mapped_anew() {
        let mut sender = Sender::new(1, 0);
        for sequence in 5000..5010 {
            sender.relay(&from(9, sequence, u32::from(sequence) * 160), 0);
        }
        let stamp = sender.relay(&from(9, 10, 0), 20 * MS).unwrap();
        assert_eq!((stamp.sequence, stamp.marker), (10, true));
        let other = sender.relay(&from(8, 60_000, 0), 40 * MS).unwrap();
        assert_eq!((other.sequence, other.marker), (11, true));
    }

    #[test]
    fn an_event_keeps_its_timestamp_and_the_clock_goes_on() {
        let mut sender = Sender::new(1, 0);
        let first = sender.make(0);
        let again = sender.repeat(first.timestamp, 20 * MS);
        assert_eq!((again.timestamp, again.sequence), (first.timestamp, 1));
        sender.start_spurt();
        assert_eq!(sender.make(40 * MS).timestamp, 320);
    }

    #[test]
    fn a_relayed_event_keeps_its_place_between_the_audio() {
        let mut sender = Sender::new(1, 0);
        let first = sender.relay(&from(9, 1, 1000), 0).unwrap();
        for number in 2..6 {
            let stamp = sender
                .relay_event(&from(9, number, 1160), u64::from(number) * 20 * MS)
                .unwrap();
            assert_eq!(
                (stamp.sequence, stamp.timestamp),
                (number - 1, first.timestamp + 160)
            );
        }
        assert_eq!(sender.timestamp_now(100 * MS), first.timestamp + 800);
        let audio = sender.relay(&from(9, 6, 1800), 100 * MS).unwrap();
        assert_eq!(
            (audio.sequence, audio.timestamp, audio.marker),
            (5, first.timestamp + 800, false)
        );
    }

    proptest! {
        #[test]
        fn no_number_is_given_twice(steps in proptest::collection::vec((0u8..6, any::<bool>(), 1u16..4), 1..300), start: u16) {
            let mut sender = Sender::new(1, 77 << 32);
            let (mut sequence, mut now) = (start, 0);
            let mut given = std::collections::HashSet::new();
            for (kind, turn, ahead) in steps {
                now += 20 * MS;
                sequence = sequence.wrapping_add(ahead);
                let stamp = match kind {
                    0 => { if turn { sender.start_spurt(); } Some(sender.make(now)) }
                    1 => { sender.skip(&from(9, sequence, 0)); None }
                    2 => Some(sender.repeat(0, now)),
                    3 => sender.relay_event(&from(u32::from(turn), sequence, 0), now),
                    _ => sender.relay(&from(u32::from(turn), sequence, u32::from(sequence) * 160), now),
                };
                if let Some(stamp) = stamp {
                    prop_assert!(given.insert(stamp.sequence), "{} twice", stamp.sequence);
                }
            }
        }
    }
}
