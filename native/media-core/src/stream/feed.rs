//! Audio that an application sends to a leg: queued as it comes, played out in packets, with marks in between.
//!
//! The queue never runs out: where nothing is queued there is silence. A mark is over when the last sample that was
//! queued before it is in a packet, with all that the rate converter makes of it.

use std::collections::VecDeque;

use crate::samples::audio_format::AudioFormat;
use crate::samples::convert::Converter;

/// Small pieces are put together up to this, so that what each costs beyond its octets stays small.
const PIECE: usize = 4096;

enum Item {
    Audio(Vec<u8>),
    Mark(u64),
}

/// The queue of one leg.
pub struct FeedQueue {
    format: AudioFormat,
    items: VecDeque<Item>,
    /// Octets of the first piece that were played.
    offset: usize,
    /// The first half of a sample whose second half was not given yet.
    half: Option<u8>,
    octets: usize,
    is_paused: bool,
    rate: u32,
    converter: Option<Converter>,
    source: Vec<i16>,
    /// Converted, and not played yet.
    rest: Vec<i16>,
    /// Samples taken for conversion, silence included, and samples played; both since the rate was set.
    taken: u64,
    played: u64,
    /// Marks before which everything was taken, and how much that was.
    passed: VecDeque<(u64, u64)>,
}

impl FeedQueue {
    /// Nothing is queued yet.
    pub fn new(format: AudioFormat) -> Self {
        Self {
            format,
            items: VecDeque::new(),
            offset: 0,
            half: None,
            octets: 0,
            is_paused: false,
            rate: 0,
            converter: None,
            source: Vec::new(),
            rest: Vec::new(),
            taken: 0,
            played: 0,
            passed: VecDeque::new(),
        }
    }

    /// Octets that were not played yet.
    pub fn queued(&self) -> usize {
        self.octets
    }

    /// Adds audio of any length; a sample may be split between two calls.
    pub fn push(&mut self, mut data: Vec<u8>) {
        self.octets += data.len();
        if self.format.sample_octets() == 2 {
            if let Some(half) = self.half.take() {
                data.insert(0, half);
            }
            if data.len() % 2 == 1 {
                self.half = data.pop();
            }
        }
        match self.items.back_mut() {
            Some(Item::Audio(last)) if last.len() + data.len() <= PIECE => last.extend(data),
            _ if data.is_empty() => {}
            _ => self.items.push_back(Item::Audio(data)),
        }
    }

    /// Adds a mark behind everything that was pushed.
    pub fn mark(&mut self, id: u64) {
        self.items.push_back(Item::Mark(id));
    }

    /// While paused there is silence, and what is queued waits with its marks.
    pub fn pause(&mut self, paused: bool) {
        self.is_paused = paused;
    }

    /// Drops what is queued; calls `cleared` for each mark that was not over yet, in their order.
    pub fn clear(&mut self, mut cleared: impl FnMut(u64)) {
        for (id, _) in self.passed.drain(..) {
            cleared(id);
        }
        for item in self.items.drain(..) {
            if let Item::Mark(id) = item {
                cleared(id);
            }
        }
        self.rest.clear();
        (self.offset, self.half, self.octets) = (0, None, 0);
    }

    /// Appends exactly `count` samples at `rate` Hz.
    pub fn fill(&mut self, count: usize, rate: u32, pcm: &mut Vec<i16>) {
        self.set_rate(rate);
        while self.rest.len() < count {
            let missing = (count - self.rest.len()) as u64;
            let wanted = (missing * u64::from(self.format.rate)).div_ceil(u64::from(rate));
            self.take(wanted as usize);
            match &mut self.converter {
                Some(converter) => converter.convert(&self.source, &mut self.rest),
                None => self.rest.extend_from_slice(&self.source),
            }
        }
        pcm.extend(self.rest.drain(..count));
        self.played += count as u64;
    }

    /// The next mark that is over, once what [`fill`](Self::fill) gave has been sent.
    pub fn next_mark(&mut self) -> Option<u64> {
        let (id, at) = *self.passed.front()?;
        let tail = self.converter.as_ref().map_or(0, Converter::tail);
        let is_over =
            self.played * u64::from(self.format.rate) >= (at + tail) * u64::from(self.rate);
        if is_over {
            self.passed.pop_front();
        }
        is_over.then_some(id)
    }

    fn set_rate(&mut self, rate: u32) {
        if self.rate == rate {
            return;
        }
        self.rate = rate;
        self.converter = Converter::new(self.format.rate, rate);
        self.rest.clear();
        (self.taken, self.played) = (0, 0);
        for (_, at) in &mut self.passed {
            *at = 0;
        }
    }

    /// Takes `wanted` samples into `source`, and passes the marks up to their end.
    fn take(&mut self, wanted: usize) {
        self.source.clear();
        while !self.is_paused {
            match self.items.front() {
                Some(Item::Mark(id)) => {
                    let at = self.taken + self.source.len() as u64;
                    self.passed.push_back((*id, at));
                    self.items.pop_front();
                }
                Some(Item::Audio(piece)) if self.source.len() < wanted => {
                    let rest = &piece[self.offset..];
                    let room = (wanted - self.source.len()) * self.format.sample_octets();
                    let octets = rest.len().min(room);
                    self.format.read(&rest[..octets], &mut self.source);
                    self.octets -= octets;
                    self.offset += octets;
                    if self.offset == piece.len() {
                        self.items.pop_front();
                        self.offset = 0;
                    }
                }
                _ => break,
            }
        }
        self.source.resize(wanted, 0);
        self.taken += wanted as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn l16(rate: u32) -> AudioFormat {
        AudioFormat::by_name("L16", rate).unwrap()
    }

    fn octets(pcm: &[i16]) -> Vec<u8> {
        pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    fn marks(feed: &mut FeedQueue) -> Vec<u64> {
        std::iter::from_fn(|| feed.next_mark()).collect()
    }

    #[test]
    fn an_empty_queue_is_silent_and_a_mark_in_it_is_over_with_the_next_packet() {
        let mut feed = FeedQueue::new(l16(8000));
        feed.mark(7);
        assert_eq!(marks(&mut feed), []);
        let mut pcm = Vec::new();
        feed.fill(160, 8000, &mut pcm);
        assert_eq!((pcm, marks(&mut feed)), (vec![0; 160], vec![7]));
    }

    #[test]
    fn a_mark_is_over_with_the_packet_that_holds_the_last_sample_before_it() {
        let mut feed = FeedQueue::new(l16(8000));
        feed.push(octets(&[1; 161]));
        feed.mark(1);
        feed.push(octets(&[2; 10]));
        feed.mark(2);
        let mut pcm = Vec::new();
        feed.fill(160, 8000, &mut pcm);
        assert_eq!(marks(&mut feed), []);
        feed.fill(160, 8000, &mut pcm);
        assert_eq!(marks(&mut feed), [1, 2]);
        assert_eq!(pcm[160..172], [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0]);
    }

    #[test]
    fn what_the_converter_holds_back_belongs_to_the_mark() {
        let mut feed = FeedQueue::new(l16(8000));
        feed.push(octets(&[9000; 160]));
        feed.mark(1);
        let mut pcm = Vec::new();
        feed.fill(320, 16_000, &mut pcm);
        assert_eq!(marks(&mut feed), []);
        feed.fill(320, 16_000, &mut pcm);
        assert_eq!(marks(&mut feed), [1]);
        assert!(pcm[320..360].iter().all(|sample| *sample > 8000));
    }

    #[test]
    fn clear_drops_everything_and_says_which_marks() {
        let mut feed = FeedQueue::new(l16(8000));
        feed.push(octets(&[5; 800]));
        feed.mark(1);
        feed.push(vec![1]);
        feed.mark(2);
        feed.fill(160, 8000, &mut Vec::new());
        let mut cleared = Vec::new();
        feed.clear(|id| cleared.push(id));
        assert_eq!((cleared, feed.queued()), (vec![1, 2], 0));
        feed.push(octets(&[3; 160]));
        let mut pcm = Vec::new();
        feed.fill(160, 8000, &mut pcm);
        assert_eq!(pcm, [3; 160]);
    }

    #[test]
    fn while_paused_there_is_silence_and_nothing_is_lost() {
        let mut feed = FeedQueue::new(l16(8000));
        feed.push(octets(&[5; 240]));
        feed.mark(1);
        let mut pcm = Vec::new();
        feed.fill(160, 8000, &mut pcm);
        feed.pause(true);
        feed.fill(160, 8000, &mut pcm);
        assert_eq!((feed.queued(), marks(&mut feed)), (160, vec![]));
        feed.pause(false);
        feed.fill(160, 8000, &mut pcm);
        assert_eq!(marks(&mut feed), [1]);
        assert_eq!(pcm[..160], [5; 160]);
        assert_eq!(pcm[160..320], [0; 160]);
        assert_eq!(pcm[320..400], [5; 80]);
    }

    #[test]
    fn tiny_pieces_are_put_together() {
        let mut feed = FeedQueue::new(AudioFormat::by_name("PCMU", 8000).unwrap());
        for _ in 0..10_000 {
            feed.push(vec![0xff]);
        }
        assert_eq!(feed.queued(), 10_000);
        assert!(feed.items.len() <= 3, "{}", feed.items.len());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_marks_keep_their_place(
            pieces in proptest::collection::vec((0usize..900, any::<bool>()), 1..30),
            packet in 1usize..500,
        ) {
            let total: usize = pieces.iter().map(|(length, _)| length).sum();
            let pcm: Vec<i16> = (0..total / 2).map(|at| at as i16 + 1).collect();
            let whole = octets(&pcm);
            let mut feed = FeedQueue::new(l16(8000));
            let (mut at, mut due) = (0, Vec::new());
            for (id, (length, marks)) in pieces.iter().enumerate() {
                let end = (at + length).min(whole.len());
                feed.push(whole[at..end].to_vec());
                at = end;
                if *marks {
                    feed.mark(id as u64);
                    due.push((id as u64, at / 2));
                }
            }
            let (mut out, mut over) = (Vec::new(), Vec::new());
            while over.len() < due.len() || feed.queued() > 0 {
                feed.fill(packet, 8000, &mut out);
                while let Some(id) = feed.next_mark() {
                    let (expected, position) = due[over.len()];
                    prop_assert_eq!(id, expected);
                    prop_assert!(position <= out.len(), "{} before {}", out.len(), position);
                    prop_assert!(position + packet > out.len() || position == 0);
                    over.push(id);
                }
            }
            prop_assert_eq!(&out[..pcm.len()], &pcm[..]);
            prop_assert!(out[pcm.len()..].iter().all(|sample| *sample == 0));
        }

        #[test]
        fn a_mark_never_comes_before_its_sound_whatever_the_rates(
            from in prop_oneof![Just(8000u32), Just(16_000), Just(24_000), Just(48_000)],
            to in prop_oneof![Just(8000u32), Just(16_000), Just(48_000)],
            ms in 1usize..200,
        ) {
            let mut feed = FeedQueue::new(l16(from));
            feed.push(octets(&vec![10_000; from as usize * ms / 1000]));
            feed.mark(1);
            let (mut out, mut packets) = (Vec::new(), 0);
            while feed.next_mark().is_none() {
                feed.fill(to as usize / 50, to, &mut out);
                packets += 1;
                prop_assert!(packets < 20);
            }
            let sent = out.len();
            feed.fill(to as usize / 10, to, &mut out);
            prop_assert!(out[sent..].iter().all(|sample| sample.abs() <= 1), "sound after the mark");
        }
    }
}
