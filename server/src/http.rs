//! Routes, their parameters and their answers.
