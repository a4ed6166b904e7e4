//! The files in `meltano/` are what the program writes. After a change on purpose:
//! `tap-bigcommerce --about --format meltano > meltano/tap-bigcommerce.yml`, and its text into `meltano/meltano.yml`.

use tap_bigcommerce_tests::program::{program, run};

fn definition() -> String {
    run(program(["--about", "--format", "meltano"])).ok().stdout
}

#[test]
fn the_definition_in_the_repository_is_what_the_program_writes() {
    assert_eq!(include_str!("../../../meltano/tap-bigcommerce.yml"), definition());
}

#[test]
fn the_example_project_holds_the_same_definition() {
    let mut indented = String::new();
    for (number, line) in definition().lines().enumerate() {
        indented += &format!("  {} {line}\n", if number == 0 { "-" } else { " " });
    }
    let project = include_str!("../../../meltano/meltano.yml");
    assert!(project.contains(&indented), "meltano/meltano.yml does not hold:\n{indented}");
}
