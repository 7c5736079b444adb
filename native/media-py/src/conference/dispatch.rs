//! Carries out the commands that are about rooms.

use crate::conference::room::{Entry, Part};
use crate::stream::link::Link;
use crate::stream::playout::Playback;
use crate::thread::command::RoomOrder;
use crate::thread::members::Member;
use crate::thread::packet_thread::PacketThread;

impl PacketThread {
    pub(crate) fn dispatch_room(&mut self, id: u64, order: RoomOrder) {
        match order {
            RoomOrder::Join {
                stream,
                member,
                part,
                entry,
            } => self.join_room(id, stream, (member, part, entry)),
            RoomOrder::Leave { member, .. } => {
                let index = self.rooms.get(id).and_then(|room| room.index_of(member));
                if let Some(index) = index {
                    self.leave_room(id, index);
                }
            }
            RoomOrder::Close => self.close_room(id),
            other => self.dispatch_to_room(id, other),
        }
        self.pace_room(id);
    }

    /// Takes the stream at `index` out of a room.
    pub(crate) fn leave_room(&mut self, room: u64, index: u32) {
        let (rooms, members, ctx) = self.split_with_rooms();
        if let Some(room) = rooms.get(room) {
            room.leave(index, &ctx);
        }
        if let Some(stream) = members.audio(index) {
            stream.connect(Link::None, ctx.now);
        }
    }

    /// Takes every member out, and completes what is recorded.
    pub(crate) fn close_room(&mut self, id: u64) {
        let indexes = self.rooms.get(id).map(|room| room.indexes());
        for index in indexes.into_iter().flatten() {
            self.leave_room(id, index);
        }
        if let Some(mut room) = self.rooms.close(id) {
            let (_, ctx) = self.split();
            room.close(&ctx);
        }
    }

    fn join_room(&mut self, id: u64, stream: u64, member: (u64, Part, Entry)) {
        let Some(index) = self.members.index_of(stream) else {
            return;
        };
        self.part(index);
        let (rooms, members, ctx) = self.split_with_rooms();
        if let Some(room) = rooms.get(id)
            && let Some(Member::Audio(stream)) = members.get(index)
        {
            room.join(member, (index, stream), &ctx);
        }
    }

    fn dispatch_to_room(&mut self, id: u64, order: RoomOrder) {
        let (rooms, _, ctx) = self.split_with_rooms();
        let Some(room) = rooms.get(id) else {
            return;
        };
        match order {
            RoomOrder::SetPart { member, part, .. } => room.set_part(member, part),
            RoomOrder::Announce(playback, sound) => {
                let playback = Playback {
                    id: playback,
                    sound,
                };
                room.announce(playback, &ctx);
            }
            RoomOrder::StopAnnouncement(playback) => room.stop_announcement(Some(playback), &ctx),
            RoomOrder::Record(recording) => room.record(*recording, &ctx),
            RoomOrder::PauseRecording(recording, skips) => {
                room.pause_recording(recording, skips, &ctx);
            }
            RoomOrder::StopRecording(recording) => room.stop_recording(Some(recording), &ctx),
            RoomOrder::Join { .. } | RoomOrder::Leave { .. } | RoomOrder::Close => {}
        }
    }
}
