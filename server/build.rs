//! Has the binary linked with packed relative relocations (`DT_RELR`, as in the generic ELF ABI) where the C library
//! reads them: some 30,000 of them take 20 KB instead of 730, all of which the loader reads before `main`.

use std::process::Command;

/// The first release of glibc whose loader reads packed relocations.
const GLIBC: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    let at_home = std::env::var("HOST") == std::env::var("TARGET");
    if at_home
        && target("OS") == "linux"
        && target("ENV") == "gnu"
        && glibc().is_some_and(|version| version >= GLIBC)
    {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
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
