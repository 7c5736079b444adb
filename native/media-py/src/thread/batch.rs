//! Datagrams that are read together, before the first of them is worked on.
//!
//! Reading and sending run through different parts of the kernel; a thread that does one thing many times in a row has
//! the code of it in the nearest cache.

use media_core::rtp::MAX_PACKET;

use crate::net::Received;

/// Datagrams read together at most.
pub(super) const TOGETHER: usize = 16;

/// The octets of one.
pub(super) type Datagram = Box<[u8; MAX_PACKET]>;

/// What was read and waits to be worked on, in the order in which it was read.
pub(super) struct Batch {
    datagrams: Vec<Datagram>,
    /// The stream whose port it came to.
    read: Vec<(u32, Received)>,
    next: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            datagrams: (0..TOGETHER).map(|_| Box::new([0; MAX_PACKET])).collect(),
            read: Vec::with_capacity(TOGETHER),
            next: 0,
        }
    }
}

impl Batch {
    /// Reads one more with `receive`, for the stream `index`. There must be fewer than [`TOGETHER`].
    pub(super) fn read(&mut self, index: u32, receive: impl FnOnce(&mut [u8]) -> Option<Received>) {
        let datagram = &mut self.datagrams[self.read.len()];
        if let Some(received) = receive(&mut datagram[..]) {
            self.read.push((index, received));
        }
    }

    /// The streams of what waits, in its order.
    pub(super) fn streams(&self) -> impl Iterator<Item = u32> {
        self.read[self.next..].iter().map(|(index, _)| *index)
    }

    /// Takes the next one: its octets change places with `datagram`. After the last one the batch is empty again.
    pub(super) fn take(&mut self, datagram: &mut Datagram) -> Option<(u32, Received)> {
        let taken = self.read.get(self.next).copied();
        if taken.is_some() {
            std::mem::swap(datagram, &mut self.datagrams[self.next]);
            self.next += 1;
        } else {
            self.read.clear();
            self.next = 0;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(length: usize) -> Received {
        Received {
            length,
            source: None,
        }
    }

    #[test]
    fn what_was_read_is_taken_in_order_and_then_there_is_room_again() {
        let (mut batch, mut datagram): (_, Datagram) =
            (Batch::default(), Box::new([0; MAX_PACKET]));
        for _ in 0..2 {
            for number in 0..TOGETHER as u32 {
                batch.read(number, |buffer| {
                    buffer[0] = number as u8;
                    (number % 2 == 0).then(|| received(1))
                });
            }
            for number in (0..TOGETHER as u32).step_by(2) {
                let (index, received) = batch.take(&mut datagram).unwrap();
                assert_eq!(
                    (index, received.length, datagram[0]),
                    (number, 1, number as u8)
                );
            }
            assert!(batch.take(&mut datagram).is_none());
        }
    }
}
