//! Whether the gateway answers.

use axum::Json;
use serde::Serialize;

/// Answer of `GET /`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Health {
    status: &'static str,
    service: &'static str,
}

/// Health check endpoint
#[utoipa::path(
    get,
    path = "/",
    operation_id = "root__get",
    summary = "Root",
    description = "Health check endpoint",
    responses((status = 200, description = "Successful Response", content_type = "application/json"))
)]
pub async fn root() -> Json<Health> {
    Json(Health { status: "ok", service: "k8s-cli-api" })
}
