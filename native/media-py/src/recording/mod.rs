//! Recording: what a leg hears and says, into a file, without the packet thread ever waiting for a disk.
//!
//! The packet thread copies each packet into a ring ([`tap`]); one thread reads each ring five times a second,
//! decodes, aligns and writes ([`writer`]); another one completes files ([`finish`]), since an fsync may take
//! its time. A disk that stands still for longer than a ring lasts costs the recordings their sound, and the
//! calls nothing.

mod entry;
mod finish;
mod orders;
mod tap;
mod writer;

pub(crate) use orders::ToWriter;
pub(crate) use tap::{Cause, Direction, NewRecording, Source, Tap, TapOptions};
pub(crate) use writer::Writers;
