//! Protected legs: SRTP keys and where they come from, DTLS handshakes on a thread of their own, the ICE agent.

pub(crate) mod dtls_leg;
pub(crate) mod handshake;
pub(crate) mod handshakes;
pub(crate) mod ice;
pub(crate) mod keying;
pub(crate) mod security;
