//! What a person sees on a terminal, forty columns wide.

use serde_json::{Value, json};
use tap_bigcommerce_tests::messages::{last_state, messages};
use tap_bigcommerce_tests::program::{LONGEST, program};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::terminal::{Terminal, rows};

use crate::signals::stalling;

const NARROW: u16 = 40;
/// What Ctrl-C types.
const INTERRUPT: &str = "\u{3}";

fn fits(text: &str) {
    // The terminal itself shows what is typed.
    for row in rows(&text.replace("^C", "")) {
        assert!(row.chars().count() <= NARROW.into(), "wider than the terminal: {row:?} in: {text}");
    }
}

#[test]
fn a_sync_shows_how_far_it_is_and_then_a_table() {
    let (shop, stalled) = stalling();
    let mut terminal = Terminal::start(shop.tap(["--output", "sqlite:shop.db"]), NARROW);
    stalled.recv_timeout(LONGEST).unwrap();
    terminal.wait_for("orders");
    shop.sandbox.with_store(|store| store.clear_faults());
    terminal.types(INTERRUPT);
    terminal.wait_for("a second");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(130), "{text}");
    fits(&text);
    let next = Terminal::start(shop.tap(["--output", "sqlite:shop.db"]), NARROW);
    let (code, text) = next.end();
    assert_eq!(code, Some(0), "{text}");
    // It is just as wide as the terminal.
    assert!(text.contains("stream          records  skipped  nulled\r\norders "), "{text}");
    assert!(text.contains(" requests,") && !text.contains("INFO"), "{text}");
    fits(&text);
    let narrower = Terminal::start(shop.tap(["--output", "sqlite:shop.db"]), NARROW - 1);
    let (code, text) = narrower.end();
    assert!(code == Some(0) && text.contains("orders\r\n  records"), "{text}");
}

#[test]
fn a_check_is_a_table_that_fits() {
    let shop = Shop::new(counts(5, 5, 5, 5));
    let (code, text) = Terminal::start(shop.tap(["check"]), NARROW).end();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("store sandbox\r\norders\r\n  records   5") && text.contains("A first run takes"), "{text}");
    fits(&text);
}

#[test]
fn an_init_asks_shows_what_the_store_says_and_keeps_the_token_to_itself() {
    let shop = Shop::new(counts(5, 5, 5, 5));
    let mut command = program(["init", "--config", "new.json"]);
    command.current_dir(shop.path(""));
    let mut terminal = Terminal::start(command, NARROW);
    terminal.wait_for("store hash:");
    terminal.types("https://www.example.com\n");
    terminal.wait_for("https://store-HASH.mybigcommerce.com");
    terminal.wait_for("store hash:");
    terminal.types("https://www.example.com/stores/london\n");
    terminal.wait_for("is not BigCommerce's API");
    terminal.wait_for("store hash:");
    let address = format!("{}/stores/{}/v3/", shop.sandbox.url(), shop.sandbox.store_hash());
    terminal.types(&format!("{address}\n"));
    terminal.wait_for("Client ID");
    terminal.types("\n");
    terminal.wait_for("Access token (not shown):");
    terminal.types("not-this-stores-token\n");
    terminal.wait_for("(empty: all):");
    terminal.types("\n");
    terminal.wait_for("refuses the access");
    terminal.wait_for("store hash");
    terminal.types("\n");
    terminal.wait_for("Client ID");
    terminal.types("\n");
    terminal.wait_for("Enter keeps it):");
    terminal.types(&format!("{}\n", shop.sandbox.access_token()));
    terminal.wait_for("(empty: all):");
    terminal.types("2024-01-31\n");
    terminal.wait_for("new.json is written");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("not-this-stores-token") && !text.contains(&shop.sandbox.access_token()), "{text}");
    // What is typed is as long as it is, and so is an address.
    let own: Vec<&str> = rows(&text).filter(|row| !row.contains("http://") && !row.contains("https://")).collect();
    fits(&own.join("\n"));
    let config: Value = serde_json::from_str(&std::fs::read_to_string(shop.path("new.json")).unwrap()).unwrap();
    let wanted = json!({"store_hash": "sandbox", "api_url": shop.sandbox.url(), "access_token": shop.sandbox.access_token(),
                        "start_date": "2024-01-31"});
    assert_eq!(config, wanted);
}

#[test]
fn a_sandbox_without_an_output_says_what_to_do_instead_of_pouring_json() {
    for word in ["sandbox", "--sandbox"] {
        let (code, text) = Terminal::start(program([word]), NARROW).end();
        assert_eq!(code, Some(2), "{text}");
        assert!(!text.contains("{\"type\""), "{text}");
        let told = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "CRITICAL the sandbox writes thousands of lines of JSON",
            "--output sqlite:shop.db",
            "tap-bigcommerce sandbox 2> tap.log | head",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        fits(&text);
    }
}

#[test]
fn help_fits_a_narrow_terminal_and_a_wide_one() {
    for args in [&["--help"][..], &["check", "--help"], &["sandbox", "--help"], &["help", "completions"]] {
        for (columns, most) in [(NARROW, NARROW.into()), (200, 100)] {
            let (code, text) = Terminal::start(program(args), columns).end();
            assert_eq!(code, Some(0), "{text}");
            // clap wraps no usage.
            let widest = rows(&text).filter(|row| !row.starts_with("Usage: ")).max_by_key(|row| row.chars().count()).unwrap();
            assert!(widest.chars().count() <= most, "{columns}: {widest:?}");
        }
    }
}

/// A terminal sends Ctrl-C to every process of the group in front.
#[test]
fn ctrl_c_stops_the_tap_and_lets_its_target_finish() {
    let (shop, stalled) = stalling();
    shop.file("target.sh", r#"tee taken.jsonl | sed -n 's/^{"type":"STATE","value":\(.*\)}$/\1/p'"#);
    let mut terminal = Terminal::start(shop.tap(["--state-file", "state.json", "--target", "/bin/sh target.sh"]), NARROW);
    stalled.recv_timeout(LONGEST).unwrap();
    terminal.types(INTERRUPT);
    let (code, text) = terminal.end();
    assert_eq!(code, Some(130), "{text}");
    let taken = messages(&std::fs::read_to_string(shop.path("taken.jsonl")).unwrap());
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(shop.path("state.json")).unwrap()).unwrap();
    assert_eq!(kept["bookmarks"], last_state(&taken)["bookmarks"], "{text}");
}
