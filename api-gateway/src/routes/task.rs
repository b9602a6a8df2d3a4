//! Tasks: submit, list, status, stop.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use futures::{StreamExt as _, stream};
use kube::ResourceExt as _;
use serde::Serialize;
use sky_crd::{
    User,
    api::{Confidential, RerunRequest, TaskRequest, TaskView},
    task::SkyTask,
};

use crate::{
    app::App,
    error::ApiError,
    inputs::{AllUsers, Head, Submission},
    store::{
        cached::{came_through_gateway, tracked_by},
        secrets,
    },
};

/// How many deletes of a bulk stop are on their way at a time.
const PARALLEL_STOPS: usize = 16;

/// What became of one task.
#[derive(Clone, Debug, Serialize)]
pub struct TaskOutcome {
    task_id: String,
    status: &'static str,
    message: String,
}

/// What became of several tasks.
#[derive(Clone, Debug, Serialize)]
pub struct StopAllOutcome {
    count: usize,
    status: &'static str,
    message: String,
}

/// Answer of `GET /tasks`.
#[derive(Clone, Debug, Serialize)]
pub struct TaskList {
    tasks: Vec<TaskView>,
}

/// Submits a task.
#[utoipa::path(
    post,
    path = "/tasks/submit",
    tag = "tasks",
    operation_id = "submit_task_tasks_submit_post",
    summary = "Submit Task",
    description = "Submit a new task to Kubernetes\n\nAccepts a SkyPilot-compatible task definition and creates\na Kubernetes Job to execute it.",
    params(("x-user" = String, Header)),
    request_body(content = ref("#/components/schemas/TaskDefinition"), content_type = "application/json"),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/TaskSubmitResponse"), content_type = "application/json"))
)]
pub async fn submit(
    State(app): State<App>,
    request: Submission<User, TaskRequest>,
) -> Result<Json<TaskOutcome>, ApiError> {
    let namespace = &app.store.namespace;
    let make = |id: &_| {
        let task = request.body.clone().into_task(id, &request.head, namespace);
        task.map_err(|field| request.refuse(&field))
    };
    let confidential = request.body.clone().take_confidential().map_err(|field| request.refuse(&field))?;
    let task = app.store.tasks.create(|| app.fresh_id(), make).await?;
    submitted(&app, &task, &confidential).await
}

/// The answer for a task that was created, once it has its Secrets.
async fn submitted(app: &App, task: &SkyTask, confidential: &Confidential) -> Result<Json<TaskOutcome>, ApiError> {
    keep_secrets(app, task, confidential).await?;
    let task_id = task.task_id().to_string();
    let message = format!("Task submitted successfully with ID: {task_id}");
    Ok(Json(TaskOutcome { task_id, status: "submitted", message }))
}

/// Creates the Secrets that the task refers to, after the task, whose they are; it waits for them. A task that cannot have
/// them is taken back.
async fn keep_secrets(app: &App, task: &SkyTask, confidential: &Confidential) -> Result<(), ApiError> {
    for secret in confidential.secrets(task) {
        if let Err(error) = secrets::create(&app.store.secrets, &secret).await {
            // What the user is told is why it failed; a task that stays says itself what it waits for.
            drop(app.store.tasks.delete(task).await);
            return Err(error);
        }
    }
    Ok(())
}

/// Runs a task again, as another task.
#[utoipa::path(
    post,
    path = "/tasks/{task_id}/rerun",
    tag = "tasks",
    operation_id = "rerun_task_tasks__task_id__rerun_post",
    summary = "Rerun Task",
    description = "Run a task again, as a new task\n\nSubmits what the task runs once more, under a new id. The body, which may be\nabsent, says what is to differ. Secrets must be given again: their values are never read.",
    params(("task_id" = String, Path), ("x-user" = String, Header)),
    request_body(content = ref("#/components/schemas/TaskRerun"), content_type = "application/json"),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/TaskSubmitResponse"), content_type = "application/json"))
)]
pub async fn rerun(
    State(app): State<App>,
    Path(task_id): Path<String>,
    request: Submission<User, RerunRequest>,
) -> Result<Json<TaskOutcome>, ApiError> {
    let old = app.store.tasks.get(&request.head, &task_id).await?;
    if let Some(field) = RerunRequest::beyond_the_api(&old) {
        let name = old.name_any();
        return Err(ApiError::Conflict(format!(
            "Task {task_id} has spec.{field}, which only kubectl can give a task: run it again with kubectl patch \
             skytask {name} --type merge -p '{{\"spec\":{{\"runToken\":\"again\"}}}}'"
        )));
    }
    let refuse = |field| request.refuse(&field);
    let confidential = request.body.confidential(&old).map_err(refuse)?;
    let make = |id: &_| request.body.again(&old, id, &request.head).map_err(refuse);
    let task = app.store.tasks.create(|| app.fresh_id(), make).await?;
    submitted(&app, &task, &confidential).await
}

/// Lists the tasks of a user, or of all.
#[utoipa::path(
    get,
    path = "/tasks",
    tag = "tasks",
    operation_id = "list_tasks_tasks_get",
    summary = "List Tasks",
    description = "List all tasks for the current user or all users\n\nReturns a list of all tasks with their current status.\nIf all_users is True, returns tasks from all users.",
    params(("all_users" = bool, Query), ("x-user" = String, Header)),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/TaskListResponse"), content_type = "application/json"))
)]
pub async fn list(
    State(app): State<App>,
    Head((AllUsers(all), user)): Head<(AllUsers, User)>,
) -> Result<Json<TaskList>, ApiError> {
    let tasks = app.store.tasks.list((!all).then_some(&user))?;
    let now = (app.clock)();
    Ok(Json(TaskList { tasks: tasks.iter().map(|task| TaskView::of(task, now)).collect() }))
}

/// Shows one task.
#[utoipa::path(
    get,
    path = "/tasks/{task_id}",
    tag = "tasks",
    operation_id = "get_task_status_tasks__task_id__get",
    summary = "Get Task Status",
    description = "Get status of a specific task\n\nReturns detailed status information for the specified task.",
    params(("task_id" = String, Path), ("x-user" = String, Header)),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/TaskStatus"), content_type = "application/json"))
)]
pub async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    Head(user): Head<User>,
) -> Result<Json<TaskView>, ApiError> {
    let task = app.store.tasks.get(&user, &id).await?;
    Ok(Json(TaskView::of(&task, (app.clock)())))
}

/// Stops one task.
#[utoipa::path(
    post,
    path = "/tasks/{task_id}/stop",
    tag = "tasks",
    operation_id = "stop_task_tasks__task_id__stop_post",
    summary = "Stop Task",
    description = "Stop a running task\n\nTerminates the Kubernetes Job associated with the task ID.",
    params(("task_id" = String, Path), ("x-user" = String, Header)),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/TaskStopResponse"), content_type = "application/json"))
)]
pub async fn stop(
    State(app): State<App>,
    Path(task_id): Path<String>,
    Head(user): Head<User>,
) -> Result<Json<TaskOutcome>, ApiError> {
    let task = app.store.tasks.get(&user, &task_id).await?;
    app.store.tasks.delete(&task).await?;
    let message = format!("Task {task_id} stopped successfully");
    Ok(Json(TaskOutcome { task_id, status: "stopped", message }))
}

/// Stops those of these tasks that came through a gateway and belong to no GitOps tool. Returns how many.
async fn stop_many(app: &App, tasks: Vec<Arc<SkyTask>>) -> Result<usize, ApiError> {
    let is_ours = |task: &Arc<SkyTask>| came_through_gateway(task.as_ref()) && tracked_by(task.as_ref()).is_none();
    let stop = |task: Arc<SkyTask>| {
        let shelf = Arc::clone(&app.store.tasks);
        async move { shelf.delete(&task).await }
    };
    let stops: Vec<_> = tasks.into_iter().filter(is_ours).map(stop).collect();
    let mut results = stream::iter(stops).buffer_unordered(PARALLEL_STOPS);
    let (mut count, mut failure) = (0, Ok(()));
    while let Some(result) = results.next().await {
        match result {
            Ok(()) => count += 1,
            // Somebody else was faster.
            Err(ApiError::NotFound { .. }) => {}
            // The others are stopped nevertheless.
            Err(error) => failure = Err(error),
        }
    }
    failure.map(|()| count)
}

/// Stops every task of a user, or of all, that came through a gateway.
#[utoipa::path(
    post,
    path = "/tasks/stop",
    tag = "tasks",
    operation_id = "stop_all_tasks_tasks_stop_post",
    summary = "Stop All Tasks",
    description = "Stop all tasks for current user or all users\n\nTerminates all Kubernetes Jobs for the user, or all users if all_users is True.",
    params(("all_users" = bool, Query), ("x-user" = String, Header)),
    responses((status = 200, description = "Successful Response", body = ref("#/components/schemas/TaskStopAllResponse"), content_type = "application/json"))
)]
pub async fn stop_all(
    State(app): State<App>,
    Head((AllUsers(all), user)): Head<(AllUsers, User)>,
) -> Result<Json<StopAllOutcome>, ApiError> {
    let tasks = app.store.tasks.list((!all).then_some(&user))?;
    let count = stop_many(&app, tasks).await?;
    let whose = if all { " for all users" } else { "" };
    Ok(Json(StopAllOutcome { count, status: "stopped", message: format!("Stopped {count} tasks{whose}") }))
}
