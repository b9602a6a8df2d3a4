//! The entry script as PID 1, in every combination of what `sh` is and whether the image has bash.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]
#![allow(clippy::print_stderr, reason = "tells which case of a table failed")]

#[path = "entry_script/agent.rs"]
mod agent;
#[path = "entry_script/container.rs"]
mod container;
#[path = "entry_script/exports.rs"]
mod exports;
#[path = "entry_script/harness.rs"]
mod harness;
#[path = "entry_script/scripts.rs"]
mod scripts;
#[path = "entry_script/stop.rs"]
mod stop;

use harness::{Image, missing};
use std::io::Write as _;

/// Says so, and is false, when tests with this shell cannot run here.
fn can_run(sh: &str) -> bool {
    let Some(reason) = missing(sh) else { return true };
    // Not by `eprintln`, which a passing test's output hides.
    std::io::stderr().write_all(format!("\nskipped: {reason}\n").as_bytes()).unwrap();
    false
}

/// One module per image, one test in each for every function.
macro_rules! in_every_image {
    ($($tests:tt)*) => {
        in_image! { dash_only, Image { sh: "dash", bash: false }, $($tests)* }
        in_image! { dash_and_bash, Image { sh: "dash", bash: true }, $($tests)* }
        in_image! { busybox_only, Image { sh: "busybox", bash: false }, $($tests)* }
        in_image! { busybox_and_bash, Image { sh: "busybox", bash: true }, $($tests)* }
        in_image! { bash_only_as_sh, Image { sh: "bash", bash: false }, $($tests)* }
        in_image! { bash_as_both, Image { sh: "bash", bash: true }, $($tests)* }
    };
}

macro_rules! in_image {
    ($name:ident, $image:expr, $($module:ident::$test:ident,)*) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $test() {
                    let image = $image;
                    if can_run(image.sh) {
                        super::$module::$test(&image);
                    }
                }
            )*
        }
    };
}

in_every_image! {
    scripts::scripts_run_as_written,
    scripts::syntax_errors_are_those_of_the_shell,
    scripts::large_scripts_come_in_files,
    scripts::bashrc_is_read_as_by_a_person,
    scripts::setup_may_install_bash,
    scripts::signals_are_not_ignored,
    exports::environment_is_the_containers,
    exports::exports_are_handed_over,
    exports::nothing_else_is_handed_over,
    exports::setup_that_ends_otherwise_hands_nothing_over,
    exports::failing_setup_is_marked,
    container::workdir_is_entered_by_both,
    container::unusable_workdir_is_reported,
    container::repository_is_the_workdir,
    container::unusable_repository_is_reported,
    container::files_go_where_there_is_room,
    container::any_user_will_do,
    container::a_user_without_a_home_gets_one,
    container::orphans_are_reaped,
    stop::stop_signals_end_a_task,
    stop::handlers_may_finish_but_not_succeed,
    stop::children_have_the_grace_period,
    stop::stop_in_setup_keeps_run_from_starting,
    stop::stop_before_the_first_shell_is_not_lost,
    stop::stop_of_a_deaf_shell_is_not_lost,
    stop::stop_at_any_time_ends_a_task,
    stop::strangers_are_spared,
    agent::agent_is_called_at_its_points,
    agent::agent_has_the_last_word,
    agent::failing_scripts_are_reported,
    agent::peer_ends_a_node,
    agent::peer_ends_a_node_that_waits,
    agent::grace_period_ends,
    agent::first_stop_counts,
    agent::broken_agent_fails_the_task,
}
