//! The rooms of one packet thread, and their entries in its wheel.

use std::collections::HashMap;

use crate::conference::room::Room;
use crate::thread::wheel::Entry;

/// Indexes from here on are not streams: an entry of the wheel with one is a room's.
const FIRST_INDEX: u32 = 1 << 31;

/// By id, and by the index of their entries.
#[derive(Default)]
pub(crate) struct Rooms {
    by_id: HashMap<u64, Room>,
    indexes: HashMap<u32, u64>,
    next_index: u32,
}

impl Rooms {
    pub(crate) fn open(&mut self, id: u64) {
        self.by_id.insert(id, Room::new(id));
    }

    pub(crate) fn close(&mut self, id: u64) -> Option<Room> {
        self.indexes.retain(|_, room| *room != id);
        self.by_id.remove(&id)
    }

    pub(crate) fn get(&mut self, id: u64) -> Option<&mut Room> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn ids(&self) -> Vec<u64> {
        self.by_id.keys().copied().collect()
    }

    /// The room that a due entry of the wheel is for.
    pub(crate) fn paced_by(&mut self, entry: &Entry) -> Option<&mut Room> {
        if entry.index < FIRST_INDEX {
            return None;
        }
        let room = self.by_id.get_mut(self.indexes.get(&entry.index)?)?;
        (room.pacing == Some(entry.token)).then_some(room)
    }

    /// A new entry of the wheel for a room that has something to mix and is not paced yet.
    pub(crate) fn entry(&mut self, id: u64, token: u64) -> Option<Entry> {
        let room = self.by_id.get_mut(&id)?;
        if room.pacing.is_some() || !room.is_active() {
            return None;
        }
        room.pacing = Some(token);
        let mut indexes = self.indexes.iter();
        let known = indexes
            .find(|(_, room)| **room == id)
            .map(|(index, _)| *index);
        let index = known.unwrap_or_else(|| {
            let index = FIRST_INDEX | self.next_index;
            self.next_index = (self.next_index + 1) % FIRST_INDEX;
            self.indexes.insert(index, id);
            index
        });
        Some(Entry { index, token })
    }
}
