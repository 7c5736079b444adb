//! How applications write samples as octets: G.711, or signed 16 bit in little-endian order.

use crate::codec::g711::Law;

/// The octets of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// G.711, one octet.
    G711(Law),
    /// Two octets, the lower one first.
    L16,
}

/// Mono audio of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioFormat {
    /// Of each sample.
    pub encoding: Encoding,
    /// Samples per second.
    pub rate: u32,
}

impl AudioFormat {
    /// By the encoding's name (`PCMU`, `PCMA`, `L16`) and the rate; `None` if there is no such format.
    pub fn by_name(encoding: &str, rate: u32) -> Option<Self> {
        let encoding = match (encoding, rate) {
            ("PCMU", 8000) => Encoding::G711(Law::Mu),
            ("PCMA", 8000) => Encoding::G711(Law::A),
            ("L16", 8000 | 16_000 | 24_000 | 48_000) => Encoding::L16,
            _ => return None,
        };
        Some(Self { encoding, rate })
    }

    /// Octets of one sample.
    pub fn sample_octets(&self) -> usize {
        match self.encoding {
            Encoding::G711(_) => 1,
            Encoding::L16 => 2,
        }
    }

    /// Samples of 20 ms.
    pub fn frame_samples(&self) -> usize {
        self.rate as usize / 50
    }

    /// Octets of 20 ms.
    pub fn frame_octets(&self) -> usize {
        self.frame_samples() * self.sample_octets()
    }

    /// Appends the octets of `pcm`.
    pub fn write(&self, pcm: &[i16], octets: &mut Vec<u8>) {
        match self.encoding {
            Encoding::G711(law) => octets.extend(pcm.iter().map(|sample| law.compress(*sample))),
            Encoding::L16 => octets.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes())),
        }
    }

    /// Appends the samples of `octets`; half a sample at the end is left out.
    pub fn read(&self, octets: &[u8], pcm: &mut Vec<i16>) {
        match self.encoding {
            Encoding::G711(law) => pcm.extend(octets.iter().map(|code| law.expand(*code))),
            Encoding::L16 => pcm.extend(
                octets
                    .chunks_exact(2)
                    .map(|pair| i16::from_le_bytes([pair[0], pair[1]])),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (name, rate, close) in [("PCMU", 8000, 40), ("PCMA", 8000, 40), ("L16", 24_000, 0)] {
            let format = AudioFormat::by_name(name, rate).unwrap();
            let pcm = [0, 1000, -1000, 300];
            let (mut octets, mut read) = (Vec::new(), Vec::new());
            format.write(&pcm, &mut octets);
            assert_eq!(octets.len(), 4 * format.sample_octets());
            format.read(&octets, &mut read);
            for (was, is) in pcm.iter().zip(&read) {
                assert!((was - is).abs() <= close, "{name}: {was} became {is}");
            }
        }
        assert_eq!(
            AudioFormat::by_name("L16", 48_000).map(|it| it.frame_octets()),
            Some(1920)
        );
        assert_eq!(AudioFormat::by_name("PCMU", 16_000), None);
    }
}
