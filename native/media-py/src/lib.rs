//! The Python module `callapi.media._native`: sockets, packet threads, pacing.
//!
//! Commands go down as [`command::Command`]s into the inbox of a packet thread ([`packet_thread::PacketThread`]); events come up
//! through [`events::EventSink`], whose eventfd Python's loop watches. No packet meets Python, its lock, or any
//! other lock. There is no unsafe code here: system calls are rustix's.
#![deny(unsafe_code)]
use pyo3::prelude::*;

mod amd_handle;
mod audio;
mod audio_handles;
mod certificate;
mod clock;
mod command;
mod context;
mod control;
mod counters;
mod dispatch;
mod dtls_leg;
mod events;
mod feeding;
mod format;
mod handles;
mod handshake;
mod handshakes;
mod ice;
mod inband_dtmf;
mod keying;
mod link;
mod listening;
mod mailbox;
mod members;
mod net;
mod packet_thread;
#[cfg(test)]
mod packet_thread_tests;
mod plane;
mod playout;
mod ports;
mod recording;
mod room;
mod room_dispatch;
mod room_handle;
mod rooms;
mod security;
mod sending;
mod shared;
mod shared_port;
mod sounds;
mod taps;
mod video;
mod watch;
mod wheel;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<amd_handle::MachineDetector>()?;
    module.add_class::<audio_handles::Feeding>()?;
    module.add_class::<audio_handles::Listening>()?;
    module.add_class::<events::Event>()?;
    module.add_class::<handles::PlaneStatistics>()?;
    module.add_class::<handles::Prompt>()?;
    module.add_class::<handles::Stream>()?;
    module.add_class::<handles::StreamStatistics>()?;
    module.add_class::<room_handle::Room>()?;
    module.add_class::<plane::Plane>()?;
    module.add_function(wrap_pyfunction!(certificate::generate_certificate, module)?)?;
    module.add_function(wrap_pyfunction!(
        certificate::certificate_fingerprint,
        module
    )?)
}
