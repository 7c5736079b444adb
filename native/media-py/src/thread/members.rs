//! The streams of one packet thread, by index (for packets) and by id (for commands).

use std::collections::HashMap;
use std::sync::Arc;

use crate::net::Net;
use crate::stream::audio::AudioStream;
use crate::stream::link::Peer;
use crate::stream::video::VideoStream;
use crate::thread::counters::{Counters, Totals};

/// A stream of either kind.
pub(crate) enum Member {
    Audio(Box<AudioStream>),
    Video(Box<VideoStream>),
}

impl Member {
    pub(crate) fn id(&self) -> u64 {
        match self {
            Self::Audio(stream) => stream.id,
            Self::Video(stream) => stream.id,
        }
    }

    pub(crate) fn net(&self) -> &Net {
        match self {
            Self::Audio(stream) => &stream.net,
            Self::Video(stream) => &stream.net,
        }
    }

    pub(crate) fn net_mut(&mut self) -> &mut Net {
        match self {
            Self::Audio(stream) => &mut stream.net,
            Self::Video(stream) => &mut stream.net,
        }
    }

    /// Takes note of a datagram that no protocol here understands.
    pub(crate) fn drop_packet(&self, totals: &Totals) {
        self.counters().packets_dropped.add(1);
        totals.dropped.add(1);
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        match self {
            Self::Audio(stream) => &stream.counters,
            Self::Video(stream) => &stream.counters,
        }
    }

    pub(crate) fn peer(&self) -> Option<Peer> {
        match self {
            Self::Audio(stream) => stream.link.peer(),
            Self::Video(stream) => stream.peer,
        }
    }
}

/// A slab: indexes stay, free ones are used again.
#[derive(Default)]
pub(crate) struct Members {
    slots: Vec<Option<Member>>,
    free: Vec<u32>,
    indexes: HashMap<u64, u32>,
}

impl Members {
    pub(crate) fn insert(&mut self, member: Member) -> u32 {
        let id = member.id();
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.slots[index as usize] = Some(member);
        self.indexes.insert(id, index);
        index
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<Member> {
        let member = self.slots.get_mut(index as usize)?.take()?;
        self.indexes.remove(&member.id());
        self.free.push(index);
        Some(member)
    }

    pub(crate) fn index_of(&self, id: u64) -> Option<u32> {
        self.indexes.get(&id).copied()
    }

    pub(crate) fn get(&mut self, index: u32) -> Option<&mut Member> {
        self.slots.get_mut(index as usize)?.as_mut()
    }

    pub(crate) fn peek(&self, index: u32) -> Option<&AudioStream> {
        match self.slots.get(index as usize)?.as_ref()? {
            Member::Audio(stream) => Some(stream),
            Member::Video(_) => None,
        }
    }

    pub(crate) fn audio(&mut self, index: u32) -> Option<&mut AudioStream> {
        match self.get(index)? {
            Member::Audio(stream) => Some(stream),
            Member::Video(_) => None,
        }
    }

    /// Two different audio streams at once.
    pub(crate) fn audio_pair(
        &mut self,
        one: u32,
        other: u32,
    ) -> Option<(&mut AudioStream, &mut AudioStream)> {
        match self.pair(one, other)? {
            (Member::Audio(one), Member::Audio(other)) => Some((one, other)),
            _ => None,
        }
    }

    /// Two different members at once.
    pub(crate) fn pair(&mut self, one: u32, other: u32) -> Option<(&mut Member, &mut Member)> {
        let (low, high) = (one.min(other) as usize, one.max(other) as usize);
        if low == high || high >= self.slots.len() {
            return None;
        }
        let (left, right) = self.slots.split_at_mut(high);
        let (low, high) = (left[low].as_mut()?, right[0].as_mut()?);
        Some(if one < other {
            (low, high)
        } else {
            (high, low)
        })
    }

    /// How many indexes there are, used or not.
    pub(crate) fn extent(&self) -> u32 {
        self.slots.len() as u32
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }
}
