//! What strangers write, read by the YAML layer. Each harness is a unit test here, and a target for `cargo bolero test`
//! with a fuzzer behind it.
#![allow(clippy::unwrap_used, reason = "clippy sees helpers of an integration test as library code")]

use sky_crd::{accelerator::Accelerator, quantity::Amount};
use sky_taskfile::{Overrides, Secrets, of_command, parse, parse_new_volume, parse_with, understand};

/// No bytes make the reader panic, and a task that is understood is printed as a file that reads back as the same.
#[test]
fn task_files() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        drop(parse(&text, "f").map_err(|error| error.explain()));
        let tasks = |text: &str| {
            let read = understand(text, "f", Overrides::default(), &Secrets::new());
            read.map(|read| read.pipeline.tasks).map_err(|error| error.explain())
        };
        for task in tasks(&text).unwrap_or_default() {
            let printed = task.to_yaml();
            let again = tasks(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
            assert_eq!(again, [task], "{printed}");
        }
    });
}

#[test]
fn volume_files() {
    bolero::check!().for_each(|bytes: &[u8]| {
        drop(parse_new_volume(&String::from_utf8_lossy(bytes), "f").map_err(|error| error.explain()));
    });
}

/// Whatever is typed as a command arrives as that script.
#[test]
fn commands() {
    bolero::check!().with_type::<String>().for_each(|script| {
        // A file of the API's largest size and more is refused.
        if let Ok(file) = parse(&of_command(script), "f") {
            assert_eq!(file.request.run.as_deref(), Some(script.as_str()));
        }
    });
}

/// Options may hold anything: an error names the option, a value is one that the file could have had.
#[test]
fn options() {
    bolero::check!().with_type::<(String, String, String)>().for_each(|(cpus, memory, gpus)| {
        let given = |text: &String| Some(text.clone());
        let overrides =
            Overrides { cpus: given(cpus), memory: given(memory), gpus: given(gpus), ..Overrides::default() };
        if let Err(error) = parse_with("run: x", "f", overrides) {
            let message = error.explain();
            assert!(message.starts_with("--"), "{message}");
        }
    });
}

/// What is read as an amount is written as one that reads back as the same.
#[test]
fn quantities() {
    bolero::check!().with_type::<String>().for_each(|text| {
        for read in [Amount::cpus, Amount::memory, Amount::size] {
            if let Ok(amount) = read(text) {
                let again = amount.to_string().parse::<Amount>().unwrap();
                assert!((again.value() - amount.value()).abs() <= f64::EPSILON * amount.value().abs(), "{text}");
            }
        }
    });
}

#[test]
fn accelerators() {
    bolero::check!().with_type::<String>().for_each(|text| {
        if let Ok(accelerator) = text.parse::<Accelerator>() {
            assert!(accelerator.count >= 1, "{text}");
            let name = accelerator.name.as_deref();
            assert!(name.is_none_or(|name| !name.is_empty() && name.len() <= text.len()), "{text}");
        }
    });
}
