//! The media plane as Python sees it: opens streams, bridges them, hands events up.

use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use dimpl::DtlsCertificate;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::handles::room::Room;
use crate::handles::stream::{PlaneStatistics, Stream};
use crate::net::Net;
use crate::net::ports::PortPool;
use crate::net::shared_port::SharedPort;
use crate::recording::Writers;
use crate::secure::handshake::Configs;
use crate::secure::handshakes::{Handshakes, Request};
use crate::stream::audio::AudioStream;
use crate::stream::video::VideoStream;
use crate::thread::clock::{self, SECOND};
use crate::thread::command::{Command, Inbox};
use crate::thread::context::Node;
use crate::thread::counters::{Counters, Totals};
use crate::thread::events::{Event, EventSink};
use crate::thread::mailbox::Mailbox;
use crate::thread::members::Member;
use crate::thread::packet_thread::PacketThread;
use crate::thread::shared::{Shared, Thread};

/// Threads to wait for when the plane is closed.
#[derive(Default)]
struct Running {
    packet_threads: Vec<JoinHandle<()>>,
    writers: Option<Writers>,
    handshakes: Option<JoinHandle<()>>,
    port_reader: Option<JoinHandle<()>>,
}

/// All media of one node.
#[pyclass(frozen, module = "callapi.media._native")]
pub(crate) struct Plane {
    shared: Arc<Shared>,
    ports: Arc<PortPool>,
    /// Those of the address of the other version of IP, if there is one.
    other_ports: Option<Arc<PortPool>>,
    running: Mutex<Running>,
    /// Of the packet threads, as the system numbers them.
    #[pyo3(get)]
    thread_ids: Vec<i32>,
}

#[pymethods]
impl Plane {
    /// Starts `threads` packet threads (0: one for each core) for RTP on `address`, even ports from `first_port`, and on
    /// `other_address` for streams that are opened there.
    #[new]
    #[expect(clippy::too_many_arguments, reason = "settings of the node")]
    fn new(
        address: &str,
        first_port: u16,
        last_port: u16,
        threads: usize,
        timeout_s: f64,
        cname: String,
        certificate: Option<(Vec<u8>, Vec<u8>)>,
        webrtc_port: u16,
        other_address: Option<&str>,
    ) -> PyResult<Self> {
        let other_address = other_address.map(ip_address).transpose()?;
        let address = ip_address(address)?;
        allow_many_sockets();
        let shared_port = (webrtc_port != 0)
            .then(|| SharedPort::open(address, webrtc_port).map(Arc::new))
            .transpose()
            .map_err(std::io::Error::from)?;
        let node = Arc::new(Node {
            shared_port: shared_port.clone(),
            events: EventSink::new().map_err(std::io::Error::from)?,
            timeout_ns: (timeout_s * SECOND as f64) as u64,
            cname,
            handshakes: Mailbox::new().map_err(std::io::Error::from)?,
        });
        let port_reader = shared_port
            .map(|port| {
                let builder = std::thread::Builder::new().name("webrtc-port".to_owned());
                builder.spawn(move || port.run())
            })
            .transpose()?;
        let handshakes = certificate
            .map(|(certificate, private_key)| {
                start_handshakes(
                    DtlsCertificate {
                        certificate,
                        private_key,
                    },
                    &node,
                )
            })
            .transpose()?;
        let count = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            wanted => wanted,
        };
        let mut threads = Vec::new();
        let mut running = Vec::new();
        let (started, ids) = channel();
        for index in 0..count {
            let inbox = Arc::new(Inbox::new().map_err(std::io::Error::from)?);
            let totals = Arc::new(Totals::default());
            let thread =
                PacketThread::new(Arc::clone(&inbox), Arc::clone(&node), Arc::clone(&totals))
                    .map_err(std::io::Error::from)?;
            let builder = std::thread::Builder::new().name(format!("media-{index}"));
            let started = started.clone();
            let run = move || {
                let _ = started.send(rustix::thread::gettid().as_raw_nonzero().get());
                thread.run();
            };
            running.push(builder.spawn(run)?);
            threads.push(Thread { inbox, totals });
        }
        let writers = Writers::start(&node)?;
        let shared = Shared::new(threads, writers.sender(), node);
        Ok(Self {
            shared: Arc::new(shared),
            ports: PortPool::new(address, first_port, last_port),
            other_ports: other_address.map(|other| PortPool::new(other, first_port, last_port)),
            running: Mutex::new(Running {
                packet_threads: running,
                writers: Some(writers),
                handshakes,
                port_reader,
            }),
            thread_ids: ids.iter().take(count).collect(),
        })
    }

    /// Readable while events wait.
    #[getter]
    fn event_fd(&self) -> i32 {
        self.shared.node.events.eventfd().as_raw_fd()
    }

    /// Everything that happened since the last call.
    fn drain_events(&self) -> Vec<Event> {
        self.shared.node.events.drain()
    }

    /// A new audio stream, at the other address if it `is_elsewhere`. Raises `OSError` if every port is taken, or no more
    /// sockets may be opened.
    fn open_stream(&self, is_elsewhere: bool) -> PyResult<Stream> {
        self.open(is_elsewhere, |id, net, counters| {
            let mut random = [0; 16];
            // Never fails for so few octets once the system is up.
            let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
            let random = u128::from_ne_bytes(random);
            let random = [random as u64, (random >> 64) as u64];
            Member::Audio(Box::new(AudioStream::new(
                id,
                net,
                counters,
                random,
                clock::now_ns(),
            )))
        })
    }

    /// A new video stream. Raises as `open_stream`.
    fn open_video(&self, is_elsewhere: bool) -> PyResult<Stream> {
        self.open(is_elsewhere, |id, net, counters| {
            Member::Video(Box::new(VideoStream::new(id, net, counters)))
        })
    }

    /// Joins two streams of a kind; a former bridge of either ends.
    fn bridge(&self, one: &Stream, other: &Stream) -> PyResult<()> {
        if one.id() == other.id() {
            return Err(PyValueError::new_err(
                "a stream cannot be bridged with itself",
            ));
        }
        if one.is_closed() || other.is_closed() {
            return Err(PyValueError::new_err("a closed stream cannot be bridged"));
        }
        self.shared.bridge(one.location(), other.location());
        Ok(())
    }

    /// A new conference.
    fn open_room(&self) -> Room {
        Room::open(&self.shared)
    }

    /// Parts two streams, if they are joined.
    fn unbridge(&self, one: &Stream, other: &Stream) {
        let command = Command::Unbridge(one.id(), other.id());
        self.shared.send(one.location(), command);
    }

    /// Has the packet threads carry out all commands since the last `wake`, in their order.
    fn wake(&self) {
        self.shared.wake();
    }

    /// Totals of all threads, ports, and lost events.
    fn statistics(&self) -> PlaneStatistics {
        let sum = |of: fn(&Totals) -> u64| {
            self.shared
                .threads
                .iter()
                .map(|each| of(&each.totals))
                .sum()
        };
        let pools = std::iter::once(&self.ports).chain(&self.other_ports);
        let (ports_free, ports) = pools.fold((0, 0), |(free, all), pool| {
            let counts = pool.counts();
            (free + counts.0, all + counts.1)
        });
        PlaneStatistics {
            threads: self.shared.threads.len(),
            ports_free,
            ports_in_use: ports - ports_free,
            packets_received: sum(|totals| totals.received.get()),
            packets_sent: sum(|totals| totals.sent.get()),
            packets_dropped: sum(|totals| totals.dropped.get()),
            events_lost: self.shared.node.events.lost(),
        }
    }

    /// Closes every stream and ends the threads. Events of the end can be taken afterwards.
    fn close(&self, py: Python<'_>) {
        let running =
            std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        py.detach(|| {
            if !running.packet_threads.is_empty() {
                for thread in &self.shared.threads {
                    thread.inbox.put(Command::Shutdown);
                }
            }
            for thread in running.packet_threads {
                // A thread that panicked has said so on stderr.
                let _ = thread.join();
            }
            if let (Some(thread), Some(port)) = (running.port_reader, &self.shared.node.shared_port)
            {
                port.shut_down();
                let _ = thread.join();
            }
            if let Some(thread) = running.handshakes {
                self.shared.node.handshakes.put(Request::Shutdown);
                let _ = thread.join();
            }
            // After the packet threads, which end all recordings.
            if let Some(writers) = running.writers {
                writers.close();
            }
        });
    }
}

impl Plane {
    fn open(
        &self,
        is_elsewhere: bool,
        member: impl FnOnce(u64, Net, Arc<Counters>) -> Member,
    ) -> PyResult<Stream> {
        let other = self.other_ports.as_ref().filter(|_| is_elsewhere);
        let sockets = other.unwrap_or(&self.ports).open()?;
        let (port, id) = (sockets.port(), self.shared.new_id());
        let counters = Arc::new(Counters::default());
        let member = member(id, Net::new(sockets), Arc::clone(&counters));
        let location = self.shared.admit(id, member);
        Ok(Stream::new(
            location,
            port,
            counters,
            Arc::clone(&self.shared),
        ))
    }
}

fn ip_address(text: &str) -> PyResult<IpAddr> {
    text.parse()
        .map_err(|_| PyValueError::new_err(format!("{text} is not an IP address")))
}

/// Starts the thread of DTLS handshakes, which shows this certificate.
fn start_handshakes(certificate: DtlsCertificate, node: &Arc<Node>) -> PyResult<JoinHandle<()>> {
    let configs = Configs::new(certificate)
        .map_err(|error| PyValueError::new_err(format!("DTLS: {error}")))?;
    let handshakes = Handshakes::new(configs, Arc::clone(node));
    let builder = std::thread::Builder::new().name("handshakes".to_owned());
    Ok(builder.spawn(move || handshakes.run())?)
}

/// Two sockets for each stream: takes as many files as the system allows.
fn allow_many_sockets() {
    let limit = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Refused only if the maximum is beyond what the kernel can: then what we have must do.
    let _ = setrlimit(Resource::Nofile, limit);
}
