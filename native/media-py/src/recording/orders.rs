//! What the writer is asked for, and the name of a file that is not complete yet.

use std::path::{Path, PathBuf};

use media_core::recorder::Options;
use rtrb::Consumer;

/// A command to the writer.
pub(crate) enum ToWriter {
    /// A recording begins.
    Start(Box<Started>),
    /// This recording has ended: do not wait for its next turn.
    Look(u64),
    /// No more will begin: complete what there is and end.
    Close,
}

/// A recording that begins.
pub(crate) struct Started {
    pub(super) stream: u64,
    pub(super) recording: u64,
    pub(super) path: PathBuf,
    pub(super) options: Options,
    pub(super) start_ns: u64,
    pub(super) ring: Consumer<u8>,
}

/// The file while it is not whole.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}
