//! Hands things from one thread to another: a vector behind a lock, and an eventfd that wakes the receiver.
//!
//! Commands (to a packet thread) and events (to Python) go this way; packets never do.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{self, read, write};

/// A queue whose receiver sleeps in epoll.
pub(crate) struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
    /// There are items, deferred ones included: a hint that costs no lock.
    has_items: AtomicBool,
    wakeup: OwnedFd,
}

struct Queue<T> {
    items: Vec<T>,
    /// The receiver will look without being woken again.
    is_woken: bool,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            queue: Mutex::new(Queue {
                items: Vec::new(),
                is_woken: false,
            }),
            has_items: AtomicBool::new(false),
            wakeup: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// What becomes readable when something was put in.
    pub(crate) fn eventfd(&self) -> BorrowedFd<'_> {
        self.wakeup.as_fd()
    }

    /// Adds `item` and wakes the receiver, if it is not awake already.
    pub(crate) fn put(&self, item: T) {
        let mut queue = self.lock();
        queue.items.push(item);
        self.has_items.store(true, Ordering::Relaxed);
        let was_woken = std::mem::replace(&mut queue.is_woken, true);
        // Or the receiver would wake up only to wait for the lock.
        drop(queue);
        if !was_woken {
            // Only a full counter can refuse, and then the receiver is woken already.
            let _ = write(&self.wakeup, &1u64.to_ne_bytes());
        }
    }

    /// Adds `item`; the receiver is not woken for it before `wake`, or the next `put`, but finds it when it looks.
    pub(crate) fn put_deferred(&self, item: T) {
        let mut queue = self.lock();
        queue.items.push(item);
        self.has_items.store(true, Ordering::Relaxed);
    }

    /// Whether a receiver that is awake anyway has something to [`drain`](Self::drain).
    pub(crate) fn has_items(&self) -> bool {
        self.has_items.load(Ordering::Relaxed)
    }

    /// Wakes the receiver if anything waits for it that it was not woken for.
    pub(crate) fn wake(&self) {
        let mut queue = self.lock();
        if queue.items.is_empty() || std::mem::replace(&mut queue.is_woken, true) {
            return;
        }
        drop(queue);
        let _ = write(&self.wakeup, &1u64.to_ne_bytes());
    }

    /// Adds `item` unless `bound` items wait already; false if it was dropped.
    pub(crate) fn put_bounded(&self, item: T, bound: usize) -> bool {
        if self.lock().items.len() >= bound {
            return false;
        }
        self.put(item);
        true
    }

    /// Moves everything into `items`, which must be empty and keeps its capacity, and clears the eventfd.
    pub(crate) fn drain(&self, items: &mut Vec<T>) {
        let mut queue = self.lock();
        if std::mem::replace(&mut queue.is_woken, false) {
            let _ = read(&self.wakeup, &mut [0u8; 8]);
        }
        self.has_items.store(false, Ordering::Relaxed);
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

    fn is_readable(mailbox: &Mailbox<u32>) -> bool {
        let wakeup = mailbox.eventfd();
        let now = Timespec::default();
        poll(&mut [PollFd::new(&wakeup, PollFlags::IN)], Some(&now)).unwrap() == 1
    }

    #[test]
    fn what_was_put_deferred_comes_with_the_next_that_rings() {
        let mailbox = Mailbox::new().unwrap();
        mailbox.put_deferred(1);
        assert!(!is_readable(&mailbox));
        mailbox.put(2);
        assert!(is_readable(&mailbox));
        let mut items = Vec::new();
        mailbox.drain(&mut items);
        assert_eq!(items, [1, 2]);
        assert!(!is_readable(&mailbox));
        mailbox.put(3);
        assert!(is_readable(&mailbox));
    }

    #[test]
    fn a_receiver_that_is_awake_finds_what_was_deferred() {
        let mailbox = Mailbox::new().unwrap();
        assert!(!mailbox.has_items());
        mailbox.put_deferred(1);
        assert!(mailbox.has_items());
        let mut items = Vec::new();
        mailbox.drain(&mut items);
        assert_eq!((items, mailbox.has_items()), (vec![1], false));
        mailbox.wake();
        assert!(!is_readable(&mailbox));
    }

    #[test]
    fn it_rings_once_for_all_that_was_put_deferred_and_for_nothing_not_at_all() {
        let mailbox = Mailbox::new().unwrap();
        mailbox.wake();
        assert!(!is_readable(&mailbox));
        mailbox.put_deferred(1);
        mailbox.put_deferred(2);
        mailbox.wake();
        mailbox.wake();
        let mut counter = [0u8; 8];
        read(mailbox.eventfd(), &mut counter).unwrap();
        assert_eq!(u64::from_ne_bytes(counter), 1);
        let mut items = Vec::new();
        mailbox.drain(&mut items);
        assert_eq!(items, [1, 2]);
    }
}
