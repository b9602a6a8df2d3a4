//! What both servers share: Kubernetes client, TLS provider, telemetry, admin port, supervised tasks.
