//! The written grammar and the parser have the same names.

use std::collections::BTreeSet;

const WRITTEN: &str = include_str!("../GRAMMAR.md");
const PARSER: &str = concat!(
    include_str!("../src/lex.rs"),
    include_str!("../src/parse.rs"),
    include_str!("../src/string.rs")
);

#[test]
fn productions_are_functions_of_the_parser() {
    let productions: BTreeSet<&str> = WRITTEN
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.trim())
        .filter(|name| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        })
        .collect();
    for name in &productions {
        assert!(
            PARSER.contains(&format!("fn {name}(")),
            "{name} is no function of the parser"
        );
    }
    for (function, _) in PARSER
        .match_indices("-> IResult<&[u8], &[u8]>")
        .filter_map(|(at, _)| {
            let head = &PARSER[..at];
            let name = &head[head.rfind("fn ")? + 3..];
            name.split_once('(')
        })
    {
        let production = function.strip_prefix("within_").unwrap_or(function);
        assert!(
            productions.contains(production),
            "{function} has no production"
        );
    }
}

#[test]
fn every_error_code_is_written() {
    for number in 1..=7 {
        assert!(WRITTEN.contains(&format!("| E{number:04} |")));
    }
}
