//! `.Group`: calls that are talked to together, at `/group/<n>`.
//!
//! Owns: its methods and property on the bus. Does not own: the group. Invariant: what it lists is
//! what the snapshot lists.

use ahoy_core::{
    engine::Command,
    id::{CallId, GroupId},
};
use zbus::{ObjectPath, OwnedObjectPath, interface};

use super::{
    Properties, ROOT, call_path,
    error::Result,
    path,
    value::{BusDict, from_bus},
};
use crate::app::request::{Front, Request};

/// The object path of a group.
pub(super) fn group_path(group: GroupId) -> OwnedObjectPath {
    path(&format!("{ROOT}/group/{}", group.0))
}

/// The properties that change, by name.
pub(super) fn properties(calls: &[CallId]) -> Properties {
    let paths: Vec<ObjectPath<'static>> =
        calls.iter().map(|call| ObjectPath::from(call_path(*call))).collect();
    Properties::from([("Calls", paths.into())])
}

/// The object.
pub(super) struct Group {
    id: GroupId,
    front: Front,
}

impl Group {
    pub(super) fn new(id: GroupId, front: &Front) -> Self {
        Self { id, front: front.clone() }
    }

    async fn command(&self, command: Command) -> Result<()> {
        self.front.ask(|answer| Request::Command(command, answer)).await?;
        Ok(())
    }
}

#[interface(name = "org.ahoycall.Calls1.Group", introspection_docs = false)]
impl Group {
    async fn hang_up(&self, options: BusDict) -> Result<()> {
        from_bus(options)?;
        self.command(Command::GroupHangUp(self.id)).await
    }

    async fn set_muted(&self, muted: bool) -> Result<()> {
        self.command(Command::GroupSetMuted(self.id, muted)).await
    }

    async fn set_held(&self, held: bool) -> Result<()> {
        self.command(Command::GroupSetHeld(self.id, held)).await
    }

    #[zbus(property)]
    fn calls(&self) -> Vec<OwnedObjectPath> {
        let view = self.front.view.borrow();
        view.groups.get(&self.id).into_iter().flatten().map(|call| call_path(*call)).collect()
    }
}
