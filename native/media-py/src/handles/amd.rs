//! The class `MachineDetector` of the Python module: who has answered a call.

use std::sync::{Mutex, PoisonError};

use media_core::amd::{AnsweredBy, MachineDetector as Detector, Options};
use media_core::samples::audio_format::{AudioFormat, Encoding};
use pyo3::prelude::*;

/// Audio goes in as `L16` at 8000 samples a second.
const FORMAT: AudioFormat = AudioFormat {
    encoding: Encoding::L16,
    rate: media_core::amd::RATE,
};

/// `callapi.media.answering.detector.MachineDetection`.
#[derive(Debug, Clone, Copy, FromPyObject)]
pub(crate) struct MachineDetection {
    until_message_end: bool,
    timeout_ms: u64,
    speech_threshold_ms: u64,
    speech_end_threshold_ms: u64,
    silence_timeout_ms: u64,
}

/// Listens to the called party from the answer on.
#[pyclass(frozen, module = "callapi.media._native")]
pub(crate) struct MachineDetector {
    detector: Mutex<Detector>,
}

#[pymethods]
impl MachineDetector {
    #[new]
    fn new(options: MachineDetection) -> Self {
        let detector = Detector::new(Options {
            until_message_end: options.until_message_end,
            timeout_ms: options.timeout_ms,
            speech_threshold_ms: options.speech_threshold_ms,
            speech_end_threshold_ms: options.speech_end_threshold_ms,
            silence_timeout_ms: options.silence_timeout_ms,
        });
        Self {
            detector: Mutex::new(detector),
        }
    }

    /// Takes whole samples of `L16` at 8000 Hz; the verdict, in Twilio's words, once there is one.
    fn hear(&self, octets: &[u8]) -> Option<&'static str> {
        let mut pcm = Vec::with_capacity(octets.len() / 2);
        FORMAT.read(octets, &mut pcm);
        self.lock().hear(&pcm).map(|verdict| match verdict {
            AnsweredBy::Human => "human",
            AnsweredBy::MachineStart => "machine_start",
            AnsweredBy::MachineEndBeep => "machine_end_beep",
            AnsweredBy::MachineEndSilence => "machine_end_silence",
            AnsweredBy::MachineEndOther => "machine_end_other",
            AnsweredBy::Fax => "fax",
            AnsweredBy::Unknown => "unknown",
        })
    }

    /// Milliseconds that were heard.
    #[getter]
    fn elapsed_ms(&self) -> u64 {
        self.lock().elapsed_ms()
    }
}

impl MachineDetector {
    fn lock(&self) -> std::sync::MutexGuard<'_, Detector> {
        self.detector.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
