//! Writes the corpus into `FOLDER/<target>/`, as cargo-fuzz reads it.

use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args()
        .nth(1)
        .ok_or_else(|| io::Error::other("seeds FOLDER"))?;
    for (number, (target, input)) in media_fuzz::seeds::read(&media_fuzz::seeds::folder())?
        .into_iter()
        .enumerate()
    {
        let folder = format!("{folder}/{target}");
        fs::create_dir_all(&folder)?;
        fs::write(format!("{folder}/seed-{number}"), input)?;
    }
    Ok(())
}
