//! Hands things from one thread to another: a vector behind a lock, and an eventfd that wakes the receiver.
//!
//! Commands (to a packet thread) and events (to Python) go this way; packets never do.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{self, read, write};

/// A queue whose receiver sleeps in epoll.
pub(crate) struct Mailbox<T> {
    queue: Mutex<Vec<T>>,
    bell: OwnedFd,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            queue: Mutex::new(Vec::new()),
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// What becomes readable when something was put in.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Adds `item` and wakes the receiver, if it is not awake already.
    pub(crate) fn put(&self, item: T) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push(item);
        if queue.len() == 1 {
            // Only a full counter can refuse, and then the bell rings already.
            let _ = write(&self.bell, &1u64.to_ne_bytes());
        }
    }

    /// Adds `item` unless `bound` items wait already; false if it was dropped.
    pub(crate) fn put_bounded(&self, item: T, bound: usize) -> bool {
        if self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
            >= bound
        {
            return false;
        }
        self.put(item);
        true
    }

    /// Moves everything into `items`, which must be empty and keeps its capacity, and silences the bell.
    pub(crate) fn take(&self, items: &mut Vec<T>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = read(&self.bell, &mut [0u8; 8]);
        std::mem::swap(&mut *queue, items);
    }
}
