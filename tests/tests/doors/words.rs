//! Commands as plain words, completions and the man page.

use tap_bigcommerce_tests::program::{Ended, program, run};
use tap_bigcommerce_tests::shop::{Shop, counts};

fn tap(args: &[&str]) -> Ended {
    run(program(args))
}

#[test]
fn a_word_does_what_its_flag_does() {
    for (word, flag) in [
        (&["about"][..], &["--about"][..]),
        (&["about", "--format", "json"], &["--about", "--format", "json"]),
        (&["discover", "--select", "orders"], &["--discover", "--select", "orders"]),
        (&["sandbox", "--test=schema"], &["--sandbox", "--test=schema"]),
    ] {
        assert_eq!(tap(word).ok().stdout, tap(flag).ok().stdout, "{word:?}");
    }
    let shop = Shop::new(counts(2, 2, 2, 2));
    // The config's flag comes before the word here.
    assert_eq!(shop.run(["check"]).ok().stdout, shop.run(["--check"]).ok().stdout);
    tap(&["init", "--config", "new.json"]).told(2, &["needs a terminal"]);
    tap(&["check"]).told(2, &["no config was given", "tap-bigcommerce init"]);
}

/// The README's first command.
#[test]
fn cargo_run_in_the_repository_means_the_program() {
    let cargo = std::env::var_os("CARGO").unwrap();
    let asked = std::process::Command::new(cargo)
        .args(["metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&asked.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let meant: Vec<&str> = packages.filter_map(|package| package["default_run"].as_str()).collect();
    assert_eq!(meant, ["tap-bigcommerce"]);
}

#[test]
fn an_unknown_word_is_refused_with_a_suggestion() {
    for (args, words) in [
        (&["chekc"][..], "'check'"),
        (&["-c", "config.json", "snadbox"], "'sandbox'"),
        (&["sync"], "a sync needs no command"),
        (&["config.json"], "--config config.json"),
        (&["completions", "zhs"], "fish, powershell, zsh"),
    ] {
        let ended = tap(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains(words), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn each_shell_gets_completions_of_every_command_and_flag() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = tap(&["completions", shell]).ok().stdout;
        for name in ["tap-bigcommerce", "state-file", "full-refresh", "discover", "completions"] {
            assert!(script.contains(name), "{shell} lacks {name}");
        }
    }
}

/// The script is run by the shell that it is for.
#[cfg(unix)]
#[test]
fn bash_completes_a_word_and_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("completions.bash");
    std::fs::write(&script, tap(&["completions", "bash"]).ok().stdout).unwrap();
    for (words, wanted) in [("ch", "check"), ("check --sel", "--select"), ("--state-f", "--state-file")] {
        let count = words.split(' ').count();
        let program = format!(
            "source '{}'; complete=$(complete -p tap-bigcommerce); complete=${{complete##*-F }}; COMP_WORDS=(tap-bigcommerce {words}); COMP_CWORD={count}
             ${{complete%% *}} tap-bigcommerce \"${{COMP_WORDS[$COMP_CWORD]}}\" \"${{COMP_WORDS[$COMP_CWORD-1]}}\"; echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let mut bash = std::process::Command::new("bash");
        bash.args(["--norc", "-c", &program]);
        assert_eq!(run(bash).ok().stdout.trim(), wanted, "{words}");
    }
}

#[test]
fn the_man_page_names_every_flag_and_command() {
    let page = tap(&["man"]).ok().stdout;
    assert!(page.contains(".TH tap-bigcommerce 1"), "{page}");
    let page = page.replace('\\', "");
    for part in [
        "\"WHAT TO READ\"",
        "\"WHERE TO WRITE\"",
        "--state-file",
        "fBtap-bigcommerce check",
        "\"EXIT STATUS\"",
        "6 a scope is missing",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("check(1)"), "there is one page");
}
