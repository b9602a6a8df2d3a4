//! The gateway's process.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use sky_api_gateway::{args::Args, run};
use sky_runtime::{telemetry, tls};

#[tokio::main]
async fn main() -> ExitCode {
    tls::install_crypto_provider();
    let args = Args::parse();
    let result = match telemetry::init(args.log_format) {
        Ok(()) => run(args).await,
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through the log: that may be what could not be set up.
            let _ = writeln!(io::stderr(), "sky-api-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}
