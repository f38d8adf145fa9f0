//! Sensors: one reading of this process and host.
