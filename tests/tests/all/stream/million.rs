//! A million codes in one reservation: all are different, and the memory stays below a few parts of the file.

use std::{collections::HashSet, fs, path::PathBuf, time::Instant};

use crate::support::{
    api::{Api, id, sgtin},
    harness::{TOKEN, completed},
    program::Program,
};

const QUANTITY: u64 = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_million_codes_are_different_and_take_no_more_memory_than_a_few_parts() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    let api = Api::new(&program.url, TOKEN);
    // A small reservation first, so that what is loaded once is loaded before the measurement.
    let small = api.post(&sgtin(100)).await;
    api.download(completed(&api, id(&small)).await["export_file"].as_str().unwrap()).await;

    let memory = Memory { process: program.child.id().unwrap() };
    let before = memory.peak_from_now();
    let begun = Instant::now();
    let posted = api.post(&sgtin(QUANTITY)).await;
    let done = completed(&api, id(&posted)).await;
    let seconds = begun.elapsed().as_secs_f64();
    let reserved = memory.peak();
    let (rows, codes, bytes) = read(&api, done["export_file"].as_str().unwrap()).await;
    let downloaded = memory.peak();
    println!(
        "{QUANTITY} codes, {bytes} bytes, {seconds:.1} s; peak in MiB: {before} before, {reserved} reserved, {downloaded} downloaded"
    );
    assert_eq!((rows, codes), (QUANTITY, QUANTITY));
    if let (Some(before), Some(after)) = (before.0, downloaded.0) {
        assert!(after <= before + 64 * 1024, "the peak is {after} KiB, before it was {before} KiB");
    }
    program.stop().await;
}

/// Reads a file as it arrives. Returns the number of rows, of different codes and of bytes.
async fn read(api: &Api, file: &str) -> (u64, u64, u64) {
    let mut answer = api.follow(file).await;
    let (mut rows, mut bytes, mut rest) = (0, 0, Vec::new());
    let mut codes: HashSet<Box<[u8]>> = HashSet::with_capacity(QUANTITY as usize);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        bytes += chunk.len() as u64;
        rest.extend_from_slice(&chunk);
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for row in rest[..whole].split(|byte| *byte == b'\n').filter(|row| !row.is_empty()) {
            let code = row.split(|byte| *byte == b',').nth(1).unwrap();
            if code != b"code" {
                rows += 1;
                codes.insert(code.into());
            }
        }
        rest.drain(..whole);
    }
    assert!(rest.is_empty(), "the last row ends with a line break");
    (rows, codes.len() as u64, bytes)
}

/// The memory of another process (proc(5)); unknown except on Linux.
struct Memory {
    process: u32,
}

/// KiB; `None` if unknown.
struct KiB(Option<u64>);

impl std::fmt::Display for KiB {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(kib) => write!(f, "{:.1}", kib as f64 / 1024.0),
            None => f.write_str("unknown"),
        }
    }
}

impl Memory {
    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.process))
    }

    /// Resets the peak and returns the resident memory.
    fn peak_from_now(&self) -> KiB {
        if cfg!(target_os = "linux") {
            fs::write(self.file("clear_refs"), "5").unwrap();
        }
        self.peak()
    }

    /// The peak of the resident memory since the reset.
    fn peak(&self) -> KiB {
        if !cfg!(target_os = "linux") {
            return KiB(None);
        }
        let status = fs::read_to_string(self.file("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        KiB(Some(line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap()))
    }
}
