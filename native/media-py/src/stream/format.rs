//! What offer and answer agreed on, as it comes from Python, and as a packet thread wants it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use media_core::recorder;
use media_core::stream::hearing::{Agreed, Coding};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::net::Remote;
use crate::recording::TapOptions;
use crate::secure::security::{Dtls, IceOf, Keys};

/// `callapi.media.plane.types.MediaAddress`.
#[derive(Debug, FromPyObject)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

/// `callapi.media.plane.types.CodecFormat`.
#[derive(Debug, FromPyObject)]
pub(crate) struct CodecFormat {
    name: String,
    payload_type: u8,
    clock_rate: u32,
    receive_payload_type: u8,
    fmtp: String,
}

/// `callapi.media.plane.types.StreamParameters`.
#[derive(Debug, FromPyObject)]
pub(crate) struct StreamParameters {
    remote: Option<Address>,
    codec: CodecFormat,
    remote_rtcp: Option<Address>,
    telephone_event: Option<u8>,
    receive_telephone_event: Option<u8>,
    direction: String,
    ptime_ms: u32,
    rtcp_mux: bool,
    other_formats: Vec<CodecFormat>,
    srtp: Option<Keys>,
    dtls: Option<Dtls>,
    ice: Option<IceOf>,
}

/// `callapi.media.plane.types.VideoFormat`.
#[derive(Debug, FromPyObject)]
pub(crate) struct VideoFormat {
    /// Equal for formats of which one can be read as the other.
    pub(crate) kind: String,
    /// Distinguishes formats of one kind.
    pub(crate) parameters: String,
    pub(crate) payload_type: u8,
    pub(crate) receive_payload_type: u8,
    /// It repeats packets of another format (RFC 4588).
    pub(crate) is_repair: bool,
}

/// `callapi.media.plane.types.VideoParameters`.
#[derive(Debug, FromPyObject)]
pub(crate) struct VideoParameters {
    remote: Option<Address>,
    formats: Vec<VideoFormat>,
    remote_rtcp: Option<Address>,
    direction: String,
    rtcp_mux: bool,
    srtp: Option<Keys>,
    dtls: Option<Dtls>,
    ice: Option<IceOf>,
}

/// `callapi.media.plane.types.RecordOptions`.
#[derive(Debug, FromPyObject)]
pub(crate) struct RecordOptions {
    channels: u8,
    received_only: bool,
    silence_timeout_s: Option<f64>,
    max_length_s: Option<f64>,
    finish_on_key: String,
    trim: bool,
    beep: bool,
}

impl RecordOptions {
    /// For the recording `recording` into `path`.
    pub(crate) fn into_tap(self, recording: u64, path: PathBuf) -> TapOptions {
        let milliseconds = |seconds: f64| (seconds.max(0.0) * 1000.0) as u64;
        TapOptions {
            recording,
            path,
            recorder: recorder::Options {
                rate: 8000,
                stereo: self.channels == 2,
                received_only: self.received_only,
                trim: self.trim,
                silence_ms: self.silence_timeout_s.map(milliseconds),
                max_length_ms: self.max_length_s.map(milliseconds),
            },
            finish_on_key: self.finish_on_key,
            beep: self.beep,
        }
    }
}

/// What an audio stream sends and understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    /// Of what we send, and expect to hear; its number is the one that we announced.
    pub(crate) coding: Coding,
    /// That we send with.
    pub(crate) payload_type: u8,
    pub(crate) event: Option<u8>,
    pub(crate) receive_event: Option<u8>,
    /// The party may turn to one of them at any time.
    pub(crate) others: Vec<Coding>,
    pub(crate) sends: bool,
    pub(crate) receives: bool,
}

impl Format {
    /// Ticks of the RTP clock in a packet that we make.
    pub(crate) fn packet_ticks(&self) -> u32 {
        self.coding.clock_rate / 1000 * self.coding.ptime_ms
    }

    /// What the party may send.
    pub(crate) fn agreed(&self) -> Agreed<'_> {
        Agreed {
            main: &self.coding,
            wanted: self.payload_type,
            others: &self.others,
            events: [self.receive_event, self.event],
        }
    }
}

impl CodecFormat {
    /// Raises `ValueError` if the codec is not known here.
    fn into_coding(self, ptime_ms: u32) -> PyResult<Coding> {
        media_core::codec::codecs::open(&self.name, &self.fmtp)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Coding {
            number: self.receive_payload_type,
            codec: self.name,
            fmtp: self.fmtp,
            clock_rate: self.clock_rate,
            ptime_ms,
        })
    }
}

impl Address {
    /// Raises `ValueError` if it is a name.
    pub(crate) fn into_socket_address(self) -> PyResult<SocketAddr> {
        let host: IpAddr = self
            .host
            .parse()
            .map_err(|_| PyValueError::new_err(format!("{} is not an IP address", self.host)))?;
        Ok(SocketAddr::new(host, self.port))
    }
}

/// Where packets go and how they are protected.
struct Transport {
    rtp: Option<Address>,
    rtcp: Option<Address>,
    mux: bool,
    srtp: Option<Keys>,
    dtls: Option<Dtls>,
    ice: Option<IceOf>,
}

impl Transport {
    fn into_remote(self) -> PyResult<Remote> {
        let address = |address: Option<Address>| address.map(Address::into_socket_address);
        let ice = self.ice;
        let dtls = self.dtls.map(|dtls| dtls.into_setup(ice)).transpose()?;
        Ok(Remote {
            rtp: address(self.rtp)
                .transpose()?
                .filter(|address| address.port() != 0),
            rtcp: address(self.rtcp).transpose()?,
            mux: self.mux,
            srtp: self.srtp.map(Keys::into_keys).transpose()?.map(Box::new),
            dtls: dtls.map(Box::new),
        })
    }
}

fn sends(direction: &str) -> bool {
    matches!(direction, "sendrecv" | "sendonly")
}

fn receives(direction: &str) -> bool {
    matches!(direction, "sendrecv" | "recvonly")
}

impl StreamParameters {
    /// Checked; raises `ValueError`.
    pub(crate) fn into_parts(self) -> PyResult<(Remote, Format)> {
        let transport = Transport {
            rtp: self.remote,
            rtcp: self.remote_rtcp,
            mux: self.rtcp_mux,
            srtp: self.srtp,
            dtls: self.dtls,
            ice: self.ice,
        };
        let payload_type = self.codec.payload_type;
        let coding = self.codec.into_coding(self.ptime_ms)?;
        let others = self.other_formats.into_iter();
        let others = others.map(|format| format.into_coding(self.ptime_ms));
        let others: Vec<Coding> = others.collect::<PyResult<_>>()?;
        if !self.ptime_ms.is_multiple_of(5) || !(5..=60).contains(&self.ptime_ms) {
            let message = format!(
                "ptime_ms must be 5 to 60 in steps of 5, not {}",
                self.ptime_ms
            );
            return Err(PyValueError::new_err(message));
        }
        let format = Format {
            coding,
            payload_type,
            event: self.telephone_event,
            receive_event: self.receive_telephone_event,
            others,
            sends: sends(&self.direction),
            receives: receives(&self.direction),
        };
        Ok((transport.into_remote()?, format))
    }
}

/// What a video stream passes on.
#[derive(Debug)]
pub(crate) struct VideoFormats {
    pub(crate) formats: Vec<VideoFormat>,
    pub(crate) sends: bool,
    pub(crate) receives: bool,
}

impl VideoParameters {
    /// Checked; raises `ValueError`.
    pub(crate) fn into_parts(self) -> PyResult<(Remote, VideoFormats)> {
        let transport = Transport {
            rtp: self.remote,
            rtcp: self.remote_rtcp,
            mux: self.rtcp_mux,
            srtp: self.srtp,
            dtls: self.dtls,
            ice: self.ice,
        };
        let formats = VideoFormats {
            formats: self.formats,
            sends: sends(&self.direction),
            receives: receives(&self.direction),
        };
        Ok((transport.into_remote()?, formats))
    }
}
