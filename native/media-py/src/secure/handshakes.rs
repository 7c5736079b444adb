//! The thread of DTLS handshakes. A handshake costs half a millisecond of arithmetic, which would make the packets of
//! every other stream of a packet thread late; so packet threads hand datagrams over, and get datagrams and keys back
//! as orders.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::secure::handshake::{Configs, DtlsParameters, Handshake, Step};
use crate::secure::keying::SrtpKeys;
use crate::thread::command::{Command, Order};
use crate::thread::context::Node;
use crate::thread::events::Event;
use crate::thread::shared::{Location, Shared};

/// Datagrams that may wait for the thread; a flood beyond is dropped, as a network would.
pub(crate) const BOUND: usize = 4096;

/// Where the answers for a stream go: to the packet thread that holds it at that moment.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) shared: Weak<Shared>,
    pub(crate) location: Arc<Location>,
}

/// What the thread is asked.
pub(crate) enum Request {
    /// Offer and answer agreed on DTLS for a stream.
    Begin {
        stream: u64,
        home: Home,
        parameters: DtlsParameters,
        /// Its datagrams come from addresses that have passed a check of ICE.
        is_checked: bool,
    },
    /// There is a way to the peer now: a client begins.
    Reachable { stream: u64, peer: SocketAddr },
    /// One datagram of the peer.
    Datagram {
        stream: u64,
        peer: SocketAddr,
        octets: Vec<u8>,
    },
    /// The stream is closed.
    End(u64),
    /// The plane is closed.
    Shutdown,
}

/// What a packet thread is to do for a handshake.
pub(crate) struct Progress {
    pub(crate) peer: SocketAddr,
    pub(crate) datagrams: Vec<Vec<u8>>,
    pub(crate) keys: Option<SrtpKeys>,
}

struct Session {
    home: Home,
    parameters: DtlsParameters,
    handshake: Option<Handshake>,
    peer: Option<SocketAddr>,
}

/// All handshakes of the node.
pub(crate) struct Handshakes {
    configs: Configs,
    node: Arc<Node>,
    sessions: HashMap<u64, Session>,
}

impl Handshakes {
    pub(crate) fn new(configs: Configs, node: Arc<Node>) -> Self {
        Self {
            configs,
            node,
            sessions: HashMap::new(),
        }
    }

    /// Works until it is shut down.
    pub(crate) fn run(mut self) {
        let mut arrived = Vec::new();
        loop {
            self.wait();
            self.node.handshakes.drain(&mut arrived);
            for request in arrived.drain(..) {
                if matches!(request, Request::Shutdown) {
                    return;
                }
                self.handle(request);
            }
            self.tick();
        }
    }

    /// Until a request comes or a handshake is due.
    fn wait(&self) {
        let now = Instant::now();
        let handshakes = self
            .sessions
            .values()
            .filter_map(|each| each.handshake.as_ref());
        let due = handshakes.map(|handshake| handshake.due).min();
        let left = due.map(|due| {
            let left = due.saturating_duration_since(now) + Duration::from_millis(1);
            Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: i64::from(left.subsec_nanos()),
            }
        });
        let wakeup = self.node.handshakes.eventfd();
        // Only a signal can interrupt, and then the loop looks once more.
        let _ = poll(&mut [PollFd::new(&wakeup, PollFlags::IN)], left.as_ref());
    }

    fn handle(&mut self, request: Request) {
        let now = Instant::now();
        match request {
            Request::Begin {
                stream,
                home,
                parameters,
                is_checked,
            } => {
                // A re-offer with the same certificate and role keeps the association (RFC 8842 section 4).
                let known = self.sessions.get(&stream);
                if known.is_some_and(|session| session.parameters == parameters) {
                    return;
                }
                let handshake = Handshake::new(&self.configs, parameters.clone(), is_checked, now);
                let session = Session {
                    home,
                    parameters,
                    handshake: Some(handshake),
                    peer: None,
                };
                self.sessions.insert(stream, session);
            }
            Request::Reachable { stream, peer } => {
                self.step(stream, Some(peer), now, |handshake| handshake.begin(now));
            }
            Request::Datagram {
                stream,
                peer,
                octets,
            } => self.step(stream, Some(peer), now, |handshake| {
                handshake.receive(&octets, now)
            }),
            Request::End(stream) => {
                self.sessions.remove(&stream);
            }
            Request::Shutdown => {}
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let is_due = |session: &Session| {
            let handshake = session.handshake.as_ref();
            handshake.is_some_and(|handshake| handshake.due <= now)
        };
        let due: Vec<u64> = self
            .sessions
            .iter()
            .filter(|(_, session)| is_due(session))
            .map(|(stream, _)| *stream)
            .collect();
        for stream in due {
            self.step(stream, None, now, |handshake| handshake.tick(now));
        }
    }

    /// One step of the handshake of a stream, if it has one, and what follows from it.
    fn step(
        &mut self,
        stream: u64,
        peer: Option<SocketAddr>,
        now: Instant,
        step: impl FnOnce(&mut Handshake) -> Step,
    ) {
        let Some(session) = self.sessions.get_mut(&stream) else {
            return;
        };
        let Some(handshake) = &mut session.handshake else {
            return;
        };
        session.peer = peer.or(session.peer);
        let step = step(handshake);
        if handshake.is_over(now) {
            session.handshake = None;
        }
        if let Some(reason) = step.failure {
            self.node
                .events
                .complete(Event::SecurityFailed { stream, reason });
        }
        if let Some(keys) = &step.keys {
            self.node.events.publish(Event::Secured {
                stream,
                suite: keys.send.suite().name().to_owned(),
            });
        }
        if let (Some(peer), Some(shared)) = (session.peer, session.home.shared.upgrade())
            && (!step.datagrams.is_empty() || step.keys.is_some())
        {
            let progress = Progress {
                peer,
                datagrams: step.datagrams,
                keys: step.keys,
            };
            let order = Order::Handshake(Box::new(progress));
            shared.send_now(&session.home.location, Command::ToStream(stream, order));
        }
    }
}
