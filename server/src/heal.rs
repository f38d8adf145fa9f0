//! The healing loop: samples in, decisions by rules, actions out, verdicts.
