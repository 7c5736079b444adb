//! Tones that a line makes by itself: ringing by country, the beep before a recording, digits.
//!
//! Frequencies and cadences are those of ITU-T E.180 Supplement 2; levels suit a line at 0 dBr: ringing near
//! -15 dBm0, digits at -8 and -10 dBm0 (the higher frequency is the louder one, since lines swallow more of it).

mod cadence;

use std::f32::consts::TAU;

use cadence::{Cadence, Voice};

/// Rows and columns of the keypad, in Hz (ITU-T Q.23), and the digits where they cross.
pub const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
pub const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
pub const DIGITS: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];

const ROW_LEVEL: f32 = 7_100.0;
const COLUMN_LEVEL: f32 = 8_900.0;
const RINGING_LEVEL: f32 = 4_000.0;
const BEEP_LEVEL: f32 = 6_000.0;
const BEEP_HERTZ: f32 = 1_000.0;
const BEEP_MS: u16 = 400;
/// How long a tone takes to grow and to die away, so that it does not click.
const RAMP_MS: f32 = 2.0;

/// A tone that is being played.
#[derive(Debug, Clone)]
pub struct Tone {
    partials: [Partial; 2],
    /// For modulated voices: how fast the loudness of the first partial sways.
    sway: Option<Partial>,
    /// Lengths in samples, sounding and silent by turns.
    cadence: [usize; cadence::MAX_PATTERN],
    phases: usize,
    phase: usize,
    /// Samples since the present phase began.
    position: usize,
    ramp: usize,
    repeats: bool,
    is_over: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Partial {
    level: f32,
    angle: f32,
    step: f32,
}

impl Partial {
    fn new(hertz: f32, level: f32, sample_rate: u32) -> Self {
        Self {
            level,
            angle: 0.0,
            step: TAU * hertz / sample_rate as f32,
        }
    }

    fn next(&mut self) -> f32 {
        let value = self.level * self.angle.sin();
        self.angle += self.step;
        if self.angle >= TAU {
            self.angle -= TAU;
        }
        value
    }
}

impl Tone {
    /// What a caller in `country` (two letters, any case) hears while it rings; unknown countries sound
    /// American. It has no end.
    pub fn ringing(country: &str, sample_rate: u32) -> Self {
        let Cadence { voice, pattern_ms } = cadence::of_country(country);
        let mut tone = match voice {
            Voice::Single(hertz) => Self::sounding(&[(hertz, RINGING_LEVEL)], sample_rate),
            Voice::Pair(one, other) => Self::sounding(
                &[(one, 0.7 * RINGING_LEVEL), (other, 0.7 * RINGING_LEVEL)],
                sample_rate,
            ),
            Voice::Modulated(carrier, by) => {
                let mut tone = Self::sounding(&[(carrier, RINGING_LEVEL)], sample_rate);
                tone.sway = Some(Partial::new(by, 0.5, sample_rate));
                tone
            }
        };
        tone.follow(pattern_ms, sample_rate);
        tone.repeats = true;
        tone
    }

    /// What is played before a recording.
    pub fn beep(sample_rate: u32) -> Self {
        let mut tone = Self::sounding(&[(BEEP_HERTZ, BEEP_LEVEL)], sample_rate);
        tone.follow(&[BEEP_MS], sample_rate);
        tone
    }

    /// The sound of a digit (0-9 * # A-D), once, for `duration_ms`; `None` for any other character.
    pub fn digit(digit: char, duration_ms: u16, sample_rate: u32) -> Option<Self> {
        let digit = digit.to_ascii_uppercase();
        let row = DIGITS.iter().position(|digits| digits.contains(&digit))?;
        let column = DIGITS[row].iter().position(|&each| each == digit)?;
        let partials = [(ROWS[row], ROW_LEVEL), (COLUMNS[column], COLUMN_LEVEL)];
        let mut tone = Self::sounding(&partials, sample_rate);
        tone.follow(&[duration_ms], sample_rate);
        Some(tone)
    }

    fn sounding(partials: &[(f32, f32)], sample_rate: u32) -> Self {
        let mut sounding = [Partial::default(); 2];
        for (partial, &(hertz, level)) in sounding.iter_mut().zip(partials) {
            *partial = Partial::new(hertz, level, sample_rate);
        }
        Self {
            partials: sounding,
            sway: None,
            cadence: [0; cadence::MAX_PATTERN],
            phases: 0,
            phase: 0,
            position: 0,
            ramp: (RAMP_MS * sample_rate as f32 / 1_000.0) as usize,
            repeats: false,
            is_over: false,
        }
    }

    fn follow(&mut self, pattern_ms: &[u16], sample_rate: u32) {
        let lengths = pattern_ms
            .iter()
            .map(|&ms| usize::from(ms) * sample_rate as usize / 1_000);
        for (phase, length) in self.cadence.iter_mut().zip(lengths) {
            *phase = length;
        }
        self.phases = pattern_ms.len();
    }

    /// Appends up to `count` samples; fewer only at the end, which ringing never reaches.
    pub fn fill(&mut self, count: usize, pcm: &mut Vec<i16>) {
        for _ in 0..count {
            while !self.is_over && self.position >= self.cadence[self.phase] {
                self.turn();
            }
            if self.is_over {
                return;
            }
            let sample = self.next_sample();
            pcm.push(sample as i16);
        }
    }

    /// From sound to silence, or back.
    fn turn(&mut self) {
        self.position = 0;
        self.phase += 1;
        if self.phase == self.phases {
            self.phase = 0;
            self.is_over = !self.repeats;
        }
    }

    fn next_sample(&mut self) -> f32 {
        let length = self.cadence[self.phase];
        let from_edge = self.position.min(length - 1 - self.position);
        self.position += 1;
        if self.phase % 2 == 1 {
            return 0.0;
        }
        let sum: f32 = self.partials.iter_mut().map(Partial::next).sum();
        let sway = self.sway.as_mut().map_or(1.0, |sway| 0.5 + sway.next());
        let ramp = ((from_edge + 1) as f32 / (self.ramp + 1) as f32).min(1.0);
        sum * sway * ramp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{amplitude_at, level};

    fn played(mut tone: Tone, samples: usize) -> Vec<i16> {
        let mut pcm = Vec::new();
        while pcm.len() < samples {
            let before = pcm.len();
            tone.fill(160.min(samples - before), &mut pcm);
            if pcm.len() == before {
                break;
            }
        }
        pcm
    }

    #[test]
    fn american_ringing_sounds_for_two_seconds_of_six() {
        let pcm = played(Tone::ringing("us", 8_000), 8_000 * 12);
        for cycle in pcm.chunks(48_000) {
            assert!((amplitude_at(440.0, 8_000, &cycle[..16_000]) - 2_800.0).abs() < 60.0);
            assert!((amplitude_at(480.0, 8_000, &cycle[..16_000]) - 2_800.0).abs() < 60.0);
            assert_eq!(level(&cycle[16_000..]).to_bits(), 0.0_f64.to_bits());
        }
    }

    #[test]
    fn british_ringing_is_double() {
        let pcm = played(Tone::ringing("UK", 16_000), 16_000 * 3);
        let sounds = |from: usize, to: usize| level(&pcm[from * 16..to * 16]) > 1_000.0;
        assert!(sounds(0, 400) && sounds(600, 1_000));
        assert!(!sounds(402, 598) && !sounds(1_002, 2_998));
    }

    #[test]
    fn a_modulated_voice_sways() {
        let pcm = played(Tone::ringing("jp", 8_000), 8_000);
        assert!(amplitude_at(400.0, 8_000, &pcm) > 1_500.0);
        assert!(amplitude_at(385.0, 8_000, &pcm) > 700.0);
        assert!(amplitude_at(415.0, 8_000, &pcm) > 700.0);
    }

    #[test]
    fn an_unknown_country_sounds_american() {
        assert_eq!(
            played(Tone::ringing("xx", 8_000), 4_000),
            played(Tone::ringing("us", 8_000), 4_000)
        );
    }

    #[test]
    fn a_beep_ends() {
        let pcm = played(Tone::beep(48_000), usize::MAX);
        assert_eq!(pcm.len(), 19_200);
        assert!(amplitude_at(1_000.0, 48_000, &pcm) > 5_500.0);
    }

    #[test]
    fn a_digit_is_its_two_frequencies() {
        for (row, digits) in DIGITS.iter().enumerate() {
            for (column, &digit) in digits.iter().enumerate() {
                let pcm = played(Tone::digit(digit, 100, 8_000).unwrap(), usize::MAX);
                assert_eq!(pcm.len(), 800);
                assert!(amplitude_at(f64::from(ROWS[row]), 8_000, &pcm) > 6_500.0);
                assert!(amplitude_at(f64::from(COLUMNS[column]), 8_000, &pcm) > 8_200.0);
            }
        }
        assert!(Tone::digit('d', 100, 8_000).is_some());
        assert!(Tone::digit('w', 100, 8_000).is_none());
    }

    #[test]
    fn no_tone_begins_or_ends_with_a_click() {
        for tone in [Tone::beep(8_000), Tone::digit('5', 60, 8_000).unwrap()] {
            let pcm = played(tone, usize::MAX);
            assert!(pcm[0].abs() < 1_500 && pcm[pcm.len() - 1].abs() < 1_500);
        }
    }
}
