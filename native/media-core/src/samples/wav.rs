//! The header of a WAV file of 16-bit PCM.

/// Octets before the first sample.
pub const HEADER: usize = 44;

/// The header of a file with `data_bytes` octets of samples; lengths beyond 4 GiB are written as the largest.
pub fn header(channels: u16, sample_rate: u32, data_bytes: u64) -> [u8; HEADER] {
    let data = u32::try_from(data_bytes).unwrap_or(u32::MAX - 36);
    let frame = channels * 2;
    let mut out = [0; HEADER];
    out[0..4].copy_from_slice(b"RIFF");
    out[4..8].copy_from_slice(&data.saturating_add(36).to_le_bytes());
    out[8..16].copy_from_slice(b"WAVEfmt ");
    out[16..20].copy_from_slice(&16u32.to_le_bytes());
    out[20..22].copy_from_slice(&1u16.to_le_bytes());
    out[22..24].copy_from_slice(&channels.to_le_bytes());
    out[24..28].copy_from_slice(&sample_rate.to_le_bytes());
    out[28..32].copy_from_slice(&(sample_rate * u32::from(frame)).to_le_bytes());
    out[32..34].copy_from_slice(&frame.to_le_bytes());
    out[34..36].copy_from_slice(&16u16.to_le_bytes());
    out[36..40].copy_from_slice(b"data");
    out[40..44].copy_from_slice(&data.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fields_agree(channels in 1u16..3, rate in 8000u32..48_001, data in 0u64..1 << 31) {
            let header = header(channels, rate, data);
            let at = |index: usize| u32::from_le_bytes(header[index..index + 4].try_into().unwrap());
            prop_assert_eq!(u64::from(at(4)), data + 36);
            prop_assert_eq!(u64::from(at(40)), data);
            prop_assert_eq!(at(24), rate);
            prop_assert_eq!(at(28), rate * u32::from(channels) * 2);
        }
    }

    #[test]
    fn a_length_that_does_not_fit_is_written_as_the_largest() {
        assert_eq!(&header(1, 8000, 1 << 40)[4..8], &[0xff; 4]);
    }
}
