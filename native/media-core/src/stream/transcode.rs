//! One direction of a bridge whose legs differ: packets of one leg's codec in, samples at the other's rate out.

use crate::codec::Decoder;
use crate::rtp::Place;
use crate::rtp::jitter::{Depth, JitterBuffer, Pull};
use crate::samples::convert::Converter;

/// Milliseconds of concealment after which the source counts as silent, and nothing is made up any more.
const CONCEAL_MS: u32 = 200;

/// Jitter buffer, decoder, rate converter, and what is left over between packets of different lengths.
pub struct Transcoder {
    jitter: JitterBuffer,
    decoder: Box<dyn Decoder + Send>,
    converter: Option<Converter>,
    rate: u32,
    depth: Depth,
    ssrc: Option<u32>,
    /// One packet at the decoder's rate.
    decoded: Vec<i16>,
    /// What waits, at the rate that is wanted.
    samples: Vec<i16>,
    /// Decoded samples of the last packet: as many a lost one had.
    packet_samples: usize,
    concealed: usize,
    conceal_ms: u32,
}

impl Transcoder {
    /// From packets of about `ptime_ms` with an RTP clock of `clock_rate` Hz to samples at `rate`.
    pub fn new(
        decoder: Box<dyn Decoder + Send>,
        clock_rate: u32,
        ptime_ms: u32,
        rate: u32,
    ) -> Self {
        let from = decoder.sample_rate();
        Self {
            jitter: JitterBuffer::new(clock_rate, clock_rate / 1000 * ptime_ms),
            converter: Converter::new(from, rate).filter(|_| from != rate),
            rate,
            depth: Depth::default(),
            decoder,
            ssrc: None,
            decoded: Vec::new(),
            samples: Vec::new(),
            packet_samples: (from / 1000 * ptime_ms) as usize,
            concealed: usize::MAX,
            conceal_ms: CONCEAL_MS,
        }
    }

    /// Makes up for what is missing no longer than this; 200 ms unless set.
    pub fn set_conceal_ms(&mut self, conceal_ms: u32) {
        self.conceal_ms = conceal_ms;
    }

    /// Lets so many packets wait; [`Depth::default`] unless set.
    pub fn set_depth(&mut self, depth: Depth) {
        self.depth = depth;
        self.jitter.set_depth(depth);
    }

    /// The packets that come from now on are of another format, with the arguments of [`new`](Self::new). What waits is
    /// decoded before that, so that none of it is lost.
    pub fn change(&mut self, decoder: Box<dyn Decoder + Send>, clock_rate: u32, ptime_ms: u32) {
        self.flush();
        let from = decoder.sample_rate();
        self.jitter = JitterBuffer::new(clock_rate, clock_rate / 1000 * ptime_ms);
        self.jitter.set_depth(self.depth);
        self.converter = Converter::new(from, self.rate).filter(|_| from != self.rate);
        self.decoder = decoder;
        self.packet_samples = (from / 1000 * ptime_ms) as usize;
        // The new decoder has heard nothing that it could go on with.
        self.concealed = usize::MAX;
    }

    /// Appends `count` samples of what waits, and no made-up ones; false if there are fewer.
    pub fn take(&mut self, count: usize, pcm: &mut Vec<i16>) -> bool {
        self.flush();
        let is_enough = self.samples.len() >= count;
        if is_enough {
            pcm.extend(self.samples.drain(..count));
        }
        is_enough
    }

    /// Decodes what waits.
    fn flush(&mut self) {
        self.jitter.stop_filling();
        for _ in 0..self.jitter.depth() {
            self.decoded.clear();
            match self.jitter.pull() {
                Pull::Packet(payload) => self.decoder.decode(payload, &mut self.decoded),
                Pull::Lost => self.decoder.conceal(self.packet_samples, &mut self.decoded),
                Pull::Empty => break,
            }
            match &mut self.converter {
                Some(converter) => converter.convert(&self.decoded, &mut self.samples),
                None => self.samples.extend_from_slice(&self.decoded),
            }
        }
    }

    /// A packet of sound came.
    pub fn insert(&mut self, place: Place, payload: &[u8], now_ns: u64) {
        self.follow(place.ssrc);
        self.jitter
            .insert(place.sequence, place.timestamp, payload, now_ns);
    }

    /// A packet of the same source came without sound.
    pub fn skip(&mut self, place: Place) {
        self.follow(place.ssrc);
        self.jitter.skip(place.sequence);
    }

    /// How long the packet has waited that the next `count` samples begin in, in nanoseconds; 0 if none is there,
    /// `None` if no packet is needed for them.
    pub fn wait_ns(&self, count: usize, now_ns: u64) -> Option<u64> {
        (self.samples.len() < count).then(|| self.jitter.wait_ns(now_ns))
    }

    /// How unevenly packets come.
    pub fn jitter_ms(&self) -> u32 {
        self.jitter.jitter_ms()
    }

    /// Appends `count` samples; none while the source is silent.
    pub fn fill(&mut self, count: usize, pcm: &mut Vec<i16>) {
        let max_concealed = (self.decoder.sample_rate() / 1000 * self.conceal_ms) as usize;
        while self.samples.len() < count {
            self.decoded.clear();
            match self.jitter.pull() {
                Pull::Packet(payload) => {
                    self.decoder.decode(payload, &mut self.decoded);
                    self.packet_samples = self.decoded.len().max(1);
                    self.concealed = 0;
                }
                Pull::Lost | Pull::Empty if self.concealed < max_concealed => {
                    self.decoder.conceal(self.packet_samples, &mut self.decoded);
                    self.concealed = self.concealed.saturating_add(self.packet_samples);
                }
                Pull::Lost => {}
                Pull::Empty => {
                    self.samples.clear();
                    return;
                }
            }
            match &mut self.converter {
                Some(converter) => converter.convert(&self.decoded, &mut self.samples),
                None => self.samples.extend_from_slice(&self.decoded),
            }
        }
        pcm.extend(self.samples.drain(..count));
    }

    fn follow(&mut self, ssrc: u32) {
        if self.ssrc != Some(ssrc) {
            self.ssrc = Some(ssrc);
            self.jitter.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::codecs;

    const MS: u64 = 1_000_000;

    fn place(sequence: u16) -> Place {
        Place {
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc: 1,
        }
    }

    fn transcoder() -> Transcoder {
        Transcoder::new(codecs::open("PCMU", "").unwrap().1, 8000, 20, 8000)
    }

    fn fill(transcoder: &mut Transcoder, count: usize) -> Vec<i16> {
        let mut pcm = Vec::new();
        transcoder.fill(count, &mut pcm);
        pcm
    }

    #[test]
    fn nothing_is_made_up_before_the_first_packet_nor_long_after_the_last() {
        let mut transcoder = transcoder();
        assert!(fill(&mut transcoder, 160).is_empty());
        transcoder.insert(place(1), &[0x00; 160], 0);
        let sounding = (0..50)
            .filter(|_| !fill(&mut transcoder, 160).is_empty())
            .count();
        assert_eq!(sounding, 1 + 10);
    }

    #[test]
    fn packets_of_another_length_come_out() {
        let mut transcoder = transcoder();
        let mut total = 0;
        for number in 0..30u16 {
            transcoder.insert(place(number), &[0x00; 160], u64::from(number) * 20 * MS);
            if number % 3 == 2 {
                total += fill(&mut transcoder, 240).len() + fill(&mut transcoder, 240).len();
            }
        }
        assert_eq!(total, 30 * 160);
    }

    #[test]
    fn another_rate_comes_out() {
        let decoder = codecs::open("PCMU", "").unwrap().1;
        let mut transcoder = Transcoder::new(decoder, 8000, 20, 16_000);
        let mut total = 0;
        for number in 0..50u16 {
            transcoder.insert(place(number), &[0x00; 160], u64::from(number) * 20 * MS);
            total += fill(&mut transcoder, 320).len();
        }
        assert!(total >= 49 * 320, "{total}");
    }

    #[test]
    fn a_change_of_format_loses_nothing_that_waits() {
        let mut transcoder = transcoder();
        for number in 0..3 {
            transcoder.insert(place(number), &[0x00; 160], u64::from(number) * 20 * MS);
        }
        transcoder.change(codecs::open("PCMA", "").unwrap().1, 8000, 20);
        for number in 3..6 {
            transcoder.insert(place(number), &[0x2a; 160], u64::from(number) * 20 * MS);
        }
        let mut heard: Vec<i16> = (0..4).flat_map(|_| fill(&mut transcoder, 160)).collect();
        while transcoder.take(160, &mut heard) {}
        let loudest = heard.iter().map(|sample| sample.unsigned_abs()).min();
        assert_eq!(heard.len(), 6 * 160);
        assert!(loudest.is_some_and(|least| least > 30_000), "{loudest:?}");
    }

    #[test]
    fn losses_keep_the_length() {
        let mut transcoder = transcoder();
        for number in 0..50u16 {
            if number % 10 != 5 {
                transcoder.insert(place(number), &[0x00; 160], u64::from(number) * 20 * MS);
            }
            assert_eq!(fill(&mut transcoder, 160).len(), 160);
        }
    }
}
