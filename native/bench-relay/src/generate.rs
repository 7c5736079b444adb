//! Calls: each leg sends a packet every 20 ms, legs spread over the 20 ms, and counts what comes.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, SendFlags, recv, sendto};

use media_core::srtp::{MasterKey, Protector, Suite, Unprotector};

use crate::payloads::{self, Payloads};
use crate::sockets::{self, Legs};

const HEADER: usize = 12;
const SLOTS: u64 = 20;
/// In front of each payload of G.711: when it was sent. Any octets are sound to it.
const STAMP: usize = 8;
/// A packet that takes longer than the next one needs to follow it is late, in microseconds.
const LATE_US: u32 = 20_000;
/// So long after the last packet was sent another one may come.
const MAX_WAIT: Duration = Duration::from_secs(2);

struct Generator {
    legs: Legs,
    targets: Vec<SocketAddr>,
    /// Of each leg that is encrypted.
    srtp: Vec<Option<(Protector, Unprotector)>>,
    /// Of even legs, and of odd ones.
    payloads: [Payloads; 2],
    /// A stamp survives where packets are passed on as they are.
    is_stamped: bool,
    start: Instant,
    /// What was sent before is not counted.
    counts_from: Duration,
    sent: u64,
    received: u64,
    /// Microseconds from sending to receiving.
    delays: Vec<u32>,
    /// The longest by which we were behind our own plan, in microseconds.
    behind_us: u128,
}

/// Sends for `warm` seconds, says so, then for `seconds` that count. Even legs speak G.711, odd ones `other`. Standard
/// input names the legs, one on a line: its own port, the port that it sends to, and if it is encrypted the suite and
/// the keys (in hexadecimal) that it sends with and expects.
///
/// Prints packets sent and received, then microseconds: the delay's median, 99th percentile and greatest (0 where the
/// codecs differ), the longest by which sending was behind its plan, and how many packets were late.
pub(crate) fn generate(warm: u16, seconds: u16, other: Payloads) -> io::Result<()> {
    let mut generator = Generator::open(other, Duration::from_secs(warm.into()))?;
    let mut events = Vec::with_capacity(256);
    for tick in 0..u64::from(warm + seconds) * 1000 {
        if tick == u64::from(warm) * 1000 {
            println!("warm");
        }
        let due = Duration::from_millis(tick);
        // At least once, however far behind we are.
        loop {
            let left = due.saturating_sub(generator.start.elapsed());
            generator.receive(left, &mut events)?;
            if left.is_zero() {
                break;
            }
        }
        generator.send(tick)?;
    }
    let end = Instant::now() + MAX_WAIT;
    while generator.received < generator.sent && Instant::now() < end {
        generator.receive(Duration::from_millis(10), &mut events)?;
    }
    generator.print_result();
    Ok(())
}

/// A key as it stands in a line of standard input.
fn key(suite: &str, hex: &str) -> io::Result<MasterKey> {
    let suite = Suite::by_name(suite).ok_or(io::ErrorKind::InvalidInput)?;
    let octets: Option<Vec<u8>> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect();
    let octets = octets.ok_or(io::ErrorKind::InvalidInput)?;
    MasterKey::new(suite, &octets).map_err(io::Error::other)
}

impl Generator {
    fn open(other: Payloads, counts_from: Duration) -> io::Result<Self> {
        let mut ports = Vec::new();
        let mut targets = Vec::new();
        let mut srtp = Vec::new();
        for line in io::stdin().lines() {
            let line = line?;
            let words: Vec<&str> = line.split(' ').collect();
            let [own, target, ..] = words[..] else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            let number = |word: &str| word.parse::<u16>().map_err(io::Error::other);
            ports.push(number(own)?);
            targets.push(SocketAddr::from((sockets::MEASURED, number(target)?)));
            srtp.push(match words[2..] {
                [suite, send, receive] => Some((
                    Protector::new(&key(suite, send)?),
                    Unprotector::new(&key(suite, receive)?),
                )),
                _ => None,
            });
        }
        let own = payloads::of("PCMU").ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self {
            legs: sockets::open(sockets::PARTIES, ports.into_iter())?,
            targets,
            srtp,
            is_stamped: other.payload_type == own.payload_type,
            payloads: [own, other],
            start: Instant::now(),
            counts_from,
            sent: 0,
            received: 0,
            delays: Vec::new(),
            behind_us: 0,
        })
    }

    fn send(&mut self, tick: u64) -> io::Result<()> {
        let round = tick / SLOTS;
        let due = Duration::from_millis(tick);
        let counts = due >= self.counts_from;
        if counts {
            let behind = self.start.elapsed().saturating_sub(due).as_micros();
            self.behind_us = self.behind_us.max(behind);
        }
        let mut packet = [0; 1500];
        packet[0] = 0x80;
        packet[2..4].copy_from_slice(&(round as u16).to_be_bytes());
        for index in ((tick % SLOTS) as usize..self.targets.len()).step_by(SLOTS as usize) {
            let said = &self.payloads[index % 2];
            let payload = &said.packets[round as usize % said.packets.len()];
            packet[1] = said.payload_type;
            packet[4..8].copy_from_slice(&(round as u32 * said.ticks).to_be_bytes());
            packet[8..12].copy_from_slice(&(index as u32 + 1).to_be_bytes());
            let end = HEADER + payload.len();
            packet[HEADER..end].copy_from_slice(payload);
            if self.is_stamped {
                let now = self.start.elapsed().as_nanos() as u64;
                packet[HEADER..HEADER + STAMP].copy_from_slice(&now.to_be_bytes());
            }
            let (socket, target) = (&self.legs.sockets[index], &self.targets[index]);
            let mut out = [0; 1500];
            let datagram = match &mut self.srtp[index] {
                None => &packet[..end],
                Some((protector, _)) => {
                    let length = protector.protect(&packet[..end], &mut out);
                    &out[..length.ok_or(io::ErrorKind::InvalidData)?]
                }
            };
            sendto(socket, datagram, SendFlags::empty(), target)?;
            self.sent += u64::from(counts);
        }
        Ok(())
    }

    fn receive(&mut self, within: Duration, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        events.clear();
        let timeout = Timespec {
            tv_sec: within.as_secs() as i64,
            tv_nsec: i64::from(within.subsec_nanos()),
        };
        epoll::wait(&self.legs.epoll, spare_capacity(events), Some(&timeout))?;
        let mut datagram = [0u8; 2048];
        for event in events.iter() {
            let index = event.data.u64() as usize;
            let socket = &self.legs.sockets[index];
            let Ok((length, _)) = recv(socket, &mut datagram[..], RecvFlags::empty()) else {
                continue;
            };
            let length = match &mut self.srtp[index] {
                None => Some(length),
                Some((_, unprotector)) => unprotector.unprotect(&mut datagram[..length]).ok(),
            };
            if let Some(length) = length {
                self.count(&datagram[..length]);
            }
        }
        Ok(())
    }

    fn count(&mut self, datagram: &[u8]) {
        let now = self.start.elapsed();
        if !self.is_stamped {
            self.received += u64::from(now >= self.counts_from);
            return;
        }
        let stamp = datagram
            .get(HEADER..HEADER + STAMP)
            .and_then(|octets| octets.try_into().ok());
        let sent = Duration::from_nanos(u64::from_be_bytes(stamp.unwrap_or_default()));
        if sent >= self.counts_from {
            self.received += 1;
            self.delays
                .push((now.saturating_sub(sent)).as_micros() as u32);
        }
    }

    fn print_result(&mut self) {
        self.delays.sort_unstable();
        let at = |share: f64| {
            let last = self.delays.len().saturating_sub(1);
            let index = (last as f64 * share) as usize;
            self.delays.get(index).copied().unwrap_or(0)
        };
        println!(
            "{} {} {} {} {} {} {}",
            self.sent,
            self.received,
            at(0.5),
            at(0.99),
            at(1.0),
            self.behind_us,
            self.delays.iter().filter(|delay| **delay > LATE_US).count()
        );
    }
}
