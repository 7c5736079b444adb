//! The Python module `callapi.media._native`: sockets, packet threads, pacing.
//!
//! Commands go down as [`thread::command::Command`]s into the inbox of a packet thread
//! ([`thread::packet_thread::PacketThread`]); events come up
//! through [`thread::events::EventSink`], whose eventfd Python's loop watches. No packet meets Python, its lock, or any
//! other lock. System calls are rustix's; the one line of unsafe code
//! asks the processor for a cache line ([`thread::prefetch`]).
#![deny(unsafe_code)]
use pyo3::prelude::*;

mod conference;
mod handles;
mod net;
mod recording;
mod secure;
mod stream;
mod thread;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<handles::amd::MachineDetector>()?;
    module.add_class::<handles::audio::Feeding>()?;
    module.add_class::<handles::audio::Listening>()?;
    module.add_class::<thread::events::Event>()?;
    module.add_class::<handles::stream::PlaneStatistics>()?;
    module.add_class::<handles::stream::Prompt>()?;
    module.add_class::<handles::stream::Stream>()?;
    module.add_class::<handles::stream::StreamStatistics>()?;
    module.add_class::<handles::room::Room>()?;
    module.add_class::<handles::plane::Plane>()?;
    module.add_function(wrap_pyfunction!(
        handles::certificate::generate_certificate,
        module
    )?)?;
    module.add_function(wrap_pyfunction!(
        handles::certificate::certificate_fingerprint,
        module
    )?)
}
