//! ICE on our side of a leg: the lite one (RFC 8445 section 2.5), which answers checks and never sends any.
//!
//! The peer finds out which of its addresses reaches us; each that passes a check is one that it may send from, and the
//! one that it nominates is where we send to. Checks that stop take away the peer's consent (RFC 7675).

use std::net::SocketAddr;
use std::time::Instant;

use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceCreds};

use crate::thread::clock::SECOND;

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

    /// Ours.
    pub(crate) fn candidate(&self) -> SocketAddr {
        self.parameters.candidate
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

#[cfg(test)]
mod tests {
    use super::*;
    use is::stun::StunMessage;
    use proptest::prelude::*;

    const NOW: u64 = 1_000 * SECOND;

    fn creds(name: &str) -> IceCreds {
        IceCreds {
            ufrag: name.to_owned(),
            pass: format!("{name}-password-of-22-characters"),
        }
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 7], port))
    }

    fn parameters() -> IceParameters {
        IceParameters {
            local: creds("ours"),
            remote: creds("theirs"),
            candidate: SocketAddr::from(([192, 0, 2, 1], 20_000)),
        }
    }

    /// A full agent that checks our candidate: what it sends first.
    fn check(of: &IceParameters, from: SocketAddr) -> Vec<u8> {
        let mut agent = IceAgent::new(of.remote.clone());
        agent.set_controlling(true);
        agent.add_local_candidate(Candidate::host(from, "udp").unwrap());
        agent.set_remote_credentials(of.local.clone());
        agent.add_remote_candidate(Candidate::host(of.candidate, "udp").unwrap());
        let mut now = Instant::now();
        loop {
            agent.handle_timeout(now);
            if let Some(transmit) = agent.poll_transmit() {
                return transmit.contents.to_vec();
            }
            now += std::time::Duration::from_millis(50);
        }
    }

    fn answers(ice: &mut Ice, datagram: &[u8], from: SocketAddr) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut sent = Vec::new();
        ice.receive(datagram, from, NOW, |octets, to| {
            sent.push((octets.to_vec(), *to));
        });
        sent
    }

    #[test]
    fn a_check_is_answered_and_its_source_may_send() {
        let mut ice = Ice::new(parameters(), NOW);
        let sent = answers(
            &mut ice,
            &check(&parameters(), address(5000)),
            address(5000),
        );
        let [(answer, to)] = &sent[..] else {
            panic!("{sent:?}")
        };
        assert_eq!(*to, address(5000));
        let answer = StunMessage::parse(answer).unwrap();
        assert!(answer.is_successful_binding_response());
        assert_eq!(answer.mapped_address(), Some(address(5000)));
        assert!(ice.has_passed(address(5000)));
        assert!(!ice.has_passed(address(5001)));
        assert_eq!(ice.target(), Some(address(5000)));
    }

    #[test]
    fn a_check_with_another_password_or_user_is_dropped() {
        let mut ice = Ice::new(parameters(), NOW);
        for side in 0..2 {
            let mut wrong = parameters();
            let creds = if side == 0 {
                &mut wrong.local
            } else {
                &mut wrong.remote
            };
            creds.ufrag.push('x');
            let datagram = check(&wrong, address(5000));
            assert!(answers(&mut ice, &datagram, address(5000)).is_empty());
        }
        let mut wrong = parameters();
        wrong.local.pass.push('x');
        let datagram = check(&wrong, address(5000));
        assert!(answers(&mut ice, &datagram, address(5000)).is_empty());
        assert_eq!(ice.target(), None);
    }

    #[test]
    fn one_that_knows_the_password_has_so_many_addresses_and_no_more() {
        let mut ice = Ice::new(parameters(), NOW);
        let datagram = check(&parameters(), address(5000));
        for port in 0..200 {
            answers(&mut ice, &datagram, address(5000 + port));
        }
        assert_eq!(ice.valid.len(), MAX_ADDRESSES);
    }

    #[test]
    fn checks_that_never_come_or_cease_are_a_failure_reported_once() {
        let mut ice = Ice::new(parameters(), NOW);
        assert_eq!(ice.failure(NOW + FIRST_CHECK_NS), None);
        let text = ice.failure(NOW + FIRST_CHECK_NS + 1).unwrap();
        assert!(text.contains("192.0.2.1:20000"), "{text}");
        assert_eq!(ice.failure(NOW + 100 * SECOND), None);
        let mut ice = Ice::new(parameters(), NOW);
        answers(
            &mut ice,
            &check(&parameters(), address(5000)),
            address(5000),
        );
        assert_eq!(ice.failure(NOW + CONSENT_NS), None);
        let text = ice.failure(NOW + CONSENT_NS + 1).unwrap();
        assert!(text.contains("192.0.2.7:5000"), "{text}");
    }

    proptest! {
        #[test]
        fn any_octets_are_survived(at in 0usize..120, octet: u8, junk in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut ice = Ice::new(parameters(), NOW);
            prop_assert!(answers(&mut ice, &junk, address(1)).is_empty());
            let mut datagram = check(&parameters(), address(5000));
            let at = at % datagram.len();
            let before = datagram[at];
            datagram[at] = octet;
            let sent = answers(&mut ice, &datagram, address(5000));
            prop_assert!(sent.is_empty() || before == octet || at < 4 || at >= datagram.len() - 8, "octet {at}");
        }
    }
}
