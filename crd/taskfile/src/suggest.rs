//! "Did you mean": the nearest known word.

/// Comparing takes the product of both lengths, and no field is longer.
const MAX_LENGTH: usize = 40;

/// Words that are far from what they mean: other tools' and older names.
const SYNONYMS: [(&str, &str); 14] = [
    ("command", "run"),
    ("commands", "run"),
    ("script", "run"),
    ("image", "image_id"),
    ("docker_image", "image_id"),
    ("gpu", "accelerators"),
    ("accelerator", "accelerators"),
    ("spot_recovery", "job_recovery"),
    ("spot", "use_spot"),
    ("nodes", "num_nodes"),
    ("replicas", "num_nodes"),
    ("environment", "envs"),
    ("mounts", "file_mounts"),
    ("disk", "disk_size"),
];

/// The known word that was probably meant.
pub(crate) fn meant<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let synonym = SYNONYMS.iter().find(|(other, _)| other.eq_ignore_ascii_case(word)).map(|(_, meant)| *meant);
    known.clone().find(|candidate| Some(*candidate) == synonym).or_else(|| nearest(word, known))
}

/// The known word that is nearest to `word`, if it is near enough to have been meant.
fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_LENGTH {
        return None;
    }
    let word = word.to_ascii_lowercase();
    // A third of the letters may be wrong; beyond that a suggestion is a guess.
    let limit = (word.chars().count() / 3).max(1);
    let scored = known.into_iter().map(|candidate| (distance(&word, candidate), candidate));
    scored.filter(|(score, _)| *score <= limit).min_by_key(|(score, _)| *score).map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(from != to);
            let mut best = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_or_none() {
        let known = ["cpus", "memory", "accelerators", "run", "setup", "envs"];
        for (word, expected) in [
            ("cpu", Some("cpus")),
            ("CPUS", Some("cpus")),
            ("memroy", Some("memory")),
            ("acelerators", Some("accelerators")),
            ("env", Some("envs")),
            ("rnu", Some("run")),
            ("command", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
