//! A leg whose keys come by DTLS, and usually its addresses by ICE: a browser, or a phone with DTLS-SRTP.

use std::net::SocketAddr;

use crate::secure::handshake::DtlsParameters;
use crate::secure::handshakes::{BOUND, Request};
use crate::secure::ice::{Ice, IceParameters};
use crate::thread::clock::SECOND;
use crate::thread::context::Node;

/// Datagrams of DTLS that one leg may hand to the handshake thread within a second.
const MAX_DATAGRAMS: u32 = 100;

/// What offer and answer say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DtlsSetup {
    pub(crate) parameters: DtlsParameters,
    /// `None`: the address of the description is the peer's.
    pub(crate) ice: Option<IceParameters>,
}

/// Its state in the packet thread.
#[derive(Debug)]
pub(crate) struct DtlsLeg {
    parameters: DtlsParameters,
    ice: Option<Ice>,
    /// The handshake thread knows where the peer is.
    is_begun: bool,
    /// A packet of the peer was opened.
    pub(crate) is_heard: bool,
    second: u64,
    datagrams: u32,
}

impl DtlsLeg {
    pub(crate) fn new(setup: DtlsSetup, now: u64) -> Self {
        Self {
            parameters: setup.parameters,
            ice: setup.ice.map(|parameters| Ice::new(parameters, now)),
            is_begun: false,
            is_heard: false,
            second: 0,
            datagrams: 0,
        }
    }

    /// Another offer/answer. True if the handshake begins anew: the peer has another certificate or role.
    pub(crate) fn agree(&mut self, setup: DtlsSetup, now: u64) -> bool {
        if let Some(parameters) = setup.ice
            && self.ice.as_ref().is_none_or(|ice| !ice.is_for(&parameters))
        {
            self.ice = Some(Ice::new(parameters, now));
        }
        let is_new = self.parameters != setup.parameters;
        if is_new {
            self.parameters = setup.parameters;
            self.is_begun = false;
        }
        is_new
    }

    /// Whether addresses come by ICE.
    pub(crate) fn has_ice(&self) -> bool {
        self.ice.is_some()
    }

    /// Our candidate, if addresses come by ICE.
    pub(crate) fn candidate(&self) -> Option<SocketAddr> {
        self.ice.as_ref().map(Ice::candidate)
    }

    /// Where ICE says to send to.
    pub(crate) fn target(&self) -> Option<SocketAddr> {
        self.ice.as_ref().and_then(Ice::target)
    }

    /// Takes a STUN message, as [`Ice::receive`].
    pub(crate) fn receive_stun(
        &mut self,
        datagram: &[u8],
        source: SocketAddr,
        now: u64,
        send: impl FnMut(&[u8], &SocketAddr),
    ) -> bool {
        let ice = self.ice.as_mut();
        ice.is_some_and(|ice| ice.receive(datagram, source, now, send))
    }

    /// Hands a datagram of DTLS to the handshake thread; false if it is dropped. With ICE, any address that has passed
    /// a check may shake hands: peers begin before they nominate.
    pub(crate) fn receive_dtls(
        &mut self,
        datagram: &[u8],
        peer: SocketAddr,
        (stream, now): (u64, u64),
        node: &Node,
    ) -> bool {
        if self.ice.as_ref().is_some_and(|ice| !ice.has_passed(peer)) {
            return false;
        }
        let second = now / SECOND;
        if self.second != second {
            (self.second, self.datagrams) = (second, 0);
        }
        self.datagrams += 1;
        let octets = datagram.to_vec();
        let request = Request::Datagram {
            stream,
            peer,
            octets,
        };
        self.datagrams <= MAX_DATAGRAMS && node.handshakes.put_bounded(request, BOUND)
    }

    /// Lets a client begin, once there is a way to `peer`.
    pub(crate) fn begin(&mut self, stream: u64, peer: Option<SocketAddr>, node: &Node) {
        if let Some(peer) = peer
            && self.parameters.is_client
            && !std::mem::replace(&mut self.is_begun, true)
        {
            let request = Request::Reachable { stream, peer };
            node.handshakes.put(request);
        }
    }

    /// Why the leg cannot live, once.
    pub(crate) fn failure(&mut self, now: u64) -> Option<String> {
        self.ice.as_mut().and_then(|ice| ice.failure(now))
    }
}
