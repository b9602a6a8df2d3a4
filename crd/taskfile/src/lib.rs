//! SkyPilot's YAML files read into the wire types, with line and column.
