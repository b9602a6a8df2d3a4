//! Scenarios on a real cluster. Run by `make test`.

mod crash;
mod deletion;
mod election;
mod gang;
mod gateway;
mod gitops;
mod idle;
mod life;
mod machines;
mod names;
mod ports;
mod recordings;
mod refusals;
mod registry;
mod rights;
mod samples;
mod scripts;
mod secrets;
mod security;
mod together;
mod upgrade;
mod users;
mod volumes;
mod walkthrough;
mod why;
mod writes;
