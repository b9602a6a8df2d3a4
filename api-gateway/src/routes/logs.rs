//! The log of a task, as a stream.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use sky_crd::User;

use crate::{app::App, error::ApiError, inputs::Head, logs};

/// Streams the log from its first line until the task ends.
#[utoipa::path(
    get,
    path = "/tasks/{task_id}/logs",
    tag = "tasks",
    operation_id = "tail_task_logs_tasks__task_id__logs_get",
    summary = "Tail Task Logs",
    description = "Stream logs from a running task\n\nReturns a stream of log lines from all pods associated with the task.",
    params(("task_id" = String, Path), ("x-user" = String, Header)),
    responses((status = 200, description = "Successful Response", content_type = "application/json"))
)]
pub async fn tail(
    State(app): State<App>,
    Path(id): Path<String>,
    Head(user): Head<User>,
) -> Result<Response, ApiError> {
    let task = app.store.tasks.get(&user, &id).await?;
    let slot = app.slots.take(&user)?;
    let bytes = logs::follow(&app.store, &task).map(move |bytes| {
        // The slot is free again when the body is dropped.
        let _held = &slot;
        Ok::<_, Infallible>(bytes)
    });
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx in front of us would gather lines otherwise.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(bytes)).into_response())
}
