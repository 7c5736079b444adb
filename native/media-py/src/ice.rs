//! ICE on our side of a leg: the lite one (RFC 8445 section 2.5), which answers checks and never sends any.
//!
//! The peer finds out which of its addresses reaches us; each that passes a check is one that it may send from, and the
//! one that it nominates is where we send to. Checks that stop take away the peer's consent (RFC 7675).

use std::net::SocketAddr;
use std::time::Instant;

use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceCreds};

use crate::clock::SECOND;

/// Addresses of one peer that may pass checks: a peer has a handful, a flood from one that knows the password has not.
const MAX_ADDRESSES: usize = 32;
/// No check within so long after the description was known: the peer cannot reach us.
const FIRST_CHECK_NS: u64 = 15 * SECOND;
/// No check for so long after there were some: RFC 7675 section 5.1.
const CONSENT_NS: u64 = 30 * SECOND;

/// What offer and answer say of ICE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IceParameters {
    pub(crate) local: IceCreds,
    pub(crate) remote: IceCreds,
    /// Our one candidate, as the description has it.
    pub(crate) candidate: SocketAddr,
}

/// The lite agent of one stream.
pub(crate) struct Ice {
    agent: IceAgent,
    parameters: IceParameters,
    valid: Vec<SocketAddr>,
    nominated: Option<SocketAddr>,
    began: u64,
    last_check: Option<u64>,
    is_reported: bool,
}

impl Ice {
    pub(crate) fn new(parameters: IceParameters, now: u64) -> Self {
        let mut agent = IceAgent::new(parameters.local.clone());
        agent.set_ice_lite(true);
        agent.set_controlling(false);
        agent.set_max_candidate_pairs(MAX_ADDRESSES);
        if let Ok(candidate) = Candidate::host(parameters.candidate, "udp") {
            agent.add_local_candidate(candidate);
        }
        agent.set_remote_credentials(parameters.remote.clone());
        agent.handle_timeout(Instant::now());
        while agent.poll_event().is_some() {}
        Self {
            agent,
            parameters,
            valid: Vec::new(),
            nominated: None,
            began: now,
            last_check: None,
            is_reported: false,
        }
    }

    /// Whether these are the parameters that it works with: others are an ICE restart.
    pub(crate) fn is_for(&self, parameters: &IceParameters) -> bool {
        self.parameters == *parameters
    }

    /// Takes a STUN message; hands answers to `send`. False if it is none of the peer's.
    pub(crate) fn receive(
        &mut self,
        datagram: &[u8],
        source: SocketAddr,
        now: u64,
        mut send: impl FnMut(&[u8], &SocketAddr),
    ) -> bool {
        if self.valid.len() == MAX_ADDRESSES && !self.has_passed(source) {
            return false;
        }
        let Ok(message) = StunMessage::parse(datagram) else {
            return false;
        };
        let packet = StunPacket {
            proto: is::Protocol::Udp,
            source,
            destination: self.parameters.candidate,
            message,
        };
        let instant = Instant::now();
        let is_accepted = self.agent.handle_packet(instant, packet);
        self.agent.handle_timeout(instant);
        while let Some(transmit) = self.agent.poll_transmit() {
            send(&transmit.contents, &transmit.destination);
        }
        while let Some(event) = self.agent.poll_event() {
            match event {
                IceAgentEvent::DiscoveredRecv { source, .. } => self.valid.push(source),
                IceAgentEvent::NominatedSend { destination, .. } => {
                    self.nominated = Some(destination);
                }
                _ => {}
            }
        }
        if is_accepted {
            self.last_check = Some(now);
        }
        is_accepted
    }

    /// Whether an address has passed a check.
    pub(crate) fn has_passed(&self, address: SocketAddr) -> bool {
        self.valid.contains(&address)
    }

    /// Where to send to: the nominated address, before there is one the first that has passed a check.
    pub(crate) fn target(&self) -> Option<SocketAddr> {
        self.nominated.or_else(|| self.valid.first().copied())
    }

    /// Why the leg cannot live, once; `None`: it can.
    pub(crate) fn failure(&mut self, now: u64) -> Option<String> {
        let candidate = self.parameters.candidate;
        let text = match self.last_check {
            None if now.saturating_sub(self.began) > FIRST_CHECK_NS => format!(
                "ICE: no connectivity check came to our candidate {candidate} within {} s",
                FIRST_CHECK_NS / SECOND
            ),
            Some(last) if now.saturating_sub(last) > CONSENT_NS => format!(
                "ICE: no connectivity check came from {} to our candidate {candidate} for {} s",
                self.target()
                    .map_or_else(|| "the peer".to_owned(), |target| target.to_string()),
                CONSENT_NS / SECOND
            ),
            _ => return None,
        };
        (!std::mem::replace(&mut self.is_reported, true)).then_some(text)
    }
}

impl std::fmt::Debug for Ice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Ice({:?})", self.target())
    }
}
