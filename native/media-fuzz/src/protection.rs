//! SRTP: what a peer sends is opened or rejected untouched, and what leaves is opened at the other end, once.

use media_core::rtp::demux::{Protocol, classify};
use media_core::srtp::{MAX_OVERHEAD, MasterKey, Protector, Suite, Unprotector};

use crate::framed::datagrams;

/// A row of packets through every suite: as they are (forgeries), and protected by the peer.
pub fn srtp(input: &[u8]) {
    for suite in Suite::ALL {
        let key = vec![0x5a; suite.key_length() + suite.salt_length()];
        let key = MasterKey::new(suite, &key).expect("a key of the suite's length");
        let (mut protector, mut unprotector) = (Protector::new(&key), Unprotector::new(&key));
        for datagram in datagrams(input) {
            let plain = datagram.octets;
            if datagram.tag & 7 == 7 {
                unprotector.rekey(&key);
            }
            rejected(&mut unprotector, plain);
            let mut out = vec![0; plain.len() + MAX_OVERHEAD];
            if classify(plain) == Protocol::Rtcp {
                if let Some(length) = protector.protect_rtcp(plain, &mut out) {
                    let opened = unprotector.unprotect_rtcp(&mut out[..length]);
                    assert_eq!(opened, Ok(plain.len()), "a report of the peer");
                    assert_eq!(out[..plain.len()], *plain);
                }
            } else if let Some(length) = protector.protect(plain, &mut out)
                && let Ok(opened) = unprotector.unprotect(&mut out[..length])
            {
                assert_eq!(out[..opened], *plain);
            }
        }
    }
}

fn rejected(unprotector: &mut Unprotector, datagram: &[u8]) {
    let mut copy = datagram.to_vec();
    if unprotector.unprotect(&mut copy).is_err() && unprotector.unprotect_rtcp(&mut copy).is_err() {
        assert_eq!(copy, datagram, "a rejected packet was changed");
    }
}
