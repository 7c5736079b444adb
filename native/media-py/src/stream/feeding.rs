//! One application's voice on a stream: a queue that the packet thread plays out, and what Python knows of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use media_core::stream::feed::FeedQueue;

use crate::thread::context::Context;
use crate::thread::events::Event;

/// What both ends share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Octets that were given and not played or dropped yet.
    pub(crate) octets: AtomicUsize,
    /// Marks that were set and have not come back.
    pub(crate) marks: AtomicUsize,
}

/// The packet thread's end.
pub(crate) struct Feed {
    pub(crate) id: u64,
    queue: FeedQueue,
    shared: Arc<Shared>,
}

impl Feed {
    pub(crate) fn new(id: u64, queue: FeedQueue, shared: Arc<Shared>) -> Self {
        Self { id, queue, shared }
    }

    pub(crate) fn push(&mut self, data: Vec<u8>) {
        self.queue.push(data);
    }

    pub(crate) fn mark(&mut self, mark: u64) {
        self.queue.mark(mark);
    }

    pub(crate) fn pause(&mut self, paused: bool) {
        self.queue.pause(paused);
    }

    /// Appends exactly `count` samples at `rate` Hz.
    pub(crate) fn fill(&mut self, count: usize, rate: u32, pcm: &mut Vec<i16>) {
        let before = self.queue.queued();
        self.queue.fill(count, rate, pcm);
        let played = before - self.queue.queued();
        self.shared.octets.fetch_sub(played, Ordering::Relaxed);
    }

    /// What [`fill`](Self::fill) gave has left: publishes the marks that are over.
    pub(crate) fn publish_marks(&mut self, stream: u64, ctx: &Context<'_>) {
        while let Some(mark) = self.queue.next_mark() {
            publish(stream, (self.id, mark, false), &self.shared, ctx);
        }
    }

    /// Drops what is queued; its marks come back as cleared.
    pub(crate) fn clear(&mut self, stream: u64, ctx: &Context<'_>) {
        let dropped = self.queue.queued();
        let (id, shared) = (self.id, &self.shared);
        // Before the marks: who reads one finds the queue empty.
        shared.octets.fetch_sub(dropped, Ordering::Relaxed);
        self.queue
            .clear(|mark| publish(stream, (id, mark, true), shared, ctx));
    }
}

fn publish(
    stream: u64,
    (feeding, mark, cleared): (u64, u64, bool),
    shared: &Shared,
    ctx: &Context<'_>,
) {
    shared.marks.fetch_sub(1, Ordering::Relaxed);
    ctx.node.events.complete(Event::MarkPlayed {
        stream,
        feeding,
        mark,
        cleared,
    });
}
