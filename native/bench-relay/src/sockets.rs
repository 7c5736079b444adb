//! Loopback sockets in an epoll.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::event::epoll;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Where the forwarder is, and all others that are measured.
pub(crate) const MEASURED: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Where the parties of the calls are.
pub(crate) const PARTIES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Sockets of all legs; the epoll has their index.
pub(crate) struct Legs {
    pub(crate) sockets: Vec<OwnedFd>,
    /// Never read: a party has a port for RTCP, or the system would answer each report with an ICMP error.
    _control: Vec<OwnedFd>,
    pub(crate) epoll: OwnedFd,
}

pub(crate) fn open(host: Ipv4Addr, ports: impl Iterator<Item = u16>) -> io::Result<Legs> {
    let limit = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, limit)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut sockets = Vec::new();
    let mut control = Vec::new();
    for (index, port) in ports.enumerate() {
        let socket = open_one(SocketAddr::from((host, port)))?;
        control.push(open_one(SocketAddr::from((host, port + 1)))?);
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&epoll, &socket, data, epoll::EventFlags::IN)?;
        sockets.push(socket);
    }
    Ok(Legs {
        sockets,
        _control: control,
        epoll,
    })
}

fn open_one(address: SocketAddr) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
    bind(&socket, &address)?;
    Ok(socket)
}
