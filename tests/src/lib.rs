//! Whole Ahoys on private buses and virtual devices.
