//! Between any two of the rates that codecs and applications have: 8, 16, 24 and 48 kHz.
//!
//! Rates that are whole multiples of one another need one [`Resampler`]; 16 and 24 kHz meet at 48.

use crate::samples::resample::Resampler;

/// Both 16 and 24 kHz divide it.
const COMMON: u32 = 48_000;
/// Samples of the lower rate over which a resampler spreads each sample.
const SPREAD: u64 = 48;

/// One resampler or two in a row; the same rate passes through.
pub struct Converter {
    from: u32,
    first: Option<Resampler>,
    second: Option<Resampler>,
    /// Samples of `from` after which nothing of a sample is to come.
    tail: u64,
    between: Vec<i16>,
}

impl Converter {
    /// `None` unless both rates divide 48 kHz.
    pub fn new(from: u32, to: u32) -> Option<Self> {
        let mut converter = Self {
            from,
            first: None,
            second: None,
            tail: 0,
            between: Vec::new(),
        };
        if from == to {
            return (from > 0).then_some(converter);
        }
        if let Some(only) = Resampler::new(from, to) {
            converter.first = Some(only);
            converter.add_tail(from.min(to));
            return Some(converter);
        }
        converter.first = Some(Resampler::new(from, COMMON)?);
        converter.second = Some(Resampler::new(COMMON, to)?);
        converter.add_tail(from);
        converter.add_tail(to);
        Some(converter)
    }

    /// Appends what `pcm` is at the other rate.
    pub fn convert(&mut self, pcm: &[i16], converted: &mut Vec<i16>) {
        match (&mut self.first, &mut self.second) {
            (None, _) => converted.extend_from_slice(pcm),
            (Some(only), None) => only.resample(pcm, converted),
            (Some(first), Some(second)) => {
                self.between.clear();
                first.resample(pcm, &mut self.between);
                second.resample(&self.between, converted);
            }
        }
    }

    /// So many samples of the input after a sample, nothing of it is to come any more.
    pub fn tail(&self) -> u64 {
        self.tail
    }

    fn add_tail(&mut self, lower: u32) {
        self.tail += (SPREAD * u64::from(self.from)).div_ceil(u64::from(lower));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{amplitude_at, decibels, tone};

    const RATES: [u32; 4] = [8000, 16_000, 24_000, 48_000];

    #[test]
    fn a_tone_is_the_same_at_every_rate() {
        for from in RATES {
            for to in RATES {
                let mut converter = Converter::new(from, to).unwrap();
                let mut pcm = Vec::new();
                for piece in tone(1000.0, from, from as usize, 10_000.0).chunks(333) {
                    converter.convert(piece, &mut pcm);
                }
                let length = pcm.len() as i64 - i64::from(to);
                assert!(length.abs() <= 6, "{from} to {to}: {length}");
                let level = amplitude_at(1000.0, to, &pcm[to as usize / 2..]);
                let off = decibels(level / 10_000.0);
                assert!(off.abs() < 0.1, "{from} to {to}: {off} dB");
            }
        }
    }

    #[test]
    fn an_impulse_is_over_after_the_tail_and_not_long_before() {
        for from in RATES {
            for to in RATES {
                let mut converter = Converter::new(from, to).unwrap();
                let mut pcm = Vec::new();
                let mut impulse = vec![0; from as usize / 10];
                impulse[0] = 20_000;
                converter.convert(&impulse, &mut pcm);
                let last = pcm.iter().rposition(|sample| *sample != 0).unwrap() as u64;
                let at = last * u64::from(from) / u64::from(to);
                let tail = converter.tail();
                assert!(
                    at <= tail && at >= tail / 2,
                    "{from} to {to}: {at} of {tail}"
                );
            }
        }
    }

    #[test]
    fn odd_rates_are_refused() {
        assert!(Converter::new(44_100, 8000).is_none());
        assert!(Converter::new(0, 0).is_none());
    }
}
