//! Logs: one line per event on stderr.

use std::{
    env,
    io::{self, IsTerminal as _},
    str::FromStr,
};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _};

/// What is logged while `RUST_LOG` is not set.
const DEFAULT_FILTER: &str = "info";

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line, for log collectors.
    #[default]
    Json,
    /// Plain text, for people.
    Text,
}

/// A log format that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("unknown log format {0:?}: write \"json\" or \"text\"")]
pub struct UnknownLogFormat(String);

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(UnknownLogFormat(other.to_owned())),
        }
    }
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` is set and makes no sense.
    #[error(
        "RUST_LOG={value:?} is no log filter ({source}); write for example RUST_LOG=info or RUST_LOG=info,kube=debug"
    )]
    Filter {
        /// The text of the variable.
        value: String,
        /// What the parser says.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Logging was set up before in this process.
    #[error("logging is set up already")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the process's log to stderr, filtered by the environment variable `RUST_LOG` (`info` when unset or empty).
pub fn init(format: LogFormat) -> Result<(), TelemetryError> {
    let filter = filter(env::var("RUST_LOG").ok().as_deref())?;
    let base = registry().with(filter);
    match format {
        LogFormat::Json => base
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false)
                    .with_writer(io::stderr),
            )
            .try_init()?,
        // Colours are for terminals; in a file they are noise.
        LogFormat::Text => {
            base.with(fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr)).try_init()?;
        }
    }
    Ok(())
}

fn filter(rust_log: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    let value = rust_log.filter(|value| !value.trim().is_empty()).unwrap_or(DEFAULT_FILTER);
    EnvFilter::try_new(value).map_err(|source| TelemetryError::Filter { value: value.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unset_or_blank_filter_means_info() {
        for value in [None, Some(""), Some("  ")] {
            assert_eq!(filter(value).unwrap().to_string(), "info");
        }
    }

    #[test]
    fn a_broken_filter_is_an_error_that_shows_it() {
        let error = filter(Some("kube=loud=er")).unwrap_err().to_string();
        assert!(error.contains("kube=loud=er"), "{error}");
    }

    #[test]
    fn formats_are_read_by_name() {
        assert_eq!("json".parse::<LogFormat>().unwrap(), LogFormat::Json);
        assert_eq!("text".parse::<LogFormat>().unwrap(), LogFormat::Text);
        assert!("yaml".parse::<LogFormat>().is_err());
    }
}
