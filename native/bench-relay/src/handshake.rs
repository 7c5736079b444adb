//! Legs of browsers: each checks a candidate (ICE, controlling), shakes hands (DTLS, as client), and waits for SRTP.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

use dimpl::certificate::{format_fingerprint, generate_self_signed_certificate};
use dimpl::{Config, Dtls, DtlsCertificate, KeyingMaterial, Output, SrtpProfile};
use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceCreds};
use media_core::rtp::demux::{Protocol, classify};
use media_core::srtp::{MasterKey, Suite, Unprotector};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::sockets::{MEASURED, PARTIES};

/// What the callers' descriptions say (`bench/harness/browser_caller.xml`).
const UFRAG: &str = "bench";
const PWD: &str = "password-of-22-or-more";
/// After the last leg was named, or stopped to be, the others have so long.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How often legs are looked at whose time has come.
const STEP: Duration = Duration::from_millis(5);
const DATAGRAM: usize = 2048;

struct Leg {
    socket: UdpSocket,
    own: SocketAddr,
    target: SocketAddr,
    agent: IceAgent,
    dtls: Option<Dtls>,
    srtp: Option<Unprotector>,
    due: Instant,
    began: Instant,
    keyed: Option<Duration>,
    heard: Option<Duration>,
}

/// Prints the fingerprint of its certificate, then serves `count` legs that standard input names, one on a line: its own
/// port, the port that it sends to, and the user fragment and password of the other side.
///
/// Prints how many were keyed and how many heard a packet, then microseconds from naming a leg to its first packet that
/// could be opened: median, 99th percentile, greatest; then when the last one heard it, in milliseconds since the epoch.
pub(crate) fn handshake(count: u16) -> io::Result<()> {
    let certificate = generate_self_signed_certificate().map_err(io::Error::other)?;
    println!("{}", format_fingerprint(&certificate.fingerprint()));
    let config = Config::builder().build().map(Arc::new);
    let config = config.map_err(io::Error::other)?;
    let named = lines();
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut legs: Vec<Leg> = Vec::new();
    let mut events = Vec::with_capacity(256);
    let mut end = Instant::now() + TIMEOUT;
    let mut last_heard = SystemTime::UNIX_EPOCH;
    let mut heard = 0;
    while heard < usize::from(count) && Instant::now() < end {
        while let Ok(line) = named.try_recv() {
            let leg = Leg::open(&line)?;
            let data = epoll::EventData::new_u64(legs.len() as u64);
            epoll::add(&epoll, &leg.socket, data, epoll::EventFlags::IN)?;
            legs.push(leg);
            end = Instant::now() + TIMEOUT;
        }
        events.clear();
        let step = Timespec {
            tv_sec: 0,
            tv_nsec: STEP.subsec_nanos().into(),
        };
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&step))?;
        for event in &events {
            legs[event.data.u64() as usize].receive(&config, &certificate)?;
        }
        let now = Instant::now();
        for leg in legs.iter_mut().filter(|leg| leg.due <= now) {
            leg.step(&config, &certificate)?;
        }
        let so_far = legs.iter().filter(|leg| leg.heard.is_some()).count();
        if so_far > heard {
            (heard, last_heard) = (so_far, SystemTime::now());
        }
    }
    let keyed = legs.iter().filter(|leg| leg.keyed.is_some()).count();
    let mut times: Vec<u128> = legs
        .iter()
        .filter_map(|leg| leg.heard)
        .map(|time| time.as_micros())
        .collect();
    times.sort_unstable();
    let at = |share: f64| {
        let index = (times.len().saturating_sub(1) as f64 * share) as usize;
        times.get(index).copied().unwrap_or(0)
    };
    let last = last_heard
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(io::Error::other)?;
    let (median, high, greatest) = (at(0.5), at(0.99), at(1.0));
    println!(
        "{keyed} {heard} {median} {high} {greatest} {}",
        last.as_millis()
    );
    Ok(())
}

/// Lines of standard input, as they come.
fn lines() -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Leg {
    fn open(line: &str) -> io::Result<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [own, target, ufrag, pwd] = words[..] else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let number = |word: &str| word.parse::<u16>().map_err(io::Error::other);
        let own = SocketAddr::from((PARTIES, number(own)?));
        let target = SocketAddr::from((MEASURED, number(target)?));
        let creds = |ufrag: &str, pass: &str| IceCreds {
            ufrag: ufrag.to_owned(),
            pass: pass.to_owned(),
        };
        let host = |address| Candidate::host(address, "udp").map_err(io::Error::other);
        let mut agent = IceAgent::new(creds(UFRAG, PWD));
        agent.set_controlling(true);
        agent.add_local_candidate(host(own)?);
        agent.set_remote_credentials(creds(ufrag, pwd));
        agent.add_remote_candidate(host(target)?);
        let socket = UdpSocket::bind(own)?;
        socket.set_nonblocking(true)?;
        let now = Instant::now();
        Ok(Self {
            socket,
            own,
            target,
            agent,
            dtls: None,
            srtp: None,
            due: now,
            began: now,
            keyed: None,
            heard: None,
        })
    }

    /// Takes whatever has come.
    fn receive(&mut self, config: &Arc<Config>, certificate: &DtlsCertificate) -> io::Result<()> {
        let mut buffer = [0; DATAGRAM];
        while let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
            let datagram = &mut buffer[..length];
            match classify(datagram) {
                Protocol::Stun => {
                    if let Ok(message) = StunMessage::parse(datagram) {
                        let packet = StunPacket {
                            proto: is::Protocol::Udp,
                            source,
                            destination: self.own,
                            message,
                        };
                        self.agent.handle_packet(Instant::now(), packet);
                    }
                }
                Protocol::Dtls => {
                    if let Some(dtls) = &mut self.dtls {
                        dtls.handle_packet(datagram).map_err(io::Error::other)?;
                    }
                }
                Protocol::Rtp if self.heard.is_none() => {
                    let opened = self.srtp.as_mut().map(|srtp| srtp.unprotect(datagram));
                    if matches!(opened, Some(Ok(_))) {
                        self.heard = Some(self.began.elapsed());
                    }
                    continue;
                }
                _ => continue,
            }
            self.step(config, certificate)?;
        }
        Ok(())
    }

    /// What is due: checks, the handshake.
    fn step(&mut self, config: &Arc<Config>, certificate: &DtlsCertificate) -> io::Result<()> {
        let now = Instant::now();
        self.agent.handle_timeout(now);
        while let Some(transmit) = self.agent.poll_transmit() {
            self.socket
                .send_to(&transmit.contents, transmit.destination)?;
        }
        while let Some(event) = self.agent.poll_event() {
            if matches!(event, IceAgentEvent::NominatedSend { .. }) && self.dtls.is_none() {
                let mut dtls = Dtls::new_auto(Arc::clone(config), certificate.clone(), now);
                dtls.set_active(true);
                self.dtls = Some(dtls);
            }
        }
        let far = now + Duration::from_secs(1);
        let mut due = self.agent.poll_timeout().unwrap_or(far).min(far);
        if let Some(dtls) = &mut self.dtls {
            dtls.handle_timeout(now).map_err(io::Error::other)?;
            let mut buffer = vec![0; DATAGRAM];
            loop {
                match dtls.poll_output(&mut buffer) {
                    Output::Packet(packet) => {
                        self.socket.send_to(packet, self.target)?;
                    }
                    Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                    Output::KeyingMaterial(material, profile) => {
                        self.srtp = Some(opener(&material, profile)?);
                        self.keyed = Some(self.began.elapsed());
                    }
                    Output::Timeout(at) => {
                        due = due.min(at);
                        break;
                    }
                    _ => {}
                }
            }
        }
        self.due = due.max(now + Duration::from_millis(1));
        Ok(())
    }
}

/// Opens what the server sends (RFC 5764 section 4.2: both keys, then both salts, the client's first).
fn opener(material: &KeyingMaterial, profile: SrtpProfile) -> io::Result<Unprotector> {
    let suite = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Suite::AesCm128Sha1Tag80,
        SrtpProfile::AEAD_AES_128_GCM => Suite::Aes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Suite::Aes256Gcm,
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let (key, salt) = (suite.key_length(), suite.salt_length());
    let part = |at: usize, length: usize| material.get(at..at + length);
    let octets = part(key, key).zip(part(2 * key + salt, salt));
    let (key, salt) = octets.ok_or(io::ErrorKind::InvalidData)?;
    let master = MasterKey::new(suite, &[key, salt].concat()).map_err(io::Error::other)?;
    Ok(Unprotector::new(&master))
}
