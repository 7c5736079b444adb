//! Digits detected in the sound itself (ITU-T Q.23, Q.24), for phones that do not send RFC 4733 events.
//!
//! Blocks of 12.75 ms are measured at the eight frequencies (Goertzel's filters). A block counts if one row
//! and one column stand out, neither much louder than the other, and next to nothing else is in it: voices
//! are never that pure. Two blocks in a row make a digit, which is reported; two without it end it.

use std::f32::consts::TAU;

use crate::tone::{COLUMNS, DIGITS, ROWS};

const BLOCK_MS: f32 = 12.75;
/// The weakest tone that counts, as a mean square: about -40 dBm0 for both frequencies together.
const QUIETEST: f32 = 40_000.0;
/// Q.24 lets the column be 4 dB louder than the row and the row 8 dB louder than the column; we allow 2 dB
/// more.
const COLUMN_OVER_ROW: f32 = 4.0;
const ROW_OVER_COLUMN: f32 = 10.0;
/// How far the frequency found stands above its neighbours: 8 dB.
const STANDS_OUT: f32 = 6.3;
/// How much of the whole sound the two frequencies must be.
const PURITY: f32 = 0.72;
const BLOCKS_TO_PRESS: u32 = 2;
const BLOCKS_TO_RELEASE: u32 = 2;

/// Listens to one direction of a stream.
#[derive(Debug)]
pub struct Detector {
    rows: [Filter; 4],
    columns: [Filter; 4],
    block: usize,
    /// Samples and power of the present block.
    filled: usize,
    power: f32,
    candidate: Option<char>,
    /// Blocks in a row in which the candidate was heard.
    hits: u32,
    pressed: Option<char>,
    /// Blocks in a row without the digit that is pressed.
    misses: u32,
}

/// The energy at one frequency over one block.
#[derive(Debug, Clone, Copy)]
struct Filter {
    coefficient: f32,
    last: f32,
    before: f32,
}

impl Filter {
    fn new(hertz: f32, sample_rate: u32) -> Self {
        Self {
            coefficient: 2.0 * (TAU * hertz / sample_rate as f32).cos(),
            last: 0.0,
            before: 0.0,
        }
    }

    fn hear(&mut self, sample: f32) {
        let next = sample + self.coefficient * self.last - self.before;
        self.before = self.last;
        self.last = next;
    }

    /// The mean square of the sound at this frequency; the filter is empty afterwards.
    fn take_power(&mut self, block: usize) -> f32 {
        let (last, before) = (self.last, self.before);
        self.last = 0.0;
        self.before = 0.0;
        let squared = last * last + before * before - self.coefficient * last * before;
        2.0 * squared / (block as f32 * block as f32)
    }
}

impl Detector {
    pub fn new(sample_rate: u32) -> Self {
        Self {
            rows: ROWS.map(|hertz| Filter::new(hertz, sample_rate)),
            columns: COLUMNS.map(|hertz| Filter::new(hertz, sample_rate)),
            block: (BLOCK_MS * sample_rate as f32 / 1_000.0) as usize,
            filled: 0,
            power: 0.0,
            candidate: None,
            hits: 0,
            pressed: None,
            misses: 0,
        }
    }

    /// Listens to `pcm` and reports each digit once, 26 to 38 ms after it began.
    pub fn hear(&mut self, pcm: &[i16], mut report: impl FnMut(char)) {
        for &sample in pcm {
            let sample = f32::from(sample);
            self.power += sample * sample;
            for filter in self.rows.iter_mut().chain(&mut self.columns) {
                filter.hear(sample);
            }
            self.filled += 1;
            if self.filled == self.block {
                let digit = self.judge();
                if let Some(pressed) = self.follow(digit) {
                    report(pressed);
                }
            }
        }
    }

    /// The digit in the block that has just been filled.
    fn judge(&mut self) -> Option<char> {
        let block = self.block;
        let total = std::mem::take(&mut self.power) / block as f32;
        self.filled = 0;
        let rows = self.rows.each_mut().map(|filter| filter.take_power(block));
        let columns = self
            .columns
            .each_mut()
            .map(|filter| filter.take_power(block));
        let (row, row_power) = outstanding(&rows)?;
        let (column, column_power) = outstanding(&columns)?;
        let both = row_power + column_power;
        let is_digit = both >= QUIETEST
            && both >= PURITY * total
            && column_power <= COLUMN_OVER_ROW * row_power
            && row_power <= ROW_OVER_COLUMN * column_power;
        is_digit.then_some(DIGITS[row][column])
    }

    /// What the digits of successive blocks come to: the digit that is pressed just now.
    fn follow(&mut self, digit: Option<char>) -> Option<char> {
        self.hits = match digit {
            Some(_) if digit == self.candidate => self.hits + 1,
            Some(_) => 1,
            None => 0,
        };
        self.candidate = digit;
        if self.pressed.is_some() {
            self.misses = if digit == self.pressed {
                0
            } else {
                self.misses + 1
            };
            if self.misses >= BLOCKS_TO_RELEASE {
                self.pressed = None;
            }
        }
        if self.pressed.is_some() || self.hits < BLOCKS_TO_PRESS {
            return None;
        }
        self.pressed = digit;
        self.misses = 0;
        digit
    }
}

/// The strongest of four, if it stands out from the others.
fn outstanding(powers: &[f32; 4]) -> Option<(usize, f32)> {
    let (best, &power) = powers
        .iter()
        .enumerate()
        .max_by(|one, other| one.1.total_cmp(other.1))?;
    let stands_out = powers
        .iter()
        .enumerate()
        .all(|(index, &other)| index == best || power > STANDS_OUT * other);
    stands_out.then_some((best, power))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::codecs;
    use crate::probe::{noise, speech, tone};
    use crate::tone::Tone;

    const RATE: u32 = 8_000;

    fn detected(sample_rate: u32, pcm: &[i16]) -> String {
        let mut detector = Detector::new(sample_rate);
        let mut digits = String::new();
        for packet in pcm.chunks(sample_rate as usize / 50) {
            detector.hear(packet, |digit| digits.push(digit));
        }
        digits
    }

    /// `digits` with tones and pauses of these lengths, after `lead` samples of silence.
    fn dialled(digits: &str, sample_rate: u32, on_ms: u16, off_ms: usize, lead: usize) -> Vec<i16> {
        let mut pcm = vec![0; lead];
        for digit in digits.chars() {
            Tone::digit(digit, on_ms, sample_rate)
                .unwrap()
                .fill(usize::MAX, &mut pcm);
            pcm.resize(pcm.len() + off_ms * sample_rate as usize / 1_000, 0);
        }
        pcm.resize(pcm.len() + sample_rate as usize / 20, 0);
        pcm
    }

    /// A digit of another maker: other levels, other frequencies (in parts of the right ones).
    fn foreign(row: f64, column: f64, row_level: f64, column_level: f64) -> Vec<i16> {
        let one = tone(row, RATE, 800, row_level);
        let other = tone(column, RATE, 800, column_level);
        let mut pcm: Vec<i16> = one
            .iter()
            .zip(&other)
            .map(|(a, b)| a.saturating_add(*b))
            .collect();
        pcm.resize(1_600, 0);
        pcm
    }

    fn mixed(one: &[i16], other: &[i16]) -> Vec<i16> {
        one.iter()
            .zip(other)
            .map(|(a, b)| a.saturating_add(*b))
            .collect()
    }

    #[test]
    fn all_digits_are_heard_once_at_every_rate() {
        for rate in [8_000, 16_000, 48_000] {
            let pcm = dialled("0123456789*#ABCD", rate, 80, 60, 0);
            assert_eq!(detected(rate, &pcm), "0123456789*#ABCD");
        }
    }

    #[test]
    fn the_shortest_digits_and_pauses_of_the_recommendation_are_heard_wherever_they_begin() {
        for lead in 0..102 {
            let pcm = dialled("1122*#", RATE, 40, 40, lead);
            assert_eq!(detected(RATE, &pcm), "1122*#", "after {lead} samples");
        }
    }

    #[test]
    fn what_is_too_short_is_not_a_digit() {
        for lead in 0..102 {
            assert_eq!(detected(RATE, &dialled("159D", RATE, 18, 60, lead)), "");
        }
    }

    #[test]
    fn a_digit_is_reported_while_it_is_held() {
        for lead in 0..102 {
            let pcm = dialled("7", RATE, 200, 60, lead);
            let soon = lead + 40 * RATE as usize / 1_000;
            assert_eq!(detected(RATE, &pcm[..soon]), "7", "after {lead} samples");
            assert_eq!(detected(RATE, &pcm), "7");
        }
    }

    #[test]
    fn a_short_gap_does_not_split_a_digit() {
        let mut pcm = dialled("5", RATE, 150, 60, 0);
        pcm[600..680].fill(0);
        assert_eq!(detected(RATE, &pcm), "5");
    }

    #[test]
    fn twist_within_the_recommendation_is_heard_beyond_it_is_not() {
        assert_eq!(
            detected(RATE, &foreign(770.0, 1336.0, 4_000.0, 6_300.0)),
            "5"
        );
        assert_eq!(
            detected(RATE, &foreign(770.0, 1336.0, 8_000.0, 3_200.0)),
            "5"
        );
        assert_eq!(
            detected(RATE, &foreign(770.0, 1336.0, 2_000.0, 9_000.0)),
            ""
        );
        assert_eq!(
            detected(RATE, &foreign(770.0, 1336.0, 9_000.0, 1_500.0)),
            ""
        );
    }

    #[test]
    fn frequencies_may_be_off_by_one_part_in_a_hundred_not_by_five() {
        for part in [0.99, 1.01] {
            assert_eq!(
                detected(
                    RATE,
                    &foreign(697.0 * part, 1477.0 * part, 5_000.0, 5_000.0)
                ),
                "3"
            );
        }
        for part in [0.95, 1.05] {
            assert_eq!(
                detected(
                    RATE,
                    &foreign(697.0 * part, 1477.0 * part, 5_000.0, 5_000.0)
                ),
                ""
            );
        }
    }

    #[test]
    fn quiet_and_loud_digits_are_heard_whispers_are_not() {
        assert_eq!(detected(RATE, &foreign(852.0, 1209.0, 250.0, 300.0)), "7");
        assert_eq!(
            detected(RATE, &foreign(852.0, 1209.0, 16_000.0, 16_000.0)),
            "7"
        );
        assert_eq!(detected(RATE, &foreign(852.0, 1209.0, 60.0, 60.0)), "");
    }

    #[test]
    fn digits_are_heard_through_noise_and_codecs() {
        let pcm = dialled("0123456789*#", RATE, 80, 60, 0);
        let noisy = mixed(&pcm, &noise(3, pcm.len(), 2_500.0));
        assert_eq!(detected(RATE, &noisy), "0123456789*#");
        for name in ["PCMU", "PCMA", "G722"] {
            let (mut encoder, mut decoder) = codecs::open(name, "").unwrap();
            let rate = encoder.sample_rate();
            let (mut payload, mut pcm) = (Vec::new(), Vec::new());
            encoder.encode(&dialled("147*2580369#", rate, 60, 50, 0), &mut payload);
            decoder.decode(&payload, &mut pcm);
            assert_eq!(detected(rate, &pcm), "147*2580369#", "{name}");
        }
    }

    /// Talk-off: five minutes of many voices, and nothing is taken for a digit.
    #[test]
    fn speech_is_not_a_digit() {
        for seed in 0..30 {
            let pcm = speech(seed, RATE, 10 * RATE as usize);
            assert_eq!(detected(RATE, &pcm), "", "voice {seed}");
        }
    }

    #[test]
    fn noise_ringing_and_single_tones_are_not_digits() {
        assert_eq!(detected(RATE, &noise(1, 480_000, 8_000.0)), "");
        let mut ringing = Vec::new();
        for country in ["us", "uk", "de", "jp", "fr", "in", "au"] {
            Tone::ringing(country, RATE).fill(48_000, &mut ringing);
        }
        assert_eq!(detected(RATE, &ringing), "");
        for hertz in ROWS.iter().chain(&COLUMNS) {
            assert_eq!(
                detected(RATE, &tone(f64::from(*hertz), RATE, 8_000, 8_000.0)),
                ""
            );
        }
    }

    proptest! {
        #[test]
        fn any_digits_of_any_legal_timing_are_heard(
            digits in "[0-9*#A-D]{1,8}", on_ms in 45_u16..150, off_ms in 45_usize..120, lead in 0_usize..500,
        ) {
            prop_assert_eq!(detected(RATE, &dialled(&digits, RATE, on_ms, off_ms, lead)), digits);
        }

        #[test]
        fn any_samples_at_all_are_survived(pcm: Vec<i16>) {
            detected(RATE, &pcm);
        }
    }
}
