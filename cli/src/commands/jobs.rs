//! `jobs`: submit, rerun, validate, list (once or watched), status, stop, logs, wait.

mod dry_run;
mod list;
mod logs;
mod rerun;
mod status;
mod stop;
mod submit;
mod validate;
mod wait;
mod watch;

pub(super) use list::list;
pub(super) use logs::logs;
pub(super) use rerun::rerun;
pub(super) use status::status;
pub(super) use stop::stop;
pub(super) use submit::submit;
pub(super) use validate::validate;
pub(super) use wait::wait;
pub(super) use watch::watch;
