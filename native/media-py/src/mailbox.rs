//! Hands things from one thread to another: a vector behind a lock, and an eventfd that wakes the receiver.
//!
//! Commands (to a packet thread) and events (to Python) go this way; packets never do.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{self, read, write};

/// A queue whose receiver sleeps in epoll.
pub(crate) struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
    bell: OwnedFd,
}

struct Queue<T> {
    items: Vec<T>,
    /// The receiver will look without being woken again.
    is_rung: bool,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            queue: Mutex::new(Queue {
                items: Vec::new(),
                is_rung: false,
            }),
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// What becomes readable when something was put in.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Adds `item` and wakes the receiver, if it is not awake already.
    pub(crate) fn put(&self, item: T) {
        let mut queue = self.lock();
        queue.items.push(item);
        let was_rung = std::mem::replace(&mut queue.is_rung, true);
        // Or the receiver would wake up only to wait for the lock.
        drop(queue);
        if !was_rung {
            // Only a full counter can refuse, and then the bell rings already.
            let _ = write(&self.bell, &1u64.to_ne_bytes());
        }
    }

    /// Adds `item`; the receiver is not woken for it before `ring`, or the next `put`.
    pub(crate) fn put_quietly(&self, item: T) {
        self.lock().items.push(item);
    }

    /// Wakes the receiver if anything waits for it that it was not woken for.
    pub(crate) fn ring(&self) {
        let mut queue = self.lock();
        if queue.items.is_empty() || std::mem::replace(&mut queue.is_rung, true) {
            return;
        }
        drop(queue);
        let _ = write(&self.bell, &1u64.to_ne_bytes());
    }

    /// Adds `item` unless `bound` items wait already; false if it was dropped.
    pub(crate) fn put_bounded(&self, item: T, bound: usize) -> bool {
        if self.lock().items.len() >= bound {
            return false;
        }
        self.put(item);
        true
    }

    /// Moves everything into `items`, which must be empty and keeps its capacity, and silences the bell.
    pub(crate) fn take(&self, items: &mut Vec<T>) {
        let mut queue = self.lock();
        queue.is_rung = false;
        let _ = read(&self.bell, &mut [0u8; 8]);
        std::mem::swap(&mut queue.items, items);
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn rings(mailbox: &Mailbox<u32>) -> bool {
        let bell = mailbox.bell();
        let now = Timespec::default();
        poll(&mut [PollFd::new(&bell, PollFlags::IN)], Some(&now)).unwrap() == 1
    }

    #[test]
    fn what_was_put_quietly_comes_with_the_next_that_rings() {
        let mailbox = Mailbox::new().unwrap();
        mailbox.put_quietly(1);
        assert!(!rings(&mailbox));
        mailbox.put(2);
        assert!(rings(&mailbox));
        let mut items = Vec::new();
        mailbox.take(&mut items);
        assert_eq!(items, [1, 2]);
        assert!(!rings(&mailbox));
        mailbox.put(3);
        assert!(rings(&mailbox));
    }

    #[test]
    fn it_rings_once_for_all_that_was_put_quietly_and_for_nothing_not_at_all() {
        let mailbox = Mailbox::new().unwrap();
        mailbox.ring();
        assert!(!rings(&mailbox));
        mailbox.put_quietly(1);
        mailbox.put_quietly(2);
        mailbox.ring();
        mailbox.ring();
        let mut counter = [0u8; 8];
        read(mailbox.bell(), &mut counter).unwrap();
        assert_eq!(u64::from_ne_bytes(counter), 1);
        let mut items = Vec::new();
        mailbox.take(&mut items);
        assert_eq!(items, [1, 2]);
    }
}
