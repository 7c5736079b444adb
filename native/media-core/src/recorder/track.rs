//! One direction of a recording: packets at their place, and in place of lost ones what the decoder makes of the sound
//! before them. A packet that comes late, overtaken by others, still takes its own place.

use crate::codec::Decoder;
use crate::recorder::timeline::Timeline;
use crate::rtp::Place;
use crate::samples::resample::Resampler;

const WINDOW_S: usize = 2;
/// A longer loss is silence after this; the decoders have faded by then.
const MAX_CONCEALED_MS: u64 = 100;
/// More packets in a row than this are not a loss but another stream.
const MAX_LOST: u16 = 500;

/// A packet of either direction.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Where it belongs.
    pub place: Place,
    /// When it came or went.
    pub at_ns: u64,
    /// In the leg's codec.
    pub payload: &'a [u8],
}

/// What would follow without a loss.
struct Next {
    ssrc: u32,
    sequence: u16,
    position: u64,
}

/// The sound of one direction, as far as it is not done.
pub(crate) struct Track {
    rate: u32,
    clock_rate: u32,
    timeline: Timeline,
    decoder: Box<dyn Decoder + Send>,
    resampler: Option<Resampler>,
    next: Option<Next>,
    /// Samples from `Recorder::done` on, as a ring.
    window: Vec<i16>,
    decoded: Vec<i16>,
    resampled: Vec<i16>,
}

impl Track {
    pub(crate) fn new(decoder: Box<dyn Decoder + Send>, clock_rate: u32, rate: u32) -> Self {
        Self {
            rate,
            clock_rate,
            timeline: Timeline::new(rate, clock_rate),
            resampler: resampler(decoder.as_ref(), rate),
            decoder,
            next: None,
            window: vec![0; rate as usize * WINDOW_S],
            decoded: Vec::new(),
            resampled: Vec::new(),
        }
    }

    /// What follows is of another codec. With the same RTP clock, timestamps and sequence numbers go on.
    pub(crate) fn set_codec(&mut self, decoder: Box<dyn Decoder + Send>, clock_rate: u32) {
        self.resampler = resampler(decoder.as_ref(), self.rate);
        self.decoder = decoder;
        if clock_rate != self.clock_rate {
            self.clock_rate = clock_rate;
            self.restart();
        }
    }

    /// The next packet follows what is done, whatever its timestamp: time was left out.
    pub(crate) fn restart(&mut self) {
        self.timeline = Timeline::new(self.rate, self.clock_rate);
        self.next = None;
    }

    /// Puts a packet that came `arrival` samples after the beginning where it belongs; `done` samples are out.
    pub(crate) fn put(&mut self, done: u64, packet: &Packet<'_>, arrival: u64) {
        let Place {
            ssrc,
            sequence,
            timestamp,
        } = packet.place;
        let position = self.timeline.place(ssrc, timestamp, arrival);
        let ahead = match &self.next {
            Some(next) if next.ssrc == ssrc => sequence.wrapping_sub(next.sequence),
            _ => 0,
        };
        if (1..MAX_LOST).contains(&ahead) {
            self.conceal(done, position);
        }
        self.decoded.clear();
        self.decoder.decode(packet.payload, &mut self.decoded);
        let end = position + self.write(done, position);
        if ahead < MAX_LOST {
            self.next = Some(Next {
                ssrc,
                sequence: sequence.wrapping_add(1),
                position: end,
            });
        }
    }

    /// Fills the time before `position` of which nothing came.
    fn conceal(&mut self, done: u64, position: u64) {
        let Some(begin) = self.next.as_ref().map(|next| next.position) else {
            return;
        };
        let max_samples = u64::from(self.rate) * MAX_CONCEALED_MS / 1000;
        let span = position.saturating_sub(begin).min(max_samples);
        let samples = span * u64::from(self.decoder.sample_rate()) / u64::from(self.rate);
        self.decoded.clear();
        self.decoder.conceal(samples as usize, &mut self.decoded);
        self.write(done, begin);
    }

    /// Writes what was decoded from `position` on, as far as it lies in the window; returns how long it is.
    fn write(&mut self, done: u64, position: u64) -> u64 {
        let samples = match &mut self.resampler {
            Some(resampler) => {
                self.resampled.clear();
                resampler.resample(&self.decoded, &mut self.resampled);
                &self.resampled
            }
            None => &self.decoded,
        };
        let length = samples.len() as u64;
        let window = done..done + self.window.len() as u64;
        let start = position.max(window.start);
        let end = (position + length).min(window.end);
        if start < end {
            let fits = &samples[(start - position) as usize..(end - position) as usize];
            let (first, rest) = split_ring(&mut self.window, start, fits.len());
            let (early, late) = fits.split_at(first.len());
            first.copy_from_slice(early);
            rest.copy_from_slice(late);
        }
        length
    }

    /// Appends what lies from `done` on, and forgets it.
    pub(crate) fn pop(&mut self, done: u64, count: usize, out: &mut Vec<i16>) {
        let (first, rest) = split_ring(&mut self.window, done, count);
        for part in [first, rest] {
            out.extend_from_slice(part);
            part.fill(0);
        }
    }
}

fn resampler(decoder: &dyn Decoder, rate: u32) -> Option<Resampler> {
    let from = decoder.sample_rate();
    Resampler::new(from, rate).filter(|_| from != rate)
}

/// The places of `count` samples from sample `at` on, up to the ring's end and from its start.
fn split_ring(ring: &mut [i16], at: u64, count: usize) -> (&mut [i16], &mut [i16]) {
    let size = ring.len();
    let start = (at % size as u64) as usize;
    let (front, back) = ring.split_at_mut(start);
    let first = count.min(size - start);
    (&mut back[..first], &mut front[..count - first])
}
