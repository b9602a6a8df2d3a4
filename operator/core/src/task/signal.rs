//! Signals as exit codes: a shell reports 128 and the number of the signal that ended its command.

/// What Linux calls those that end scripts in practice.
const NAMES: [(i32, &str); 11] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (15, "SIGTERM"),
];

/// The signal that an exit code stands for, if it stands for one.
pub(super) fn of_exit_code(code: i32) -> Option<i32> {
    NAMES.iter().map(|(signal, _)| *signal).find(|signal| code == 128 + signal)
}

/// The exit code for a message, with what it stands for: `137 (SIGKILL)`, and what shells say by 126 and 127 (POSIX).
pub(super) fn explained(code: i32) -> String {
    let name = match code {
        126 => Some("a command that cannot be executed"),
        127 => Some("a command that was not found"),
        _ => NAMES.iter().find_map(|(signal, name)| (code == 128 + signal).then_some(*name)),
    };
    name.map_or_else(|| code.to_string(), |name| format!("{code} ({name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_of_signals_name_one() {
        for (code, signal, text) in [
            (0, None, "0"),
            (1, None, "1"),
            (127, None, "127 (a command that was not found)"),
            (128, None, "128"),
            (137, Some(9), "137 (SIGKILL)"),
            (139, Some(11), "139 (SIGSEGV)"),
            (143, Some(15), "143 (SIGTERM)"),
            (255, None, "255"),
        ] {
            assert_eq!((of_exit_code(code), explained(code).as_str()), (signal, text));
        }
    }
}
