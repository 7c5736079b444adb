//! Whether a party speaks: energy against a floor that follows the line's own noise.
//!
//! Made for what a markup call needs, not for transcription: when speech begins (barge-in), when it has ended
//! (Gather), and for how long there has been silence (Record). Frames of 10 ms; a beginning needs 60 ms of
//! sound and is dated back to where it began, an end needs 200 ms without. Digits and music count as sound.

const FRAME_MS: u32 = 10;
/// Sound is at least 9 dB louder than the floor, and 6 dB to go on.
const TO_BEGIN: f32 = 8.0;
const TO_GO_ON: f32 = 4.0;
/// Mean squares: quieter than -60 dBm0 is silence on any line; a floor is not above -32 dBm0.
const QUIETEST: f32 = 400.0;
const LOUDEST_FLOOR: f32 = 250_000.0;
/// The floor falls at once to what is quieter, and rises by 1.5 dB a second.
const FLOOR_RISE: f32 = 1.003_46;
const FRAMES_TO_BEGIN: u32 = 6;
const FRAMES_TO_END: u32 = 20;

/// What happened; instants are milliseconds since the first sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The party began to speak then.
    Began { at_ms: u64 },
    /// The last sound was heard then.
    Ended { at_ms: u64 },
}

/// Listens to one direction of a stream.
#[derive(Debug, Clone)]
pub struct Detector {
    frame: usize,
    filled: usize,
    power: u64,
    floor: f32,
    is_speaking: bool,
    /// Frames in a row that speak for a change.
    evidence: u32,
    frames: u64,
    last_sound: u64,
}

impl Detector {
    pub fn new(sample_rate: u32) -> Self {
        Self {
            frame: (sample_rate / 1_000 * FRAME_MS) as usize,
            filled: 0,
            power: 0,
            floor: LOUDEST_FLOOR,
            is_speaking: false,
            evidence: 0,
            frames: 0,
            last_sound: 0,
        }
    }

    /// Listens to `pcm` and reports what changed, in order.
    pub fn hear(&mut self, pcm: &[i16], mut report: impl FnMut(Change)) {
        let mut left = pcm;
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(self.frame - self.filled));
            left = later;
            // Whole numbers: their order does not matter, so the compiler takes several at once.
            let squares = now.iter().map(|&each| i32::from(each) * i32::from(each));
            self.power += squares.map(|each| each as u64).sum::<u64>();
            self.filled += now.len();
            if self.filled == self.frame {
                let power = std::mem::take(&mut self.power) as f32 / self.frame as f32;
                self.filled = 0;
                if let Some(change) = self.judge(power) {
                    report(change);
                }
            }
        }
    }

    /// So much time has passed in which no packet came: silence.
    pub fn hear_nothing(&mut self, duration_ms: u32, mut report: impl FnMut(Change)) {
        for _ in 0..duration_ms / FRAME_MS {
            if let Some(change) = self.judge(0.0) {
                report(change);
            }
        }
    }

    pub fn is_speaking(&self) -> bool {
        self.is_speaking
    }

    /// When the last sound was heard, in milliseconds since the first sample; it may be a pause within speech since.
    pub fn last_sound_ms(&self) -> u64 {
        self.last_sound * u64::from(FRAME_MS)
    }

    /// Milliseconds since the last sound, or since the beginning if there was none.
    pub fn silence_ms(&self) -> u64 {
        if self.is_speaking {
            return 0;
        }
        (self.frames - self.last_sound) * u64::from(FRAME_MS)
    }

    fn judge(&mut self, power: f32) -> Option<Change> {
        self.frames += 1;
        // A frame of digital silence says nothing about the noise of the line.
        if power > 0.0 {
            self.floor = power
                .max(QUIETEST)
                .min(self.floor * FLOOR_RISE)
                .min(LOUDEST_FLOOR);
        }
        let factor = if self.is_speaking { TO_GO_ON } else { TO_BEGIN };
        let is_sound = power > factor * self.floor;
        if is_sound && self.is_speaking {
            self.last_sound = self.frames;
        }
        self.evidence = if is_sound == self.is_speaking {
            0
        } else {
            self.evidence + 1
        };
        match self.is_speaking {
            false if self.evidence >= FRAMES_TO_BEGIN => {
                let begun = self.frames - u64::from(self.evidence);
                self.turn(true);
                self.last_sound = self.frames;
                Some(Change::Began {
                    at_ms: begun * u64::from(FRAME_MS),
                })
            }
            true if self.evidence >= FRAMES_TO_END => {
                self.turn(false);
                Some(Change::Ended {
                    at_ms: self.last_sound * u64::from(FRAME_MS),
                })
            }
            _ => None,
        }
    }

    fn turn(&mut self, is_speaking: bool) {
        self.is_speaking = is_speaking;
        self.evidence = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::{noise, speech, tone};

    const RATE: u32 = 8_000;

    fn changes(detector: &mut Detector, pcm: &[i16]) -> Vec<Change> {
        let mut all = Vec::new();
        for packet in pcm.chunks(160) {
            detector.hear(packet, |change| all.push(change));
        }
        all
    }

    fn over_noise(parts: &[(&[i16], f64)]) -> Vec<i16> {
        let mut pcm = Vec::new();
        for (seed, (sound, hiss)) in parts.iter().enumerate() {
            let under = noise(seed as u32, sound.len(), *hiss);
            pcm.extend(
                sound
                    .iter()
                    .zip(&under)
                    .map(|(one, other)| one.saturating_add(*other)),
            );
        }
        pcm
    }

    fn near(at_ms: u64, wanted_ms: u64) -> bool {
        at_ms.abs_diff(wanted_ms) <= 40
    }

    #[test]
    fn a_sound_begins_and_ends_when_it_does() {
        for hiss in [0.0, 30.0, 300.0] {
            let pause = vec![0; 8_000];
            let word = tone(300.0, RATE, 8_000, 5_000.0);
            let pcm = over_noise(&[(&pause, hiss), (&word, hiss), (&pause, hiss)]);
            let mut detector = Detector::new(RATE);
            let all = changes(&mut detector, &pcm);
            assert!(
                matches!(all[..], [Change::Began { at_ms: begun }, Change::Ended { at_ms: ended }]
                    if near(begun, 1_000) && near(ended, 2_000)),
                "hiss {hiss}: {all:?}"
            );
            assert!(near(detector.silence_ms(), 1_000));
        }
    }

    #[test]
    fn a_speaker_is_heard_from_the_first_word() {
        for seed in 0..10 {
            let mut detector = Detector::new(RATE);
            let pcm = over_noise(&[(&[0; 4_000], 20.0), (&speech(seed, RATE, 40_000), 20.0)]);
            let all = changes(&mut detector, &pcm);
            let begun = all
                .iter()
                .filter(|each| matches!(each, Change::Began { .. }))
                .count();
            assert!((1..=8).contains(&begun), "voice {seed}: {all:?}");
        }
    }

    #[test]
    fn a_click_is_no_speech() {
        let click = tone(500.0, RATE, 320, 12_000.0);
        let pcm = over_noise(&[(&[0; 8_000], 50.0), (&click, 50.0), (&[0; 8_000], 50.0)]);
        assert!(changes(&mut Detector::new(RATE), &pcm).is_empty());
    }

    #[test]
    fn steady_noise_is_silence_even_when_it_grows() {
        let mut pcm = noise(1, 80_000, 100.0);
        pcm.extend(noise(2, 80_000, 160.0));
        let mut detector = Detector::new(RATE);
        assert!(changes(&mut detector, &pcm).is_empty());
        assert_eq!(detector.silence_ms(), 20_000);
    }

    #[test]
    fn a_line_that_was_never_quiet_hears_a_voice_all_the_same() {
        let word = tone(250.0, RATE, 8_000, 6_000.0);
        let all = changes(&mut Detector::new(RATE), &word);
        assert_eq!(all, [Change::Began { at_ms: 0 }]);
    }

    #[test]
    fn missing_packets_are_silence() {
        let mut detector = Detector::new(16_000);
        detector.hear(&tone(300.0, 16_000, 16_000, 5_000.0), |_| {});
        assert!(detector.is_speaking());
        let mut all = Vec::new();
        detector.hear_nothing(500, |change| all.push(change));
        assert_eq!(all, [Change::Ended { at_ms: 1_000 }]);
        assert_eq!(detector.silence_ms(), 500);
    }

    proptest! {
        #[test]
        fn beginnings_and_ends_alternate_and_time_goes_on(pieces: Vec<(u8, u16)>) {
            let mut detector = Detector::new(RATE);
            let mut all = Vec::new();
            for (length, amplitude) in pieces {
                let amplitude = f64::from(amplitude / 2);
                let pcm = noise(u32::from(length), usize::from(length) * 40, amplitude);
                detector.hear(&pcm, |change| all.push(change));
            }
            for pair in all.windows(2) {
                let in_order = match pair {
                    [Change::Began { at_ms: one }, Change::Ended { at_ms: other }] => one < other,
                    [Change::Ended { at_ms: one }, Change::Began { at_ms: other }] => one <= other,
                    _ => false,
                };
                prop_assert!(in_order, "{:?}", all);
            }
        }
    }
}
