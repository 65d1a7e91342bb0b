//! Why a SIP call ended.
//!
//! Owns: from what baresip says of an end to a reason of the contract. Does not own: ends of our own
//! making, which nobody has to be told. Invariant: what cannot be told apart is not made more exact
//! than it is.

use std::borrow::Cow;

use ahoy_core::call::EndReason;

use super::super::text;

/// How far a call was when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It rings here.
    Ringing,
    /// It does not ring here, and nobody talks yet.
    Calling,
    /// Both talk.
    Talking,
}

/// By libre, `errno` texts: the dialogue was ended by a BYE or CANCEL of the other side ...
const BY_PEER: &str = "Connection reset by peer";
/// ... or in baresip's own window, or by another program that controls it.
const BY_USER: &str = "Connection reset by user";

/// The reason, and words for people.
pub(super) fn reason(detail: &str, stage: Stage) -> (EndReason, Cow<'static, str>) {
    let status = detail.split_whitespace().next().and_then(|word| word.parse::<u16>().ok());
    let known = match (detail, stage) {
        (BY_PEER, Stage::Ringing) => Some(EndReason::Cancelled),
        (BY_PEER, Stage::Talking) => Some(EndReason::RemoteHangup),
        (BY_USER, Stage::Ringing) => Some(EndReason::Declined),
        (BY_USER, Stage::Calling) => Some(EndReason::Cancelled),
        _ => None,
    };
    if let Some(reason) = known {
        return (reason, Cow::Borrowed(""));
    }
    if detail == BY_USER {
        // The contract has no word for "we, but elsewhere" of a call that was on.
        return (EndReason::RemoteHangup, Cow::Borrowed("hung up in baresip"));
    }
    let reason = match status {
        // RFC 3261, 21.4.24 and 21.6.1.
        Some(486 | 600) => EndReason::Busy,
        // RFC 3261, 21.6.2; RFC 8197.
        Some(603 | 607) => EndReason::Declined,
        // Timeout, and rings but does not answer (21.4.9, 21.4.18).
        Some(408 | 480) => EndReason::Unanswered,
        Some(487) => EndReason::Cancelled,
        Some(_) | None => EndReason::Failed,
    };
    (reason, Cow::Owned(text::plain(detail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_the_reason_that_is_known_and_no_better_one() {
        for (detail, stage, wanted) in [
            (BY_PEER, Stage::Ringing, EndReason::Cancelled),
            (BY_PEER, Stage::Talking, EndReason::RemoteHangup),
            (BY_PEER, Stage::Calling, EndReason::Failed),
            (BY_USER, Stage::Ringing, EndReason::Declined),
            (BY_USER, Stage::Calling, EndReason::Cancelled),
            ("486 Rejected", Stage::Calling, EndReason::Busy),
            ("603 Decline", Stage::Calling, EndReason::Declined),
            ("480 Temporarily Unavailable", Stage::Calling, EndReason::Unanswered),
            ("487 Request Terminated", Stage::Calling, EndReason::Cancelled),
            ("404 Not Found", Stage::Calling, EndReason::Failed),
            ("Connection timed out", Stage::Talking, EndReason::Failed),
            ("", Stage::Ringing, EndReason::Failed),
        ] {
            assert_eq!(reason(detail, stage).0, wanted, "{detail} {stage:?}");
            assert!(reason(detail, stage).0.is_reportable());
        }
        assert_eq!(reason("404 Not Found", Stage::Calling).1, "404 Not Found");
    }
}
