use super::*;
use std::collections::VecDeque;
use std::fs;
use tempfile::TempDir;

/// Somebody who has written the answers down, and what they were shown. Secret ones begin with `secret:`.
struct Script {
    answers: VecDeque<&'static str>,
    shown: String,
}

impl Script {
    fn next(&mut self, question: &str) -> Option<String> {
        self.shown.push_str(&format!("{question}\n"));
        self.answers.pop_front().map(str::to_owned)
    }
}

impl Person for Script {
    fn line(&mut self, question: &str) -> std::io::Result<Option<String>> {
        let answer = self.next(question);
        assert!(!answer.as_ref().is_some_and(|answer| answer.starts_with("secret:")), "{question} shows what is typed");
        Ok(answer)
    }

    fn secret(&mut self, question: &str) -> std::io::Result<Option<String>> {
        Ok(self.next(question).map(|answer| answer.replace("secret:", "")))
    }

    fn tell(&mut self, text: &str) {
        self.shown.push_str(&format!("{text}\n"));
    }
}

/// Takes the token `good`; coupons need another scope.
fn store_of(config: &str) -> Result<Checked> {
    let config: Value = serde_json::from_str(config).unwrap();
    match config["access_token"].as_str() {
        Some("good") => Ok(Checked { table: "a table".into(), verdict: Ok(()) }),
        Some("narrow") => {
            let verdict = Err(Failure::new(Kind::MissingScope, "coupons need marketing"));
            Ok(Checked { table: "a table".into(), verdict })
        }
        _ => Err(Failure::new(Kind::Unauthorized, "the store refuses the access token")),
    }
}

fn play(folder: &TempDir, answers: &[&'static str]) -> (Result<()>, Script) {
    let mut script = Script { answers: answers.iter().copied().collect(), shown: String::new() };
    let done = write(&mut script, &folder.path().join("config.json"), store_of);
    assert!(!script.shown.contains("good\n") && !script.shown.contains("[good]"), "the token is shown: {}", script.shown);
    (done, script)
}

fn written(folder: &TempDir) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.path().join("config.json")).unwrap()).unwrap()
}

#[test]
fn good_answers_become_a_config_that_only_its_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let (done, script) = play(&folder, &["https://api.bigcommerce.com/stores/abc123/v3/", " id ", "secret:good", "2024-01-31"]);
    done.unwrap();
    let config = json!({"store_hash": "abc123", "client_id": "id", "access_token": "good", "start_date": "2024-01-31"});
    assert_eq!(written(&folder), config);
    assert!(script.shown.contains("a table") && script.shown.contains("--output sqlite:shop.db"), "{}", script.shown);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(folder.path().join("config.json")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_wrong_answer_is_asked_for_again_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (done, script) = play(
        &folder,
        &[
            "",
            "NO HASH",
            "https://api.bigcommerce.com/v3",
            "http://example.com/stores/abc/v3",
            "abc",
            "é",
            "id",
            "secret:",
            "secret:a b",
            "secret:good",
            "soon",
            "",
        ],
    );
    done.unwrap();
    for why in [
        "this is required",
        "store_hash may hold only",
        "https://store-HASH.mybigcommerce.com",
        "http is for loopback",
        "access_token holds a space",
        "start_date",
    ] {
        assert!(script.shown.contains(why), "{why}: {}", script.shown);
    }
    assert_eq!(written(&folder), json!({"store_hash": "abc", "client_id": "id", "access_token": "good"}));
}

#[test]
fn a_client_id_may_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    play(&folder, &["abc", "", "secret:good", ""]).0.unwrap();
    assert_eq!(written(&folder), json!({"store_hash": "abc", "access_token": "good"}));
}

#[test]
fn answers_that_the_store_refuses_are_asked_for_again_and_enter_keeps_one() {
    let folder = tempfile::tempdir().unwrap();
    let (done, script) = play(&folder, &["http://127.0.0.1:8/stores/abc/v3", "id", "secret:bad", "", "", "", "secret:good", ""]);
    done.unwrap();
    assert!(
        script.shown.contains("refuses the access token") && script.shown.contains("(Enter keeps it, - leaves it out) [id]"),
        "{}",
        script.shown
    );
    let config = json!({"store_hash": "abc", "api_url": "http://127.0.0.1:8", "client_id": "id", "access_token": "good"});
    assert_eq!(written(&folder), config);
}

#[test]
fn an_answer_may_be_taken_back_and_the_token_goes_to_no_place_of_an_earlier_answer() {
    let folder = tempfile::tempdir().unwrap();
    let answers = ["http://127.0.0.1:8/stores/abc/v3", "id", "secret:bad", "2024-01-31", "abcd", "-", "secret:good", "-"];
    let (done, _) = play(&folder, &answers);
    done.unwrap();
    assert_eq!(written(&folder), json!({"store_hash": "abcd", "access_token": "good"}));
}

#[test]
fn a_missing_scope_may_be_accepted_or_fixed() {
    let folder = tempfile::tempdir().unwrap();
    let answers = ["abc", "id", "secret:narrow", "", "maybe", "n", "", "", "secret:", "", "y"];
    let (done, script) = play(&folder, &answers);
    done.unwrap();
    assert!(script.shown.contains("answer y or n") && script.shown.contains("coupons need marketing"), "{}", script.shown);
    assert_eq!(written(&folder)["access_token"], "narrow");
}

#[test]
fn a_file_that_is_there_is_not_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    let (done, _) = play(&folder, &["n"]);
    assert!(done.unwrap_err().message.contains("left as it is"));
    assert_eq!(written(&folder), json!({}));
    play(&folder, &["y", "abc", "id", "secret:good", ""]).0.unwrap();
    assert_eq!(written(&folder)["store_hash"], "abc");
}

#[test]
fn answers_that_end_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (done, _) = play(&folder, &["abc", "id"]);
    assert_eq!(done.unwrap_err().kind, Kind::Cancelled);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_any_question() {
    let mut script = Script { answers: VecDeque::new(), shown: String::new() };
    let failure = write(&mut script, Path::new("no/such/folder/config.json"), store_of).unwrap_err();
    assert!(failure.kind == Kind::Config && failure.message.contains("cannot be written"), "{failure}");
    assert_eq!(script.shown, "");
    assert!(file(&["a.json".into(), "b.json".into()]).is_err() && file(&["ENV".into()]).is_err());
    assert_eq!(file(&[]).unwrap(), Path::new("config.json"));
}
