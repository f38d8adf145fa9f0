//! Where entries are kept from one session to the next.

use std::env;
use std::path::PathBuf;

/// `chimera/history` in the state directory of the user: `$XDG_STATE_HOME`, or
/// `~/.local/state`. `None` if the environment names neither.
///
/// Source: the XDG Base Directory Specification, 0.8; relative paths are ignored.
pub fn history_path() -> Option<PathBuf> {
    of(
        env::var_os("XDG_STATE_HOME").map(PathBuf::from),
        env::home_dir(),
    )
}

fn of(state: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let state = state
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home.filter(|path| path.is_absolute())?.join(".local/state")))?;
    Some(state.join("chimera").join("history"))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::of;

    #[test]
    fn the_state_directory_is_the_one_named_or_the_usual_one() {
        let home = || Some(PathBuf::from("/home/ada"));
        let usual = Path::new("/home/ada/.local/state/chimera/history");
        assert_eq!(of(None, home()).as_deref(), Some(usual));
        assert_eq!(of(Some("".into()), home()).as_deref(), Some(usual));
        assert_eq!(of(Some("state".into()), home()).as_deref(), Some(usual));
        let named = of(Some("/state".into()), home());
        assert_eq!(named.as_deref(), Some(Path::new("/state/chimera/history")));
        assert_eq!(of(None, None), None);
    }
}
