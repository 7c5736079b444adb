//! `fuzz/corpus/packets`: text files with a datagram in hexadecimal on each line, and `#` before remarks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::TARGETS;
use crate::framed::{Datagram, framed};

/// Between two datagrams of a file, in milliseconds.
const PACE: u8 = 20;

/// The corpus in this repository.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/packets")
}

/// The name of a target, and inputs of the form that it reads.
pub fn read(folder: &Path) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut files: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    files.sort();
    let mut seeds = Vec::new();
    for file in files {
        let row = parse(&fs::read_to_string(&file)?)
            .ok_or_else(|| io::Error::other(format!("{}: no hexadecimal", file.display())))?;
        for (name, _) in TARGETS {
            seeds.extend(inputs(name, &row).into_iter().map(|input| (name, input)));
        }
    }
    Ok(seeds)
}

fn parse(text: &str) -> Option<Vec<Vec<u8>>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(octets).collect()
}

fn octets(line: &str) -> Option<Vec<u8>> {
    (0..line.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(line.get(at..at + 2)?, 16).ok())
        .collect()
}

fn inputs(target: &str, row: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let datagrams = |tag, skip: usize| {
        framed(row.iter().map(move |octets| Datagram {
            tag,
            after_ms: PACE,
            octets: &octets[skip.min(octets.len())..],
        }))
    };
    let prefixed = |prefix: &[u8], rest: Vec<u8>| [prefix, &rest].concat();
    match target {
        "srtp" => vec![datagrams(0, 0)],
        "stream" => vec![datagrams(0x18, 0)],
        "codecs" => (0..5)
            .map(|codec| prefixed(&[codec], datagrams(1, 12)))
            .collect(),
        "recorder" => (0..5)
            .map(|codec| prefixed(&[0x3f & (codec * 13), codec, 4 - codec], datagrams(5, 4)))
            .collect(),
        _ => row.to_vec(),
    }
}
