//! An adaptive jitter buffer: packets go in as they come, and come out in order when sound is needed.
//!
//! It is pulled, not clocked: the consumer asks for the next packet. Delay grows by itself when packets
//! come late (what is missing is concealed, and what comes after waits longer), and is taken back by leaving
//! out a packet when for two seconds more was waiting than the jitter calls for. [`Depth`] bounds it at both ends.

/// Packets that fit, unless the depth asks for more; a power of two, so that sequence numbers wrap with the slots.
const SLOTS: usize = 32;
/// Packets of delay at most, of any depth.
const MAX_DEPTH: u32 = 128;
/// Pulls over which the least depth is watched, before delay is taken back.
const WATCHED_PULLS: u32 = 100;
const NANOSECONDS: i64 = 1_000_000_000;

/// How many packets wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// At least, however even they come; 1 or more.
    pub min: u32,
    /// At most: beyond, the oldest are left out. Equal to `min`: the delay never adapts.
    pub max: u32,
}

impl Default for Depth {
    fn default() -> Self {
        Self { min: 1, max: 12 }
    }
}

impl Depth {
    /// As long as milliseconds say, for packets of `packet_ms`; nothing at all is one packet, which is not waited for.
    pub fn of_ms(min_ms: u32, max_ms: u32, packet_ms: u32) -> Self {
        let packets = |ms: u32| ms.div_ceil(packet_ms.max(1)).clamp(1, MAX_DEPTH);
        let min = packets(min_ms);
        Self {
            min,
            max: packets(max_ms).max(min),
        }
    }

    /// The delay that jitter may ask for: room is left for packets that come early.
    fn max_target(self) -> u32 {
        self.max.saturating_sub(2).max(self.min)
    }
}

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub enum Pull<'a> {
    /// The payload of the next packet.
    Packet(&'a [u8]),
    /// The next packet never came, but one after it did.
    Lost,
    /// Nothing is here.
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Nothing,
    Payload,
    /// A packet without sound.
    Skipped,
}

#[derive(Debug)]
struct Slot {
    content: Content,
    sequence: u16,
    payload: Vec<u8>,
}

/// The buffer for one source.
#[derive(Debug)]
pub struct JitterBuffer {
    slots: Vec<Slot>,
    /// The packet that is due next; `None` before the first.
    next: Option<u16>,
    newest: u16,
    is_filling: bool,
    clock_rate: u32,
    packet_ticks: u32,
    last: Option<(u32, u64)>,
    jitter_ticks: f64,
    least_depth: u32,
    pulls: u32,
    depth: Depth,
}

impl JitterBuffer {
    /// For packets of about `packet_ticks` of a clock with `clock_rate` Hz.
    pub fn new(clock_rate: u32, packet_ticks: u32) -> Self {
        Self {
            slots: empty_slots(SLOTS),
            next: None,
            newest: 0,
            is_filling: true,
            clock_rate: clock_rate.max(1),
            packet_ticks: packet_ticks.max(1),
            last: None,
            jitter_ticks: 0.0,
            least_depth: u32::MAX,
            pulls: 0,
            depth: Depth::default(),
        }
    }

    /// Another depth, before the first packet.
    pub fn set_depth(&mut self, depth: Depth) {
        self.depth = depth;
        let wanted = (depth.max as usize + 1).next_power_of_two().max(SLOTS);
        if wanted != self.slots.len() {
            self.slots = empty_slots(wanted);
            self.reset();
        }
    }

    /// Puts a packet of sound in. Copies and packets whose time is over are dropped.
    pub fn insert(&mut self, sequence: u16, timestamp: u32, payload: &[u8], now_ns: u64) {
        self.measure(timestamp, now_ns);
        self.put(sequence, Content::Payload, payload);
    }

    /// Takes note of a packet of the same source without sound, so that it is not taken for a loss.
    pub fn skip(&mut self, sequence: u16) {
        if self.next.is_some() {
            self.put(sequence, Content::Skipped, &[]);
        }
    }

    /// Forgets everything: another source begins.
    pub fn reset(&mut self) {
        for slot in &mut self.slots {
            slot.content = Content::Nothing;
        }
        (self.next, self.last, self.is_filling) = (None, None, true);
    }

    /// What waits is due now: nothing more is waited for.
    pub fn stop_filling(&mut self) {
        self.is_filling = false;
    }

    /// The next packet, when its sound is needed.
    pub fn pull(&mut self) -> Pull<'_> {
        let depth = self.depth();
        if depth == 0 {
            self.is_filling = true;
            return Pull::Empty;
        }
        if self.is_filling && depth < self.target() {
            return Pull::Empty;
        }
        self.is_filling = false;
        self.watch_depth(depth);
        while let Some(next) = self.next {
            if self.newest.wrapping_sub(next) >= 0x8000 {
                break;
            }
            self.next = Some(next.wrapping_add(1));
            let at = usize::from(next) % self.slots.len();
            let slot = &mut self.slots[at];
            match std::mem::replace(&mut slot.content, Content::Nothing) {
                Content::Payload if slot.sequence == next => {
                    return Pull::Packet(&self.slots[at].payload);
                }
                Content::Skipped if slot.sequence == next => {}
                _ => return Pull::Lost,
            }
        }
        Pull::Empty
    }

    /// Packets' worth of time between what is due next and the newest.
    pub fn depth(&self) -> u32 {
        self.next.map_or(0, |next| {
            let depth = self.newest.wrapping_sub(next).wrapping_add(1);
            if depth >= 0x8000 { 0 } else { u32::from(depth) }
        })
    }

    /// How long the packet that is due next has waited, in nanoseconds; 0 if none is here.
    pub fn wait_ns(&self, now_ns: u64) -> u64 {
        let (depth, Some((_, newest_ns))) = (self.depth(), self.last) else {
            return 0;
        };
        if depth == 0 {
            return 0;
        }
        let packet_ns =
            u64::from(self.packet_ticks) * NANOSECONDS as u64 / u64::from(self.clock_rate);
        now_ns.saturating_sub(newest_ns) + u64::from(depth - 1) * packet_ns
    }

    /// How unevenly packets come, in milliseconds.
    pub fn jitter_ms(&self) -> u32 {
        (self.jitter_ticks * 1000.0 / f64::from(self.clock_rate)) as u32
    }

    /// Packets that should wait, by the jitter.
    pub fn target(&self) -> u32 {
        let packets = 2.0 * self.jitter_ticks / f64::from(self.packet_ticks);
        (packets.ceil() as u32).clamp(self.depth.min, self.depth.max_target())
    }

    fn put(&mut self, sequence: u16, content: Content, payload: &[u8]) {
        let next = *self.next.get_or_insert_with(|| {
            self.newest = sequence.wrapping_sub(1);
            sequence
        });
        let ahead = sequence.wrapping_sub(next);
        if ahead >= 0x8000 {
            // Late: its time is over. Very late: the source restarted its numbers.
            if sequence.wrapping_sub(next) < u16::MAX - 100 {
                self.reset();
                self.put(sequence, content, payload);
            }
            return;
        }
        if usize::from(ahead) >= self.slots.len() {
            self.reset();
            self.put(sequence, content, payload);
            return;
        }
        if sequence.wrapping_sub(self.newest) < 0x8000 {
            self.newest = sequence;
        }
        let at = usize::from(sequence) % self.slots.len();
        let slot = &mut self.slots[at];
        slot.content = content;
        slot.sequence = sequence;
        slot.payload.clear();
        slot.payload.extend_from_slice(payload);
        while self.depth() > self.depth.max {
            self.leave_out();
        }
    }

    /// Interarrival jitter (RFC 3550 section A.8); rises fast, falls slowly.
    fn measure(&mut self, timestamp: u32, now_ns: u64) {
        if let Some((last_timestamp, last_ns)) = self.last {
            // Saturates after two days of hold: no jitter either.
            let arrived = (now_ns as i64 - last_ns as i64).saturating_mul(self.clock_rate.into())
                / NANOSECONDS;
            let sent = i64::from(timestamp.wrapping_sub(last_timestamp) as i32);
            let difference = arrived.saturating_sub(sent).unsigned_abs() as f64;
            if difference < f64::from(self.clock_rate) {
                let weight = if difference > self.jitter_ticks {
                    4.0
                } else {
                    64.0
                };
                self.jitter_ticks += (difference - self.jitter_ticks) / weight;
            }
        }
        self.last = Some((timestamp, now_ns));
    }

    fn watch_depth(&mut self, depth: u32) {
        self.least_depth = self.least_depth.min(depth);
        self.pulls += 1;
        if self.pulls >= WATCHED_PULLS {
            if self.least_depth > self.target() + 1 {
                self.leave_out();
            }
            (self.pulls, self.least_depth) = (0, u32::MAX);
        }
    }

    fn leave_out(&mut self) {
        if let Some(next) = self.next {
            let at = usize::from(next) % self.slots.len();
            self.slots[at].content = Content::Nothing;
            self.next = Some(next.wrapping_add(1));
        }
    }
}

fn empty_slots(count: usize) -> Vec<Slot> {
    let slot = || Slot {
        content: Content::Nothing,
        sequence: 0,
        payload: Vec::new(),
    };
    (0..count).map(|_| slot()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn pulled(buffer: &mut JitterBuffer) -> Option<Vec<u8>> {
        match buffer.pull() {
            Pull::Packet(payload) => Some(payload.to_vec()),
            _ => None,
        }
    }

    fn insert(buffer: &mut JitterBuffer, number: u16, now_ns: u64) {
        buffer.insert(
            number,
            u32::from(number) * 160,
            &number.to_be_bytes(),
            now_ns,
        );
    }

    #[test]
    fn even_packets_come_out_in_order_with_one_packet_of_delay() {
        let mut buffer = JitterBuffer::new(8000, 160);
        assert_eq!(buffer.pull(), Pull::Empty);
        for number in 0..200u16 {
            insert(&mut buffer, number, u64::from(number) * 20 * MS);
            assert_eq!(pulled(&mut buffer), Some(number.to_be_bytes().to_vec()));
        }
    }

    #[test]
    fn a_loss_is_reported_when_something_came_after_it() {
        let mut buffer = JitterBuffer::new(8000, 160);
        insert(&mut buffer, 1, 0);
        assert!(pulled(&mut buffer).is_some());
        insert(&mut buffer, 3, 40 * MS);
        assert_eq!(buffer.pull(), Pull::Lost);
        assert!(pulled(&mut buffer).is_some());
        assert_eq!(buffer.pull(), Pull::Empty);
    }

    #[test]
    fn packets_that_are_no_sound_are_no_loss() {
        let mut buffer = JitterBuffer::new(8000, 160);
        insert(&mut buffer, 1, 0);
        assert!(pulled(&mut buffer).is_some());
        buffer.skip(2);
        buffer.skip(3);
        insert(&mut buffer, 4, 60 * MS);
        assert_eq!(pulled(&mut buffer), Some(vec![0, 4]));
    }

    #[test]
    fn jitter_asks_for_more_delay_and_calm_takes_it_back() {
        let mut buffer = JitterBuffer::new(8000, 160);
        for number in 0..100u16 {
            let late = u64::from(number % 4 == 0) * 50 * MS;
            insert(&mut buffer, number, u64::from(number) * 20 * MS + late);
            buffer.pull();
        }
        assert!(buffer.target() >= 3, "{}", buffer.target());
        for number in 100..2000u16 {
            insert(&mut buffer, number, u64::from(number) * 20 * MS);
            buffer.pull();
        }
        assert_eq!(buffer.target(), 1);
        assert!(buffer.depth() <= 2, "{}", buffer.depth());
    }

    #[test]
    fn a_restart_is_followed() {
        let mut buffer = JitterBuffer::new(8000, 160);
        for number in [500, 501, 10, 11] {
            insert(&mut buffer, number, 0);
        }
        assert_eq!(pulled(&mut buffer), Some(vec![0, 10]));
        insert(&mut buffer, 40_000, 0);
        assert_eq!(pulled(&mut buffer), Some(40_000u16.to_be_bytes().to_vec()));
    }

    /// Packets of 20 ms that come three at a time, every 60 ms: how many of 300 are heard.
    fn heard_of_bursts(depth: Depth) -> usize {
        let mut buffer = JitterBuffer::new(8000, 160);
        buffer.set_depth(depth);
        let mut heard = 0;
        for number in 0..300u16 {
            if number % 3 == 0 {
                for each in number..number + 3 {
                    insert(&mut buffer, each, u64::from(number) * 20 * MS);
                }
            }
            heard += usize::from(pulled(&mut buffer).is_some());
        }
        heard
    }

    #[test]
    fn without_a_buffer_what_comes_with_another_packet_is_lost() {
        assert_eq!(heard_of_bursts(Depth::of_ms(0, 0, 20)), 100);
        assert!(heard_of_bursts(Depth::of_ms(20, 200, 20)) > 290);
    }

    #[test]
    fn a_depth_in_milliseconds_counts_packets_of_any_length() {
        assert_eq!(Depth::of_ms(40, 240, 20), Depth { min: 2, max: 12 });
        assert_eq!(Depth::of_ms(60, 1000, 60), Depth { min: 1, max: 17 });
        assert_eq!(Depth::of_ms(0, 0, 20), Depth { min: 1, max: 1 });
        assert_eq!(Depth::of_ms(60, 5000, 10).max, MAX_DEPTH);
    }

    #[test]
    fn the_least_depth_is_waited_for() {
        for (min_ms, waits) in [(20, 0), (40, 1), (60, 2)] {
            let mut buffer = JitterBuffer::new(8000, 160);
            buffer.set_depth(Depth::of_ms(min_ms, 1000, 20));
            let mut silent = 0;
            for number in 0..50u16 {
                insert(&mut buffer, number, u64::from(number) * 20 * MS);
                silent += usize::from(pulled(&mut buffer).is_none());
            }
            assert_eq!(silent, waits);
        }
    }

    #[test]
    fn a_deep_buffer_holds_a_second_of_packets() {
        let mut buffer = JitterBuffer::new(8000, 160);
        buffer.set_depth(Depth::of_ms(60, 1000, 20));
        for number in 0..50u16 {
            insert(&mut buffer, number, u64::from(number) * 20 * MS);
        }
        for number in 0..50u16 {
            assert_eq!(pulled(&mut buffer), Some(number.to_be_bytes().to_vec()));
        }
    }

    proptest! {
        #[test]
        fn nothing_comes_out_twice_or_out_of_order(
            steps in proptest::collection::vec((any::<bool>(), -3i16..6), 1..400), start: u16,
            min_ms in 0u32..80, max_ms in 0u32..1200,
        ) {
            let mut buffer = JitterBuffer::new(8000, 160);
            let depth = Depth::of_ms(min_ms, max_ms, 20);
            buffer.set_depth(depth);
            let (mut sequence, mut last) = (start, None::<u16>);
            for (index, (pulls, ahead)) in steps.into_iter().enumerate() {
                if pulls {
                    if let Some(payload) = pulled(&mut buffer) {
                        let number = u16::from_be_bytes([payload[0], payload[1]]);
                        prop_assert!(last.is_none_or(|last| number.wrapping_sub(last).wrapping_sub(1) < 0x7fff));
                        last = Some(number);
                    }
                } else {
                    sequence = sequence.wrapping_add_signed(ahead);
                    buffer.insert(sequence, 0, &sequence.to_be_bytes(), index as u64 * MS);
                }
                prop_assert!(buffer.depth() <= depth.max);
                prop_assert!((depth.min..=depth.max).contains(&buffer.target()));
            }
        }
    }
}
