//! What tests of whole calls need to reach inside the provider.

use super::{BuiltIn, leg::Leg};
use crate::id::CallId;

impl BuiltIn {
    /// Puts a call's counters where four thousand million signals and rekeys would bring them.
    pub(crate) fn wear_out(&mut self, call: CallId) {
        let linked = self.legs.get_mut(&call).and_then(Leg::linked_mut).expect("a call");
        linked.sent = u32::MAX;
        linked.epoch.number = u32::MAX;
    }
}
