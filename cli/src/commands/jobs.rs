//! `jobs`: submit, list, status, stop, logs, wait.

mod list;
mod logs;
mod status;
mod stop;
mod submit;
mod wait;

pub(super) use list::list;
pub(super) use logs::logs;
pub(super) use status::status;
pub(super) use stop::stop;
pub(super) use submit::submit;
pub(super) use wait::wait;
