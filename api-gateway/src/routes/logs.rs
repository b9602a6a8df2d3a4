//! The log of a task, as a stream.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use k8s_openapi::jiff::Timestamp;
use sky_crd::User;

use crate::{
    app::App,
    error::ApiError,
    inputs::Head,
    logs::{self, Selection},
    validate::{
        convert::LogQuery,
        entry::{self, Entry, Loc},
        json::Json,
    },
};

/// Streams the log, from its first line until the task ends unless the query asks for less.
#[utoipa::path(
    get,
    path = "/tasks/{task_id}/logs",
    tag = "tasks",
    operation_id = "tail_task_logs_tasks__task_id__logs_get",
    summary = "Tail Task Logs",
    description = "Stream logs from a running task\n\nReturns a stream of log lines from all pods associated with the task.",
    params(
        ("task_id" = String, Path),
        ("x-user" = String, Header),
        ("follow" = bool, Query),
        ("tail" = i64, Query),
        ("since" = String, Query),
        ("timestamps" = bool, Query),
        ("node" = Vec<i64>, Query),
    ),
    responses((status = 200, description = "Successful Response", content_type = "application/json"))
)]
pub async fn tail(
    State(app): State<App>,
    Path(id): Path<String>,
    Head((query, user)): Head<(LogQuery, User)>,
) -> Result<Response, ApiError> {
    let task = app.store.tasks.get(&user, &id).await?;
    let selection = select(query, task.spec.num_nodes, (app.clock)())?;
    let slot = app.slots.take(&user)?;
    let bytes = logs::follow(&app.store, &task, &selection).map(move |bytes| {
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

/// What the query means for a task of so many nodes.
fn select(query: LogQuery, nodes: u32, now: Timestamp) -> Result<Selection, ApiError> {
    let wanted = query.nodes.unwrap_or_else(|| (0..i64::from(nodes)).collect());
    let rank = |(index, node): (usize, &i64)| {
        let rank = u32::try_from(*node).ok().filter(|rank| *rank < nodes);
        rank.ok_or_else(|| {
            let loc = vec!["query".into(), "node".into(), Loc::Index(index)];
            let message = format!("the task has {nodes} nodes, with ranks from 0 to {}", nodes.saturating_sub(1));
            vec![Entry::value_error(loc, &message, Json::Text(node.to_string()))]
        })
    };
    let ranks = entry::all(wanted.iter().enumerate().map(rank)).map_err(ApiError::Invalid)?;
    Ok(Selection {
        nodes: ranks.into_iter().collect(),
        follow: query.follow,
        tail: query.tail,
        since: query.since.map(|since| since.at(now)),
        timestamps: query.timestamps,
    })
}
