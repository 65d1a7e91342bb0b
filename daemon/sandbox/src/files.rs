//! The part of the lock that knows paths: Landlock.
//!
//! Owns: the rules made from a [`Policy`]. Does not own: system calls that name no path. Invariant:
//! what no rule names is refused for every kind of access the running kernel can refuse.

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use crate::{Landlock, Policy};

/// Rights known and tried here: files, TCP, device ioctls, signals, abstract sockets (Linux 6.12).
/// Older kernels enforce what they know of it.
const WANTED: ABI = ABI::V6;

/// Read files and list directories. Not `Execute`, which `AccessFs::from_read` has.
fn reading() -> landlock::BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// Everything but running programs and making devices.
fn writing() -> landlock::BitFlags<AccessFs> {
    let never = AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock;
    AccessFs::from_all(WANTED) & !never
}

/// Locks the calling thread and all it starts from here on.
pub(crate) fn restrict(policy: &Policy) -> Result<Landlock, RulesetError> {
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        // No port is named by a rule, so all TCP bind and connect is refused.
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?
        .add_rules(path_beneath_rules(&policy.read_dirs, reading()))?
        .add_rules(path_beneath_rules(&policy.write_dirs, writing()))?
        .restrict_self()?;
    Ok(report(&status))
}

fn report(status: &RestrictionStatus) -> Landlock {
    match (&status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => Landlock::NotEnabled,
        (RulesetStatus::NotEnforced, _) => Landlock::NotInKernel,
        (
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
            LandlockStatus::Available { effective_abi, kernel_abi },
        ) => Landlock::Enforced {
            abi: kernel_abi.unwrap_or(effective_abi as i32),
            fully: status.ruleset == RulesetStatus::FullyEnforced,
        },
        // The crate never says so; if it did, claiming less is the safe side.
        (RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced, _) => {
            Landlock::NotInKernel
        }
    }
}
