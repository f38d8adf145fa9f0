//! What the file that names other programs may not say, although it can be read.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::Config;
use crate::effect::SPECS;
use crate::outside::processes;

/// Bounds on times in the file, in seconds.
const SECONDS: RangeInclusive<f64> = 0.05..=3600.0;

/// Finds the first thing in the file that cannot be.
///
/// # Errors
/// What it is, in words.
pub(super) fn check(config: &Config) -> Result<(), String> {
    for watch in &config.watch {
        word("watch", &watch.name)?;
        if watch.pid_file.is_some() == watch.process.is_some() {
            return Err(format!(
                "watch {} names either pid_file or process",
                watch.name
            ));
        }
    }
    for probe in &config.probe {
        word("probe", &probe.name)?;
        address(&probe.url)?;
        seconds(
            &probe.name,
            &[probe.timeout_seconds, probe.interval_seconds],
        )?;
    }
    for scrape in &config.scrape {
        word("scrape", &scrape.name)?;
        address(&scrape.url)?;
        seconds(
            &scrape.name,
            &[scrape.timeout_seconds, scrape.interval_seconds],
        )?;
    }
    for command in &config.command {
        word("command", &command.name)?;
        if command.argv.is_empty() {
            return Err(format!("command {} has no argv", command.name));
        }
        seconds(&command.name, &[command.timeout_seconds])?;
    }
    for signal in &config.signal {
        if !config.watch.iter().any(|watch| watch.name == signal.watch) {
            return Err(format!("signal names {}, which is no watch", signal.watch));
        }
        if let Some(unknown) = signal
            .signals
            .iter()
            .find(|name| processes::signal_of(name).is_none())
        {
            return Err(format!("there is no signal {unknown}; write TERM, KILL …"));
        }
    }
    for request in &config.request {
        word("request", &request.name)?;
        address(&request.url)?;
        seconds(&request.name, &[request.timeout_seconds])?;
        if hyper::Method::from_bytes(request.method.as_bytes()).is_err() {
            return Err(format!("{} is no method", request.method));
        }
    }
    for notice in &config.notify {
        word("notify", &notice.name)?;
        address(&notice.url)?;
        seconds(&notice.name, &[notice.timeout_seconds])?;
    }
    for (effector, limit) in &config.limit {
        if !SPECS.iter().any(|spec| spec.name == *effector) {
            let known: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
            return Err(format!(
                "limit names {effector}, which is no effector; there are {}",
                known.join(", ")
            ));
        }
        if let Some(share) = limit.share_max
            && !(0.0..=1.0).contains(&share)
        {
            return Err(format!(
                "limit {effector} has a share_max of {share}; write 0 to 1"
            ));
        }
    }
    unique("watch", config.watch.iter().map(|one| &one.name))?;
    unique("probe", config.probe.iter().map(|one| &one.name))?;
    unique("scrape", config.scrape.iter().map(|one| &one.name))?;
    unique("command", config.command.iter().map(|one| &one.name))?;
    unique("request", config.request.iter().map(|one| &one.name))?;
    unique("notify", config.notify.iter().map(|one| &one.name))
}

fn word(what: &str, name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(format!(
        "{what} has the name {name:?}; write letters, digits, -, _ and ."
    ))
}

fn address(url: &str) -> Result<(), String> {
    let uri: hyper::Uri = url
        .parse()
        .map_err(|error| format!("{url} is no address: {error}"))?;
    if uri.scheme_str() == Some("http") && uri.host().is_some() {
        return Ok(());
    }
    Err(format!("{url} is no address such as http://127.0.0.1:80/"))
}

fn seconds(name: &str, times: &[f64]) -> Result<(), String> {
    match times.iter().find(|seconds| !SECONDS.contains(seconds)) {
        None => Ok(()),
        Some(wrong) => Err(format!(
            "{name} has a time of {wrong} s; write {} to {}",
            SECONDS.start(),
            SECONDS.end()
        )),
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut known = BTreeSet::new();
    for name in names {
        if !known.insert(name) {
            return Err(format!("{what} {name} stands twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::outside::Config;

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let error = Config::of_text(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        check_refused("[[watch]]\nname = \"a b\"\nprocess = \"x\"", "\"a b\"");
        check_refused("[[watch]]\nname = \"a\"", "either pid_file or process");
        check_refused("[[watch]]\nname = \"a\"\npid = 3", "unknown field `pid`");
        check_refused(
            "[[probe]]\nname = \"a\"\nurl = \"https://a/\"",
            "is no address such as http://",
        );
        check_refused("[[command]]\nname = \"a\"\nargv = []", "has no argv");
        check_refused(
            "[[signal]]\nwatch = \"a\"\nsignals = [\"TERM\"]",
            "a, which is no watch",
        );
        check_refused(
            "[[command]]\nname = \"a\"\nargv = [\"x\"]\ntimeout_seconds = 0",
            "a has a time of 0 s",
        );
        let twice = "[[command]]\nname = \"a\"\nargv = [\"x\"]\n";
        check_refused(&format!("{twice}{twice}"), "command a stands twice");
        check_refused(
            "[[probe]]\nname = \"a\"\nurl = \"http://a/\"\n[[probe]]\nname = \"a\"\nurl = \"http://b/\"",
            "probe a stands twice",
        );
        check_refused(
            "[limit.reboot]\nper_minute = 1",
            "reboot, which is no effector",
        );
        check_refused("[limit.shed]\nshare_max = 2", "a share_max of 2");
    }
}
