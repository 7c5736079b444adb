//! A packet thread without Python: commands in, packets and events out.

use std::net::UdpSocket;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use media_core::codec::Encoder;
use media_core::stream::hearing::Coding;

use crate::net::ports::PortPool;
use crate::net::{Net, Remote};
use crate::stream::audio::AudioStream;
use crate::stream::format::Format;
use crate::stream::sounds::{Samples, Sound};
use crate::thread::clock::{self, SECOND};
use crate::thread::command::{Command, Inbox, Order};
use crate::thread::context::Node;
use crate::thread::counters::{Counters, Totals};
use crate::thread::events::{Event, EventSink};
use crate::thread::members::Member;
use crate::thread::packet_thread::PacketThread;

struct Bench {
    node: Arc<Node>,
    inboxes: Vec<Arc<Inbox>>,
    threads: Vec<JoinHandle<()>>,
    ports: Arc<PortPool>,
}

impl Bench {
    fn new(threads: usize, first_port: u16) -> Self {
        let node = Arc::new(Node {
            events: EventSink::new().unwrap(),
            timeout_ns: 60 * SECOND,
            cname: "test".to_owned(),
            shared_port: None,
            handshakes: crate::thread::mailbox::Mailbox::new().unwrap(),
        });
        let inboxes: Vec<_> = (0..threads)
            .map(|_| Arc::new(Inbox::new().unwrap()))
            .collect();
        let run = |inbox: &Arc<Inbox>| {
            let thread = PacketThread::new(
                Arc::clone(inbox),
                Arc::clone(&node),
                Arc::new(Totals::default()),
            )
            .unwrap();
            std::thread::spawn(move || thread.run())
        };
        Self {
            threads: inboxes.iter().map(run).collect(),
            ports: PortPool::new("127.0.0.1".parse().unwrap(), first_port, first_port + 40),
            node,
            inboxes,
        }
    }

    /// A configured stream in thread 0, and its party.
    fn stream(&self, id: u64, prepare: impl FnOnce(&mut AudioStream)) -> (UdpSocket, u16) {
        let party = UdpSocket::bind("127.0.0.1:0").unwrap();
        party
            .set_read_timeout(Some(Duration::from_secs(2)))
            .unwrap();
        let sockets = self.ports.open().unwrap();
        let port = sockets.port();
        let counters = Arc::new(Counters::default());
        let mut stream =
            AudioStream::new(id, Net::new(sockets), counters, [id, 0], clock::now_ns());
        stream.format = Some(format());
        prepare(&mut stream);
        self.inboxes[0].put(Command::Admit(Member::Audio(Box::new(stream))));
        let remote = Remote {
            rtp: Some(party.local_addr().unwrap()),
            ..Remote::default()
        };
        self.order(0, id, Order::Configure(remote, format()));
        (party, port)
    }

    fn order(&self, thread: usize, id: u64, order: Order) {
        self.inboxes[thread].put(Command::ToStream(id, order));
    }

    fn play(&self, thread: usize, id: u64) {
        let pcm = vec![1000; 800].into();
        let sound = Sound::prompt(Samples { pcm, rate: 8000 }, 0);
        self.order(thread, id, Order::Play(id + 100, sound));
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for inbox in &self.inboxes {
            inbox.put(Command::Shutdown);
        }
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn format() -> Format {
    Format {
        coding: Coding {
            number: 0,
            codec: "PCMU".to_owned(),
            fmtp: String::new(),
            clock_rate: 8000,
            ptime_ms: 20,
        },
        payload_type: 0,
        event: None,
        receive_event: Some(101),
        others: Vec::new(),
        sends: true,
        receives: true,
    }
}

fn packets(party: &UdpSocket, count: usize) -> usize {
    let mut datagram = [0; 400];
    (0..count)
        .filter(|_| party.recv(&mut datagram).is_ok_and(|length| length == 172))
        .count()
}

struct Broken;

impl Encoder for Broken {
    fn sample_rate(&self) -> u32 {
        8000
    }

    fn encode(&mut self, _: &[i16], _: &mut Vec<u8>) {
        panic!("this encoder is broken, as it should be");
    }
}

#[test]
fn a_panic_costs_one_stream_and_is_reported() {
    let bench = Bench::new(1, 47_200);
    let (healthy, _) = bench.stream(1, |_| {});
    let (_party, _) = bench.stream(2, |stream| stream.playout.set_encoder(Box::new(Broken)));
    bench.play(0, 1);
    assert_eq!(packets(&healthy, 5), 5);
    bench.play(0, 2);
    assert_eq!(packets(&healthy, 20), 20);
    let events = bench.node.events.drain();
    assert!(
        matches!(events[..], [Event::Stalled { stream: 2, .. }]),
        "{events:?}"
    );
    assert_eq!(bench.ports.counts().0, bench.ports.counts().1 - 1);
}

#[test]
fn a_stream_plays_on_while_it_goes_from_thread_to_thread() {
    let bench = Bench::new(2, 47_250);
    let (party, _) = bench.stream(1, |_| {});
    bench.play(0, 1);
    for round in 0..10 {
        let (old, new) = (round % 2, (round + 1) % 2);
        let inbox = Arc::clone(&bench.inboxes[new]);
        bench.inboxes[new].put(Command::Expect(1));
        bench.inboxes[old].put(Command::HandOver(1, inbox));
        // Sent to where the stream may not be yet.
        bench.order(new, 1, Order::Mute(round % 2 == 0));
        std::thread::sleep(Duration::from_millis(7));
    }
    party.set_nonblocking(true).unwrap();
    packets(&party, 100);
    party.set_nonblocking(false).unwrap();
    let start = clock::now_ns();
    assert_eq!(packets(&party, 25), 25);
    let elapsed_ms = (clock::now_ns() - start) / clock::MS;
    assert!((460..700).contains(&elapsed_ms), "{elapsed_ms}");
}
