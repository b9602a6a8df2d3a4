//! The controller: watches SkyTasks and SkyVolumes and makes them true.
