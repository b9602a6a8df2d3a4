//! Completion in a real bash: of commands, and of ids, which the gateway knows.

use std::{path::Path, process::Command};

use serde_json::json;

use crate::{
    gateway::{Gateway, task},
    program::{Home, ran},
};

/// What bash offers after these words, the last of which is being written.
fn offered(home: &Home, words: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_BIN_EXE_k8s-cli")).parent().unwrap();
    let script = "source <(k8s-cli completions bash)
        read -r -a COMP_WORDS <<< \"$WORDS\"
        [[ $WORDS != *' ' ]] || COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9
        _clap_complete_k8s_cli k8s-cli \"${COMP_WORDS[-1]}\" ''
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let program = home.command("");
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script]).env_clear().current_dir(home.path()).env("WORDS", words);
    bash.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    bash.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let ran = ran(&mut bash);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{words}");
    ran.stdout.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn ids_are_those_that_the_gateway_knows() {
    let ended = task("completed", &json!({}));
    let mut running = task("running", &json!({}));
    running["task_id"] = json!("def67890");
    let gateway = Gateway::new().json("GET /tasks", json!({"tasks": [ended, running]}));
    let home = Home::bob(&gateway.url);
    assert_eq!(offered(&home, "k8s-cli jobs wa"), ["wait"]);
    assert_eq!(offered(&home, "k8s-cli jobs logs a"), ["abc12345"]);
    assert_eq!(offered(&home, "k8s-cli jobs status d"), ["def67890"]);
    // What has ended cannot be stopped.
    assert_eq!(offered(&home, "k8s-cli jobs stop a"), [""; 0]);
    assert_eq!(offered(&home, "k8s-cli jobs stop d"), ["def67890"]);
}

#[test]
fn without_a_gateway_there_are_no_ids_and_no_words() {
    let home = Home::bob("http://127.0.0.1:9");
    assert_eq!(offered(&home, "k8s-cli jobs logs a"), [""; 0]);
    assert_eq!(offered(&Home::empty("http://127.0.0.1:9"), "k8s-cli volumes delete a"), [""; 0]);
}

#[test]
fn every_shell_gets_a_script_and_answers() {
    let home = Home::empty("http://127.0.0.1:9");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.run(&format!("completions {shell}"));
        assert_eq!((script.code, script.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(script.stdout.contains("K8S_CLI_COMPLETE"), "{shell}: {}", script.stdout);
        let mut asked = home.command("-- k8s-cli auth w");
        let answer = ran(asked.env("K8S_CLI_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", "2"));
        assert!(answer.code == Some(0) && answer.stdout.contains("whoami"), "{shell}: {answer:?}");
    }
}
