//! One UDP port for all legs with ICE (`media.webrtc_port`), so that a firewall opens one.
//!
//! A check names the leg by its user name (RFC 8445 section 7.2.2: our ufrag comes first), and its source is that leg's
//! from then on. A thread reads the port and hands datagrams to the packet threads, which send through the same socket.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use is::stun::StunMessage;
use media_core::rtp::MAX_PACKET;
use media_core::rtp::demux::{Protocol, classify};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::write;
use rustix::net::{RecvFlags, recvfrom};

use crate::net::ports::bound;
use crate::secure::handshakes::Home;
use crate::thread::command::{Command, Order};

/// Addresses that one leg may have: as many as may pass checks.
const MAX_ADDRESSES: usize = 32;

/// A leg of the port.
struct Leg {
    home: Home,
    stream: u64,
    addresses: Vec<SocketAddr>,
}

#[derive(Default)]
struct Legs {
    by_ufrag: HashMap<String, Leg>,
    by_address: HashMap<SocketAddr, String>,
}

/// The port, its legs, and what ends its thread.
pub(crate) struct SharedPort {
    socket: OwnedFd,
    number: u16,
    end: OwnedFd,
    legs: Mutex<Legs>,
}

impl std::fmt::Debug for SharedPort {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SharedPort({:?})", self.socket)
    }
}

/// A datagram on its way to a packet thread.
pub(crate) struct Arrived {
    pub(crate) source: SocketAddr,
    pub(crate) octets: Vec<u8>,
}

impl SharedPort {
    /// Binds the port.
    pub(crate) fn open(address: IpAddr, port: u16) -> rustix::io::Result<Self> {
        Ok(Self {
            socket: bound(address, port)?,
            number: port,
            end: eventfd(0, EventfdFlags::CLOEXEC)?,
            legs: Mutex::default(),
        })
    }

    /// Whether a leg with this candidate of ours is one of its legs.
    pub(crate) fn serves(&self, candidate: SocketAddr) -> bool {
        candidate.port() == self.number
    }

    /// What its legs send through.
    pub(crate) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Datagrams whose checks name `ufrag` are for `stream` from now on.
    pub(crate) fn register(&self, ufrag: &str, stream: u64, home: Home) {
        let leg = Leg {
            home,
            stream,
            addresses: Vec::new(),
        };
        self.lock().by_ufrag.insert(ufrag.to_owned(), leg);
    }

    /// The stream is closed.
    pub(crate) fn remove(&self, stream: u64) {
        let mut legs = self.lock();
        let Legs {
            by_ufrag,
            by_address,
        } = &mut *legs;
        by_ufrag.retain(|_, leg| {
            let stays = leg.stream != stream;
            if !stays {
                for address in &leg.addresses {
                    by_address.remove(address);
                }
            }
            stays
        });
    }

    /// Ends the thread.
    pub(crate) fn shut_down(&self) {
        let _ = write(&self.end, &1u64.to_ne_bytes());
    }

    /// Reads the port until it is shut down.
    pub(crate) fn run(&self) {
        let mut buffer = [0; MAX_PACKET];
        loop {
            let mut waited = [
                PollFd::new(&self.socket, PollFlags::IN),
                PollFd::new(&self.end, PollFlags::IN),
            ];
            // Only a signal can interrupt, and then the loop looks once more.
            let _ = poll(&mut waited, None);
            if !waited[1].revents().is_empty() {
                return;
            }
            while let Ok((length, _, Some(source))) =
                recvfrom(&self.socket, &mut buffer[..], RecvFlags::empty())
            {
                if let Ok(source) = SocketAddr::try_from(source)
                    && length < MAX_PACKET
                {
                    let source = SocketAddr::new(source.ip(), source.port());
                    self.hand_over(&buffer[..length], source);
                }
            }
        }
    }

    fn hand_over(&self, datagram: &[u8], source: SocketAddr) {
        let mut legs = self.lock();
        let Legs {
            by_ufrag,
            by_address,
        } = &mut *legs;
        let named = if classify(datagram) == Protocol::Stun {
            let message = StunMessage::parse(datagram).ok();
            message.and_then(|message| Some(message.split_username()?.0.to_owned()))
        } else {
            None
        };
        let known = by_address.get(&source);
        let Some(ufrag) = named.or_else(|| known.cloned()) else {
            return;
        };
        let is_new = known.is_none();
        let Some(leg) = by_ufrag.get_mut(&ufrag) else {
            return;
        };
        // An address that belongs to another leg stays there: naming it in a check does not take it away.
        if is_new && leg.addresses.len() < MAX_ADDRESSES {
            leg.addresses.push(source);
            by_address.insert(source, ufrag);
        }
        if let Some(shared) = leg.home.shared.upgrade() {
            let octets = datagram.to_vec();
            let order = Order::Datagram(Box::new(Arrived { source, octets }));
            shared.send_now(&leg.home.location, Command::ToStream(leg.stream, order));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Legs> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The port, if there is one.
pub(crate) type MaybeShared = Option<Arc<SharedPort>>;
