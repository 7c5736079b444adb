//! Pure media arithmetic for `CallAPI`: no socket, no clock, no Python. Time enters as an argument.
#![forbid(unsafe_code)]
pub mod amd;
pub mod audio_format;
mod cadence;
pub mod codec;
pub mod codecs;
pub mod convert;
pub mod demux;
pub mod dtmf_inband;
pub mod feed;
pub mod g711;
pub mod g722;
pub mod jitter;
pub mod latch;
pub mod listen;
pub mod mixer;
pub mod mos;
pub mod opus;
pub mod pcm;
pub mod plc;
pub mod reception;
pub mod recorder;
pub mod recorder_track;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod sender;
pub mod srtp;
pub mod telephone_event;
pub mod timeline;
pub mod tone;
pub mod transcode;
pub mod vad;
pub mod wav;

#[cfg(test)]
mod probe;
