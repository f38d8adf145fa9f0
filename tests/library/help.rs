//! `help!` of the whole library, and of each module that comes with the engine.

use std::sync::{Arc, Mutex};

use chimera::Engine;

use crate::answers;

/// What `program` answers and prints once the modules are imported.
fn told(modules: &[&str], program: &str) -> (Vec<Vec<String>>, String) {
    let printed = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&printed);
    let engine = Engine::builder()
        .output(move |text| sink.lock().unwrap().push_str(text))
        .build();
    let found = answers(engine, modules, program);
    let text = printed.lock().unwrap().clone();
    (found, text)
}

/// Asks for help by `directive`, and for the names that `space` documents: each of them is
/// printed once, as one line, and nothing else is.
#[track_caller]
fn check_lists_all(modules: &[&str], directive: &str, space: &str) {
    let program = format!(
        "!{directive}
         !(let $s {space} (match $s (@doc $name (@desc $text)) (quote $name)))
         !(let $s {space} (match $s (@doc $name (@desc $text) $parameters $returns) (quote $name)))"
    );
    let (found, printed) = told(modules, &program);
    let [help, atoms, functions] = &found[..] else {
        panic!("three directives: {found:?}");
    };
    assert_eq!(help, &["()"], "{directive}: {printed}");
    let mut documented: Vec<&str> = atoms
        .iter()
        .chain(functions)
        .map(|quoted| &quoted["(quote ".len()..quoted.len() - 1])
        .collect();
    assert!(!documented.is_empty(), "{directive}");
    documented.sort_unstable();
    let mut listed: Vec<&str> = printed
        .lines()
        .filter(|line| !line.starts_with('\t'))
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, documented, "{directive}");
}

#[test]
fn help_without_a_name_lists_everything_that_is_documented() {
    check_lists_all(&[], "(help!)", "(context-space)");
    // Also functions whose names are known with the type of their arguments.
    check_lists_all(&["lists", "json"], "(help!)", "(context-space)");
}

#[test]
fn help_of_a_module_lists_its_operations() {
    let (_, names) = told(&["catalog"], "!(catalog-list! all)");
    for module in names.lines() {
        let help = format!("(help! {module})");
        let space = format!("(module-space-no-deps (mod-space! {module}))");
        for imported in [&[][..], &[module][..]] {
            check_lists_all(imported, &help, &space);
        }
    }
}

#[test]
fn help_of_what_is_documented_in_another_shape_is_an_error() {
    let program = "(: area (-> Number Number))
        (@doc area (@desc \"An area\") (@params ((@param \"Width\") (@param \"Height\"))) (@return \"It\"))
        !(help! area)";
    let (found, printed) = told(&[], program);
    let expected = "(Error (Error (car-atom ()) \"car-atom expects a non-empty expression as an argument\") \
        \"Cannot match @doc-formal structure\")";
    assert_eq!(found, [[expected]]);
    assert_eq!(printed, "");
}
