//! Pure media arithmetic for `CallAPI`: no socket, no clock, no Python. Time enters as an argument.
#![forbid(unsafe_code)]
pub mod codec;
pub mod g711;
pub mod plc;
