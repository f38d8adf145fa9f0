//! Layers, errors and what is written down of the settings.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Kind, SETTINGS, Settings, Value};

fn text(settings: &Settings, key: &str) -> String {
    settings.value(key).to_string()
}

fn variables(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn flags_count_over_the_environment_and_that_over_the_file() {
    let mut settings = Settings::default();
    let file = "port = 1\nbind = \"::1\"\n[limits]\nidle = 5\nhead = 0.5\n[log]\nlevel = \"warn\"";
    settings.read_toml("c.toml", file).unwrap();
    let environment = variables(&[
        ("CHIMERA_PORT", "2"),
        ("CHIMERA_LIMITS_IDLE", "6"),
        ("PATH", "/bin"),
        ("CHIMERA_TOKEN", "s"),
    ]);
    assert_eq!(settings.read_environment(environment).unwrap(), []);
    settings.set_by_flag("port", "3").unwrap();
    let found =
        ["port", "limits.idle", "limits.head", "bind", "log.level"].map(|key| text(&settings, key));
    assert_eq!(found, ["3", "6", "0.5", "\"::1\"", "\"warn\""]);
}

#[track_caller]
fn check_file(file: &str, expected: &str) {
    let error = Settings::default().read_toml("c.toml", file).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_is_unknown_or_wrong_is_told_with_its_place_and_what_may_be_meant() {
    check_file(
        "# mine\nprot = 1",
        "c.toml:2: there is no setting prot; did you mean port?",
    );
    check_file(
        "[limits]\nidel = 1",
        "c.toml:2: there is no setting limits.idel; did you mean limits.idle?",
    );
    check_file(
        "idle = 1",
        "c.toml:1: there is no setting idle; did you mean limits.idle?",
    );
    check_file(
        "zzzz = 1",
        "c.toml:1: there is no setting zzzz; chimera serve --print-config lists all of them",
    );
    check_file(
        "port = \"8000\"",
        "c.toml:1: port must be a whole number from 0 to 65535",
    );
    check_file(
        "port = 65536",
        "c.toml:1: port must be a whole number from 0 to 65535",
    );
    check_file(
        "bind = \"localhost\"",
        "c.toml:1: bind must be an IP address such as 127.0.0.1",
    );
    check_file(
        "\n[log]\nformat = \"xml\"",
        "c.toml:3: log.format must be one of text, json",
    );
    check_file(
        "[limts]\nidle = 3",
        "c.toml:1: there is no setting limts; did you mean limits?",
    );
    check_file(
        "prt = 3\n[limits]\nidle = \"x\"",
        "c.toml:1: there is no setting prt; did you mean port?\nc.toml:3: limits.idle must be from 0.1 to 86400 seconds",
    );
    check_file("hosts = [1]", "c.toml:1: hosts must be a list of texts");
    let no_toml = Settings::default()
        .read_toml("c.toml", "port =")
        .unwrap_err();
    assert!(no_toml.to_string().contains("line 1"), "{no_toml}");
    let missing = Settings::default().read_file(Path::new("/no/such.toml"));
    assert!(missing.unwrap_err().to_string().contains("/no/such.toml"));
}

#[test]
fn flags_and_variables_are_checked_too() {
    let mut settings = Settings::default();
    let error = settings.set_by_flag("limits.conections", "1").unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("did you mean limits.connections?")
    );
    let error = settings
        .read_environment(variables(&[("CHIMERA_PORT", "tcp://10.0.0.1:80")]))
        .unwrap_err();
    assert!(error.to_string().starts_with("CHIMERA_PORT: port must be"));
    let unknown = settings
        .read_environment(variables(&[("CHIMERA_BINDE", "::1")]))
        .unwrap();
    assert_eq!(
        unknown[0].to_string(),
        "the environment: there is no setting CHIMERA_BINDE; did you mean bind?"
    );
}

#[test]
fn what_is_printed_sets_the_same() {
    let mut settings = Settings::default();
    for (key, value) in [
        ("rules", "a \"b\" \\c"),
        ("hosts", "one.example, two.example"),
        ("sample-interval", "0.5"),
    ] {
        settings.set_by_flag(key, value).unwrap();
    }
    let printed = settings.to_toml();
    let mut again = Settings::default();
    again.read_toml("printed", &printed).unwrap();
    for setting in SETTINGS {
        assert_eq!(again.value(setting.key), settings.value(setting.key));
    }
    assert_eq!(
        settings.value("hosts").list(),
        ["one.example", "two.example"]
    );
    assert!(printed.contains("(flag)\nhosts"), "{printed}");
}

#[test]
fn settings_stand_once_and_sections_together() {
    let keys: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.key).collect();
    let variables: BTreeSet<_> = SETTINGS.iter().map(super::Setting::variable).collect();
    assert_eq!(
        (keys.len(), variables.len()),
        (SETTINGS.len(), SETTINGS.len())
    );
    let mut sections: Vec<&str> = SETTINGS
        .iter()
        .map(|setting| {
            setting
                .key
                .rsplit_once('.')
                .map_or("", |(section, _)| section)
        })
        .collect();
    sections.dedup();
    let different: BTreeSet<_> = sections.iter().collect();
    assert_eq!(sections.len(), different.len(), "{sections:?}");
}

fn bounds(kind: Kind) -> String {
    match kind {
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::Seconds { min, max } => format!("{min} to {max} s"),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Word(words) => words.join(", "),
        Kind::Text => "text".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Address => "IP address".to_owned(),
        Kind::List => "list of texts".to_owned(),
    }
}

/// With `UPDATE_EXPECT=1` the table is written anew.
#[test]
fn the_table_that_people_read_is_this_one() {
    let mut table =
        "| setting | variable | default | takes | what it is for |\n|---|---|---|---|---|\n"
            .to_owned();
    for setting in SETTINGS {
        let default = match setting.kind.parse(setting.default).unwrap() {
            Value::Unset => "none".to_owned(),
            value => format!("`{value}`"),
        };
        table += &format!(
            "| `{}` | `{}` | {default} | {} | {} |\n",
            setting.key,
            setting.variable(),
            bounds(setting.kind),
            setting.meaning.replace('*', "\\*")
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- settings -->\n").unwrap();
    let (written, after) = rest.split_once("<!-- /settings -->").unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let page = format!("{before}<!-- settings -->\n{table}<!-- /settings -->{after}");
        std::fs::write(path, page).unwrap();
    } else {
        assert_eq!(written, table, "run again with UPDATE_EXPECT=1");
    }
}
