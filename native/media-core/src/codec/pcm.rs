//! Samples as they are, for the recorder: 16 bit, in native order, at any rate.

use crate::codec::Decoder;

/// Reads what [`octets`] wrote.
pub struct PcmDecoder {
    rate: u32,
}

impl PcmDecoder {
    /// For samples at `rate`.
    pub fn new(rate: u32) -> Self {
        Self { rate }
    }
}

impl Decoder for PcmDecoder {
    fn sample_rate(&self) -> u32 {
        self.rate
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut Vec<i16>) {
        let pairs = payload.chunks_exact(2);
        pcm.extend(pairs.map(|pair| i16::from_ne_bytes([pair[0], pair[1]])));
    }

    /// Nothing gets lost on the way to a recorder but when its disk stands still: that is silence.
    fn conceal(&mut self, samples: usize, pcm: &mut Vec<i16>) {
        pcm.resize(pcm.len() + samples, 0);
    }
}

/// Appends the octets of `pcm`.
pub fn octets(pcm: &[i16], octets: &mut Vec<u8>) {
    octets.extend(pcm.iter().flat_map(|sample| sample.to_ne_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_out_as_they_went_in() {
        let (mut payload, mut pcm) = (Vec::new(), Vec::new());
        octets(&[1, -2, i16::MIN], &mut payload);
        let mut decoder = PcmDecoder::new(16_000);
        decoder.decode(&payload, &mut pcm);
        decoder.conceal(2, &mut pcm);
        assert_eq!(pcm, [1, -2, i16::MIN, 0, 0]);
    }
}
