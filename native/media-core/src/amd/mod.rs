//! Who has answered a call: a person, a machine, a fax. Listens to the called party from the answer on.
//!
//! People say a word or two and wait; machines speak on. So speech that goes on for `speech_threshold_ms` is a machine,
//! and `speech_end_threshold_ms` of silence after less is a person. What counts is sound: the gaps between words and
//! sentences do not. A beep is a machine's, whatever was said before it.
//! Times and names are those of Twilio's `MachineDetection…` parameters.

mod beep;

pub use beep::{BeepDetector, RATE, Signal};

use crate::samples::vad::{Change, Detector};

const FRAME_MS: u64 = 20;
/// The detector of speech judges 10 ms at a time.
const HALF_MS: u64 = FRAME_MS / 2;
const FRAME: usize = (RATE as u64 * FRAME_MS / 1000) as usize;
/// Sound that is shorter than this is a click, and not a greeting.
const LEAST_SPEECH_MS: u64 = 120;

/// What to look for, and for how long. All times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Wait until a machine has finished its greeting.
    pub until_message_end: bool,
    /// When to give up.
    pub timeout_ms: u64,
    /// Speech that is longer is a machine's.
    pub speech_threshold_ms: u64,
    /// Silence after which what was said is complete.
    pub speech_end_threshold_ms: u64,
    /// Silence from the answer on after which the result is unknown.
    pub silence_timeout_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            until_message_end: false,
            timeout_ms: 30_000,
            speech_threshold_ms: 2400,
            speech_end_threshold_ms: 1200,
            silence_timeout_ms: 5000,
        }
    }
}

/// Who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    Human,
    /// A machine, which speaks still.
    MachineStart,
    /// A machine, after its beep.
    MachineEndBeep,
    /// A machine that has fallen silent.
    MachineEndSilence,
    /// A machine that did not come to an end in time.
    MachineEndOther,
    Fax,
    Unknown,
}

/// How much was said of the present greeting.
#[derive(Debug, Clone, Copy, Default)]
struct Greeting {
    /// Sound alone, in milliseconds: gaps between words do not count, however short.
    spoken_ms: u64,
    has_begun: bool,
}

/// The machine; fed from the answer on.
pub struct MachineDetector {
    options: Options,
    speech: Detector,
    beep: BeepDetector,
    /// Samples of an incomplete frame.
    rest: Vec<i16>,
    elapsed_ms: u64,
    greeting: Greeting,
    is_machine: bool,
    verdict: Option<AnsweredBy>,
}

impl MachineDetector {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            speech: Detector::new(RATE),
            beep: BeepDetector::default(),
            rest: Vec::new(),
            elapsed_ms: 0,
            greeting: Greeting::default(),
            is_machine: false,
            verdict: None,
        }
    }

    /// Takes what the party says, at [`RATE`], in pieces of any length. Once there is a verdict it stays.
    pub fn hear(&mut self, pcm: &[i16]) -> Option<AnsweredBy> {
        self.rest.extend_from_slice(pcm);
        let whole = self.rest.len() / FRAME * FRAME;
        let frames = std::mem::take(&mut self.rest);
        for frame in frames[..whole].chunks_exact(FRAME) {
            if self.verdict.is_none() {
                self.verdict = self.judge(frame);
            }
        }
        self.rest.extend_from_slice(&frames[whole..]);
        self.verdict
    }

    /// What was heard so far, in milliseconds.
    pub fn elapsed_ms(&self) -> u64 {
        self.elapsed_ms
    }

    fn judge(&mut self, frame: &[i16]) -> Option<AnsweredBy> {
        self.elapsed_ms += FRAME_MS;
        let mut signal = None;
        self.beep.hear(frame, |heard| signal = Some(heard));
        match signal {
            Some(Signal::Fax) => return Some(AnsweredBy::Fax),
            Some(Signal::Beep) if self.options.until_message_end => {
                return Some(AnsweredBy::MachineEndBeep);
            }
            Some(Signal::Beep) => return Some(AnsweredBy::MachineStart),
            None => {}
        }
        for (half, at_ms) in frame.chunks_exact(FRAME / 2).zip([HALF_MS, FRAME_MS]) {
            self.listen(half, self.elapsed_ms - FRAME_MS + at_ms);
        }
        self.judge_speech().or_else(|| self.judge_time())
    }

    /// Counts the sound in a frame of the detector of speech, which ends at `now_ms`.
    fn listen(&mut self, half: &[i16], now_ms: u64) {
        let mut begun_ms = None;
        self.speech.hear(half, |change| {
            if let Change::Began { at_ms } = change {
                begun_ms = Some(at_ms);
            }
        });
        if let Some(at_ms) = begun_ms {
            self.greeting.has_begun = true;
            self.greeting.spoken_ms += now_ms - at_ms;
        } else if self.speech.last_sound_ms() == now_ms {
            self.greeting.spoken_ms += HALF_MS;
        }
    }

    fn judge_speech(&mut self) -> Option<AnsweredBy> {
        if !self.greeting.has_begun {
            return None;
        }
        let silence_ms = self.elapsed_ms.saturating_sub(self.speech.last_sound_ms());
        let spoken_ms = self.greeting.spoken_ms;
        if spoken_ms >= self.options.speech_threshold_ms && !self.is_machine {
            self.is_machine = true;
            if !self.options.until_message_end {
                return Some(AnsweredBy::MachineStart);
            }
        }
        if silence_ms < self.options.speech_end_threshold_ms {
            return None;
        }
        if self.is_machine {
            return Some(AnsweredBy::MachineEndSilence);
        }
        if spoken_ms < LEAST_SPEECH_MS {
            self.greeting = Greeting::default();
            return None;
        }
        Some(AnsweredBy::Human)
    }

    fn judge_time(&self) -> Option<AnsweredBy> {
        let is_silent = !self.greeting.has_begun;
        if is_silent && self.elapsed_ms >= self.options.silence_timeout_ms {
            return Some(AnsweredBy::Unknown);
        }
        if self.elapsed_ms < self.options.timeout_ms {
            return None;
        }
        Some(if self.is_machine {
            AnsweredBy::MachineEndOther
        } else {
            AnsweredBy::Unknown
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{noise, speech, tone};

    /// The sound of a line: pieces of speech (true) or silence, in ms; then the verdict, and when.
    fn judged(options: Options, pieces: &[(bool, usize)]) -> (Option<AnsweredBy>, u64) {
        let mut pcm = Vec::new();
        for (speaks, ms) in pieces {
            let samples = ms * 8;
            let hiss = noise(9, samples, 10.0);
            if *speaks {
                // Seeds differ in their pauses; this one begins at once.
                pcm.extend(
                    tone(180.0, RATE, samples, 3000.0)
                        .iter()
                        .zip(tone(950.0, RATE, samples, 2000.0))
                        .zip(tone(2700.0, RATE, samples, 1500.0))
                        .map(|((a, b), c)| a + b + c),
                );
            } else {
                pcm.extend(hiss);
            }
        }
        let mut detector = MachineDetector::new(options);
        let verdict = detector.hear(&pcm);
        (verdict, detector.elapsed_ms())
    }

    fn until_end() -> Options {
        Options {
            until_message_end: true,
            ..Options::default()
        }
    }

    #[test]
    fn a_word_and_silence_is_a_person() {
        let (verdict, at) = judged(
            Options::default(),
            &[(false, 700), (true, 800), (false, 3000)],
        );
        assert_eq!(verdict, Some(AnsweredBy::Human));
        assert!(at <= 10_000);
        let (verdict, _) = judged(until_end(), &[(false, 700), (true, 800), (false, 3000)]);
        assert_eq!(verdict, Some(AnsweredBy::Human));
    }

    #[test]
    fn long_speech_is_a_machine_with_pauses_or_without() {
        for pieces in [
            &[(false, 500), (true, 4000)][..],
            &[(false, 500), (true, 1000), (false, 600), (true, 2000)],
        ] {
            assert_eq!(
                judged(Options::default(), pieces).0,
                Some(AnsweredBy::MachineStart)
            );
        }
    }

    #[test]
    fn pauses_do_not_count_as_speech() {
        let slow = [
            (false, 500),
            (true, 1100),
            (false, 400),
            (true, 1100),
            (false, 2000),
        ];
        assert_eq!(
            judged(Options::default(), &slow).0,
            Some(AnsweredBy::Human),
            "2.2 s of speech in 2.6 s"
        );
        let just_under = [(false, 500), (true, 2300), (false, 2000)];
        assert_eq!(
            judged(Options::default(), &just_under).0,
            Some(AnsweredBy::Human),
            "the detector's own patience does not count"
        );
        let mut words = vec![(false, 500)];
        words.extend([(true, 250), (false, 100)].repeat(9));
        words.push((false, 2000));
        assert_eq!(
            judged(Options::default(), &words).0,
            Some(AnsweredBy::Human),
            "2.25 s of sound in 3 s"
        );
    }

    #[test]
    fn the_end_of_a_message_is_silence_or_a_beep_or_the_timeout() {
        let message = [(false, 500), (true, 5000), (false, 2000)];
        assert_eq!(
            judged(until_end(), &message).0,
            Some(AnsweredBy::MachineEndSilence)
        );
        let options = Options {
            timeout_ms: 4000,
            ..until_end()
        };
        assert_eq!(
            judged(options, &[(true, 6000)]).0,
            Some(AnsweredBy::MachineEndOther)
        );
        let mut detector = MachineDetector::new(until_end());
        assert_eq!(detector.hear(&speech(2, RATE, 8 * 4000)), None);
        assert_eq!(
            detector.hear(&tone(1400.0, RATE, 8 * 300, 6000.0)),
            Some(AnsweredBy::MachineEndBeep)
        );
    }

    #[test]
    fn silence_and_clicks_are_unknown() {
        let (verdict, _) = judged(Options::default(), &[(false, 8000)]);
        assert_eq!(verdict, Some(AnsweredBy::Unknown));
        let (verdict, _) = judged(
            Options::default(),
            &[(false, 1000), (true, 30), (false, 6000)],
        );
        assert_eq!(verdict, Some(AnsweredBy::Unknown));
    }

    #[test]
    fn a_fax_is_a_fax() {
        let mut detector = MachineDetector::new(Options::default());
        assert_eq!(
            detector.hear(&tone(2100.0, RATE, 8 * 1500, 6000.0)),
            Some(AnsweredBy::Fax)
        );
    }

    #[test]
    fn pieces_of_any_length_are_the_same() {
        let mut pcm = noise(1, 4000, 10.0);
        pcm.extend(speech(2, RATE, 8 * 5000));
        let mut whole = MachineDetector::new(Options::default());
        let verdict = whole.hear(&pcm);
        let mut pieces = MachineDetector::new(Options::default());
        let mut last = None;
        for piece in pcm.chunks(37) {
            last = pieces.hear(piece);
        }
        assert_eq!(last, verdict);
        assert!(verdict.is_some());
    }
}
