//! G.722 at 64 kbit/s (mode 1): 7 kHz of sound as two sub-bands of ADPCM, 6 bits for the lower and 2 for the
//! higher.
//!
//! Block names in the comments are those of the Recommendation's figures. Samples are 16 bits where it has
//! 14: the filters scale. RTP counts 8000 per second although there are 16000 samples (RFC 3551 section
//! 4.5.2).

use crate::codec::plc::Concealer;
use crate::codec::{Decoder, Encoder, Pair};

const SAMPLE_RATE: u32 = 16_000;

/// Half of the 24 taps of the quadrature mirror filter; the other half mirrors them.
const MIRROR: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Scale factors, one octave of the logarithmic scale (blocks 3L and 3H).
const SCALE: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Decision levels of the lower band's 60 steps, in units of its step size (QUANTL).
const LOW_LEVELS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
    1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// What the adaptation makes of the lower band's four most significant bits (INVQAL).
const LOW_COARSE: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];
/// What is heard of the lower band's six bits (INVQBL).
const LOW_FINE: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
/// How the lower band's four bits move its scale (LOGSCL).
const LOW_MOVES: [i32; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];
const LOW_SCALE_LIMIT: i32 = 18_432;
const LOW_SCALE_SHIFT: i32 = 8;
const LOW_FIRST_STEP: i32 = 32;

/// The decision level of the higher band (QUANTH), what its two bits mean (INVQAH) and how they move its
/// scale.
const HIGH_LEVEL: i32 = 564;
const HIGH_COARSE: [i32; 4] = [-7408, -1616, 7408, 1616];
const HIGH_MOVES: [i32; 4] = [798, -214, 798, -214];
const HIGH_SCALE_LIMIT: i32 = 22_528;
const HIGH_SCALE_SHIFT: i32 = 10;
const HIGH_FIRST_STEP: i32 = 8;

/// Both directions of one stream.
pub fn open() -> Pair {
    (
        Box::new(G722Encoder::new()),
        Box::new(G722Decoder {
            low: Band::new(LOW_FIRST_STEP),
            high: Band::new(HIGH_FIRST_STEP),
            delay: [0; 24],
            concealer: Concealer::new(SAMPLE_RATE),
        }),
    )
}

struct G722Encoder {
    low: Band,
    high: Band,
    delay: [i32; 24],
}

impl G722Encoder {
    fn new() -> Self {
        Self {
            low: Band::new(LOW_FIRST_STEP),
            high: Band::new(HIGH_FIRST_STEP),
            delay: [0; 24],
        }
    }

    fn encode_pair(&mut self, earlier: i16, later: i16) -> u8 {
        push_pair(&mut self.delay, i32::from(earlier), i32::from(later));
        let (even, odd) = filter(&self.delay);
        let low = self.low.quantize_low((even + odd) >> 14);
        let high = self.high.quantize_high((odd - even) >> 14);
        low | (high << 6)
    }
}

impl Encoder for G722Encoder {
    fn sample_rate(&self) -> u32 {
        SAMPLE_RATE
    }

    fn encode(&mut self, pcm: &[i16], payload: &mut Vec<u8>) {
        payload.reserve(pcm.len() / 2);
        for pair in pcm.chunks_exact(2) {
            let code = self.encode_pair(pair[0], pair[1]);
            payload.push(code);
        }
    }
}

struct G722Decoder {
    low: Band,
    high: Band,
    delay: [i32; 24],
    concealer: Concealer,
}

impl G722Decoder {
    fn decode_code(&mut self, code: u8) -> [i16; 2] {
        let low = self.low.reconstruct_low(code & 0x3F);
        let high = self.high.reconstruct_high(code >> 6);
        push_pair(&mut self.delay, low + high, low - high);
        let (even, odd) = filter(&self.delay);
        [saturate(odd >> 11) as i16, saturate(even >> 11) as i16]
    }
}

impl Decoder for G722Decoder {
    fn sample_rate(&self) -> u32 {
        SAMPLE_RATE
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut Vec<i16>) {
        let begin = pcm.len();
        pcm.reserve(2 * payload.len());
        for &code in payload {
            pcm.extend_from_slice(&self.decode_code(code));
        }
        self.concealer.heard(&mut pcm[begin..]);
    }

    fn conceal(&mut self, samples: usize, pcm: &mut Vec<i16>) {
        self.concealer.conceal(samples, pcm);
    }
}

/// One sub-band's quantizer scale and its predictor, the same in both directions.
struct Band {
    predictor: Predictor,
    /// The logarithm of the step size (`nb` in the Recommendation).
    scale: i32,
    /// The step size (`det`).
    step: i32,
}

impl Band {
    fn new(step: i32) -> Self {
        Self {
            predictor: Predictor::default(),
            scale: 0,
            step,
        }
    }

    fn quantize_low(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.predictor.estimate);
        let magnitude = if error < 0 { -(error + 1) } else { error };
        let level = LOW_LEVELS
            .iter()
            .take_while(|&&level| magnitude >= (level * self.step) >> 12)
            .count() as u8;
        // QUANTL's codes: the positive ones run down from 61, the negative ones from 63 and, past two, from
        // 31.
        let code = match (error < 0, level) {
            (false, _) => 61 - level,
            (true, 0 | 1) => 63 - level,
            (true, _) => 33 - level,
        };
        self.adapt_low(code);
        code
    }

    fn quantize_high(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.predictor.estimate);
        let magnitude = if error < 0 { -(error + 1) } else { error };
        let is_outer = magnitude >= (HIGH_LEVEL * self.step) >> 12;
        let code = match (error < 0, is_outer) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        self.adapt_high(code);
        code
    }

    /// The sample that `code` stands for (blocks 5L and 6L).
    fn reconstruct_low(&mut self, code: u8) -> i32 {
        let difference = (self.step * LOW_FINE[usize::from(code)]) >> 15;
        let sample = self.predictor.estimate + difference;
        self.adapt_low(code);
        limit(sample)
    }

    fn reconstruct_high(&mut self, code: u8) -> i32 {
        let difference = (self.step * HIGH_COARSE[usize::from(code)]) >> 15;
        let sample = self.predictor.estimate + difference;
        self.adapt_high(code);
        limit(sample)
    }

    fn adapt_low(&mut self, code: u8) {
        let coarse = usize::from(code >> 2);
        self.predictor.learn((self.step * LOW_COARSE[coarse]) >> 15);
        self.rescale(LOW_MOVES[coarse], LOW_SCALE_LIMIT, LOW_SCALE_SHIFT);
    }

    fn adapt_high(&mut self, code: u8) {
        let coarse = usize::from(code);
        self.predictor
            .learn((self.step * HIGH_COARSE[coarse]) >> 15);
        self.rescale(HIGH_MOVES[coarse], HIGH_SCALE_LIMIT, HIGH_SCALE_SHIFT);
    }

    /// LOGSCL and SCALEL, LOGSCH and SCALEH.
    fn rescale(&mut self, step: i32, limit: i32, shift: i32) {
        self.scale = (((self.scale * 127) >> 7) + step).clamp(0, limit);
        let mantissa = SCALE[(self.scale >> 6) as usize & 31];
        let down = shift - (self.scale >> 11);
        let linear = if down < 0 {
            mantissa << -down
        } else {
            mantissa >> down
        };
        self.step = linear << 2;
    }
}

/// Two poles and six zeroes that follow the signal (block 4L, block 4H).
#[derive(Default)]
struct Predictor {
    /// What the next sample is expected to be, and the zeroes' share of it (`s`, `sz`).
    estimate: i32,
    from_zeroes: i32,
    poles: [i32; 2],
    zeroes: [i32; 6],
    /// The last quantized differences, reconstructed samples and partial reconstructions (`d`, `r`, `p`).
    differences: [i32; 6],
    samples: [i32; 2],
    partial: [i32; 2],
}

impl Predictor {
    /// Adapt to what the last estimate was wrong by, and estimate anew.
    fn learn(&mut self, difference: i32) {
        let sample = saturate(self.estimate + difference);
        let partial = saturate(self.from_zeroes + difference);
        self.move_poles(partial);
        self.move_zeroes(difference);
        self.differences.copy_within(0..5, 1);
        self.differences[0] = difference;
        self.samples = [sample, self.samples[0]];
        self.partial = [partial, self.partial[0]];
        // FILTEP, FILTEZ, PREDIC.
        let from_poles = tap(self.poles[0], self.samples[0]) + tap(self.poles[1], self.samples[1]);
        self.from_zeroes = saturate(
            self.zeroes
                .iter()
                .zip(&self.differences)
                .map(|(&zero, &past)| tap(zero, past))
                .sum(),
        );
        self.estimate = saturate(saturate(from_poles) + self.from_zeroes);
    }

    /// UPPOL2 and UPPOL1: sign-sign adaptation with leakage, kept within the region of stability.
    fn move_poles(&mut self, partial: i32) {
        let like_last = (partial < 0) == (self.partial[0] < 0);
        let like_before = (partial < 0) == (self.partial[1] < 0);
        let quadruple = saturate(self.poles[0] << 2);
        let cross = if like_last { -quadruple } else { quadruple }.min(32_767);
        let push = if like_before { 128 } else { -128 };
        let second = (cross >> 7) + push + ((self.poles[1] * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let push = if like_last { 192 } else { -192 };
        let bound = 15_360 - second;
        let first = (push + ((self.poles[0] * 32_640) >> 15)).clamp(-bound, bound);
        self.poles = [first, second];
    }

    /// UPZERO.
    fn move_zeroes(&mut self, difference: i32) {
        let push = if difference == 0 { 0 } else { 128 };
        for (zero, &past) in self.zeroes.iter_mut().zip(&self.differences) {
            let signed = if (past < 0) == (difference < 0) {
                push
            } else {
                -push
            };
            *zero = saturate(signed + ((*zero * 32_640) >> 15));
        }
    }
}

/// One tap of a predictor: coefficients have 14 fractional bits.
fn tap(coefficient: i32, past: i32) -> i32 {
    (coefficient * saturate(past + past)) >> 15
}

fn push_pair(delay: &mut [i32; 24], earlier: i32, later: i32) {
    delay.copy_within(2.., 0);
    delay[22] = earlier;
    delay[23] = later;
}

/// The two phases of the mirror filter over the delay line: even positions and odd ones.
fn filter(delay: &[i32; 24]) -> (i32, i32) {
    let (mut even, mut odd) = (0, 0);
    for (index, pair) in delay.chunks_exact(2).enumerate() {
        even += pair[0] * MIRROR[index];
        odd += pair[1] * MIRROR[11 - index];
    }
    (even, odd)
}

fn saturate(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// Blocks 6L and 6H: 15 bits are left for what the mirror filter adds up.
fn limit(sample: i32) -> i32 {
    sample.clamp(-16_384, 16_383)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::{amplitude_at, decibels, level, noise, signal_to_noise, speech, tone};

    const CODES: [u8; 24] = [
        48, 134, 33, 134, 34, 132, 4, 140, 14, 144, 210, 212, 216, 219, 254, 58, 182, 48, 175, 40,
        156, 12, 156, 56,
    ];
    const SAMPLES: [i16; 16] = [
        -6782, -6357, -5753, -5031, -4359, -3791, -3131, -2362, -1498, -621, 193, 855, 2253, 3955,
        4329, 4165,
    ];

    /// What both mirror filters together delay.
    const DELAY: usize = 22;

    fn through(sound: &[i16]) -> Vec<i16> {
        let (mut encoder, mut decoder) = open();
        let (mut payload, mut heard) = (Vec::new(), Vec::new());
        for packet in sound.chunks(320) {
            payload.clear();
            encoder.encode(packet, &mut payload);
            assert_eq!(payload.len(), packet.len() / 2);
            decoder.decode(&payload, &mut heard);
        }
        heard
    }

    /// Taken from the reference implementation that most phones use, for the same samples.
    #[test]
    fn the_codes_are_those_of_other_implementations() {
        let sound: Vec<i16> = (0..48)
            .map(|index| (index * index * 23 % 20_011 - 9_000) as i16)
            .collect();
        let (mut encoder, mut decoder) = open();
        let (mut payload, mut heard) = (Vec::new(), Vec::new());
        encoder.encode(&sound, &mut payload);
        decoder.decode(&payload, &mut heard);
        assert_eq!(payload, CODES);
        assert_eq!(heard[32..], SAMPLES);
    }

    #[test]
    fn tones_of_either_band_come_through() {
        for hertz in [100.0, 440.0, 1_000.0, 3_000.0, 5_000.0, 6_500.0] {
            let sound = tone(hertz, SAMPLE_RATE, 16_000, 8_000.0);
            let heard = through(&sound);
            let kept = decibels(amplitude_at(hertz, SAMPLE_RATE, &heard[3_200..]) / 8_000.0);
            assert!(kept.abs() < 0.5, "{hertz} Hz: {kept} dB");
            let clean = signal_to_noise(&sound[3_200..], &heard[3_200..], DELAY);
            assert!(
                clean > if hertz < 4_000.0 { 30.0 } else { 15.0 },
                "{hertz} Hz: {clean} dB"
            );
        }
    }

    #[test]
    fn speech_comes_through() {
        let sound = speech(1, SAMPLE_RATE, 32_000);
        let clean = signal_to_noise(&sound, &through(&sound), DELAY);
        assert!(clean > 18.0, "{clean} dB");
    }

    #[test]
    fn silence_stays_silent_and_the_loudest_noise_stays_in_range() {
        assert!(level(&through(&[0; 3_200])) < 4.0);
        let loud = noise(5, 16_000, 32_767.0);
        assert!(level(&through(&loud)) > level(&loud) / 2.0);
    }

    proptest! {
        #[test]
        fn any_payload_is_two_samples_a_byte(payload: Vec<u8>) {
            let (_, mut decoder) = open();
            let mut heard = Vec::new();
            decoder.decode(&payload, &mut heard);
            decoder.conceal(320, &mut heard);
            prop_assert_eq!(heard.len(), 2 * payload.len() + 320);
        }
    }
}
