//! Between the rates of the codecs: 8, 16 and 48 kHz, which are whole multiples of one another.
//!
//! One linear-phase low-pass filter (Kaiser's window), cut into its phases so that no product with an
//! inserted zero is computed and no sample that would be thrown away. Flat up to 0.42 of the lower rate, 60
//! dB down from its half on: whatever cannot be represented is gone, and no image appears. The delay is 24
//! samples of the lower rate (3 ms at 8 kHz).

use std::f64::consts::PI;

/// Taps for every sample of the lower rate.
const TAPS: usize = 48;
/// Half-way down the slope, as a part of the lower rate.
const CUTOFF: f64 = 0.463;
/// Shape of Kaiser's window for 60 dB.
const BETA: f64 = 5.65;
/// Products are summed up in so many lanes, for the compiler to use vectors.
const LANES: usize = 8;

/// Turns a stream of one rate into a stream of another, in pieces of any length.
pub struct Resampler {
    direction: Direction,
    factor: usize,
    /// Filter phases one after the other, each `window` long, newest sample last.
    coefficients: Vec<f32>,
    window: usize,
    /// The samples that are still needed, oldest first.
    line: Vec<f32>,
    /// Where the next output's window begins in `line`.
    position: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Same,
    Up,
    Down,
}

impl Resampler {
    /// `None` unless one rate is a whole multiple of the other.
    pub fn new(from: u32, to: u32) -> Option<Self> {
        let (direction, factor) = match (from, to) {
            (0, _) | (_, 0) => return None,
            _ if from == to => (Direction::Same, 1),
            _ if to.is_multiple_of(from) => (Direction::Up, to / from),
            _ if from.is_multiple_of(to) => (Direction::Down, from / to),
            _ => return None,
        };
        let factor = factor as usize;
        let (coefficients, window) = match direction {
            Direction::Same => (Vec::new(), 1),
            Direction::Up => (phases(factor), TAPS),
            Direction::Down => (low_pass(factor).into_iter().rev().collect(), TAPS * factor),
        };
        Some(Self {
            direction,
            factor,
            coefficients,
            window,
            line: vec![0.0; window - 1],
            position: 0,
        })
    }

    /// Appends what `pcm` is at the other rate: as many times more or fewer samples, to the sample over time.
    pub fn resample(&mut self, pcm: &[i16], resampled: &mut Vec<i16>) {
        if self.direction == Direction::Same {
            resampled.extend_from_slice(pcm);
            return;
        }
        self.line
            .extend(pcm.iter().map(|&sample| f32::from(sample)));
        let step = match self.direction {
            Direction::Down => self.factor,
            Direction::Same | Direction::Up => 1,
        };
        while self.position + self.window <= self.line.len() {
            let window = &self.line[self.position..self.position + self.window];
            let outputs = self.coefficients.chunks_exact(self.window);
            resampled.extend(outputs.map(|phase| rounded(dot(window, phase))));
            self.position += step;
        }
        let kept = self.position.min(self.line.len());
        self.line.drain(..kept);
        self.position -= kept;
    }
}

/// The filter over `factor` times as many taps, with a sum of 1.
fn low_pass(factor: usize) -> Vec<f32> {
    let length = TAPS * factor;
    // On a whole tap, so that the delay is a whole sample.
    let middle = length as f64 / 2.0;
    let taps: Vec<f64> = (0..length)
        .map(|index| {
            let place = index as f64 - middle;
            let angle = 2.0 * PI * CUTOFF / factor as f64 * place;
            let sinc = if place == 0.0 {
                1.0
            } else {
                angle.sin() / angle
            };
            let across = place / middle;
            sinc * bessel(BETA * (1.0 - across * across).max(0.0).sqrt())
        })
        .collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| (tap / sum) as f32).collect()
}

/// The same filter for going up: the phases one after the other, each with a sum of about 1.
fn phases(factor: usize) -> Vec<f32> {
    let taps = low_pass(factor);
    (0..factor)
        .flat_map(|phase| (0..TAPS).rev().map(move |index| (phase, index)))
        .map(|(phase, index)| taps[index * factor + phase] * factor as f32)
        .collect()
}

/// The modified Bessel function of the first kind and order 0, by its series.
fn bessel(value: f64) -> f64 {
    let quarter = value * value / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for index in 1..32 {
        term *= quarter / f64::from(index * index);
        sum += term;
    }
    sum
}

fn dot(samples: &[f32], coefficients: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let pairs = samples
        .chunks_exact(LANES)
        .zip(coefficients.chunks_exact(LANES));
    for (some, others) in pairs {
        for lane in 0..LANES {
            lanes[lane] += some[lane] * others[lane];
        }
    }
    lanes.iter().sum()
}

fn rounded(value: f32) -> i16 {
    // The cast saturates.
    (value + 0.5_f32.copysign(value)) as i16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::{amplitude_at, decibels, signal_to_noise, speech, tone};

    const RATES: [u32; 3] = [8_000, 16_000, 48_000];
    const LOUD: f64 = 10_000.0;

    fn pairs() -> impl Iterator<Item = (u32, u32)> {
        RATES
            .into_iter()
            .flat_map(|from| RATES.map(|to| (from, to)))
    }

    fn resampled(from: u32, to: u32, pcm: &[i16]) -> Vec<i16> {
        let mut all = Vec::new();
        let mut resampler = Resampler::new(from, to).unwrap();
        for packet in pcm.chunks(from as usize / 50) {
            resampler.resample(packet, &mut all);
        }
        all
    }

    #[test]
    fn the_length_follows_the_rates_packet_by_packet() {
        for (from, to) in pairs() {
            let mut resampler = Resampler::new(from, to).unwrap();
            for count in 1..=10 {
                let mut packet = Vec::new();
                resampler.resample(&vec![0; from as usize / 100 * count], &mut packet);
                assert_eq!(packet.len(), to as usize / 100 * count);
            }
        }
    }

    #[test]
    fn what_both_rates_can_carry_comes_through_unchanged() {
        for (from, to) in pairs() {
            let lower = f64::from(from.min(to));
            for part in [0.01, 0.05, 0.125, 0.3, 0.4, 0.42] {
                let hertz = (part * lower).round();
                let heard = resampled(from, to, &tone(hertz, from, from as usize, LOUD));
                let settled = &heard[to as usize / 50..];
                let change = decibels(amplitude_at(hertz, to, settled) / LOUD);
                assert!(
                    change.abs() < 0.1,
                    "{from} to {to}, {hertz} Hz: {change} dB"
                );
            }
        }
    }

    #[test]
    fn going_down_leaves_no_alias() {
        for (from, to) in pairs().filter(|(from, to)| from > to) {
            let (higher, lower) = (f64::from(from), f64::from(to));
            let mut hertz = lower / 2.0 + 100.0;
            while hertz < higher / 2.0 {
                let heard = resampled(from, to, &tone(hertz, from, from as usize / 2, LOUD));
                let folded = (hertz / lower).fract();
                let alias = lower * folded.min(1.0 - folded);
                let settled = &heard[to as usize / 50..];
                let left = decibels(amplitude_at(alias, to, settled) / LOUD);
                assert!(
                    left < -55.0,
                    "{from} to {to}, {hertz} Hz as {alias}: {left} dB"
                );
                hertz += lower / 7.0;
            }
        }
    }

    #[test]
    fn going_up_leaves_no_image() {
        for (from, to) in pairs().filter(|(from, to)| from < to) {
            for part in [0.05, 0.2, 0.35, 0.42] {
                let hertz = part * f64::from(from);
                let heard = resampled(from, to, &tone(hertz, from, from as usize / 2, LOUD));
                let settled = &heard[to as usize / 50..];
                for around in 1..=(to / from / 2) {
                    let image = f64::from(around * from) - hertz;
                    let left = decibels(amplitude_at(image, to, settled) / LOUD);
                    assert!(
                        left < -55.0,
                        "{from} to {to}, {hertz} Hz as {image}: {left} dB"
                    );
                }
            }
        }
    }

    #[test]
    fn there_and_back_is_the_same_but_later() {
        for (low, high) in [(8_000, 16_000), (8_000, 48_000), (16_000, 48_000)] {
            // Without what lies in the slope of the filter.
            let sound = resampled(high, low, &resampled(low, high, &speech(2, low, 16_000)));
            let again = resampled(high, low, &resampled(low, high, &sound));
            let clean = signal_to_noise(&sound, &again, 2 * TAPS);
            assert!(clean > 30.0, "{low} and {high}: {clean} dB");
        }
    }

    #[test]
    fn the_loudest_sound_is_clipped_not_wrapped() {
        let square: Vec<i16> = (0..800)
            .map(|index| {
                if index / 8 % 2 == 0 {
                    i16::MAX
                } else {
                    i16::MIN
                }
            })
            .collect();
        let heard = resampled(8_000, 48_000, &square);
        assert!(heard.contains(&i16::MAX) && heard.contains(&i16::MIN));
        assert!(
            heard
                .windows(2)
                .all(|pair| pair[0].abs_diff(pair[1]) < 40_000)
        );
    }

    #[test]
    fn only_whole_multiples_are_done() {
        for (from, to) in [(8_000, 44_100), (24_000, 16_000), (0, 8_000), (8_000, 0)] {
            assert!(Resampler::new(from, to).is_none());
        }
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter(
            cuts in prop::collection::vec(1_usize..400, 1..12), way in 0_usize..9, seed: u32,
        ) {
            let (from, to) = (RATES[way / 3], RATES[way % 3]);
            let sound = speech(seed, from, cuts.iter().sum());
            let mut whole = Vec::new();
            Resampler::new(from, to).unwrap().resample(&sound, &mut whole);
            let mut pieces = Vec::new();
            let mut resampler = Resampler::new(from, to).unwrap();
            let mut rest = &sound[..];
            for cut in cuts {
                let (piece, left) = rest.split_at(cut);
                resampler.resample(piece, &mut pieces);
                rest = left;
            }
            prop_assert_eq!(whole, pieces);
        }
    }
}
