//! The smaller classes of the Python module: a prompt, a stream, statistics.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use media_core::dtmf::telephone_event::DtmfSender;
use media_core::rtp::mos;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::handles::audio::{Feeding, Listening};
use crate::net::Remote;
use crate::recording::NewRecording;
use crate::secure::handshakes::{Home, Request};
use crate::stream::format::{RecordOptions, StreamParameters, VideoParameters};
use crate::stream::sounds::{Samples, Sound, ToneName};
use crate::thread::command::{Command, Order};
use crate::thread::counters::Counters;
use crate::thread::shared::{Location, Shared};

/// Rates that the packet threads play at.
const RATES: [u32; 3] = [8000, 16_000, 48_000];

/// Audio that any number of streams can play at once.
#[pyclass(frozen, module = "callapi.media._native")]
pub(crate) struct Prompt {
    samples: Samples,
}

#[pymethods]
impl Prompt {
    /// `samples` are 16-bit mono in native order, at 8000, 16000 or 48000 Hz.
    #[new]
    fn new(samples: &[u8], rate: u32) -> PyResult<Self> {
        if !RATES.contains(&rate) {
            return Err(PyValueError::new_err(format!(
                "rate must be one of {RATES:?}, not {rate}"
            )));
        }
        let pcm = samples
            .chunks_exact(2)
            .map(|octets| i16::from_ne_bytes([octets[0], octets[1]]))
            .collect();
        Ok(Self {
            samples: Samples { pcm, rate },
        })
    }
}

impl Prompt {
    /// Shared by all streams that play it.
    pub(crate) fn samples(&self) -> Samples {
        self.samples.clone()
    }
}

/// Counters of one stream.
#[pyclass(frozen, get_all, module = "callapi.media._native")]
pub(crate) struct StreamStatistics {
    packets_received: u64,
    bytes_received: u64,
    packets_sent: u64,
    bytes_sent: u64,
    packets_lost: u64,
    packets_dropped: u64,
    jitter_ms: f64,
    round_trip_ms: Option<f64>,
    mos: Option<f64>,
    codec: String,
    remote: Option<(String, u16)>,
}

/// Counters of the plane.
#[pyclass(frozen, get_all, module = "callapi.media._native")]
pub(crate) struct PlaneStatistics {
    pub(crate) threads: usize,
    pub(crate) ports_free: usize,
    pub(crate) ports_in_use: usize,
    pub(crate) packets_received: u64,
    pub(crate) packets_sent: u64,
    pub(crate) packets_dropped: u64,
    pub(crate) events_lost: u64,
}

/// A stream of audio or video. Orders that do not fit its kind have no effect.
#[pyclass(frozen, module = "callapi.media._native")]
pub(crate) struct Stream {
    location: Arc<Location>,
    #[pyo3(get)]
    port: u16,
    is_closed: AtomicBool,
    has_handshake: AtomicBool,
    codec: Mutex<String>,
    counters: Arc<Counters>,
    shared: Arc<Shared>,
}

impl Stream {
    pub(crate) fn new(
        location: Location,
        port: u16,
        counters: Arc<Counters>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            location: Arc::new(location),
            port,
            is_closed: AtomicBool::new(false),
            has_handshake: AtomicBool::new(false),
            codec: Mutex::default(),
            counters,
            shared,
        }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// Whether its last command was given.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Hands the handshake thread what was agreed on, before the packet thread can hand it a datagram.
    fn begin_handshake(&self, remote: &Remote) {
        if let Some(setup) = &remote.dtls {
            let home = Home {
                shared: Arc::downgrade(&self.shared),
                location: Arc::clone(&self.location),
            };
            if let (Some(port), Some(ice)) = (&self.shared.node.shared_port, &setup.ice) {
                port.register(&ice.local.ufrag, self.location.id, home.clone());
            }
            self.shared.node.handshakes.put(Request::Begin {
                stream: self.location.id,
                home,
                parameters: setup.parameters.clone(),
                is_checked: setup.ice.is_some(),
            });
            self.has_handshake.store(true, Ordering::Relaxed);
        }
    }

    fn order(&self, order: Order) {
        self.shared
            .send(&self.location, Command::ToStream(self.location.id, order));
    }
}

#[pymethods]
impl Stream {
    /// Names the stream in events.
    #[getter]
    pub(crate) fn id(&self) -> u64 {
        self.location.id
    }

    /// Applies `callapi.media.plane.types.StreamParameters`. Raises `ValueError` on what no stream can do.
    fn configure(&self, parameters: StreamParameters) -> PyResult<()> {
        let (remote, format) = parameters.into_parts()?;
        self.begin_handshake(&remote);
        self.codec
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&format.coding.codec);
        self.order(Order::Configure(remote, format));
        Ok(())
    }

    /// Applies `callapi.media.plane.types.VideoParameters`.
    fn configure_video(&self, parameters: VideoParameters) -> PyResult<()> {
        let (remote, formats) = parameters.into_parts()?;
        self.begin_handshake(&remote);
        self.order(Order::ConfigureVideo(remote, formats));
        Ok(())
    }

    /// Plays `loops` times (0: without end); the playback before ends. Returns the playback's id.
    fn play(&self, prompt: &Prompt, loops: u32) -> u64 {
        let playback = self.shared.new_id();
        let sound = Sound::prompt(prompt.samples.clone(), loops);
        self.order(Order::Play(playback, sound));
        playback
    }

    /// Plays the ringing tone of a country until it is stopped. Returns the playback's id.
    fn play_tone(&self, country: String) -> u64 {
        let playback = self.shared.new_id();
        let sound = Sound::tone(ToneName::Ringing(country));
        self.order(Order::Play(playback, sound));
        playback
    }

    /// Sends digits. Returns a playback's id; raises `ValueError` on any other character.
    fn send_digits(&self, digits: &str) -> PyResult<u64> {
        let sender = DtmfSender::new(digits).ok_or_else(|| {
            PyValueError::new_err(format!(
                "{digits:?} holds something else than 0-9 * # A-D w W"
            ))
        })?;
        let playback = self.shared.new_id();
        self.order(Order::SendDigits(playback, sender));
        Ok(playback)
    }

    /// Ends a playback.
    fn stop(&self, playback: u64) {
        self.order(Order::Stop(playback));
    }

    /// Records into `path`. Returns the recording's id.
    fn record(&self, path: PathBuf, options: RecordOptions) -> u64 {
        let recording = self.shared.new_id();
        let options = options.into_tap(recording, path);
        let recording_order = NewRecording::new(options, self.shared.writer());
        self.order(Order::Record(Box::new(recording_order)));
        recording
    }

    /// Pauses a recording: `None` goes on, `True` leaves the time out, `False` is silence.
    fn pause_recording(&self, recording: u64, skips: Option<bool>) {
        self.order(Order::PauseRecording(recording, skips));
    }

    /// Ends a recording.
    fn stop_recording(&self, recording: u64) {
        self.order(Order::StopRecording(recording));
    }

    /// Hears the stream: `track` is `inbound` or `outbound`. Raises `ValueError` on an unknown format.
    fn listen(&self, track: &str, encoding: &str, rate: u32) -> PyResult<Listening> {
        let (handle, new) =
            Listening::open((&self.location, &self.shared), track, (encoding, rate))?;
        self.order(Order::Listen(Box::new(new)));
        Ok(handle)
    }

    /// Gives an application the word; up to `max_octets` are queued. Raises `ValueError` on an unknown format.
    fn feed(&self, encoding: &str, rate: u32, max_octets: usize) -> PyResult<Feeding> {
        let (handle, feed) =
            Feeding::open((&self.location, &self.shared), (encoding, rate), max_octets)?;
        self.order(Order::Feed(Box::new(feed)));
        Ok(handle)
    }

    /// Whether what the party says is not passed on.
    fn mute(&self, muted: bool) {
        self.order(Order::Mute(muted));
    }

    /// Packets that were received, sent or dropped so far: whether anything has moved since it was asked last.
    #[getter]
    fn packets(&self) -> u64 {
        let counters = &self.counters;
        counters.packets_received.get()
            + counters.packets_sent.get()
            + counters.packets_dropped.get()
    }

    /// The counters of this moment.
    fn statistics(&self) -> StreamStatistics {
        let counters = &self.counters;
        let codec = self
            .codec
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (received, lost) = (counters.packets_received.get(), counters.packets_lost.get());
        let jitter_ms = f64::from(counters.jitter_us.load(Ordering::Relaxed)) / 1000.0;
        let round_trip = counters.round_trip_us.load(Ordering::Relaxed);
        let round_trip_ms = (round_trip > 0).then(|| f64::from(round_trip) / 1000.0);
        let mos = (received > 0).then(|| {
            let loss = lost as f64 / (received + lost) as f64;
            mos::estimate(
                mos::robustness(&codec),
                loss,
                jitter_ms,
                round_trip_ms.unwrap_or(0.0),
            )
        });
        StreamStatistics {
            packets_received: received,
            bytes_received: counters.bytes_received.get(),
            packets_sent: counters.packets_sent.get(),
            bytes_sent: counters.bytes_sent.get(),
            packets_lost: lost,
            packets_dropped: counters.packets_dropped.get(),
            jitter_ms,
            round_trip_ms,
            mos,
            codec,
            remote: counters
                .target()
                .map(|target| (target.ip().to_string(), target.port())),
        }
    }

    /// Gives the ports back. Everything that the stream does ends.
    fn close(&self) {
        if !self.is_closed.swap(true, Ordering::Relaxed) {
            if self.has_handshake.load(Ordering::Relaxed) {
                if let Some(port) = &self.shared.node.shared_port {
                    port.remove(self.location.id);
                }
                let request = Request::End(self.location.id);
                self.shared.node.handshakes.put(request);
            }
            self.shared.send_last(
                &self.location,
                Command::ToStream(self.location.id, Order::Close),
            );
        }
    }
}
