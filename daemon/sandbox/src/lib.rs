//! What every worker process has.
