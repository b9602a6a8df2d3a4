//! Facts in few letters, for columns: the same words in kubectl's and in ours.

use k8s_openapi::jiff::SignedDuration;

/// So many machines are named; of more, only how many.
const MACHINES: usize = 3;

/// A time as kubectl writes ages: exact while it is short, and never more than two units.
pub fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, lower: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{lower}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}

/// The machines, each once, in this order.
pub fn machines<'a>(machines: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut named: Vec<&str> = Vec::new();
    for machine in machines {
        if !named.contains(&machine) {
            named.push(machine);
        }
    }
    let more = named.len().saturating_sub(MACHINES);
    named.truncate(MACHINES);
    let more = if more > 0 { format!(",+{more}") } else { String::new() };
    (!named.is_empty()).then(|| named.join(",") + &more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (seconds, words) in [
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (450, "7m30s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (11_000, "3h3m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (180_000, "2d2h"),
            (691_200, "8d"),
            (315_360_000, "3650d"),
        ] {
            assert_eq!(duration(SignedDuration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn few_machines_are_named() {
        for (names, words) in
            [(vec![], None), (vec!["a", "b", "a"], Some("a,b")), (vec!["a", "b", "c", "d", "e"], Some("a,b,c,+2"))]
        {
            assert_eq!(machines(names.into_iter()).as_deref(), words);
        }
    }
}
