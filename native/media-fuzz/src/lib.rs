//! What must hold of anything that a stranger sends to a media port. Each function recorders octets, as a fuzzer makes
//! them, and panics where something else came of them. `cargo test` runs them over `fuzz/corpus/packets` and
//! its mutations; `make fuzz` lets cargo-fuzz look for what those miss.

// A panic is how a target reports.
#![allow(clippy::missing_panics_doc)]

mod framed;
mod machines;
mod packets;
mod protection;
pub mod seeds;
mod sound;

pub use framed::{Datagram, datagrams, framed};
pub use machines::{jitter, telephone_event};
pub use packets::{rtcp, rtp, stream};
pub use protection::srtp;
pub use sound::{codecs, recorder};

/// A target and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them, as `fuzz/fuzz_targets` names them.
pub const TARGETS: [Target; 8] = [
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("srtp", srtp),
    ("stream", stream),
    ("jitter", jitter),
    ("telephone_event", telephone_event),
    ("codecs", codecs),
    ("recorder", recorder),
];
