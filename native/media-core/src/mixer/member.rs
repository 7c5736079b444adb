//! One member of a mixer: how loud it is, whether it speaks, and its sound at the rates that are heard.

use super::rates::{RATES, Rate};
use super::{FRAME_MS, Role};
use crate::samples::convert::Converter;
use crate::samples::vad::Detector;

/// Mean magnitude from which a frame is sound (-58 dB of full scale): beyond the noise that coding leaves of silence.
const SOUND: u32 = 40;
/// Frames for which a member stays in the sum after its last sound, so that ends of words are whole.
const HANGOVER: u32 = 50;
/// Milliseconds of silence after which a member has ceased to speak.
const CEASED_MS: u64 = 800;
/// Who is heard already counts for half as much more, so that two voices of one level do not take turns.
const STAYS: u32 = 3;
const STAYS_OF: u32 = 2;

/// What happens to a member's sound in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    /// It is left out.
    Out,
    /// It is heard.
    In,
    /// It is heard again, after louder ones had been heard in its place.
    FadingIn,
    /// Louder ones take its place.
    FadingOut,
}

pub(super) struct Member {
    pub(super) rate: Rate,
    pub(super) role: Role,
    /// This frame, at the member's rate; empty: nothing was given.
    said: Vec<i16>,
    /// It was given since the last frame was mixed.
    is_fresh: bool,
    /// The same at the other rates.
    converted: [Vec<i16>; RATES],
    converters: [Option<Converter>; RATES],
    /// Mean magnitude of this frame, and its slowly falling maximum.
    level: u32,
    loudness: u32,
    quiet_frames: u32,
    passage: Passage,
    /// It was pushed out by louder ones, and has not been silent since.
    is_displaced: bool,
    detector: Detector,
    is_speaking: bool,
}

impl Member {
    pub(super) fn new(rate: Rate, role: Role) -> Self {
        Self {
            rate,
            role,
            said: Vec::new(),
            is_fresh: false,
            converted: Default::default(),
            converters: Default::default(),
            level: 0,
            loudness: 0,
            quiet_frames: HANGOVER,
            passage: Passage::Out,
            is_displaced: false,
            detector: Detector::new(rate.hertz()),
            is_speaking: false,
        }
    }

    pub(super) fn set_rate(&mut self, rate: Rate) {
        if rate != self.rate {
            self.rate = rate;
            self.said.clear();
            self.converters = Default::default();
            self.detector = Detector::new(rate.hertz());
        }
    }

    pub(super) fn input(&mut self, pcm: &[i16]) {
        self.said.clear();
        self.said.extend_from_slice(pcm);
        self.said.resize(self.rate.frame(), 0);
        self.is_fresh = true;
    }

    /// A frame begins: measures what was given for it.
    pub(super) fn begin_frame(&mut self) {
        if !std::mem::take(&mut self.is_fresh) || !self.role.speaks {
            self.said.clear();
        }
        self.level = mean_magnitude(&self.said);
        self.loudness = self.level.max(self.loudness - self.loudness / 16);
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.is_speaking
    }

    /// Whether it would be heard if only few spoke.
    pub(super) fn wants_in(&self) -> bool {
        !self.said.is_empty() && (self.quiet_frames < HANGOVER || self.level >= SOUND)
    }

    /// Its place among those who want to be heard.
    pub(super) fn weight(&self) -> u32 {
        match self.passage {
            Passage::In | Passage::FadingIn => self.loudness * STAYS / STAYS_OF,
            Passage::Out | Passage::FadingOut => self.loudness,
        }
    }

    /// Decides whether the frame is heard; `is_loudest`: it is among those that may be.
    pub(super) fn decide(&mut self, is_loudest: bool) {
        let wants_in = self.wants_in();
        self.quiet_frames = if self.level >= SOUND {
            0
        } else {
            self.quiet_frames.saturating_add(1)
        };
        let was_in = matches!(self.passage, Passage::In | Passage::FadingIn);
        let is_in = !self.said.is_empty() && (self.role.is_announcement || wants_in && is_loudest);
        self.passage = match (was_in, is_in) {
            (false, true) if self.is_displaced => Passage::FadingIn,
            (_, true) => Passage::In,
            (true, false) if wants_in => Passage::FadingOut,
            (_, false) => Passage::Out,
        };
        self.is_displaced = wants_in && !is_in;
    }

    /// Brings the sound to the rates that are wanted.
    pub(super) fn convert(&mut self, is_wanted: [bool; RATES]) {
        if !self.is_heard() {
            return;
        }
        let frame = self.said.len() as i32;
        for (at, sample) in self.said.iter_mut().enumerate() {
            let at = at as i32;
            let part = match self.passage {
                Passage::FadingIn => at,
                Passage::FadingOut => frame - at,
                Passage::In | Passage::Out => break,
            };
            *sample = (i32::from(*sample) * part / frame) as i16;
        }
        for rate in Rate::ALL {
            if rate == self.rate || !is_wanted[rate as usize] {
                continue;
            }
            let (from, to) = (self.rate.hertz(), rate.hertz());
            let converter = &mut self.converters[rate as usize];
            if converter.is_none() {
                *converter = Converter::new(from, to);
            }
            let converted = &mut self.converted[rate as usize];
            converted.clear();
            if let Some(converter) = converter {
                converter.convert(&self.said, converted);
            }
            converted.resize(rate.frame(), 0);
        }
    }

    /// Whether it is heard in this frame.
    pub(super) fn is_heard(&self) -> bool {
        self.passage != Passage::Out
    }

    /// Whether it is part of the sum.
    pub(super) fn is_in_sum(&self) -> bool {
        self.is_heard() && self.role.coaches.is_none()
    }

    /// Its frame at a rate that was wanted, if it is part of the sum.
    pub(super) fn in_sum(&self, rate: Rate) -> Option<&[i16]> {
        self.is_in_sum().then(|| self.said(rate))
    }

    /// Its frame at a rate that was wanted.
    pub(super) fn said(&self, rate: Rate) -> &[i16] {
        if rate == self.rate {
            &self.said
        } else {
            &self.converted[rate as usize]
        }
    }

    /// Detects speech; returns a change. What was said stays readable until the next [`input`](Self::input).
    pub(super) fn end_frame(&mut self) -> Option<bool> {
        if self.role.is_announcement {
            return None;
        }
        if self.said.is_empty() {
            self.detector.hear_nothing(FRAME_MS, |_| {});
        } else {
            self.detector.hear(&self.said, |_| {});
        }
        let speaks = self.detector.is_speaking()
            || self.is_speaking && self.detector.silence_ms() < CEASED_MS;
        let has_changed = speaks != self.is_speaking;
        self.is_speaking = speaks;
        has_changed.then_some(speaks)
    }
}

fn mean_magnitude(pcm: &[i16]) -> u32 {
    if pcm.is_empty() {
        return 0;
    }
    let sum: u32 = pcm
        .iter()
        .map(|sample| u32::from(sample.unsigned_abs()))
        .sum();
    sum / pcm.len() as u32
}
