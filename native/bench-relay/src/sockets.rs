//! Loopback sockets in a row, in an epoll.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::event::epoll;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

/// Sockets of all legs; the epoll tells their index.
pub(crate) struct Legs {
    pub(crate) sockets: Vec<OwnedFd>,
    /// Never read: a party has a port for RTCP, or the system would answer each report with an ICMP error.
    _control: Vec<OwnedFd>,
    pub(crate) epoll: OwnedFd,
}

/// The address of leg `index` of those that begin at `port`.
pub(crate) fn address(port: u16, index: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port + 2 * index as u16))
}

pub(crate) fn open(legs: usize, port: u16) -> io::Result<Legs> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut sockets = Vec::with_capacity(legs);
    let mut control = Vec::with_capacity(legs);
    for index in 0..legs {
        let socket = open_one(address(port, index))?;
        control.push(open_one(address(port + 1, index))?);
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
