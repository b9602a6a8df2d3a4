//! Shell scripts of ours, as they travel.

/// The script without blank lines and lines that are only a comment: it is stored once per pod and read by everyone who
/// looks at one.
pub(super) fn without_comments(script: &str) -> String {
    let code = script.lines().filter(|line| !matches!(line.trim_start().chars().next(), None | Some('#')));
    code.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::entry::ENTRY;

    const SCRIPTS: [(&str, usize); 2] = [(ENTRY, 5632), (include_str!("checkout.sh"), 2048)];

    #[test]
    fn only_comments_and_blank_lines_are_left_out() {
        for (written, most) in SCRIPTS {
            let script = without_comments(written);
            let mut kept = script.lines();
            for line in written.lines() {
                let code = line.trim();
                if !code.is_empty() && !code.starts_with('#') {
                    assert_eq!(kept.next(), Some(line));
                }
            }
            assert_eq!(kept.next(), None);
            assert!(script.len() < most, "{} bytes go into every pod", script.len());
        }
    }

    /// In a here-document or a quoted text of several lines, a line may only look like a comment.
    #[test]
    fn no_text_goes_over_several_lines() {
        for (written, _) in SCRIPTS {
            assert!(!written.contains("<<"));
            for line in without_comments(written).replace("\\\"", "").lines() {
                assert_eq!(line.matches('"').count() % 2, 0, "{line}");
                assert_eq!(line.matches('\'').count() % 2, 0, "{line}");
            }
        }
    }
}
