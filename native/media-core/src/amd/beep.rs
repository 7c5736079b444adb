//! The beep of an answering machine: a steady sine, or two at once, between 440 and 2,000 Hz. And the answer tone of a
//! fax (CED, ITU-T T.30: 2,100 Hz), which is the same beyond that band.
//!
//! Each 20 ms the last 32 ms are looked at through a Hann window by Goertzel's filters, 31.25 Hz apart. Nearly all
//! energy of a tone lies in the few bins around one or two peaks; speech spreads its over its harmonics, and moves.

use std::f32::consts::TAU;

/// Samples per second.
pub const RATE: u32 = 8000;
/// Samples of the window: 32 ms.
const WINDOW: usize = 256;
/// Between two looks: 20 ms.
const HOP: usize = 160;
/// Of the filters: 250 to 2,281 Hz.
const FIRST_BIN: usize = 8;
const LAST_BIN: usize = 73;
const BINS: usize = LAST_BIN - FIRST_BIN + 1;
/// Bins on either side of a peak that belong to it.
const SIDE: usize = 2;
/// The part of the energy that one or two peaks must have.
const PURE: f32 = 0.94;
/// A second peak that is weaker than this part of the first one is none.
const SECOND: f32 = 0.05;
/// Looks in a row that must agree: 5 are a window and 80 ms, so 112 ms of sound.
const LOOKS: u32 = 5;
/// From one look to the next a beep keeps its level within this ratio.
const STEADY: f32 = 1.35;
/// Mean square of the weakest beep: -45 dB of full scale.
const QUIETEST: f32 = 30_000.0;
/// The band of beeps, and that of a fax, in bins.
const BEEP: std::ops::RangeInclusive<usize> = 14..=64;
const FAX: std::ops::RangeInclusive<usize> = 66..=68;
/// A fax is steady for longer than a beep needs to be: half a second.
const FAX_LOOKS: u32 = 25;

/// What sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The beep of a machine.
    Beep,
    /// A fax.
    Fax,
}

/// One or two peaks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Look {
    bins: [usize; 2],
    power: f32,
}

/// Reports each signal once, while it sounds.
#[derive(Debug)]
pub struct BeepDetector {
    window: Vec<f32>,
    /// The last samples, oldest first.
    line: Vec<f32>,
    /// New ones since the last look.
    fresh: usize,
    last: Option<Look>,
    agreeing: u32,
    powers: [f32; BINS],
}

impl Default for BeepDetector {
    fn default() -> Self {
        let hann = |at: usize| 0.5 - 0.5 * (TAU * at as f32 / WINDOW as f32).cos();
        Self {
            window: (0..WINDOW).map(hann).collect(),
            line: Vec::with_capacity(2 * WINDOW),
            fresh: 0,
            last: None,
            agreeing: 0,
            powers: [0.0; BINS],
        }
    }
}

impl BeepDetector {
    /// Listens to samples at [`RATE`]; reports what begins to sound in them.
    pub fn hear(&mut self, pcm: &[i16], mut report: impl FnMut(Signal)) {
        for &sample in pcm {
            self.line.push(f32::from(sample));
            self.fresh += 1;
            if self.fresh >= HOP && self.line.len() >= WINDOW {
                self.fresh = 0;
                let surplus = self.line.len() - WINDOW;
                self.line.drain(..surplus);
                if let Some(signal) = self.look() {
                    report(signal);
                }
            }
        }
    }

    /// Looks at the window; a signal has been there for long enough.
    fn look(&mut self) -> Option<Signal> {
        let present = self.peaks();
        let agrees = match (self.last, present) {
            (Some(before), Some(now)) => {
                let near = |one: usize, other: usize| one.abs_diff(other) <= 1;
                let level = now.power / before.power;
                near(before.bins[0], now.bins[0])
                    && near(before.bins[1], now.bins[1])
                    && (1.0 / STEADY..STEADY).contains(&level)
            }
            _ => false,
        };
        self.agreeing = match (agrees, present) {
            (true, _) => self.agreeing + 1,
            (false, Some(_)) => 1,
            (false, None) => 0,
        };
        self.last = present;
        let bins = present?.bins;
        if self.agreeing == LOOKS && bins.iter().all(|bin| BEEP.contains(bin)) {
            return Some(Signal::Beep);
        }
        (self.agreeing == FAX_LOOKS && FAX.contains(&bins[0])).then_some(Signal::Fax)
    }

    /// The one or two peaks that have nearly all the energy.
    fn peaks(&mut self) -> Option<Look> {
        let mut total = 0.0;
        let mut samples = [0.0; WINDOW];
        for ((out, sample), weight) in samples.iter_mut().zip(&self.line).zip(&self.window) {
            *out = sample * weight;
            total += *out * *out;
        }
        // The window lets 3/8 of the power through.
        let power = total / (WINDOW as f32 * 0.375);
        if power < QUIETEST {
            return None;
        }
        for (at, out) in self.powers.iter_mut().enumerate() {
            *out = goertzel(&samples, FIRST_BIN + at);
        }
        // Parseval: what all bins of both signs have together.
        let whole = total * WINDOW as f32 / 2.0;
        let first = self.strongest()?;
        let strength = self.remove(first);
        let second = self.strongest().unwrap_or(first);
        let weaker = self.remove(second);
        let (bins, share) = if weaker > strength * SECOND {
            let bins = [first.min(second), first.max(second)];
            (bins, (strength + weaker) / whole)
        } else {
            ([first, first], strength / whole)
        };
        let bins = bins.map(|at| at + FIRST_BIN);
        // A voice that hums has its octave as well; no machine beeps so.
        let is_hum = bins[0] != bins[1] && bins[1].abs_diff(2 * bins[0]) <= 1;
        (share >= PURE && !is_hum).then_some(Look { bins, power })
    }

    fn strongest(&self) -> Option<usize> {
        (0..BINS).max_by(|one, other| self.powers[*one].total_cmp(&self.powers[*other]))
    }

    /// Takes a peak out; returns its energy.
    fn remove(&mut self, peak: usize) -> f32 {
        let sides = peak.saturating_sub(SIDE)..=(peak + SIDE).min(BINS - 1);
        let energy = self.powers[sides.clone()].iter().sum();
        self.powers[sides].fill(0.0);
        energy
    }
}

/// The power of one bin.
fn goertzel(samples: &[f32; WINDOW], bin: usize) -> f32 {
    let turn = 2.0 * (TAU * bin as f32 / WINDOW as f32).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in samples {
        (one, two) = (sample + turn * one - two, one);
    }
    one * one + two * two - turn * one * two
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::g711::Law;
    use crate::probe::{noise, speech, tone};

    /// When a signal was reported, in ms.
    fn heard(pcm: &[i16]) -> Vec<(usize, Signal)> {
        let mut detector = BeepDetector::default();
        let mut reports = Vec::new();
        for (frame, part) in pcm.chunks(160).enumerate() {
            detector.hear(part, |signal| reports.push(((frame + 1) * 20, signal)));
        }
        reports
    }

    fn coded(pcm: &[i16], level: f32) -> Vec<i16> {
        let hiss = noise(5, pcm.len(), 40.0);
        let mixed = pcm.iter().zip(hiss);
        mixed
            .map(|(sample, hiss)| (f32::from(*sample) * level) as i16 + hiss)
            .map(|sample| Law::Mu.expand(Law::Mu.compress(sample)))
            .collect()
    }

    #[test]
    fn every_beep_of_the_band_is_found_in_time() {
        for hertz in (440..=2000).step_by(13) {
            for ms in [150, 250, 500, 1000] {
                for level in [1.0, 0.1] {
                    let mut pcm = vec![0; 4000];
                    pcm.extend(tone(f64::from(hertz), RATE, ms * 8, 8000.0));
                    pcm.resize(pcm.len() + 4000, 0);
                    let reports = heard(&coded(&pcm, level));
                    let [(at, Signal::Beep)] = reports[..] else {
                        panic!("{hertz} Hz, {ms} ms, level {level}: {reports:?}");
                    };
                    assert!((500..=800).contains(&at), "{hertz} Hz, {ms} ms: {at}");
                }
            }
        }
    }

    #[test]
    fn double_beeps_are_found() {
        for (low, high) in [
            (480, 620),
            (697, 1209),
            (941, 1477),
            (1000, 1400),
            (440, 1800),
        ] {
            let tones = [low, high].map(|hertz| tone(f64::from(hertz), RATE, 2400, 5000.0));
            let pcm: Vec<i16> = tones[0].iter().zip(&tones[1]).map(|(a, b)| a + b).collect();
            assert!(
                matches!(heard(&coded(&pcm, 1.0))[..], [(_, Signal::Beep)]),
                "{low} and {high} Hz"
            );
        }
    }

    #[test]
    fn a_fax_is_no_beep() {
        let reports = heard(&coded(&tone(2100.0, RATE, 16_000, 6000.0), 1.0));
        assert!(matches!(reports[..], [(_, Signal::Fax)]), "{reports:?}");
    }

    #[test]
    fn speech_and_noise_are_no_beeps() {
        for seed in 0..20 {
            assert_eq!(
                heard(&coded(&speech(seed, RATE, 80_000), 1.0)),
                [],
                "{seed}"
            );
            assert_eq!(heard(&noise(seed, 80_000, 5000.0)), [], "{seed}");
        }
    }
}
