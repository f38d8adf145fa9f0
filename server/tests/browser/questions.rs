//! Questions to the atomspace, with keys alone.

use crate::browser::Browser;
use crate::running::{Server, shipped_rules};

const CONTROL: &str = "\u{e009}";
const ENTER: &str = "\u{e007}";

fn ask(browser: &Browser, query: &str) {
    browser.run("document.querySelector('#query').value = ''");
    browser.keys("#query", &format!("{query}{CONTROL}{ENTER}"));
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn results_stand_in_a_table_and_errors_in_words() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    ask(
        &browser,
        "(match &self (threshold $metric $limit) ($limit of $metric))",
    );
    browser.until_text("#query-results", "(400 of memory-mb)");
    let head = browser.text("#query-results thead");
    assert!(
        head.contains("$metric") && head.contains("$limit"),
        "{head}"
    );
    let row = browser.run("return [...[...document.querySelectorAll('#query-results tbody tr')].find((row) => row.innerText.includes('(400 of memory-mb)')).cells].slice(2).map((cell) => cell.innerText).sort()");
    assert_eq!(row, serde_json::json!(["400", "memory-mb"]));
    ask(&browser, "(+ 1");
    browser.until_text("#query-results pre", "the query is not MeTTa: unclosed `(`");
    assert!(browser.text("#query-results pre").contains('^'));
    ask(&browser, "(add-atom &self (threshold memory-mb 1))");
    browser.until_text("#query-results pre", "a query changes nothing");
    ask(&browser, "(match &self (nothing is here) 1)");
    browser.until_text("#query-summary", "No results");
    browser.click("#examples button");
    browser.until_text("#query-results", "(memory-mb 400)");
}
