//! The order of things, with an ear that is told what to hear.

