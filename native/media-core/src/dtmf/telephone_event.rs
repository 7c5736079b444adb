//! Digits as RTP events (RFC 4733): what a party sends in packets, and what we send.

use crate::rtp::Header;

/// Octets of one event's payload.
pub const PAYLOAD: usize = 4;

/// The sixteen digits, by event code (RFC 4733 section 3.2).
const DIGITS: &[u8; 16] = b"0123456789*#ABCD";
/// Packets may overtake one another within so long; what comes later begins something new.
const RECENT_NS: u64 = 250_000_000;
/// Packets that may be lost between two of one digit.
const MAX_GAP: u16 = 3;
/// -10 dBm0.
const VOLUME: u8 = 10;
/// RFC 4733 section 2.5.1.4: the end is sent three times.
const ENDS: u8 = 3;

/// One packet's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// 0 to 15 are digits.
    pub code: u8,
    /// The digit is released.
    pub end: bool,
    /// In -dBm0, 0 to 63.
    pub volume: u8,
    /// In ticks of the stream's clock, since the packet's timestamp.
    pub duration: u16,
}

impl Event {
    /// Reads a payload; `None` if it is too short.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let octets: &[u8; PAYLOAD] = payload.first_chunk()?;
        Some(Self {
            code: octets[0],
            end: octets[1] & 0x80 != 0,
            volume: octets[1] & 0x3f,
            duration: u16::from_be_bytes([octets[2], octets[3]]),
        })
    }

    /// The payload.
    pub fn octets(&self) -> [u8; PAYLOAD] {
        let [high, low] = self.duration.to_be_bytes();
        [
            self.code,
            (u8::from(self.end) << 7) | (self.volume & 0x3f),
            high,
            low,
        ]
    }
}

/// Reads a party's digits: each one once, when it is pressed, however often its packets come.
#[derive(Debug, Clone, Default)]
pub struct DtmfReceiver {
    last: Option<Last>,
}

/// The last digit, held or released.
#[derive(Debug, Clone, Copy)]
struct Last {
    code: u8,
    timestamp: u32,
    /// Of the present segment (RFC 4733 section 2.5.1.3).
    duration: u16,
    is_held: bool,
    sequence: u16,
    updated_ns: u64,
}

impl Last {
    /// Whether a packet belongs to this digit (`Some(duration of its segment so far)`) or begins another.
    fn goes_on(&self, event: Event, header: &Header, now_ns: u64) -> Option<u16> {
        if self.code != event.code {
            return None;
        }
        let ahead = header.sequence.wrapping_sub(self.sequence);
        let is_newer = ahead != 0 && ahead < 0x8000;
        if header.timestamp == self.timestamp {
            // RFC 4733 section 2.5.1.2 wants a new timestamp for each digit. Some senders take the clock of audio that
            // they do not send: a digit begins once the last one has ended, or with the marker and a shorter duration.
            let is_shorter = event.duration < self.duration;
            let begins = is_newer && !event.end && (!self.is_held || header.marker && is_shorter);
            return (!begins).then_some(self.duration);
        }
        let is_recent = now_ns.saturating_sub(self.updated_ns) < RECENT_NS;
        if !is_recent {
            return None;
        }
        let next_segment = self.timestamp.wrapping_add(u32::from(self.duration));
        if self.is_held && header.timestamp == next_segment {
            return Some(0);
        }
        // Senders whose timestamp rises with each packet: what follows at once, without the marker, is the same digit.
        let follows = is_newer && ahead <= MAX_GAP && !header.marker;
        let step = header.timestamp.wrapping_sub(self.timestamp);
        let is_repeated_end = event.end && step <= u32::from(self.duration.min(event.duration));
        (follows && (self.is_held || is_repeated_end)).then_some(0)
    }
}

impl DtmfReceiver {
    /// Takes an event packet; returns the digit of the first one that comes of it, be it the end.
    pub fn on_event(&mut self, event: Event, header: &Header, now_ns: u64) -> Option<char> {
        let mut last = Last {
            code: event.code,
            timestamp: header.timestamp,
            duration: event.duration,
            is_held: !event.end,
            sequence: header.sequence,
            updated_ns: now_ns,
        };
        if let Some(before) = &self.last {
            let is_recent = now_ns.saturating_sub(before.updated_ns) < RECENT_NS;
            let is_overtaken = (header.timestamp.wrapping_sub(before.timestamp) as i32) < 0;
            if is_recent && is_overtaken {
                return None;
            }
            if let Some(duration) = before.goes_on(event, header, now_ns) {
                last.duration = event.duration.max(duration);
                last.is_held = before.is_held && !event.end;
                if header.sequence.wrapping_sub(before.sequence) >= 0x8000 {
                    last.sequence = before.sequence;
                }
                self.last = Some(last);
                return None;
            }
        }
        self.last = Some(last);
        digit_of(event.code)
    }
}

/// The event code of a digit.
pub fn code_of(digit: char) -> Option<u8> {
    let wanted = u8::try_from(digit).ok()?.to_ascii_uppercase();
    DIGITS
        .iter()
        .position(|each| *each == wanted)
        .map(|code| code as u8)
}

/// The digit of an event code.
pub fn digit_of(code: u8) -> Option<char> {
    DIGITS.get(usize::from(code)).copied().map(char::from)
}

/// One step of a row of digits, as long as one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A digit sounds: the packet to send; `starts` marks the first one of a digit.
    Event {
        /// The payload to send.
        event: Event,
        /// First packet of this digit: new timestamp, marker.
        starts: bool,
    },
    /// A pause.
    Silence,
    /// Nothing is left.
    Done,
}

/// Sends digits in a row: 100 ms each with 100 ms between, `w` 0.5 s and `W` 1 s of pause.
#[derive(Debug, Clone)]
pub struct DtmfSender {
    script: Vec<u8>,
    position: usize,
    elapsed_ms: u32,
    ends_sent: u8,
}

/// How long each digit is sent.
pub const DIGIT_MS: u32 = 100;
const GAP_MS: u32 = 100;

impl DtmfSender {
    /// `None` if `digits` holds anything else than digits, `w` and `W`.
    pub fn new(digits: &str) -> Option<Self> {
        let is_known = |letter: char| letter == 'w' || letter == 'W' || code_of(letter).is_some();
        digits.chars().all(is_known).then(|| Self {
            script: digits.as_bytes().to_vec(),
            position: 0,
            elapsed_ms: 0,
            ends_sent: 0,
        })
    }

    /// What to send for the next `ptime_ms`, with durations in ticks of `clock_rate`.
    pub fn step(&mut self, ptime_ms: u32, clock_rate: u32) -> Step {
        let Some(&letter) = self.script.get(self.position) else {
            return Step::Done;
        };
        match letter {
            b'w' => self.pause(500, ptime_ms),
            b'W' => self.pause(1000, ptime_ms),
            digit => match code_of(char::from(digit)) {
                Some(code) if self.ends_sent < ENDS => self.press(code, ptime_ms, clock_rate),
                _ => self.pause(DIGIT_MS + GAP_MS, ptime_ms),
            },
        }
    }

    fn press(&mut self, code: u8, ptime_ms: u32, clock_rate: u32) -> Step {
        let starts = self.elapsed_ms == 0;
        self.elapsed_ms += ptime_ms;
        let sounded_ms = self.elapsed_ms.min(DIGIT_MS.max(ptime_ms));
        let end = self.elapsed_ms >= DIGIT_MS;
        self.ends_sent += u8::from(end);
        let duration = (sounded_ms * (clock_rate / 1000)).min(0xffff) as u16;
        Step::Event {
            event: Event {
                code,
                end,
                volume: VOLUME,
                duration,
            },
            starts,
        }
    }

    fn pause(&mut self, until_ms: u32, ptime_ms: u32) -> Step {
        self.elapsed_ms += ptime_ms;
        if self.elapsed_ms >= until_ms {
            self.position += 1;
            (self.elapsed_ms, self.ends_sent) = (0, 0);
        }
        Step::Silence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn event(code: u8, end: bool, duration: u16) -> Event {
        Event {
            code,
            end,
            volume: 10,
            duration,
        }
    }

    impl DtmfReceiver {
        /// The next packet of a stream in order.
        fn on(&mut self, event: Event, timestamp: u32, now_ns: u64) -> Option<char> {
            let sequence = self.last.map_or(1, |last| last.sequence.wrapping_add(1));
            self.on_event(event, &header(sequence, timestamp, false), now_ns)
        }
    }

    fn header(sequence: u16, timestamp: u32, marker: bool) -> Header {
        Header {
            marker,
            payload_type: 101,
            sequence,
            timestamp,
            ssrc: 1,
        }
    }

    /// What is read of `(event, timestamp, marker)`, a packet each 20 ms.
    fn read(packets: &[(Event, u32, bool)]) -> String {
        let mut receiver = DtmfReceiver::default();
        let packets = packets.iter().zip(0u16..);
        packets
            .filter_map(|(&(event, timestamp, marker), number)| {
                let header = header(number, timestamp, marker);
                receiver.on_event(event, &header, u64::from(number) * 20 * MS)
            })
            .collect()
    }

    /// One digit, 100 ms, with three ends.
    fn digit(code: u8) -> impl Iterator<Item = (Event, bool)> {
        let held = (1..5).map(move |step| (event(code, false, step * 160), step == 1));
        held.chain((0..3).map(move |_| (event(code, true, 800), false)))
    }

    /// Plays `digits` into a receiver, each packet through `lose`, 20 ms apart.
    fn heard(digits: &str, mut lose: impl FnMut(usize) -> bool) -> String {
        let mut digits = DtmfSender::new(digits).unwrap();
        let (mut receiver, mut reported) = (DtmfReceiver::default(), String::new());
        let mut timestamp = 0;
        for tick in 0.. {
            match digits.step(20, 8000) {
                Step::Event { event, starts } => {
                    if starts {
                        timestamp = tick as u32 * 160;
                    }
                    if !lose(tick) {
                        reported.extend(receiver.on(event, timestamp, tick as u64 * 20 * MS));
                    }
                }
                Step::Silence => {}
                Step::Done => return reported,
            }
        }
        unreachable!()
    }

    proptest! {
        #[test]
        fn payloads_survive_the_wire(code: u8, end: bool, volume in 0u8..64, duration: u16) {
            let event = Event { code, end, volume, duration };
            prop_assert_eq!(Event::parse(&event.octets()), Some(event));
        }

        #[test]
        fn every_digit_is_reported_once_in_order(digits in "[0-9A-D*#]{1,12}") {
            prop_assert_eq!(heard(&digits, |_| false), digits);
        }

        #[test]
        fn losing_one_packet_in_three_loses_no_digit(digits in "[0-9*#]{1,8}", phase in 0usize..3) {
            prop_assert_eq!(heard(&digits, |tick| tick % 3 == phase), digits);
        }

        #[test]
        fn any_packets_are_survived(packets in proptest::collection::vec((any::<u8>(), any::<bool>(), any::<u16>(), any::<u32>(), any::<u16>(), any::<bool>()), 0..100)) {
            let mut receiver = DtmfReceiver::default();
            let mut reported = 0;
            let count = packets.len();
            for (number, (code, end, duration, timestamp, sequence, marker)) in packets.into_iter().enumerate() {
                let header = header(sequence, timestamp, marker);
                reported += usize::from(receiver.on_event(event(code, end, duration), &header, number as u64 * 20 * MS).is_some());
            }
            prop_assert!(reported <= count);
        }
    }

    #[test]
    fn a_digit_is_reported_when_it_is_pressed_and_never_again() {
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.on(event(5, false, 160), 1000, 0), Some('5'));
        for (duration, at) in [(320, 20), (320, 21), (160, 22), (480, 40), (48_000, 6000)] {
            let update = event(5, false, duration);
            assert_eq!(receiver.on(update, 1000, at * MS), None);
        }
        for at in [6020, 6040, 6060, 6500] {
            assert_eq!(receiver.on(event(5, true, 48_160), 1000, at * MS), None);
        }
    }

    #[test]
    fn a_digit_of_which_only_an_end_came_is_reported() {
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.on(event(5, true, 800), 1000, 0), Some('5'));
        assert_eq!(receiver.on(event(5, true, 800), 1000, 20 * MS), None);
    }

    #[test]
    fn the_same_digit_twice_is_two_digits() {
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.on(event(1, true, 800), 1000, 0), Some('1'));
        let again = event(1, false, 160);
        assert_eq!(receiver.on(again, 9000, 200 * MS), Some('1'));
        // As close as it gets: it begins where the one before ended.
        assert_eq!(receiver.on(event(1, true, 800), 9000, 300 * MS), None);
        assert_eq!(receiver.on(again, 9800, 301 * MS), Some('1'));
    }

    #[test]
    fn a_digit_that_replaces_an_unfinished_one_loses_neither() {
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.on(event(1, false, 800), 1000, 0), Some('1'));
        let second = event(2, true, 800);
        assert_eq!(receiver.on(second, 9000, 100 * MS), Some('2'));
        let overtaken = event(1, true, 960);
        assert_eq!(receiver.on(overtaken, 1000, 101 * MS), None);
        assert_eq!(receiver.on(second, 9000, 120 * MS), None);
    }

    #[test]
    fn a_source_whose_clock_begins_anew_is_heard() {
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.on(event(1, true, 800), 900_000, 0), Some('1'));
        let fresh = event(1, false, 160);
        assert_eq!(receiver.on(fresh, 160, 400 * MS), Some('1'));
    }

    #[test]
    fn a_long_digit_in_segments_is_one_digit() {
        let mut receiver = DtmfReceiver::default();
        let (first, second) = (1000, 1000 + 0xffff);
        assert_eq!(receiver.on(event(7, false, 0xffff), first, 0), Some('7'));
        for (end, at) in [(false, 20), (true, 40), (true, 60)] {
            assert_eq!(receiver.on(event(7, end, 160), second, at * MS), None);
        }
    }

    #[test]
    fn one_digit_again_and_again_on_one_timestamp() {
        let same = [5, 5, 6, 6].into_iter().flat_map(digit);
        let packets: Vec<_> = same.map(|(event, marker)| (event, 1000, marker)).collect();
        assert_eq!(read(&packets), "5566");
        let unmarked: Vec<_> = packets
            .iter()
            .map(|&(event, at, _)| (event, at, false))
            .collect();
        assert_eq!(read(&unmarked), "5566");
        // The ends of the first digit are lost: only the marker shows the second.
        let held = |code| digit(code).filter(|(event, _)| !event.end);
        let packets: Vec<_> = [5, 5].into_iter().flat_map(held).collect();
        let packets: Vec<_> = packets
            .iter()
            .map(|&(event, marker)| (event, 1000, marker))
            .collect();
        assert_eq!(read(&packets), "55");
    }

    #[test]
    fn a_marker_on_every_packet_is_one_digit() {
        let packets: Vec<_> = digit(5).map(|(event, _)| (event, 1000, true)).collect();
        assert_eq!(read(&packets), "5");
    }

    #[test]
    fn a_late_packet_of_a_digit_that_has_ended_is_not_another() {
        let mut receiver = DtmfReceiver::default();
        let starts = event(5, false, 160);
        assert_eq!(
            receiver.on_event(starts, &header(1, 1000, true), 0),
            Some('5')
        );
        let ends = event(5, true, 800);
        assert_eq!(receiver.on_event(ends, &header(4, 1000, false), MS), None);
        for late in [1, 2, 3] {
            assert_eq!(
                receiver.on_event(starts, &header(late, 1000, late == 1), 2 * MS),
                None
            );
        }
    }

    #[test]
    fn a_timestamp_that_rises_with_each_packet_is_one_digit() {
        for grows in [true, false] {
            let digits = [5, 5, 0].into_iter().flat_map(digit);
            let packets: Vec<_> = digits
                .zip(0u32..)
                .map(|((mut event, marker), number)| {
                    if !grows {
                        event.duration = 160;
                    }
                    (event, 1000 + number * 160, marker)
                })
                .collect();
            assert_eq!(read(&packets), "550", "durations grow: {grows}");
        }
    }

    #[test]
    fn events_that_are_not_digits_are_ignored() {
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.on(event(16, true, 800), 1000, 0), None);
        assert_eq!(digit_of(15), Some('D'));
        assert_eq!(digit_of(16), None);
    }

    #[test]
    fn pauses_last_and_nonsense_is_refused() {
        assert!(DtmfSender::new("12x").is_none());
        let mut digits = DtmfSender::new("wW").unwrap();
        let silent =
            std::iter::from_fn(|| (digits.step(20, 8000) != Step::Done).then_some(())).count();
        assert_eq!(silent, 75);
    }
}
