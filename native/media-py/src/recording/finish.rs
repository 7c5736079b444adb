//! The thread that makes files whole: length, header, fsync, name.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use media_core::samples::wav;

use crate::recording::orders::part;
use crate::thread::context::Node;
use crate::thread::events::Event;

/// A recording whose samples are all written.
pub(super) struct Finished {
    pub(super) stream: u64,
    pub(super) recording: u64,
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) cause: &'static str,
    pub(super) digit: Option<char>,
    pub(super) channels: u16,
    pub(super) rate: u32,
    /// Of each channel, to be kept.
    pub(super) samples: u64,
    pub(super) frame_octets: u64,
    pub(super) is_silent: bool,
}

/// Completes one recording after the other, until the writer is gone.
pub(super) fn finish_files(node: &Node, finished: &Receiver<Finished>) {
    for mut recording in finished {
        let failure = recording.complete().err();
        let (cause, duration_ms) = match failure {
            None => (
                recording.cause,
                recording.samples * 1000 / u64::from(recording.rate),
            ),
            Some(_) => ("failed", 0),
        };
        if failure.is_some() {
            let _ = fs::remove_file(part(&recording.path));
        }
        node.events.complete(Event::RecordingEnded {
            stream: recording.stream,
            recording: recording.recording,
            cause: cause.to_owned(),
            duration_ms,
            digit: recording.digit,
            is_silent: recording.is_silent,
            error: failure.map(|error| error.to_string()),
        });
    }
}

impl Finished {
    fn complete(&mut self) -> io::Result<()> {
        let octets = self.samples * self.frame_octets;
        self.file.set_len(wav::HEADER as u64 + octets)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file
            .write_all(&wav::header(self.channels, self.rate, octets))?;
        self.file.sync_all()?;
        fs::rename(part(&self.path), &self.path)?;
        sync_folder(&self.path)
    }
}

/// The new name must survive a power cut too.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
