//! Pure media arithmetic for `CallAPI`: no socket, no clock, no Python. Time enters as an argument.
#![forbid(unsafe_code)]
pub mod amd;
pub mod codec;
pub mod dtmf;
pub mod mixer;
pub mod recorder;
pub mod rtp;
pub mod samples;
pub mod srtp;
pub mod stream;
pub mod tone;

#[cfg(test)]
mod probe;
