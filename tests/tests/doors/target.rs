//! `--target` and `--state-file`: the tap starts the target, and keeps the states that the target prints.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use tap_bigcommerce_sandbox::Counts;
use tap_bigcommerce_tests::messages::{Message, held, ids, last_state, messages};
use tap_bigcommerce_tests::program::{Ended, LONGEST, run, with_an_end};
use tap_bigcommerce_tests::shop::{Shop, counts};

use crate::signals::{signal, signal_group, stalling};
use rustix::process::Signal;

const SMALL: Counts = counts(20, 12, 9, 5);
const KEPT: [&str; 4] = ["--state-file", "state.json", "--target", "/bin/sh target.sh"];
/// The value of each STATE, at once.
const STATES: &str = r#"sub(/^."type":"STATE","value":/, "") { sub(/.$/, ""); print; fflush(); states++ }"#;
const STORE: &str = "tap_bigcommerce_store";

/// A target that notes all messages in `taken.jsonl`, and does what an awk program says with each.
fn target(shop: &Shop, rest: &str) {
    shop.file("target.sh", &format!("awk '{{ print >> \"taken.jsonl\" }} {rest}'"));
}

/// The warnings of a run, without that of a config that others may read.
fn warnings(ended: &Ended) -> Vec<&str> {
    ended.warnings().into_iter().filter(|warning| !warning.contains("chmod")).collect()
}

/// The messages that the targets of all runs so far took.
fn taken(shop: &Shop) -> Vec<Message> {
    messages(&std::fs::read_to_string(shop.path("taken.jsonl")).unwrap())
}

/// The state in the file, and the store that it is bound to.
fn kept(shop: &Shop) -> (Value, Value) {
    let mut state: Map<String, Value> = serde_json::from_str(&std::fs::read_to_string(shop.path("state.json")).unwrap()).unwrap();
    let store = state.shift_remove(STORE).unwrap();
    (Value::Object(state), store)
}

/// What a target holds after the messages up to this state, and then those of a run that resumes from it.
fn resumed_from(shop: &Shop, state: &Value, taken: &[Message]) -> BTreeMap<(String, u64), String> {
    let covered = taken.iter().position(|message| message.value.as_ref() == Some(state)).unwrap();
    let mut all = held(&taken[..covered]);
    shop.file("target.sh", &format!("awk '{{ print >> \"next.jsonl\" }} {STATES}'"));
    shop.run(KEPT).ok();
    all.extend(held(&messages(&std::fs::read_to_string(shop.path("next.jsonl")).unwrap())));
    all
}

#[test]
fn the_state_that_the_target_has_kept_is_where_the_next_run_resumes() {
    let shop = Shop::new(SMALL);
    target(&shop, STATES);
    let ended = shop.run(KEPT).ok();
    assert_eq!((ended.stdout.as_str(), warnings(&ended)), ("", Vec::new()), "{}", ended.stderr);
    let first = taken(&shop);
    assert!(held(&first) == held(&shop.run([]).ok().messages()));
    assert_eq!(kept(&shop), (last_state(&first).clone(), json!("sandbox/stores/sandbox")));
    assert_eq!(shop.path("state.json").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    shop.run(KEPT).ok();
    assert!(ids(&taken(&shop)[first.len()..], "orders").len() < 10, "the second run starts at the bookmark");
    let resumed = shop.run(["--state", "state.json"]).ok();
    assert!(ids(&resumed.messages(), "orders").len() < 10 && warnings(&resumed).is_empty(), "{}", resumed.stderr);
}

#[test]
fn a_process_that_the_target_leaves_behind_does_not_hold_the_run() {
    let shop = Shop::new(SMALL);
    shop.file("target.sh", "sleep 100000 2>/dev/null & echo $! > left; cat > /dev/null");
    let ended = shop.run(KEPT);
    let left: i32 = std::fs::read_to_string(shop.path("left")).unwrap().trim().parse().unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(left).unwrap(), Signal::KILL).unwrap();
    assert!(ended.ok().warnings().iter().any(|warning| warning.contains("still holds its output")));
}

#[test]
fn the_target_gets_no_variable_of_the_taps() {
    let shop = Shop::new(SMALL);
    shop.file("target.sh", "env > seen; cat > /dev/null");
    let mut command = shop.tap(KEPT);
    command.env("TAP_BIGCOMMERCE_ACCESS_TOKEN", "s3cret").env("KEPT_FOR_THE_TARGET", "yes");
    run(command).ok();
    let seen = std::fs::read_to_string(shop.path("seen")).unwrap();
    assert!(seen.contains("KEPT_FOR_THE_TARGET=yes") && !seen.contains("TAP_BIGCOMMERCE") && !seen.contains("s3cret"), "{seen}");
}

#[test]
fn what_the_target_has_not_kept_is_read_again() {
    let shop = Shop::new(SMALL);
    target(&shop, &STATES.replace("sub(/^", "!states && sub(/^"));
    let ended = shop.run(KEPT).ok();
    assert!(ended.warnings().iter().any(|warning| warning.contains("not the last STATE")), "{}", ended.stderr);
    let (state, _) = kept(&shop);
    let first = taken(&shop);
    let whole = held(&first);
    assert_ne!(&state, last_state(&first));
    assert!(resumed_from(&shop, &state, &first) == whole);
}

#[test]
fn a_target_that_dies_ends_the_run_and_what_it_had_kept_stays_kept() {
    for (ending, words) in [
        ("exit 3", "ended with exit code 3"),
        ("kill -KILL $$", "was killed by signal 9"),
        ("exit 0", "ended before it had read everything"),
    ] {
        let shop = Shop::new(counts(400, 100, 60, 20));
        target(&shop, &format!("{STATES} states >= 2 && extra++ == 3 {{ exit }}"));
        let script = std::fs::read_to_string(shop.path("target.sh")).unwrap();
        shop.file("target.sh", &format!("{script}\n{ending}\n"));
        shop.run(KEPT).told(10, &["/bin/sh", words, "state.json"]);
        let first = taken(&shop);
        let (state, _) = kept(&shop);
        assert_eq!(Some(&state), first.iter().filter_map(|message| message.value.as_ref()).next_back(), "{ending}");
        assert!(resumed_from(&shop, &state, &first) == held(&shop.run([]).ok().messages()), "{ending}: something is missing");
    }
}

#[test]
fn lines_that_are_no_state_are_passed_on_and_not_kept() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    shop.file(
        "target.sh",
        r#"echo 'wrote 10 rows'; echo '[1]'; echo '{"bookmarks": {"or'; echo '{"level": "info"}'; printf '\033[2J\377\n'
        echo 'a word of its own' >&2; cat > /dev/null"#,
    );
    let ended = shop.run(KEPT).ok();
    for line in ["INFO target: wrote 10 rows", "INFO target: [1]", "INFO target: {\"level\": \"info\"}", "a word of its own"] {
        assert!(ended.stderr.lines().any(|told| told == line), "{line}: {}", ended.stderr);
    }
    let [no_state, none_at_all] = warnings(&ended)[..] else { panic!("{}", ended.stderr) };
    assert!(no_state.contains("JSON that is not a STATE") && none_at_all.contains("printed no STATE"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}') && !shop.path("state.json").exists());
}

#[test]
fn a_target_gets_the_time_that_it_takes_to_end() {
    let shop = Shop::new(SMALL);
    shop.file("target.sh", &format!("cat > taken.jsonl; sleep 1; awk '{STATES}' taken.jsonl"));
    shop.run(KEPT).ok();
    assert_eq!(&kept(&shop).0, last_state(&taken(&shop)));
}

#[test]
fn a_targets_arguments_are_split_as_a_shell_splits_them() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    shop.file("my target.sh", "printf '<%s>' \"$@\" > arguments; cat > /dev/null");
    shop.run(["--state-file", "state.json", "--target", "/bin/sh 'my target.sh' \"a b\" c\\ d '' $HOME"]).ok();
    assert_eq!(std::fs::read_to_string(shop.path("arguments")).unwrap(), "<a b><c d><><$HOME>");
}

#[test]
fn a_first_signal_lets_the_target_keep_what_it_has_read() {
    for kind in [Signal::INT, Signal::TERM] {
        let (shop, stalled) = stalling();
        target(&shop, STATES);
        // As a terminal does, the signal goes to all processes of the tap's group.
        let child = shop.tap(KEPT).process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let id = child.id();
        let ending = std::thread::spawn(move || child.wait_with_output().unwrap());
        stalled.recv_timeout(LONGEST).unwrap();
        signal_group(id, kind);
        Ended::from(with_an_end(|| ending.join().unwrap())).told(130, &["stopped"]);
        let (first, (state, _)) = (taken(&shop), kept(&shop));
        assert_eq!(&state, last_state(&first));
        shop.sandbox.with_store(|store| store.clear_faults());
        assert!(resumed_from(&shop, &state, &first) == held(&shop.run([]).ok().messages()), "{kind:?}: something is missing");
    }
}

#[test]
fn a_second_signal_ends_a_target_that_never_reads() {
    let shop = Shop::new(counts(400, 100, 60, 20));
    shop.file("target.sh", "exec sleep 100000");
    let asked = shop.after_requests(1);
    let mut child = shop.tap(KEPT).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    asked.recv_timeout(LONGEST).unwrap();
    let told = with_an_end(move || {
        let mut stderr = child.stderr.take().unwrap();
        let mut told = String::new();
        signal(child.id(), Signal::INT);
        while !told.contains("a second Ctrl-C stops at once") {
            let mut piece = [0; 1024];
            let read = stderr.read(&mut piece).unwrap();
            told.push_str(std::str::from_utf8(&piece[..read]).unwrap());
        }
        signal(child.id(), Signal::INT);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        // The target has the same standard error: it ends only with both.
        stderr.read_to_string(&mut told).unwrap();
        told
    });
    assert!(!shop.path("state.json").exists(), "{told}");
}

#[test]
fn what_cannot_work_is_refused_before_any_request() {
    let shop = Shop::new(counts(1, 1, 1, 1));
    let bookmarks = json!({"bookmarks": {"orders": {"date_modified": "2024-01-01T00:00:00Z"}}});
    shop.file("good.json", &bookmarks.to_string());
    shop.file("cut.json", &bookmarks.to_string()[..30]);
    shop.file("empty.json", "");
    shop.file("foreign.json", r#"{"cursor": 1}"#);
    shop.file("other.json", &json!({"bookmarks": {}, STORE: "https://api.bigcommerce.com/stores/other"}).to_string());
    shop.file("odd.json", &json!({"bookmarks": {}, STORE: 1}).to_string());
    shop.file("target.sh", "touch started; cat > /dev/null");
    let moved = shop.file("moved.sh", "#!/no/such/program\n");
    std::fs::set_permissions(moved, std::fs::Permissions::from_mode(0o700)).unwrap();
    let target = "/bin/sh target.sh";
    for (code, args, words) in [
        (2, &["--state-file", "good.json"][..], &["--state-file works only with --target", "| COMMAND"][..]),
        (4, &["--state-file", "good.json", "--output", "sqlite:shop.db"], &["its own state", "leave --state-file out"]),
        (4, &["--state-file", ".", "--target", target], &["is a folder", "restore it, or remove it"]),
        (4, &["--state-file", "cut.json", "--target", target], &["cut.json", "ends too early", "restore it, or remove it"]),
        (4, &["--state-file", "empty.json", "--target", target], &["empty.json", "is empty"]),
        (4, &["--state-file", "foreign.json", "--target", target], &["does not recognize", "\"cursor\""]),
        (4, &["--state-file", "other.json", "--target", target], &["other.json", "stores/other", "name another file"]),
        (4, &["--state-file", "odd.json", "--target", target], &["another store"]),
        (4, &["--state", "other.json"], &["stores/other"]),
        (4, &["--state-file", "no/folder/state.json", "--target", target], &["cannot be written", "check its folder"]),
        (10, &["--state-file", "new.json", "--target", "no-such-target --x"], &["no-such-target does not exist", "--target"]),
        (10, &["--state-file", "new.json", "--target", "./moved.sh"], &["./moved.sh", "first line", "install the target again"]),
        (10, &["--state-file", "new.json", "--target", "./good.json"], &["cannot be run"]),
    ] {
        let ended = shop.run(args.iter().copied()).told(code, words);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
    for (args, words) in [
        (&["--state-file", "good.json", "--target", target, "--state", "good.json"][..], "'--state <FILE>'"),
        (&["--target", target], "--state-file <FILE>"),
        (&["--state-file", "good.json", "--target", target, "--output", "sqlite:shop.db"], "'--output <OUTPUT>'"),
        (&["--state-file", "good.json", "--target", "target 'x"], "a quote is not closed"),
        (&["--state-file", "good.json", "--target", " "], "it names no program"),
        (&["--state-file", "good.json", "--target", target, "--check"], "'--check'"),
    ] {
        let ended = shop.run(args.iter().copied());
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{args:?}: {}", ended.stderr);
    }
    assert_eq!(shop.sandbox.request_count(), 0);
    for file in ["started", "new.json", "shop.db"] {
        assert!(!shop.path(file).exists(), "{file}");
    }
}

/// A state that cannot be saved ends the run: the longer it continued, the more would be read again.
#[test]
fn a_state_file_that_cannot_be_written_any_more_ends_the_run() {
    let shop = Shop::new(counts(400, 100, 60, 20));
    std::fs::create_dir(shop.path("folder")).unwrap();
    target(&shop, &format!("NR == 1 {{ system(\"rmdir folder\") }} {STATES}"));
    let args = ["--state-file", "folder/state.json", "--target", "/bin/sh target.sh"];
    shop.run(args).told(10, &["folder/state.json cannot be written"]);
}
