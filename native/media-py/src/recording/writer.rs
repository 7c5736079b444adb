//! The thread that turns what packet threads have tapped into files.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use media_core::codec::Decoder;
use media_core::codec::codecs;
use media_core::codec::pcm::PcmDecoder;
use media_core::recorder::{Codec, Options, Over, Packet, Recorder};
use media_core::samples::wav;
use rtrb::Consumer;
use rustix::process::setpriority_process;

use crate::recording::entry::{Entry, Kind, PCM};
use crate::recording::finish::{Finished, finish_files};
use crate::recording::orders::{Started, ToWriter, part};
use crate::thread::clock;
use crate::thread::context::Node;
use crate::thread::events::Event;

/// How often each ring is read.
const PERIOD: Duration = Duration::from_millis(200);
/// In so many goes at most: hundreds of recordings at once would keep a core from its packet thread for long.
const MAX_SLICES: usize = 20;
/// Above this thread's work are packets; it has three seconds for its own (`nice`, of this thread alone).
const NICE: i32 = 5;
/// Octets that are collected before the file is written to.
const BLOCK: usize = 32 * 1024;

/// Both threads.
pub(crate) struct Writers {
    sender: Sender<ToWriter>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    pub(crate) fn start(node: &Arc<Node>) -> io::Result<Self> {
        let (sender, orders) = channel();
        let (finisher, finished) = channel();
        let (for_writer, for_finisher) = (Arc::clone(node), Arc::clone(node));
        let write = move || {
            // Lowering one's own priority is always allowed.
            let _ = setpriority_process(None, NICE);
            Writer::new(for_writer, finisher).run(&orders);
        };
        let finish = move || finish_files(&for_finisher, &finished);
        let threads = vec![
            Builder::new()
                .name("media-record".to_owned())
                .spawn(write)?,
            Builder::new()
                .name("media-finish".to_owned())
                .spawn(finish)?,
        ];
        Ok(Self { sender, threads })
    }

    pub(crate) fn sender(&self) -> Sender<ToWriter> {
        self.sender.clone()
    }

    /// Completes every recording.
    pub(crate) fn close(self) {
        let _ = self.sender.send(ToWriter::Close);
        for thread in self.threads {
            // A thread that panicked has said so on stderr.
            let _ = thread.join();
        }
    }
}

/// A recording that is being written.
struct Active {
    stream: u64,
    recording: u64,
    path: PathBuf,
    options: Options,
    ring: Consumer<u8>,
    recorder: Recorder,
    file: File,
    octets: Vec<u8>,
}

/// How one round went for a recording.
enum Round {
    GoesOn,
    Over(&'static str, Option<char>),
    Failed(io::Error),
}

struct Writer {
    node: Arc<Node>,
    finisher: Sender<Finished>,
    active: Vec<Active>,
    /// Whose turn is next.
    turn: usize,
    payload: Vec<u8>,
}

impl Writer {
    fn new(node: Arc<Node>, finisher: Sender<Finished>) -> Self {
        Self {
            node,
            finisher,
            active: Vec::new(),
            turn: 0,
            payload: Vec::new(),
        }
    }

    fn run(mut self, orders: &Receiver<ToWriter>) {
        let mut next = Instant::now();
        loop {
            let order = if self.active.is_empty() {
                orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_timeout(next.saturating_duration_since(Instant::now()))
            };
            match order {
                Ok(ToWriter::Start(started)) => {
                    if self.active.is_empty() {
                        next = Instant::now() + PERIOD;
                    }
                    self.start(*started);
                }
                Ok(ToWriter::Look(recording)) => {
                    let is_meant = |active: &Active| active.recording == recording;
                    if let Some(index) = self.active.iter().position(is_meant) {
                        self.look(index, clock::now_ns());
                    }
                }
                Ok(ToWriter::Close) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => next = Instant::now() + self.go(),
            }
        }
        // By now every packet thread has ended its taps.
        let now = clock::now_ns();
        for index in (0..self.active.len()).rev() {
            self.look(index, now);
        }
    }

    /// Reads the rings whose turn it is; returns after what pause it is the turn of others.
    fn go(&mut self) -> Duration {
        let goes = self.active.len().clamp(1, MAX_SLICES);
        let now = clock::now_ns();
        for _ in 0..self.active.len().div_ceil(goes) {
            if self.turn >= self.active.len() {
                self.turn = 0;
            }
            if self.look(self.turn, now) {
                self.turn += 1;
            }
        }
        PERIOD / goes as u32
    }

    fn start(&mut self, started: Started) {
        let (stream, recording) = (started.stream, started.recording);
        let path = started.path.clone();
        match Active::open(started) {
            Ok(active) => self.active.push(active),
            Err(error) => self.fail((stream, recording), &path, &error),
        }
    }

    /// Reads one ring; false if that recording is over, and another one has its index.
    fn look(&mut self, index: usize, now: u64) -> bool {
        let Some(active) = self.active.get_mut(index) else {
            return false;
        };
        let round = || active.round(now, &mut self.payload);
        let panicked = |_| Round::Failed(io::Error::other("the recording could not be decoded"));
        match catch_unwind(AssertUnwindSafe(round)).unwrap_or_else(panicked) {
            Round::GoesOn => return true,
            Round::Over(cause, digit) => {
                let active = self.active.swap_remove(index);
                // The finisher outlives us; were it gone, so were the process.
                let _ = self.finisher.send(active.finished(cause, digit));
            }
            Round::Failed(error) => {
                let active = self.active.swap_remove(index);
                self.fail((active.stream, active.recording), &active.path, &error);
            }
        }
        false
    }

    fn fail(&self, (stream, recording): (u64, u64), path: &Path, error: &io::Error) {
        let _ = std::fs::remove_file(part(path));
        self.node.events.complete(Event::RecordingEnded {
            stream,
            recording,
            cause: "failed".to_owned(),
            duration_ms: 0,
            digit: None,
            is_silent: true,
            error: Some(error.to_string()),
        });
    }
}

/// The decoder of a codec and its RTP clock, by what the tap says of it.
fn open_codec(description: &[u8]) -> Option<(Box<dyn Decoder + Send>, u32)> {
    let description = std::str::from_utf8(description).ok()?;
    let (clock_rate, codec) = description.split_once(' ')?;
    let (name, fmtp) = codec.split_once('/')?;
    let clock_rate = clock_rate.parse().ok()?;
    if name == PCM {
        return Some((Box::new(PcmDecoder::new(clock_rate)), clock_rate));
    }
    Some((codecs::open(name, fmtp).ok()?.1, clock_rate))
}

fn channels(options: &Options) -> u16 {
    if options.stereo { 2 } else { 1 }
}

impl Active {
    fn open(started: Started) -> io::Result<Self> {
        // Until the tap says what it is.
        let unknown = || open_codec(b"8000 PCMU/").ok_or(io::ErrorKind::Unsupported);
        let ((received, clock_rate), (sent, _)) = (unknown()?, unknown()?);
        let codec = Codec {
            received,
            sent,
            clock_rate,
        };
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(part(&started.path))?;
        let channels = channels(&started.options);
        file.write_all(&wav::header(channels, started.options.rate, 0))?;
        Ok(Self {
            stream: started.stream,
            recording: started.recording,
            recorder: Recorder::new(started.options, codec, started.start_ns),
            path: started.path,
            options: started.options,
            ring: started.ring,
            file,
            octets: Vec::with_capacity(BLOCK),
        })
    }

    fn round(&mut self, now: u64, payload: &mut Vec<u8>) -> Round {
        while let Some(entry) = Entry::read(&mut self.ring, payload) {
            if let over @ Round::Over(..) = self.record_entry(&entry, payload) {
                return self.flush().map_or_else(Round::Failed, |()| over);
            }
        }
        if self.ring.is_abandoned() {
            // The end found no room in the ring, or the thread was shut down.
            self.recorder.finish(now, &mut self.octets);
            return self
                .flush()
                .map_or_else(Round::Failed, |()| Round::Over("stopped", None));
        }
        let over = self.recorder.advance(now, &mut self.octets);
        if let Err(error) = self.flush_block(over.is_some()) {
            return Round::Failed(error);
        }
        over.map_or(Round::GoesOn, Round::over)
    }

    fn record_entry(&mut self, entry: &Entry, payload: &[u8]) -> Round {
        // After a standstill of ours, so that the window follows what is read.
        if let Some(over) = self.recorder.advance(entry.at_ns, &mut self.octets) {
            return Round::over(over);
        }
        let packet = Packet {
            place: entry.place,
            at_ns: entry.at_ns,
            payload,
        };
        match entry.kind {
            Kind::Received => self.recorder.on_received(&packet),
            Kind::Sent => self.recorder.on_sent(&packet),
            Kind::ReceivedCodec => {
                if let Some((decoder, clock_rate)) = open_codec(payload) {
                    self.recorder.set_received(decoder, clock_rate);
                }
            }
            Kind::SentCodec => {
                if let Some((decoder, clock_rate)) = open_codec(payload) {
                    self.recorder.set_sent(decoder, clock_rate);
                }
            }
            Kind::Pause => self.recorder.pause(entry.at_ns, entry.place.timestamp == 1),
            Kind::Resume => self.recorder.resume(entry.at_ns, &mut self.octets),
            Kind::End => {
                self.recorder.finish(entry.at_ns, &mut self.octets);
                let digit = char::from_u32(entry.place.timestamp).filter(|digit| *digit != '\0');
                let cause = if digit.is_some() { "digit" } else { "stopped" };
                return Round::Over(cause, digit);
            }
        }
        Round::GoesOn
    }

    fn flush_block(&mut self, now: bool) -> io::Result<()> {
        // Playout is listened to in the file of what a party says alone, while that grows.
        if now || self.options.received_only || self.octets.len() >= BLOCK {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.octets)?;
        self.octets.clear();
        Ok(())
    }

    fn finished(self, cause: &'static str, digit: Option<char>) -> Finished {
        Finished {
            stream: self.stream,
            recording: self.recording,
            path: self.path,
            file: self.file,
            cause,
            digit,
            channels: channels(&self.options),
            rate: self.options.rate,
            samples: self.recorder.kept(),
            frame_octets: self.recorder.frame_octets(),
            is_silent: !self.recorder.has_heard(),
        }
    }
}

impl Round {
    fn over(over: Over) -> Self {
        match over {
            Over::Silence => Self::Over("silence", None),
            Over::MaxLength => Self::Over("max_length", None),
        }
    }
}
