//! Calls: each leg sends a packet of G.711 every 20 ms, legs spread over the 20 ms, and counts what comes.

use std::io;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, SendFlags, recv, sendto};

use crate::sockets::{self, Legs};

const HEADER: usize = 12;
const PACKET: usize = HEADER + 160;
const SLOTS: usize = 20;

struct Generator {
    legs: Legs,
    target: u16,
    start: Instant,
    sent: u64,
    received: u64,
    /// Microseconds from sending to receiving.
    delays: Vec<u32>,
    packet: [u8; PACKET],
}

/// Sends for `seconds`; prints packets sent and received, and the delay's median and 99th percentile in us.
pub(crate) fn generate(legs: usize, port: u16, target: u16, seconds: u64) -> io::Result<()> {
    let mut generator = Generator {
        legs: sockets::open(legs, port)?,
        target,
        start: Instant::now(),
        sent: 0,
        received: 0,
        delays: Vec::with_capacity((legs as u64 * 50 * seconds) as usize),
        packet: [0; PACKET],
    };
    generator.packet[0] = 0x80;
    let mut events = Vec::with_capacity(256);
    for tick in 0..seconds * 1000 {
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
    while generator.start.elapsed() < Duration::from_millis(seconds * 1000 + 100) {
        generator.receive(Duration::from_millis(10), &mut events)?;
    }
    generator.delays.sort_unstable();
    let at = |part: usize| {
        generator
            .delays
            .get(generator.delays.len() * part / 100)
            .copied()
            .unwrap_or(0)
    };
    println!(
        "{} {} {} {}",
        generator.sent,
        generator.received,
        at(50),
        at(99)
    );
    Ok(())
}

impl Generator {
    fn send(&mut self, tick: u64) -> io::Result<()> {
        let round = tick / SLOTS as u64;
        self.packet[2..4].copy_from_slice(&(round as u16).to_be_bytes());
        self.packet[4..8].copy_from_slice(&((round * 160) as u32).to_be_bytes());
        for index in (tick as usize % SLOTS..self.legs.sockets.len()).step_by(SLOTS) {
            self.packet[8..12].copy_from_slice(&(index as u32 + 1).to_be_bytes());
            let now = self.start.elapsed().as_nanos() as u64;
            self.packet[HEADER..HEADER + 8].copy_from_slice(&now.to_be_bytes());
            let target = sockets::address(self.target, index);
            sendto(
                &self.legs.sockets[index],
                &self.packet,
                SendFlags::empty(),
                &target,
            )?;
            self.sent += 1;
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
            let socket = &self.legs.sockets[event.data.u64() as usize];
            if let Ok((length, _)) = recv(socket, &mut datagram[..], RecvFlags::empty()) {
                self.received += 1;
                let stamp = datagram[..length]
                    .get(HEADER..HEADER + 8)
                    .and_then(|octets| octets.try_into().ok());
                let sent = u64::from_be_bytes(stamp.unwrap_or([0; 8]));
                let now = self.start.elapsed().as_nanos() as u64;
                self.delays.push((now.saturating_sub(sent) / 1000) as u32);
            }
        }
        Ok(())
    }
}
