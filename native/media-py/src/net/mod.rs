//! The sockets of one stream and whom they belong to: latching, connecting, and where RTCP goes.
//!
//! A settled source is connected to: the kernel then drops strays unseen and each send is a tenth cheaper. A
//! silence, or another address in the SDP, opens the socket again. What is sent goes through the [keying
//! step](Keying); what came, the packet thread takes through it.

pub(crate) mod ports;
pub(crate) mod shared_port;

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use media_core::rtp::demux::Protocol;
use media_core::rtp::latch::{Latch, REBINDING_NS, Verdict};
use media_core::rtp::{Header, MAX_PACKET};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, connect, connect_unspec, recv, recvfrom, send, sendto};

use crate::net::ports::{Lease, Sockets};
use crate::net::shared_port::MaybeShared;
use crate::secure::dtls_leg::{DtlsLeg, DtlsSetup};
use crate::secure::handshakes::Progress;
use crate::secure::keying::{Keying, SrtpKeys};
use crate::thread::clock::SECOND;
use crate::thread::context::Node;
use crate::thread::counters::Counters;

/// After so much silence of the learned source another one may be learned.
const REOPEN_NS: u64 = 3 * SECOND;

/// What offer and answer say about addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remote {
    /// `None`: no address to send to (`0.0.0.0`, port 0).
    pub(crate) rtp: Option<SocketAddr>,
    /// `None`: the next port, or the same with `mux`.
    pub(crate) rtcp: Option<SocketAddr>,
    /// RTP and RTCP share a port (RFC 5761).
    pub(crate) mux: bool,
    /// `None`: packets are not encrypted, or with keys of `dtls`.
    pub(crate) srtp: Option<Box<SrtpKeys>>,
    /// `None`: there is no handshake.
    pub(crate) dtls: Option<Box<DtlsSetup>>,
}

/// The last packet that a stream heard.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LastPacket {
    pub(crate) at: u64,
    /// SSRC and sequence number; `None`: nothing was heard.
    pub(crate) source: Option<(u32, u16)>,
}

/// A datagram that came: its length, and its source unless the socket is connected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    pub(crate) length: usize,
    pub(crate) source: Option<SocketAddr>,
}

/// Both sockets. What each packet of a plain leg needs comes first: it ends with the cache line that an audio stream
/// begins with.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Net {
    rtp: OwnedFd,
    is_connected: bool,
    is_muxed: bool,
    keying: Keying,
    /// What is sent through while the leg has ICE, if there is one.
    shared: MaybeShared,
    dtls: Option<Box<DtlsLeg>>,
    target: Option<SocketAddr>,
    remote: Remote,
    latch: Latch,
    rtcp_source: Option<SocketAddr>,
    /// The socket is connected, and what came before that may lie in it still.
    is_connecting: bool,
    rtcp: OwnedFd,
    /// Behind both sockets: dropped when they are closed.
    _lease: Lease,
}

/// Octets that each packet of a plain leg needs.
pub(crate) const HOT: usize = std::mem::offset_of!(Net, dtls);

impl Net {
    pub(crate) fn new(sockets: Sockets) -> Self {
        let (rtp, rtcp, lease) = sockets.into_parts();
        Self {
            rtp,
            rtcp,
            _lease: lease,
            latch: Latch::default(),
            remote: Remote::default(),
            is_connected: false,
            is_muxed: false,
            keying: Keying::default(),
            dtls: None,
            shared: None,
            target: None,
            rtcp_source: None,
            is_connecting: false,
        }
    }

    pub(crate) fn rtp(&self) -> BorrowedFd<'_> {
        self.rtp.as_fd()
    }

    pub(crate) fn rtcp(&self) -> BorrowedFd<'_> {
        self.rtcp.as_fd()
    }

    /// Whether packets of the learned source alone come in.
    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected
    }

    pub(crate) fn is_muxed(&self) -> bool {
        self.is_muxed
    }

    /// Whether there is an address to send to.
    pub(crate) fn has_remote(&self) -> bool {
        self.remote.rtp.is_some() || self.has_ice()
    }

    /// Applies an offer/answer; a changed address is learned anew.
    pub(crate) fn configure(&mut self, remote: Remote, counters: &Counters, now: u64) {
        if remote.rtcp != self.remote.rtcp || remote.mux != self.remote.mux {
            self.rtcp_source = None;
        }
        self.remote = remote;
        self.is_muxed = self.remote.mux;
        if let Some(setup) = self.remote.dtls.take() {
            self.expect_handshake(*setup, now);
        } else {
            self.dtls = None;
            self.keying.agree(self.remote.srtp.take().map(|keys| *keys));
        }
        if self.latch.expect(self.remote.rtp) {
            self.rtcp_source = None;
            self.disconnect();
        }
        self.retarget(counters);
    }

    /// Keys come by DTLS. An association that goes on keeps its keys.
    fn expect_handshake(&mut self, setup: DtlsSetup, now: u64) {
        let begins = match &mut self.dtls {
            Some(leg) => leg.agree(setup, now),
            none => {
                *none = Some(Box::new(DtlsLeg::new(setup, now)));
                true
            }
        };
        if begins {
            self.keying.expect_handshake();
            self.disconnect();
        }
    }

    fn rtp_socket(&self) -> &OwnedFd {
        self.shared.as_ref().map_or(&self.rtp, |port| port.socket())
    }

    fn has_ice(&self) -> bool {
        self.dtls.as_ref().is_some_and(|leg| leg.has_ice())
    }

    /// Answers a check of ICE; false if the datagram is none of the party's.
    pub(crate) fn receive_stun(
        &mut self,
        datagram: &[u8],
        source: Option<SocketAddr>,
        (stream, now): (u64, u64),
        (node, counters): (&Node, &Counters),
    ) -> bool {
        let (Some(leg), Some(source)) = (&mut self.dtls, source) else {
            return false;
        };
        let socket = self.shared.as_ref().map_or(&self.rtp, |port| port.socket());
        let is_answered = leg.receive_stun(datagram, source, now, |answer, to| {
            // A peer that misses the answer asks again.
            let _ = sendto(socket, answer, SendFlags::NOSIGNAL, to);
        });
        if is_answered && leg.target() != self.target {
            self.target = leg.target();
            counters.set_target(self.target);
        }
        leg.begin(stream, self.target, node);
        is_answered
    }

    /// Hands on a datagram of DTLS; false if it is dropped.
    pub(crate) fn receive_dtls(
        &mut self,
        datagram: &[u8],
        source: Option<SocketAddr>,
        of: (u64, u64),
        node: &Node,
    ) -> bool {
        let (Some(leg), Some(source)) = (&mut self.dtls, source) else {
            return false;
        };
        leg.receive_dtls(datagram, source, of, node)
    }

    /// Lets our side begin the handshake, where it is to and the party's address needs no ICE.
    pub(crate) fn begin_handshake(&mut self, stream: u64, node: &Node) {
        let (rtp, has_ice) = (self.remote.rtp, self.has_ice());
        let candidate = self.dtls.as_ref().and_then(|leg| leg.candidate());
        self.shared = node
            .shared_port
            .clone()
            .filter(|port| candidate.is_some_and(|candidate| port.serves(candidate)));
        if let Some(leg) = self.dtls.as_mut().filter(|_| !has_ice) {
            leg.begin(stream, rtp, node);
        }
    }

    /// Sends what the handshake thread has made; its keys are in force from now on.
    pub(crate) fn progress(&mut self, progress: Progress, counters: &Counters) {
        for datagram in &progress.datagrams {
            let _ = sendto(
                self.rtp_socket(),
                datagram,
                SendFlags::NOSIGNAL,
                &progress.peer,
            );
        }
        let Some(keys) = progress.keys.filter(|_| self.dtls.is_some()) else {
            return;
        };
        self.keying.agree(Some(keys));
        if !self.has_ice() && self.latch.expect(Some(progress.peer)) {
            self.retarget(counters);
        }
    }

    /// Why the party can no longer be reached, once.
    pub(crate) fn failure(&mut self, now: u64) -> Option<String> {
        self.dtls.as_mut().and_then(|leg| leg.failure(now))
    }

    /// Reads one datagram of RTP. `None`: nothing there, or a pending error that is cleared now.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Option<Received> {
        let received = if self.is_connected {
            let (length, _) = recv(&self.rtp, &mut *buffer, RecvFlags::empty()).ok()?;
            Received {
                length,
                source: None,
            }
        } else {
            receive_from(self.rtp.as_fd(), buffer)?
        };
        // What fills the buffer was cut off.
        (received.length < MAX_PACKET).then_some(received)
    }

    /// Reads one datagram of RTCP.
    pub(crate) fn receive_rtcp(&self, buffer: &mut [u8]) -> Option<Received> {
        receive_from(self.rtcp.as_fd(), buffer)
    }

    /// Opens a datagram in place, as [`Keying::unprotect`].
    pub(crate) fn unprotect(&mut self, protocol: Protocol, datagram: &mut [u8]) -> Option<usize> {
        self.keying.unprotect(protocol, datagram)
    }

    /// Whether a valid packet is from the party.
    pub(crate) fn judge(
        &mut self,
        source: Option<SocketAddr>,
        header: &Header,
        now: u64,
        counters: &Counters,
    ) -> Verdict {
        let Some(source) = source else {
            return Verdict::Accept;
        };
        // It was opened with the party's key, wherever it came from.
        if let Some(leg) = self.dtls.as_mut().filter(|leg| leg.has_ice()) {
            return if std::mem::replace(&mut leg.is_heard, true) {
                Verdict::Accept
            } else {
                Verdict::Learn
            };
        }
        let verdict = self
            .latch
            .on_packet(source, header.ssrc, header.sequence, now);
        if verdict == Verdict::Learn {
            self.retarget(counters);
        }
        verdict
    }

    /// Whether an RTCP packet is from the party: from where it was announced, or from a host we know.
    pub(crate) fn accept_rtcp(&mut self, source: Option<SocketAddr>) -> bool {
        let Some(source) = source else {
            return true;
        };
        if self.has_ice() {
            return true;
        }
        let is_known =
            |known: Option<SocketAddr>| known.is_some_and(|known| known.ip() == source.ip());
        if self.remote.rtcp == Some(source) || is_known(self.target) || is_known(self.remote.rtp) {
            self.rtcp_source = Some(source);
            return true;
        }
        false
    }

    /// Sends RTP; false if it could not be sent.
    pub(crate) fn send(&mut self, datagram: &[u8]) -> bool {
        self.send_at_rtp_port(Protocol::Rtp, datagram)
    }

    fn send_at_rtp_port(&mut self, protocol: Protocol, datagram: &[u8]) -> bool {
        let socket = self.shared.as_ref().map_or(&self.rtp, |port| port.socket());
        // The target lies in another cache line: it is looked at by a socket that is not connected only.
        let (is_connected, target) = (self.is_connected, &self.target);
        self.keying.protect(protocol, datagram, |protected| {
            if is_connected {
                return send_connected(socket, protected);
            }
            let to = |target| sendto(socket, protected, SendFlags::NOSIGNAL, target).is_ok();
            target.as_ref().is_some_and(to)
        })
    }

    /// Sends RTCP, on the port of RTP if they share it.
    pub(crate) fn send_rtcp(&mut self, datagram: &[u8]) -> bool {
        if self.remote.mux {
            return self.send_at_rtp_port(Protocol::Rtcp, datagram);
        }
        let rtcp = &self.rtcp;
        let beside = |target: SocketAddr| {
            let port = target.port().checked_add(1)?;
            Some(SocketAddr::new(target.ip(), port))
        };
        let target = self
            .rtcp_source
            .or(self.remote.rtcp)
            .or_else(|| self.target.and_then(beside));
        let Some(target) = target else {
            return false;
        };
        self.keying.protect(Protocol::Rtcp, datagram, |protected| {
            sendto(rtcp, protected, SendFlags::NOSIGNAL, &target).is_ok()
        })
    }

    /// Connects to a settled source, opens up after a silence. Called a few times a second.
    pub(crate) fn maintain(&mut self, last: &LastPacket, now: u64) {
        if self.has_ice() {
            return;
        }
        let silent_ns = now.saturating_sub(last.at);
        if self.is_connected
            && silent_ns > REBINDING_NS
            && let Some((ssrc, sequence)) = last.source
        {
            self.latch.on_own_packet(ssrc, sequence, last.at);
        }
        if self.latch.is_learned() && silent_ns > REOPEN_NS {
            self.latch.reopen();
            self.disconnect();
        } else if silent_ns > REBINDING_NS {
            self.disconnect(); // to see who goes on in its place
        } else if !self.is_connected
            && let Some(source) = self.latch.settled(now)
        {
            // What came before, from wherever, lies in the socket still: until it is read, sources are looked at.
            self.is_connecting = connect(&self.rtp, &source).is_ok();
            self.is_connected = self.is_connecting && is_empty(&self.rtp);
        }
    }

    fn disconnect(&mut self) {
        let was_connecting = std::mem::take(&mut self.is_connecting);
        if std::mem::take(&mut self.is_connected) || was_connecting {
            // It fails for no bound datagram socket; were it to, the party would only be heard where it was.
            let _ = connect_unspec(&self.rtp);
        }
    }

    fn retarget(&mut self, counters: &Counters) {
        let of_ice = self.dtls.as_ref().filter(|leg| leg.has_ice());
        self.target = of_ice.map_or_else(|| self.latch.target(), |leg| leg.target());
        counters.set_target(self.target);
    }
}

fn is_empty(socket: &OwnedFd) -> bool {
    let looked = recv(socket, &mut [0; 1][..], RecvFlags::PEEK);
    matches!(looked, Err(Errno::AGAIN))
}

fn send_connected(socket: &OwnedFd, datagram: &[u8]) -> bool {
    let again = |error| match error {
        // The answer to an earlier packet (RFC 1122 section 4.1.3.3), which the socket reports once.
        Errno::CONNREFUSED => send(socket, datagram, SendFlags::NOSIGNAL),
        error => Err(error),
    };
    send(socket, datagram, SendFlags::NOSIGNAL)
        .or_else(again)
        .is_ok()
}

fn receive_from(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Option<Received> {
    match recvfrom(socket, buffer, RecvFlags::empty()) {
        Ok((length, _, Some(source))) => {
            let source = SocketAddr::try_from(source).ok()?;
            Some(Received {
                length,
                // Without flow label and scope, as the SDP's address is.
                source: Some(SocketAddr::new(source.ip(), source.port())),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::Arc;

    use super::*;
    use crate::net::ports::PortPool;

    /// The sockets of a stream, and its party, from which one packet came.
    fn latched() -> (Arc<PortPool>, Net, UdpSocket) {
        let pool = PortPool::new("127.0.0.1".parse().unwrap(), 47_120, 47_127);
        let party = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = party.local_addr().unwrap();
        let counters = Counters::default();
        let mut net = Net::new(pool.open().unwrap());
        let remote = Remote {
            rtp: Some(address),
            ..Remote::default()
        };
        net.configure(remote, &counters, 0);
        let header = Header {
            marker: false,
            payload_type: 0,
            sequence: 1,
            timestamp: 0,
            ssrc: 1,
        };
        net.judge(Some(address), &header, 0, &counters);
        (pool, net, party)
    }

    /// The stream is looked after ten seconds later, and its party was heard just before.
    fn maintain(net: &mut Net) {
        let last = LastPacket {
            at: 10 * SECOND,
            source: Some((1, 1)),
        };
        net.maintain(&last, 10 * SECOND);
    }

    #[test]
    fn what_came_before_the_socket_was_connected_is_known_by_its_source() {
        let (_pool, mut net, party) = latched();
        let ours = rustix::net::getsockname(net.rtp()).unwrap();
        let ours = SocketAddr::try_from(ours).unwrap();
        let stray = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut buffer = [0; 16];
        stray.send_to(b"stray", ours).unwrap();
        maintain(&mut net);
        let received = net.receive(&mut buffer).unwrap();
        assert_eq!(received.source, stray.local_addr().ok());
        maintain(&mut net);
        stray.send_to(b"stray", ours).unwrap();
        assert!(net.receive(&mut buffer).is_none());
        party.send_to(b"party", ours).unwrap();
        let received = net.receive(&mut buffer).unwrap();
        assert_eq!((received.length, received.source), (5, None));
    }

    #[test]
    fn a_party_that_was_away_for_a_moment_misses_no_packet_after_it() {
        let (_pool, mut net, party) = latched();
        let address = party.local_addr().unwrap();
        maintain(&mut net);
        assert!(net.is_connected);
        drop(party);
        assert!(net.send(b"to a closed port: answered by ICMP"));
        let party = UdpSocket::bind(address).unwrap();
        assert!(net.send(b"heard"));
        let mut heard = [0; 16];
        assert_eq!(party.recv(&mut heard).unwrap(), 5);
    }
}
