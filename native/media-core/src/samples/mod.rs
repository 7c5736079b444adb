//! Arithmetic on samples, whatever codec they come from: formats of applications, rates, voice activity, WAV.

pub mod audio_format;
pub mod convert;
pub mod resample;
pub mod vad;
pub mod wav;
