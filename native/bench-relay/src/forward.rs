//! The yardstick: a socket for each leg, one epoll, `recvfrom` until nothing is left, `sendto`.

use std::io;
use std::net::SocketAddr;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::net::{RecvFlags, SendFlags, recvfrom, sendto};

use crate::sockets;

/// Forwards until it is killed.
pub(crate) fn forward(legs: u16, port: u16) -> io::Result<()> {
    let ports = (0..legs).map(|index| port + 2 * index);
    let legs = sockets::open(sockets::MEASURED, ports)?;
    let mut peers: Vec<Option<SocketAddr>> = vec![None; legs.sockets.len()];
    let mut datagram = [0u8; 2048];
    let mut events = Vec::with_capacity(256);
    println!("ready");
    loop {
        events.clear();
        epoll::wait(&legs.epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            let index = event.data.u64() as usize;
            while let Ok((length, _, source)) =
                recvfrom(&legs.sockets[index], &mut datagram[..], RecvFlags::empty())
            {
                peers[index] = source.and_then(|source| SocketAddr::try_from(source).ok());
                let other = index ^ 1;
                if let Some(peer) = &peers[other] {
                    let _ = sendto(
                        &legs.sockets[other],
                        &datagram[..length],
                        SendFlags::empty(),
                        peer,
                    );
                }
            }
        }
    }
}
