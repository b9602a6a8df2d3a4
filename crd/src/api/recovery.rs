//! When a task is started again, on the wire.

use serde::{Deserialize, Serialize};

use super::InvalidField;
use crate::task::Lifecycle;

/// `resources.job_recovery`: that, and how often, a task is started again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryRequest {
    /// SkyPilot's strategy. `none` takes all of this away; what else it says, to which cloud a task goes next, has no
    /// meaning in one cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// How often a failing task is started again; default 0. More than [`Lifecycle::MAX_RESTARTS`] counts as that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_restarts_on_errors: Option<u32>,
    /// Exit codes, from 0 to 255, after which a task is always started again. 0 is no failure, and has no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recover_on_exit_codes: Vec<i64>,
}

impl RecoveryRequest {
    /// What the resource says.
    ///
    /// Whoever gives any of it has a task that is started again after disruptions, as SkyPilot's managed jobs are, which
    /// this field is for: a strategy alone would otherwise have no effect, nor would `max_restarts_on_errors: 0`, which
    /// means "only if it was not the task's fault".
    ///
    /// # Errors
    /// [`InvalidField`] for a number that is no exit code.
    pub(super) fn to_lifecycle(&self) -> Result<Lifecycle, InvalidField> {
        let at = ["resources", "job_recovery", "recover_on_exit_codes"];
        let is_code = |code: &i64| (0..=255).contains(code);
        if let Some(code) = self.recover_on_exit_codes.iter().find(|code| !is_code(code)) {
            return Err(InvalidField::new(&at, &format!("exit codes are numbers from 0 to 255, not {code}")));
        }
        if self.strategy.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("none")) {
            return Ok(Lifecycle::default());
        }
        let mut codes: Vec<i32> = Vec::new();
        for code in self.recover_on_exit_codes.iter().filter_map(|code| i32::try_from(*code).ok()) {
            if code != 0 && !codes.contains(&code) {
                codes.push(code);
            }
        }
        Ok(Lifecycle {
            max_restarts: self.max_restarts_on_errors.unwrap_or(0).min(Lifecycle::MAX_RESTARTS),
            max_disruption_restarts: Some(Lifecycle::MAX_RESTARTS),
            recover_on_exit_codes: codes,
            ..Lifecycle::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn lifecycle(body: Value) -> Result<Lifecycle, InvalidField> {
        serde_json::from_value::<RecoveryRequest>(body).unwrap().to_lifecycle()
    }

    #[test]
    fn what_is_asked_for_is_what_the_operator_is_told() {
        for (body, expected) in [
            (json!({}), json!({"maxDisruptionRestarts": 900})),
            (json!({"strategy": "FAILOVER"}), json!({"maxDisruptionRestarts": 900})),
            (json!({"max_restarts_on_errors": 0}), json!({"maxDisruptionRestarts": 900})),
            (json!({"max_restarts_on_errors": 3}), json!({"maxRestarts": 3, "maxDisruptionRestarts": 900})),
            (json!({"max_restarts_on_errors": 901}), json!({"maxRestarts": 900, "maxDisruptionRestarts": 900})),
            (
                json!({"recover_on_exit_codes": [33, 0, 255, 33]}),
                json!({"maxDisruptionRestarts": 900, "recoverOnExitCodes": [33, 255]}),
            ),
            (json!({"strategy": "none", "max_restarts_on_errors": 3}), json!({})),
        ] {
            assert_eq!(json!(lifecycle(body.clone()).unwrap()), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_exit_code_is_refused() {
        for code in [-1, 256, i64::MAX, i64::MIN] {
            let refused = lifecycle(json!({"recover_on_exit_codes": [1, code]})).unwrap_err();
            assert_eq!(refused.path.join("."), "resources.job_recovery.recover_on_exit_codes", "{code}");
            assert!(refused.message.ends_with(&format!("not {code}")), "{refused}");
        }
    }
}
