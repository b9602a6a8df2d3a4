//! `auth`: who the user is.

use super::Context;
use crate::{config, error::Error, printer::Style, text};

pub(super) fn login(context: &Context, username: &str) -> Result<(), Error> {
    config::save_user(username)?;
    context.printer.line(&context.printer.styled(Style::Good, &format!("✓ Logged in as: {username}")))
}

pub(super) fn whoami(context: &Context) -> Result<(), Error> {
    let printer = context.printer;
    match config::current_user() {
        Some(user) => printer.line(&format!("Logged in as: {}", printer.styled(Style::Id, &text::one_line(&user)))),
        None => printer.line(&printer.styled(Style::Note, "Not logged in")),
    }
}
