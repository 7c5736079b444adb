//! Vectors of the RFCs, and what must hold of any packet.

use proptest::prelude::*;

use super::keys::key_stream;
use super::transform::{Place, Trailer, Transform};
use super::*;
use crate::rtp::{self, Header};

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

fn master(suite: Suite, seed: u8) -> MasterKey {
    let octets: Vec<u8> = (0..suite.key_length() + suite.salt_length())
        .map(|at| (at as u8).wrapping_mul(7).wrapping_add(seed))
        .collect();
    MasterKey::new(suite, &octets).unwrap()
}

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut datagram = vec![0; rtp::HEADER];
    datagram.extend((0..160).map(|at| at as u8 ^ sequence as u8));
    let header = Header {
        marker: false,
        payload_type: 0,
        sequence,
        timestamp: 160,
        ssrc,
    };
    rtp::write(&header, &mut datagram);
    datagram
}

fn protected(protector: &mut Protector, packet: &[u8]) -> Vec<u8> {
    let mut out = [0; 2048];
    let length = protector.protect(packet, &mut out).unwrap();
    out[..length].to_vec()
}

fn opened(unprotector: &mut Unprotector, packet: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut packet = packet.to_vec();
    let length = unprotector.unprotect(&mut packet)?;
    packet.truncate(length);
    Ok(packet)
}

/// RFC 3711 appendix B.2 and RFC 6188 section 7.1.
#[test]
fn key_streams_are_those_of_the_rfcs() {
    let iv: [u8; 16] = octets("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000")
        .try_into()
        .unwrap();
    let key: [u8; 16] = octets("2B7E151628AED2A6ABF7158809CF4F3C")
        .try_into()
        .unwrap();
    let mut stream = [0; 48];
    let cipher = <aes::Aes128 as aes::cipher::KeyInit>::new(&key.into());
    key_stream(&cipher, iv, &mut stream);
    let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream.to_vec(), octets(expected));
    let key: [u8; 32] = octets("57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98")
        .try_into()
        .unwrap();
    let cipher = <aes::Aes256 as aes::cipher::KeyInit>::new(&key.into());
    let mut stream = [0; 48];
    key_stream(&cipher, iv, &mut stream);
    let expected = "92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31";
    assert_eq!(stream.to_vec(), octets(expected));
}

/// RFC 3711 appendix B.3 and RFC 6188 section 7.2.
#[test]
fn session_keys_are_those_of_the_rfcs() {
    let master = octets("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let keys = MasterKey::new(Suite::AesCm128Sha1Tag80, &master)
        .unwrap()
        .session(Protocol::Rtp);
    assert_eq!(
        keys.cipher[..16],
        octets("C61E7A93744F39EE10734AFE3FF7A087")
    );
    assert_eq!(keys.salt.to_vec(), octets("30CBBC08863D8C85D49DB34A9AE1"));
    let authentication = "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4";
    assert_eq!(keys.authentication.to_vec(), octets(authentication));
    let master = octets(
        "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2",
    );
    let keys = MasterKey::new(Suite::AesCm256Sha1Tag80, &master)
        .unwrap()
        .session(Protocol::Rtp);
    let cipher = "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4";
    assert_eq!(keys.cipher.to_vec(), octets(cipher));
    assert_eq!(keys.salt.to_vec(), octets("fa31791685ca444a9e07c6c64e93"));
    let authentication = "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05";
    assert_eq!(keys.authentication.to_vec(), octets(authentication));
}

const GCM_SALT: &str = "517569642070726f2071756f";

/// RFC 7714 sections 16.1.1 and 16.2.1.
#[test]
fn gcm_packets_are_those_of_the_rfc() {
    let plain = octets(
        "8040f17b8041f8d35501a0b2 47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573",
    );
    let vectors = [
        (
            Suite::Aes128Gcm,
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833",
            "899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            Suite::Aes256Gcm,
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b",
            "7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ];
    for (suite, cipher, tag) in vectors {
        let key: Vec<u8> = (0..suite.key_length() as u8).collect();
        let transform = Transform::with_session_key(suite, &key, &octets(GCM_SALT));
        let place = Place {
            ssrc: 0x5501_a0b2,
            index: 0xf17b,
        };
        let mut packet = plain.clone();
        let sealed = transform.seal(place, &mut packet, 12, Trailer::Rollover(0));
        assert_eq!(packet[12..], octets(cipher), "{}", suite.name());
        assert_eq!(sealed.octets(), octets(tag), "{}", suite.name());
        assert!(transform.open(place, &mut packet, 12, Trailer::Rollover(0), &octets(tag)));
        assert_eq!(packet, plain);
    }
}

/// RFC 7714 sections 17.1 and 17.2.
#[test]
fn gcm_reports_are_those_of_the_rfc() {
    let plain = octets(
        "81c8000d4d617273 4e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    );
    let vectors = [
        (
            Suite::Aes128Gcm,
            "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b",
            "c84aa45896cf4d2fc5abf87245d9eade",
        ),
        (
            Suite::Aes256Gcm,
            "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad",
            "1d1eb30c4446839f57ff6f6cb26ac3be",
        ),
    ];
    for (suite, cipher, tag) in vectors {
        let key: Vec<u8> = (0..suite.key_length() as u8).collect();
        let transform = Transform::with_session_key(suite, &key, &octets(GCM_SALT));
        let place = Place {
            ssrc: u32::from_be_bytes(*b"Mars"),
            index: 0x5d4,
        };
        let mut packet = plain.clone();
        let trailer = Trailer::Index(0x8000_05d4);
        let sealed = transform.seal(place, &mut packet, RTCP_HEADER, trailer);
        assert_eq!(packet[RTCP_HEADER..], octets(cipher), "{}", suite.name());
        assert_eq!(sealed.octets(), octets(tag), "{}", suite.name());
    }
}

fn any_suite() -> impl Strategy<Value = Suite> {
    proptest::sample::select(Suite::ALL.to_vec())
}

proptest! {
    #[test]
    fn what_is_protected_is_opened(suite in any_suite(), seed: u8, ssrc: u32, first: u16, count in 1u16..50) {
        let key = master(suite, seed);
        let (mut protector, mut unprotector) = (Protector::new(&key), Unprotector::new(&key));
        for step in 0..count {
            let plain = packet(ssrc, first.wrapping_add(step));
            let wire = protected(&mut protector, &plain);
            prop_assert_ne!(&wire[12..plain.len()], &plain[12..]);
            prop_assert_eq!(opened(&mut unprotector, &wire), Ok(plain));
            prop_assert_eq!(opened(&mut unprotector, &wire), Err(Rejected::Replayed));
        }
    }

    #[test]
    fn a_changed_bit_is_a_forgery(suite in any_suite(), at in 0usize..172 * 8) {
        let key = master(suite, 1);
        let mut wire = protected(&mut Protector::new(&key), &packet(7, 7));
        let before = wire.clone();
        wire[at / 8] ^= 1 << (at % 8);
        let tampered = wire.clone();
        let result = Unprotector::new(&key).unprotect(&mut wire);
        prop_assert!(result.is_err(), "{before:?}");
        prop_assert_eq!(wire, tampered);
    }

    #[test]
    fn any_octets_are_opened_or_refused(suite in any_suite(), mut datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
        let key = master(suite, 1);
        let mut unprotector = Unprotector::new(&key);
        prop_assert!(unprotector.unprotect(&mut datagram).is_err());
        prop_assert!(unprotector.unprotect_rtcp(&mut datagram).is_err());
        let mut out = [0; 300];
        if let Some(length) = Protector::new(&key).protect(&datagram, &mut out) {
            prop_assert!(length > datagram.len());
        }
    }

    #[test]
    fn reports_are_opened_once(suite in any_suite(), count in 1usize..20) {
        let key = master(suite, 3);
        let (mut protector, mut unprotector) = (Protector::new(&key), Unprotector::new(&key));
        let plain = octets("80c9000100000007 0102030405060708");
        for _ in 0..count {
            let mut out = [0; 100];
            let length = protector.protect_rtcp(&plain, &mut out).unwrap();
            let mut wire = out[..length].to_vec();
            let mut again = wire.clone();
            let mut forged = wire.clone();
            forged[9] ^= 1;
            prop_assert_eq!(unprotector.unprotect_rtcp(&mut forged), Err(Rejected::Forged));
            let opened = unprotector.unprotect_rtcp(&mut wire).unwrap();
            prop_assert_eq!(&wire[..opened], &plain[..]);
            prop_assert_eq!(unprotector.unprotect_rtcp(&mut again), Err(Rejected::Replayed));
        }
    }
}

#[test]
fn the_rollover_counter_follows_through_losses_and_reordering() {
    let key = master(Suite::AesCm128Sha1Tag80, 1);
    let (mut protector, mut unprotector) = (Protector::new(&key), Unprotector::new(&key));
    let wires: Vec<_> = (0..200_000u32)
        .step_by(97)
        .map(|step| protected(&mut protector, &packet(7, step as u16)))
        .collect();
    for pair in wires.chunks_exact(2) {
        assert!(opened(&mut unprotector, &pair[1]).is_ok());
        assert!(opened(&mut unprotector, &pair[0]).is_ok());
    }
}

#[test]
fn an_index_is_never_used_twice() {
    let key = master(Suite::Aes128Gcm, 1);
    let mut protector = Protector::new(&key);
    let mut out = [0; 300];
    assert!(protector.protect(&packet(7, 1), &mut out).is_some());
    assert!(protector.protect(&packet(7, 3), &mut out).is_some());
    assert!(protector.protect(&packet(7, 2), &mut out).is_some());
    for sequence in 1..=3 {
        assert_eq!(protector.protect(&packet(7, sequence), &mut out), None);
    }
    assert!(protector.protect(&packet(7, 500), &mut out).is_some());
    assert_eq!(protector.protect(&packet(7, 300), &mut out), None);
}

#[test]
fn a_new_source_begins_at_rollover_zero_or_after_a_lost_wrap() {
    let key = master(Suite::AesCm256Sha1Tag80, 1);
    let (mut protector, mut unprotector) = (Protector::new(&key), Unprotector::new(&key));
    protected(&mut protector, &packet(7, 0xffff));
    let wrapped = protected(&mut protector, &packet(7, 3));
    assert!(opened(&mut unprotector, &wrapped).is_ok());
    let other = protected(&mut protector, &packet(8, 9));
    assert!(opened(&mut unprotector, &other).is_ok());
}

#[test]
fn a_new_key_is_taken_whether_the_counter_goes_on_or_begins_anew() {
    for begins_anew in [false, true] {
        let (old, new) = (
            master(Suite::AesCm128Sha1Tag80, 1),
            master(Suite::AesCm128Sha1Tag32, 2),
        );
        let (mut protector, mut unprotector) = (Protector::new(&old), Unprotector::new(&old));
        for sequence in [0xfff0, 0xffff, 0, 1] {
            let wire = protected(&mut protector, &packet(7, sequence));
            assert!(opened(&mut unprotector, &wire).is_ok());
        }
        unprotector.rekey(&new);
        let late = protected(&mut protector, &packet(7, 2));
        assert_eq!(opened(&mut unprotector, &late), Err(Rejected::Forged));
        let mut protector = Protector::new(&new);
        if !begins_anew {
            protected(&mut protector, &packet(7, 0xffff));
        }
        for sequence in 3..40 {
            let wire = protected(&mut protector, &packet(7, sequence));
            assert!(opened(&mut unprotector, &wire).is_ok(), "{sequence}");
            let again = opened(&mut unprotector, &wire);
            assert!(again.is_err(), "{sequence}");
        }
    }
}

#[test]
fn many_sources_are_bounded() {
    let key = master(Suite::Aes256Gcm, 1);
    let (mut protector, mut unprotector) = (Protector::new(&key), Unprotector::new(&key));
    let mut out = [0; 300];
    for ssrc in 0..64 {
        let wire = protected(&mut protector, &packet(ssrc, 1));
        assert!(opened(&mut unprotector, &wire).is_ok());
    }
    assert_eq!(protector.protect(&packet(64, 1), &mut out), None);
    let wire = protected(&mut Protector::new(&key), &packet(64, 1));
    assert!(opened(&mut unprotector, &wire).is_ok());
}

#[test]
fn keys_have_their_suites_length_and_are_not_shown() {
    for suite in Suite::ALL {
        assert_eq!(Suite::by_name(suite.name()), Some(suite));
        let wanted = suite.key_length() + suite.salt_length();
        assert_eq!(
            MasterKey::new(suite, &vec![0; wanted - 1]),
            Err(BadKey { wanted })
        );
        let shown = format!("{:?}", master(suite, 0x41));
        assert_eq!(shown, format!("MasterKey({})", suite.name()));
    }
    assert_eq!(Suite::by_name("F8_128_HMAC_SHA1_80"), None);
}
