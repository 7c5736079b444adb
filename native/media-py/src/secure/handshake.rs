//! One DTLS handshake (RFC 5764): datagrams in, datagrams and keys out. The peer's certificate is accepted by its
//! fingerprint alone (RFC 8122), and what the handshake leaves is the keys of SRTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::certificate::calculate_fingerprint;
use dimpl::{Config, Dtls, DtlsCertificate, KeyingMaterial, Output, SrtpProfile};
use media_core::srtp::{MasterKey, Suite};

use crate::secure::keying::SrtpKeys;

/// Octets of a SHA-256 fingerprint.
pub(crate) const FINGERPRINT: usize = 32;
/// A handshake that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(15);
/// Before a flight is repeated for the first time.
const FIRST_REPEAT: Duration = Duration::from_millis(300);
const REPEATS: usize = 6;
/// After the keys are known, the peer may still repeat its last flight.
const AFTERWARDS: Duration = Duration::from_secs(30);
const DATAGRAM: usize = 2048;

/// What offer and answer say of DTLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DtlsParameters {
    /// We begin the handshake (`a=setup:active`).
    pub(crate) is_client: bool,
    /// SHA-256 of the certificates that the peer may show.
    pub(crate) fingerprints: Vec<[u8; FINGERPRINT]>,
}

/// What comes of a step.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) datagrams: Vec<Vec<u8>>,
    pub(crate) keys: Option<SrtpKeys>,
    pub(crate) failure: Option<String>,
}

/// The machine.
pub(crate) struct Handshake {
    dtls: Dtls,
    parameters: DtlsParameters,
    /// When it must be looked at again.
    pub(crate) due: Instant,
    ends: Instant,
    has_peer: bool,
    is_over: bool,
}

/// Settings of all handshakes.
pub(crate) struct Configs {
    certificate: DtlsCertificate,
    /// Towards addresses that have passed a check of ICE.
    checked: Arc<Config>,
    /// Towards others, which must show by a cookie that they are where they say.
    unchecked: Arc<Config>,
}

impl Configs {
    pub(crate) fn new(certificate: DtlsCertificate) -> Result<Self, dimpl::Error> {
        let config = |cookie| {
            let builder = Config::builder()
                .handshake_timeout(LIMIT)
                .flight_start_rto(FIRST_REPEAT)
                .flight_retries(REPEATS)
                .use_server_cookie(cookie);
            builder.build().map(Arc::new)
        };
        Ok(Self {
            checked: config(false)?,
            unchecked: config(true)?,
            certificate,
        })
    }
}

impl Handshake {
    pub(crate) fn new(
        configs: &Configs,
        parameters: DtlsParameters,
        is_checked: bool,
        now: Instant,
    ) -> Self {
        let config = if is_checked {
            &configs.checked
        } else {
            &configs.unchecked
        };
        let mut dtls = Dtls::new_auto(Arc::clone(config), configs.certificate.clone(), now);
        if parameters.is_client {
            dtls.set_active(true);
        }
        Self {
            dtls,
            due: now + LIMIT,
            ends: now + LIMIT,
            parameters,
            has_peer: false,
            is_over: false,
        }
    }

    /// The client's first step; a server has none.
    pub(crate) fn begin(&mut self, now: Instant) -> Step {
        if !self.parameters.is_client {
            return Step::default();
        }
        self.tick(now)
    }

    /// A datagram of the peer.
    pub(crate) fn receive(&mut self, datagram: &[u8], now: Instant) -> Step {
        self.has_peer = true;
        let taken = self
            .dtls
            .handle_timeout(now)
            .and_then(|()| self.dtls.handle_packet(datagram));
        self.drain(taken, now)
    }

    /// Time has come.
    pub(crate) fn tick(&mut self, now: Instant) -> Step {
        let taken = self.dtls.handle_timeout(now);
        self.drain(taken, now)
    }

    /// Whether nothing more is to be expected of it.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.ends
    }

    fn drain(&mut self, taken: Result<(), dimpl::Error>, now: Instant) -> Step {
        let mut step = Step::default();
        if let Err(error) = taken {
            return self.fail(step, format!("DTLS: {error}"));
        }
        let mut buffer = vec![0; DATAGRAM];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => step.datagrams.push(packet.to_vec()),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(at) => {
                    self.due = at.min(self.ends).max(now);
                    break;
                }
                Output::PeerCert(der) => {
                    let shown = calculate_fingerprint(der);
                    let is_known = |each: &[u8; FINGERPRINT]| shown == each;
                    if !self.parameters.fingerprints.iter().any(is_known) {
                        let text =
                            "DTLS: the peer's certificate is not the one of its a=fingerprint";
                        return self.fail(step, text.to_owned());
                    }
                }
                Output::KeyingMaterial(material, profile) => {
                    step.keys = keys(&material, profile, self.dtls.is_active());
                    if step.keys.is_none() {
                        let text =
                            format!("DTLS: {profile} was agreed on, which is not spoken here");
                        return self.fail(step, text);
                    }
                    self.is_over = true;
                    self.ends = now + AFTERWARDS;
                }
                _ => {}
            }
        }
        if !self.is_over && now >= self.ends {
            let text = if self.has_peer {
                "DTLS: the handshake was not finished within 15 s"
            } else {
                "DTLS: the peer did not begin the handshake within 15 s"
            };
            return self.fail(step, text.to_owned());
        }
        step
    }

    /// The handshake failed, as `text` says; after the keys, errors are those of strangers.
    fn fail(&mut self, mut step: Step, text: String) -> Step {
        if !self.is_over {
            step.keys = None;
            step.failure = Some(text);
        }
        self.is_over = true;
        self.ends = Instant::now();
        self.due = self.ends;
        step
    }
}

/// RFC 5764 section 4.2: both keys, then both salts, the client's first.
fn keys(material: &KeyingMaterial, profile: SrtpProfile, is_client: bool) -> Option<SrtpKeys> {
    let suite = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Suite::AesCm128Sha1Tag80,
        SrtpProfile::AEAD_AES_128_GCM => Suite::Aes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Suite::Aes256Gcm,
        _ => return None,
    };
    let (key, salt) = (suite.key_length(), suite.salt_length());
    let part = |at: usize, length: usize| material.get(at..at + length);
    let master = |side: usize| {
        let octets = [part(side * key, key)?, part(2 * key + side * salt, salt)?].concat();
        MasterKey::new(suite, &octets).ok()
    };
    let (client, server) = (master(0)?, master(1)?);
    Some(if is_client {
        SrtpKeys {
            send: client,
            receive: server,
        }
    } else {
        SrtpKeys {
            send: server,
            receive: client,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dimpl::certificate::generate_self_signed_certificate;

    fn side(
        fingerprint: [u8; FINGERPRINT],
        certificate: DtlsCertificate,
        is_client: bool,
    ) -> Handshake {
        let configs = Configs::new(certificate).unwrap();
        let parameters = DtlsParameters {
            is_client,
            fingerprints: vec![fingerprint],
        };
        Handshake::new(&configs, parameters, true, Instant::now())
    }

    fn meet(known: bool) -> (Option<SrtpKeys>, Option<SrtpKeys>, Vec<String>) {
        let certificates = [(); 2].map(|()| generate_self_signed_certificate().unwrap());
        let of =
            |at: usize| -> [u8; FINGERPRINT] { certificates[at].fingerprint().try_into().unwrap() };
        let expected = if known { of(0) } else { [7; FINGERPRINT] };
        let mut client = side(of(1), certificates[0].clone(), true);
        let mut server = side(expected, certificates[1].clone(), false);
        let mut step = client.begin(Instant::now());
        let (mut ours, mut theirs, mut failures) = (None, None, Vec::new());
        for round in 0..20 {
            let is_to_server = round % 2 == 0;
            let receiver = if is_to_server {
                &mut server
            } else {
                &mut client
            };
            let mut next = Step::default();
            for datagram in &step.datagrams {
                let each = receiver.receive(datagram, Instant::now());
                next.datagrams.extend(each.datagrams);
                failures.extend(each.failure);
                if let Some(keys) = each.keys {
                    let known = if is_to_server { &mut theirs } else { &mut ours };
                    *known = Some(keys);
                }
            }
            step = next;
        }
        (ours, theirs, failures)
    }

    #[test]
    fn both_ends_have_the_same_keys() {
        let (client, server, failures) = meet(true);
        let (client, server) = (client.unwrap(), server.unwrap());
        assert_eq!((client.send, client.receive), (server.receive, server.send));
        assert!(failures.is_empty(), "{failures:?}");
    }

    #[test]
    fn a_certificate_of_another_fingerprint_ends_the_handshake() {
        let (_, server, failures) = meet(false);
        assert_eq!(server, None);
        assert!(failures[0].contains("a=fingerprint"), "{failures:?}");
    }

    #[test]
    fn a_peer_that_never_begins_is_waited_for_until_the_limit() {
        let certificate = generate_self_signed_certificate().unwrap();
        let mut server = side([0; FINGERPRINT], certificate, false);
        let step = server.tick(Instant::now());
        assert!(step.failure.is_none());
        let step = server.tick(Instant::now() + LIMIT);
        assert!(step.failure.unwrap().contains("did not begin"));
    }

    /// Making one takes longer than the rest of a case.
    static CERTIFICATE: std::sync::LazyLock<DtlsCertificate> =
        std::sync::LazyLock::new(|| generate_self_signed_certificate().unwrap());

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]
        #[test]
        fn any_octets_are_survived(
            junk in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..100), 1..10),
            kind in 20u8..64,
        ) {
            let certificate = CERTIFICATE.clone();
            let mut server = side([0; FINGERPRINT], certificate, false);
            for mut datagram in junk {
                if let Some(first) = datagram.first_mut() {
                    *first = kind;
                }
                let step = server.receive(&datagram, Instant::now());
                proptest::prop_assert!(step.keys.is_none());
                proptest::prop_assert!(step.datagrams.len() < 10);
            }
        }
    }
}
