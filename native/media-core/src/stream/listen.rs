//! One direction of a leg as an application hears it: packets in as they come, a frame of 20 ms out whenever asked.

use crate::codec::Decoder;
use crate::rtp::Place;
use crate::samples::audio_format::AudioFormat;
use crate::stream::transcode::Transcoder;

/// What a leg speaks.
pub struct Spoken {
    /// Of its codec.
    pub decoder: Box<dyn Decoder + Send>,
    /// Of its RTP clock, in Hz.
    pub clock_rate: u32,
    /// Of its packets.
    pub ptime_ms: u32,
}

/// The way from packets to frames.
pub struct Listener {
    format: AudioFormat,
    conceal_ms: u32,
    /// `None` until a codec was agreed on.
    transcoder: Option<Transcoder>,
    pcm: Vec<i16>,
}

impl Listener {
    /// Silent until packets come. What is missing is made up for `conceal_ms` at most.
    pub fn new(format: AudioFormat, conceal_ms: u32) -> Self {
        Self {
            format,
            conceal_ms,
            transcoder: None,
            pcm: Vec::new(),
        }
    }

    /// Octets of each frame.
    pub fn frame_octets(&self) -> usize {
        self.format.frame_octets()
    }

    /// The leg speaks this from now on.
    pub fn set_codec(&mut self, spoken: Spoken) {
        if let Some(transcoder) = &mut self.transcoder {
            return transcoder.change(spoken.decoder, spoken.clock_rate, spoken.ptime_ms);
        }
        let mut transcoder = Transcoder::new(
            spoken.decoder,
            spoken.clock_rate,
            spoken.ptime_ms,
            self.format.rate,
        );
        transcoder.set_conceal_ms(self.conceal_ms);
        self.transcoder = Some(transcoder);
    }

    /// A packet of sound.
    pub fn insert(&mut self, place: Place, payload: &[u8], now_ns: u64) {
        if let Some(transcoder) = &mut self.transcoder {
            transcoder.insert(place, payload, now_ns);
        }
    }

    /// A packet of the same source without sound.
    pub fn skip(&mut self, place: Place) {
        if let Some(transcoder) = &mut self.transcoder {
            transcoder.skip(place);
        }
    }

    /// How long what comes out next has waited, in nanoseconds; 0 if there is nothing, `None` if it is of a packet
    /// that has been taken apart already.
    pub fn wait_ns(&self, now_ns: u64) -> Option<u64> {
        let count = self.format.frame_samples();
        self.transcoder
            .as_ref()
            .map_or(Some(0), |transcoder| transcoder.wait_ns(count, now_ns))
    }

    /// How unevenly packets come.
    pub fn jitter_ms(&self) -> u32 {
        self.transcoder.as_ref().map_or(0, Transcoder::jitter_ms)
    }

    /// Appends the octets of the next 20 ms, silence if there is nothing.
    pub fn frame(&mut self, octets: &mut Vec<u8>) {
        let count = self.format.frame_samples();
        self.pcm.clear();
        if let Some(transcoder) = &mut self.transcoder {
            transcoder.fill(count, &mut self.pcm);
        }
        self.pcm.resize(count, 0);
        self.format.write(&self.pcm, octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::codecs;
    use crate::probe::{amplitude_at, tone};

    const MS: u64 = 1_000_000;

    fn place(sequence: u16, timestamp: u32) -> Place {
        Place {
            ssrc: 1,
            sequence,
            timestamp,
        }
    }

    fn listener(codec: &str, clock_rate: u32, format: (&str, u32)) -> Listener {
        let mut listener = Listener::new(AudioFormat::by_name(format.0, format.1).unwrap(), 200);
        let decoder = codecs::open(codec, "").unwrap().1;
        listener.set_codec(Spoken {
            decoder,
            clock_rate,
            ptime_ms: 20,
        });
        listener
    }

    fn frame(listener: &mut Listener) -> Vec<u8> {
        let mut octets = Vec::new();
        listener.frame(&mut octets);
        octets
    }

    #[test]
    fn frames_never_stop() {
        let format = AudioFormat::by_name("PCMU", 8000).unwrap();
        assert_eq!(frame(&mut Listener::new(format, 200)), [0xff; 160]);
        let mut listener = listener("PCMU", 8000, ("PCMU", 8000));
        assert_eq!(frame(&mut listener), [0xff; 160]);
        for number in 0..50u16 {
            if number % 10 != 3 {
                let at = u32::from(number) * 160;
                listener.insert(place(number, at), &[0x55; 160], u64::from(number) * 20 * MS);
            }
            assert_eq!(frame(&mut listener).len(), 160);
        }
        let silent = (0..50).filter(|_| frame(&mut listener) == [0xff; 160]);
        assert!(silent.count() >= 38);
    }

    #[test]
    fn what_waits_knows_how_long() {
        let mut listener = listener("PCMU", 8000, ("PCMU", 8000));
        assert_eq!(listener.wait_ns(5 * MS), Some(0));
        listener.insert(place(1, 160), &[0x55; 160], 10 * MS);
        assert_eq!(listener.wait_ns(17 * MS), Some(7 * MS));
        listener.insert(place(2, 320), &[0x55; 160], 30 * MS);
        assert_eq!(listener.wait_ns(37 * MS), Some(27 * MS));
        frame(&mut listener);
        assert_eq!(listener.wait_ns(37 * MS), Some(7 * MS));
        assert_eq!(listener.jitter_ms(), 0);
    }

    #[test]
    fn codes_of_the_same_law_come_out_as_they_went_in() {
        let mut listener = listener("PCMU", 8000, ("PCMU", 8000));
        for number in 0..10u16 {
            // Every code but the negative zero, which is the positive one after decoding.
            let payload: Vec<u8> = (0..160u8)
                .map(|code| code.wrapping_add(number as u8) | 0x80)
                .collect();
            listener.insert(
                place(number, u32::from(number) * 160),
                &payload,
                u64::from(number) * 20 * MS,
            );
            assert_eq!(frame(&mut listener), payload);
        }
    }

    #[test]
    fn a_wideband_leg_is_heard_beyond_4_khz() {
        for (codec, rate, clock_rate) in [("G722", 16_000u32, 8000u32), ("opus", 48_000, 48_000)] {
            for wanted in [16_000u32, 24_000, 48_000] {
                let mut listener = listener(codec, clock_rate, ("L16", wanted));
                let mut encoder = codecs::open(codec, "").unwrap().0;
                let sound = tone(6000.0, rate, rate as usize, 10_000.0);
                let mut pcm = Vec::new();
                for (number, part) in sound.chunks_exact(rate as usize / 50).enumerate() {
                    let mut payload = Vec::new();
                    encoder.encode(part, &mut payload);
                    let timestamp = number as u32 * clock_rate / 50;
                    listener.insert(
                        place(number as u16, timestamp),
                        &payload,
                        number as u64 * 20 * MS,
                    );
                    let octets = frame(&mut listener);
                    pcm.extend(
                        octets
                            .chunks_exact(2)
                            .map(|pair| i16::from_le_bytes([pair[0], pair[1]])),
                    );
                }
                let level = amplitude_at(6000.0, wanted, &pcm[pcm.len() / 2..]);
                assert!(level > 5000.0, "{codec} at {wanted} Hz: {level}");
            }
        }
    }
}
