//! Effectors: what healing actions do to this process.
