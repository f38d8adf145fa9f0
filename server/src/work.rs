//! The server's own work that can go wrong: its session cache and its background jobs.
