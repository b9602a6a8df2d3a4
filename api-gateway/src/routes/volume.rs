//! Volumes: create, list, status, delete.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use sky_crd::{
    User,
    api::{VolumeRequest, VolumeView},
};

use crate::{
    app::App,
    error::ApiError,
    inputs::{AllUsers, Head, Submission},
    repeat::RepeatKey,
    store::volumes::used_by,
};

/// What became of one volume.
#[derive(Clone, Debug, Serialize)]
pub struct VolumeOutcome {
    volume_id: String,
    status: &'static str,
    message: String,
}

/// Answer of `GET /volumes`.
#[derive(Clone, Debug, Serialize)]
pub struct VolumeList {
    volumes: Vec<VolumeView>,
}

/// Creates a volume.
#[utoipa::path(
    post,
    path = "/volumes/create",
    tag = "volumes",
    operation_id = "create_volume_volumes_create_post",
    summary = "Create Volume",
    description = "Create a new volume (PersistentVolumeClaim)\n\nCreates a Kubernetes PVC with the specified size and configuration.",
    params(("x-user" = String, Header), ("idempotency-key" = Option<String>, Header, description = "Makes the volume once: a further request of the same user, volume name and key finds the volume of the first, with status `exists`")),
    request_body(content = ref("#/components/schemas/VolumeDefinition"), content_type = "application/json"),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/VolumeCreateResponse"), content_type = "application/json"))
)]
pub async fn create(
    State(app): State<App>,
    request: Submission<(User, RepeatKey), VolumeRequest>,
) -> Result<Json<VolumeOutcome>, ApiError> {
    let (namespace, (user, key)) = (&app.store.namespace, &request.head);
    let make = |id: &_| {
        let volume = request.body.clone().into_volume(id, user, namespace);
        volume.map_err(|field| request.refuse(&field))
    };
    if let Some(id) = key.id(user, &request.body.name) {
        let (volume, is_new) = app.store.volumes.create_once(make(&id)?).await?;
        let (volume_id, name) = (volume.volume_id().to_string(), volume.volume_name());
        let (status, message) = if is_new {
            ("created", format!("Volume created successfully with ID: {volume_id}"))
        } else {
            ("exists", format!("Volume {name} exists with ID: {volume_id}"))
        };
        return Ok(Json(VolumeOutcome { volume_id, status, message }));
    }
    let volume_id = app.store.volumes.create(|| app.fresh_id(), make).await?.volume_id().to_string();
    let message = format!("Volume created successfully with ID: {volume_id}");
    Ok(Json(VolumeOutcome { volume_id, status: "created", message }))
}

/// Lists the volumes of a user, or of all.
#[utoipa::path(
    get,
    path = "/volumes",
    tag = "volumes",
    operation_id = "list_volumes_volumes_get",
    summary = "List Volumes",
    description = "List all volumes for the current user or all users\n\nReturns a list of all volumes (PVCs) with their current status.\nIf all_users is True, returns volumes from all users.",
    params(("all_users" = bool, Query), ("x-user" = String, Header)),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/VolumeListResponse"), content_type = "application/json"))
)]
pub async fn list(
    State(app): State<App>,
    Head((AllUsers(all), user)): Head<(AllUsers, User)>,
) -> Result<Json<VolumeList>, ApiError> {
    let volumes = app.store.volumes.list((!all).then_some(&user))?;
    Ok(Json(VolumeList { volumes: volumes.iter().map(|volume| VolumeView::from(volume.as_ref())).collect() }))
}

/// Shows one volume.
#[utoipa::path(
    get,
    path = "/volumes/{volume_id}",
    tag = "volumes",
    operation_id = "get_volume_status_volumes__volume_id__get",
    summary = "Get Volume Status",
    description = "Get status of a specific volume\n\nReturns detailed status information for the specified volume.",
    params(("volume_id" = String, Path), ("x-user" = String, Header)),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/VolumeStatus"), content_type = "application/json"))
)]
pub async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    Head(user): Head<User>,
) -> Result<Json<VolumeView>, ApiError> {
    let volume = app.store.volumes.get(&user, &id).await?;
    Ok(Json(VolumeView::from(&volume)))
}

/// Deletes one volume, unless a task that is not finished uses it.
#[utoipa::path(
    delete,
    path = "/volumes/{volume_id}",
    tag = "volumes",
    operation_id = "delete_volume_volumes__volume_id__delete",
    summary = "Delete Volume",
    description = "Delete a volume (PersistentVolumeClaim)\n\nRemoves the Kubernetes PVC associated with the volume ID.",
    params(("volume_id" = String, Path), ("x-user" = String, Header)),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/VolumeDeleteResponse"), content_type = "application/json"))
)]
pub async fn delete(
    State(app): State<App>,
    Path(volume_id): Path<String>,
    Head(user): Head<User>,
) -> Result<Json<VolumeOutcome>, ApiError> {
    let volume = app.store.volumes.get(&user, &volume_id).await?;
    let users = used_by(&volume, &app.store.tasks.list(Some(&user))?);
    if !users.is_empty() {
        let tasks = users.join(", ");
        return Err(ApiError::Conflict(format!("Volume {volume_id} is used by task {tasks}: stop it first")));
    }
    app.store.volumes.delete(&volume).await?;
    let message = format!("Volume {volume_id} deleted successfully");
    Ok(Json(VolumeOutcome { volume_id, status: "deleted", message }))
}
