//! Digits as RTP events (RFC 4733): reading a party's keys off its packets, and pressing keys ourselves.

/// Octets of one event's payload.
pub const PAYLOAD: usize = 4;

/// The sixteen keys, by event code (RFC 4733 section 3.2).
const KEYS: &[u8; 16] = b"0123456789*#ABCD";
/// An event whose end never came is over when it was not updated for so long.
const LOST_END_NS: u64 = 250_000_000;
/// -10 dBm0.
const VOLUME: u8 = 10;
/// RFC 4733 section 2.5.1.4: the end is sent three times.
const ENDS: u8 = 3;

/// One packet's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// 0 to 15 are keys.
    pub code: u8,
    /// The key is released.
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

/// A key that was pressed and released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressed {
    /// One of `0`-`9`, `*`, `#`, `A`-`D`.
    pub key: char,
    /// In ticks of the stream's clock.
    pub duration: u32,
}

/// Reads a party's keys: one [`Pressed`] per key, however often its packets come.
#[derive(Debug, Clone, Default)]
pub struct Listener {
    present: Option<Present>,
    told: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Present {
    code: u8,
    timestamp: u32,
    /// Of the segments before this one (RFC 4733 section 2.5.1.3).
    before: u32,
    duration: u16,
    updated_ns: u64,
}

impl Present {
    fn pressed(&self) -> Option<Pressed> {
        let key = KEYS.get(usize::from(self.code))?;
        Some(Pressed {
            key: char::from(*key),
            duration: self.before + u32::from(self.duration),
        })
    }
}

impl Listener {
    /// Takes an event packet. A key is told when it is released, or when another one begins.
    pub fn on_event(&mut self, event: Event, timestamp: u32, now_ns: u64) -> Option<Pressed> {
        if self.told == Some(timestamp) {
            return None;
        }
        let mut earlier = None;
        match &mut self.present {
            Some(present) if present.timestamp == timestamp && present.code == event.code => {
                present.duration = present.duration.max(event.duration);
                present.updated_ns = now_ns;
            }
            Some(present)
                if present.code == event.code
                    && timestamp == present.timestamp.wrapping_add(u32::from(present.duration)) =>
            {
                present.before += u32::from(present.duration);
                (present.timestamp, present.duration) = (timestamp, event.duration);
                present.updated_ns = now_ns;
            }
            // A packet of an earlier key that was overtaken.
            Some(present) if (timestamp.wrapping_sub(present.timestamp) as i32) < 0 => return None,
            present => {
                earlier = present.replace(Present {
                    code: event.code,
                    timestamp,
                    before: 0,
                    duration: event.duration,
                    updated_ns: now_ns,
                });
            }
        }
        let earlier = earlier.and_then(|present| present.pressed());
        if event.end && earlier.is_none() {
            return self.finish();
        }
        earlier
    }

    /// Tells a key whose end was lost, or that was held back because two came at once.
    pub fn poll(&mut self, now_ns: u64) -> Option<Pressed> {
        let present = self.present?;
        if now_ns.saturating_sub(present.updated_ns) < LOST_END_NS {
            return None;
        }
        self.finish()
    }

    /// Whether a key is held down.
    pub fn is_pressed(&self) -> bool {
        self.present.is_some()
    }

    fn finish(&mut self) -> Option<Pressed> {
        let present = self.present.take()?;
        self.told = Some(present.timestamp);
        present.pressed()
    }
}

/// The event code of a key.
pub fn code_of(key: char) -> Option<u8> {
    let wanted = u8::try_from(key).ok()?.to_ascii_uppercase();
    KEYS.iter()
        .position(|each| *each == wanted)
        .map(|code| code as u8)
}

/// The key of an event code.
pub fn key_of(code: u8) -> Option<char> {
    KEYS.get(usize::from(code)).copied().map(char::from)
}

/// One step of a row of digits, as long as one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A key sounds: the packet to send; `starts` marks the first one of a key.
    Event {
        /// The payload to send.
        event: Event,
        /// First packet of this key: new timestamp, marker.
        starts: bool,
    },
    /// A pause.
    Silence,
    /// Nothing is left.
    Done,
}

/// Presses keys in a row: 100 ms each with 100 ms between, `w` 0.5 s and `W` 1 s of pause.
#[derive(Debug, Clone)]
pub struct Presser {
    script: Vec<u8>,
    position: usize,
    elapsed_ms: u32,
    ends_sent: u8,
}

/// How long we press a key.
pub const KEY_MS: u32 = 100;
const GAP_MS: u32 = 100;

impl Presser {
    /// `None` if `digits` holds anything else than keys, `w` and `W`.
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
            key => match code_of(char::from(key)) {
                Some(code) if self.ends_sent < ENDS => self.press(code, ptime_ms, clock_rate),
                _ => self.pause(KEY_MS + GAP_MS, ptime_ms),
            },
        }
    }

    fn press(&mut self, code: u8, ptime_ms: u32, clock_rate: u32) -> Step {
        let starts = self.elapsed_ms == 0;
        self.elapsed_ms += ptime_ms;
        let sounded_ms = self.elapsed_ms.min(KEY_MS.max(ptime_ms));
        let end = self.elapsed_ms >= KEY_MS;
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

    /// Plays `digits` into a listener, each packet through `lose`, 20 ms apart.
    fn heard(digits: &str, mut lose: impl FnMut(usize) -> bool) -> Vec<Pressed> {
        let mut presser = Presser::new(digits).unwrap();
        let (mut listener, mut told) = (Listener::default(), Vec::new());
        let mut timestamp = 0;
        for tick in 0.. {
            let now = tick as u64 * 20 * MS;
            told.extend(listener.poll(now));
            match presser.step(20, 8000) {
                Step::Event { event, starts } => {
                    if starts {
                        timestamp = tick as u32 * 160;
                    }
                    if !lose(tick) {
                        told.extend(listener.on_event(event, timestamp, now));
                    }
                }
                Step::Silence => {}
                Step::Done => {
                    told.extend(listener.poll(now + 300 * MS));
                    return told;
                }
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
        fn every_key_is_told_once_in_order(digits in "[0-9A-D*#]{1,12}") {
            let pressed = heard(&digits, |_| false);
            prop_assert_eq!(pressed.iter().map(|each| each.key).collect::<String>(), digits);
            prop_assert!(pressed.iter().all(|each| each.duration == 800));
        }

        #[test]
        fn losing_one_packet_in_three_loses_no_key(digits in "[0-9*#]{1,8}", phase in 0usize..3) {
            let pressed = heard(&digits, |tick| tick % 3 == phase);
            prop_assert_eq!(pressed.iter().map(|each| each.key).collect::<String>(), digits);
        }

        #[test]
        fn any_packets_are_survived(packets in proptest::collection::vec((any::<u8>(), any::<bool>(), any::<u16>(), any::<u32>()), 0..100)) {
            let mut listener = Listener::default();
            let mut told = 0;
            let count = packets.len();
            for (number, (code, end, duration, timestamp)) in packets.into_iter().enumerate() {
                told += usize::from(listener.on_event(event(code, end, duration), timestamp, number as u64 * 20 * MS).is_some());
            }
            prop_assert!(told <= count);
        }
    }

    #[test]
    fn a_key_whose_end_is_lost_is_told_after_a_while() {
        let mut listener = Listener::default();
        assert_eq!(listener.on_event(event(5, false, 160), 1000, 0), None);
        assert_eq!(listener.on_event(event(5, false, 480), 1000, 40 * MS), None);
        assert!(listener.is_pressed());
        assert_eq!(listener.poll(100 * MS), None);
        let pressed = Pressed {
            key: '5',
            duration: 480,
        };
        assert_eq!(listener.poll(400 * MS), Some(pressed));
        assert_eq!(listener.on_event(event(5, true, 800), 1000, 420 * MS), None);
    }

    #[test]
    fn the_same_key_twice_is_two_keys() {
        let mut listener = Listener::default();
        assert!(listener.on_event(event(1, true, 800), 1000, 0).is_some());
        assert!(
            listener
                .on_event(event(1, true, 800), 1000, 20 * MS)
                .is_none()
        );
        assert!(
            listener
                .on_event(event(1, true, 800), 9000, 200 * MS)
                .is_some()
        );
    }

    #[test]
    fn a_key_that_replaces_an_unfinished_one_loses_neither() {
        let mut listener = Listener::default();
        assert_eq!(listener.on_event(event(1, false, 800), 1000, 0), None);
        let first = listener
            .on_event(event(2, true, 800), 9000, 100 * MS)
            .unwrap();
        assert_eq!(first.key, '1');
        let second = listener
            .on_event(event(2, true, 800), 9000, 120 * MS)
            .unwrap();
        assert_eq!(second.key, '2');
    }

    #[test]
    fn a_long_key_in_segments_is_one_key() {
        let mut listener = Listener::default();
        assert_eq!(listener.on_event(event(7, false, 0xffff), 1000, 0), None);
        assert_eq!(
            listener.on_event(event(7, false, 160), 1000 + 0xffff, 20 * MS),
            None
        );
        let pressed = listener
            .on_event(event(7, true, 320), 1000 + 0xffff, 40 * MS)
            .unwrap();
        assert_eq!((pressed.key, pressed.duration), ('7', 0xffff + 320));
    }

    #[test]
    fn events_that_are_no_keys_are_not_told() {
        let mut listener = Listener::default();
        assert_eq!(listener.on_event(event(16, true, 800), 1000, 0), None);
        assert_eq!(key_of(15), Some('D'));
        assert_eq!(key_of(16), None);
    }

    #[test]
    fn pauses_last_and_nonsense_is_refused() {
        assert!(Presser::new("12x").is_none());
        let mut presser = Presser::new("wW").unwrap();
        let silent =
            std::iter::from_fn(|| (presser.step(20, 8000) != Step::Done).then_some(())).count();
        assert_eq!(silent, 75);
    }
}
