//! The pool of RTP ports: even ones, each with the odd one above it for RTCP (RFC 3550 section 11).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with, sockopt};

/// Ports that are free, the one that was given back longest ago first, so that packets of a call that has just
/// ended do not fall into the next one.
#[derive(Debug)]
pub(crate) struct PortPool {
    address: IpAddr,
    free: Mutex<VecDeque<u16>>,
    total: usize,
}

/// A port that goes back to its pool when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<PortPool>,
    port: u16,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.lock().push_back(self.port);
    }
}

/// Two bound sockets. Closed, then given back, when dropped.
#[derive(Debug)]
pub(crate) struct Sockets {
    rtp: OwnedFd,
    rtcp: OwnedFd,
    // Last: the port is free only when both sockets are closed.
    lease: Lease,
}

impl Sockets {
    pub(crate) fn port(&self) -> u16 {
        self.lease.port
    }

    /// The sockets of RTP and RTCP, and the lease, which must be dropped last.
    pub(crate) fn into_parts(self) -> (OwnedFd, OwnedFd, Lease) {
        (self.rtp, self.rtcp, self.lease)
    }
}

impl PortPool {
    /// Even ports from `first` to `last` whose odd neighbours are in the range too.
    pub(crate) fn new(address: IpAddr, first: u16, last: u16) -> Arc<Self> {
        let free: VecDeque<u16> = (first..last).filter(|port| port % 2 == 0).collect();
        Arc::new(Self {
            address,
            total: free.len(),
            free: Mutex::new(free),
        })
    }

    /// Binds a pair. Ports that another process holds are passed over.
    ///
    /// # Errors
    /// `AddrInUse` if every port is taken; what the system says if it opens no more sockets.
    pub(crate) fn open(self: &Arc<Self>) -> io::Result<Sockets> {
        let mut refused = Vec::new();
        while let Some(lease) = self.lease() {
            match self.bind_pair(lease.port) {
                Ok((rtp, rtcp)) => return Ok(Sockets { rtp, rtcp, lease }),
                Err(Errno::ADDRINUSE) => refused.push(lease),
                Err(error) => return Err(error.into()),
            }
        }
        let (total, elsewhere) = (self.total, refused.len());
        let message =
            format!("all {total} RTP port pairs are taken, {elsewhere} of them by other processes");
        Err(io::Error::new(io::ErrorKind::AddrInUse, message))
    }

    /// Pairs that are free, and all there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.lock().len(), self.total)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<u16>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(self: &Arc<Self>) -> Option<Lease> {
        let port = self.lock().pop_front()?;
        Some(Lease {
            pool: Arc::clone(self),
            port,
        })
    }

    fn bind_pair(&self, port: u16) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
        Ok((bound(self.address, port)?, bound(self.address, port + 1)?))
    }
}

/// A socket bound to `port` of `address`, marked for expedited forwarding.
pub(crate) fn bound(address: IpAddr, port: u16) -> rustix::io::Result<OwnedFd> {
    let family = match address {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::DGRAM, flags, Some(ipproto::UDP))?;
    // Expedited forwarding (RFC 4594 section 4.1). A network that refuses the mark still carries the packet.
    let _ = match address {
        IpAddr::V4(_) => sockopt::set_ip_tos(&socket, 0xb8),
        IpAddr::V6(_) => sockopt::set_ipv6_tclass(&socket, 0xb8),
    };
    bind(&socket, &SocketAddr::new(address, port))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_even_and_not_used_again_at_once() {
        let pool = PortPool::new("127.0.0.1".parse().unwrap(), 47_101, 47_108);
        let first = pool.open().unwrap();
        assert_eq!((first.port(), pool.counts()), (47_102, (2, 3)));
        drop(first);
        assert_eq!(pool.open().unwrap().port(), 47_104);
    }

    #[test]
    fn ports_of_others_are_passed_over_and_the_end_is_said() {
        let other = std::net::UdpSocket::bind("127.0.0.1:47111").unwrap();
        let pool = PortPool::new("127.0.0.1".parse().unwrap(), 47_110, 47_113);
        let open = pool.open().unwrap();
        assert_eq!(open.port(), 47_112);
        let error = pool.open().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(
            error.to_string().contains("1 of them by other processes"),
            "{error}"
        );
        drop((other, open));
        assert_eq!(pool.counts(), (2, 2));
    }
}
