//! What programs that a person runs may use: files, the clock, chance. Rules of
//! the server get none of it.

use std::time::SystemTime;

use chimera::{Builder, Grants, SystemFiles};
use rand::TryRngCore;

/// Opens the world to the programs of an engine. Paths are relative to the
/// working directory.
pub(super) fn open(builder: Builder) -> Builder {
    builder
        .grants(Grants {
            read_files: true,
            write_files: true,
            ..Grants::default()
        })
        .file_access(SystemFiles::from(""))
        .large_areas(chimera_reclaim::want_large_pages)
        .clock(|| {
            SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0.0, |since| since.as_secs_f64())
        })
        .entropy(|| {
            rand::rngs::OsRng
                .try_next_u64()
                .expect("the system gives random bits")
        })
}
