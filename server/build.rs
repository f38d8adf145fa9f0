//! Has the binary linked so that it starts in little memory:
//! - with packed relative relocations (`DT_RELR`, as in the generic ELF ABI) where the C library reads them: some 30,000
//!   of them take 20 KB instead of 730, all of which the loader reads before `main`;
//! - in releases, with the functions that run at the start side by side (`start-up/functions.ld`).

use std::path::Path;
use std::process::Command;

/// The first release of glibc whose loader reads packed relocations.
const GLIBC: (u32, u32) = (2, 36);

/// The linker's script, beside this file.
const FUNCTIONS: &str = "start-up/functions.ld";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={FUNCTIONS}");
    let target = |part: &str| told(&format!("CARGO_CFG_TARGET_{part}"));
    let at_home = told("HOST") == told("TARGET");
    if !at_home || target("OS") != "linux" || target("ENV") != "gnu" {
        return;
    }
    if glibc().is_some_and(|version| version >= GLIBC) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    if told("PROFILE") == "release" && !chosen_linker() {
        let script = Path::new(&told("CARGO_MANIFEST_DIR")).join(FUNCTIONS);
        println!("cargo:rustc-link-arg-bins=-T{}", script.display());
    }
}

/// What Cargo tells in the environment, nothing where it does not.
fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Whether somebody has chosen a linker of their own: not all of them read scripts.
fn chosen_linker() -> bool {
    !told("RUSTC_LINKER").is_empty() || told("CARGO_ENCODED_RUSTFLAGS").contains("link")
}

/// The version of this machine's C library, `None` where `getconf` does not tell.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let mut parts = told.trim().strip_prefix("glibc ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
