//! G.711: both laws, and the straight way from one to the other.
//!
//! Sample values are the Recommendation's, scaled to 16 bits (A-law 13 bits times 8, µ-law 14 bits times 4).
//! Negative magnitudes are taken in one's complement, as in the ITU's reference tool (G.191), so that the
//! decision values are the table's on either side of zero.

use crate::codec::plc::Concealer;
use crate::codec::{Decoder, Encoder, Pair};

/// The two companding laws, by the Recommendation's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    Mu,
    A,
}

const SAMPLE_RATE: u32 = 8_000;
/// 33 in the Recommendation's 14-bit values: it makes the segments' bounds powers of two.
const MU_BIAS: u32 = 33;
const MU_MAXIMUM: u32 = 0x1FFF;
/// A-law's even bits travel inverted (G.711, table 1, note 2).
const A_MASK: u8 = 0x55;

static MU_SAMPLES: [i16; 256] = samples(Law::Mu);
static A_SAMPLES: [i16; 256] = samples(Law::A);
static A_OF_MU: [u8; 256] = translation(Law::Mu, Law::A);
static MU_OF_A: [u8; 256] = translation(Law::A, Law::Mu);

impl Law {
    /// The code of one sample.
    pub const fn compress(self, sample: i16) -> u8 {
        match self {
            Law::Mu => compress_mu(sample),
            Law::A => compress_a(sample),
        }
    }

    /// The sample of one code.
    pub fn expand(self, code: u8) -> i16 {
        self.table()[usize::from(code)]
    }

    /// What a line in this law sends in silence.
    pub const fn silence(self) -> u8 {
        self.compress(0)
    }

    fn table(self) -> &'static [i16; 256] {
        match self {
            Law::Mu => &MU_SAMPLES,
            Law::A => &A_SAMPLES,
        }
    }
}

/// Rewrites codes of `from` as codes of the other law, in place: two legs that differ in nothing else need no
/// samples.
pub fn translate(from: Law, codes: &mut [u8]) {
    let table = match from {
        Law::Mu => &A_OF_MU,
        Law::A => &MU_OF_A,
    };
    for code in codes {
        *code = table[usize::from(*code)];
    }
}

/// Both directions of one stream.
pub fn open(law: Law) -> Pair {
    (
        Box::new(G711Encoder { law }),
        Box::new(G711Decoder {
            law,
            concealer: Concealer::new(SAMPLE_RATE),
        }),
    )
}

struct G711Encoder {
    law: Law,
}

impl Encoder for G711Encoder {
    fn sample_rate(&self) -> u32 {
        SAMPLE_RATE
    }

    fn encode(&mut self, pcm: &[i16], payload: &mut Vec<u8>) {
        match self.law {
            Law::Mu => payload.extend(pcm.iter().map(|&sample| compress_mu(sample))),
            Law::A => payload.extend(pcm.iter().map(|&sample| compress_a(sample))),
        }
    }
}

struct G711Decoder {
    law: Law,
    concealer: Concealer,
}

impl Decoder for G711Decoder {
    fn sample_rate(&self) -> u32 {
        SAMPLE_RATE
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut Vec<i16>) {
        let begin = pcm.len();
        let table = self.law.table();
        pcm.extend(payload.iter().map(|&code| table[usize::from(code)]));
        self.concealer.heard(&mut pcm[begin..]);
    }

    fn conceal(&mut self, samples: usize, pcm: &mut Vec<i16>) {
        self.concealer.conceal(samples, pcm);
    }
}

/// One's complement: -1 is as far from zero as 0 is.
const fn magnitude(sample: i16) -> u32 {
    if sample < 0 {
        !sample as u32
    } else {
        sample as u32
    }
}

/// Table 1: 4 bits of step within one of 8 segments, the first two of them equally fine.
const fn compress_a(sample: i16) -> u8 {
    let magnitude = magnitude(sample) >> 4;
    let code = if magnitude < 32 {
        magnitude as u8
    } else {
        let segment = magnitude.ilog2() - 3;
        ((segment << 4) | ((magnitude >> (segment - 1)) & 0x0F)) as u8
    };
    let sign = if sample < 0 { 0 } else { 0x80 };
    (code | sign) ^ A_MASK
}

const fn expand_a(code: u8) -> i16 {
    let plain = code ^ A_MASK;
    let segment = (plain >> 4) & 0x07;
    let step = (plain & 0x0F) as i16;
    let magnitude = if segment == 0 {
        (step << 4) + 8
    } else {
        ((step << 4) + 0x108) << (segment - 1)
    };
    if plain & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// Table 2: the code is sent inverted, so that silence is all ones.
const fn compress_mu(sample: i16) -> u8 {
    let biased = (magnitude(sample) >> 2) + MU_BIAS;
    let magnitude = if biased > MU_MAXIMUM {
        MU_MAXIMUM
    } else {
        biased
    };
    let segment = magnitude.ilog2() - 5;
    let code = ((segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)) as u8;
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(code | sign)
}

const fn expand_mu(code: u8) -> i16 {
    let plain = !code;
    let segment = (plain >> 4) & 0x07;
    let step = (plain & 0x0F) as u32;
    let magnitude = ((((step << 1) + MU_BIAS) << (segment + 2)) - (MU_BIAS << 2)) as i16;
    if plain & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

const fn samples(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = match law {
            Law::Mu => expand_mu(code as u8),
            Law::A => expand_a(code as u8),
        };
        code += 1;
    }
    table
}

const fn translation(from: Law, to: Law) -> [u8; 256] {
    let samples = samples(from);
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = to.compress(samples[code]);
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest magnitude of each segment in the Recommendation's decoder output column, times the scale.
    const A_SEGMENT_TOPS: [i16; 8] = [248, 504, 1008, 2016, 4032, 8064, 16128, 32256];
    const MU_SEGMENT_TOPS: [i16; 8] = [120, 372, 876, 1884, 3900, 7932, 15996, 32124];

    #[test]
    fn the_tables_hold_the_recommendations_values() {
        for segment in 0..8_u8 {
            let top = (segment << 4) | 0x0F;
            let index = usize::from(segment);
            assert_eq!(Law::A.expand((top | 0x80) ^ A_MASK), A_SEGMENT_TOPS[index]);
            assert_eq!(Law::A.expand(top ^ A_MASK), -A_SEGMENT_TOPS[index]);
            assert_eq!(Law::Mu.expand(!top), MU_SEGMENT_TOPS[index]);
            assert_eq!(Law::Mu.expand(!(top | 0x80)), -MU_SEGMENT_TOPS[index]);
        }
        assert_eq!((Law::A.expand(0xD5), Law::A.expand(0x55)), (8, -8));
        assert_eq!((Law::Mu.expand(0xFF), Law::Mu.expand(0xFE)), (0, 8));
        assert_eq!((Law::A.silence(), Law::Mu.silence()), (0xD5, 0xFF));
    }

    #[test]
    fn a_code_survives_its_own_sample() {
        for code in 0..=255 {
            assert_eq!(Law::A.compress(Law::A.expand(code)), code);
            // µ-law has two zeroes; what is heard as 0 is sent as the positive one.
            let expected = if code == 0x7F { 0xFF } else { code };
            assert_eq!(Law::Mu.compress(Law::Mu.expand(code)), expected);
        }
    }

    #[test]
    fn every_sample_gets_the_nearest_code() {
        for law in [Law::A, Law::Mu] {
            let peak = i32::from(law.table().iter().copied().max().unwrap());
            for sample in i16::MIN..=i16::MAX {
                let heard = i32::from(law.expand(law.compress(sample)));
                let wanted = i32::from(sample).clamp(-peak, peak);
                // Half a step: 2^-5 of the magnitude within a segment, and the finest step near zero.
                let half_step = (wanted.abs() + 132) / 32 + 8;
                assert!(
                    (heard - wanted).abs() <= half_step,
                    "{law:?} {sample} {heard}"
                );
            }
        }
    }

    #[test]
    fn translation_is_expansion_and_compression() {
        let mut codes: Vec<u8> = (0..=255).collect();
        translate(Law::Mu, &mut codes);
        for (code, translated) in codes.iter().enumerate() {
            assert_eq!(*translated, Law::A.compress(Law::Mu.expand(code as u8)));
        }
    }

    #[test]
    fn a_stream_carries_what_it_was_given() {
        let (mut encoder, mut decoder) = open(Law::A);
        let sound: Vec<i16> = (0..160)
            .map(|index| (index * 150 - 12_000) as i16)
            .collect();
        let (mut payload, mut heard) = (Vec::new(), Vec::new());
        encoder.encode(&sound, &mut payload);
        decoder.decode(&payload, &mut heard);
        assert_eq!((payload.len(), heard.len()), (160, 160));
        assert!(
            sound
                .iter()
                .zip(&heard)
                .all(|(sent, got)| (sent - got).abs() <= 512)
        );
    }
}
