//! Placeholder removed with the first module.
