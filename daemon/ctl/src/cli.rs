//! The command line: names, help and examples of all commands, and where each one leads.
//!
//! Owns: the top of the argument tree; each group's own arguments stand in its file. Does not own:
//! any behaviour. Invariant: completions and man page come from this tree and nothing else.

use clap::{Parser, Subcommand};

use crate::{
    backup, calls, contacts, dnd, doctor, endpoints, error::Result, favourites, filter, generate,
    identity, invite, listen, open, out::Out, provider, recents, settings, status, together, voice,
    watch,
};

/// Calls from the command line: place, answer and follow them, look people up, set Ahoy up.
#[derive(Debug, Parser)]
#[command(
    name = "ahoyctl",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "\
Examples:
  ahoyctl call alice --video      call Alice and show yourself
  ahoyctl answer                  answer what is ringing
  ahoyctl watch                   one JSON object per line for scripts and bars
  ahoyctl doctor                  what works here, what is missing, how to get it
  ahoyctl provider check -- ./app for authors: what an app breaks of the contract

Exit codes:
  0  done
  1  refused or failed; the message says why and what to do next
  2  the command line makes no sense
  3  there is no session bus or no ahoyd on it

Where CALL may be left out, the call that fits is meant: the ringing one for answer and decline,
the one you are talking in for the others. CALL is an id or its beginning, a path, or a name."
)]
pub struct Cli {
    /// Print JSON for scripts: results on stdout, an error as one object on stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Call somebody by name, number or address
    Call(calls::CallArgs),
    /// Answer the ringing call
    Answer(calls::AnswerArgs),
    /// Decline the ringing call
    Decline(calls::DeclineArgs),
    /// End the call
    #[command(visible_alias = "hang-up")]
    Hangup(calls::HangupArgs),
    /// Switch your microphone off in the call
    Mute(calls::OneCall),
    /// Switch your microphone on again
    Unmute(calls::OneCall),
    /// Put the call on hold
    Hold(calls::OneCall),
    /// Take the call off hold
    Resume(calls::OneCall),
    /// Talk in the call that is on hold, and hold the other one
    Swap(together::SwapArgs),
    /// Make one call of two
    Merge(together::MergeArgs),
    /// Take a call out of the one it was merged into
    Split(calls::OneCall),
    /// Hand the call over to somebody else
    Transfer(together::TransferArgs),
    /// Switch your camera on or off in the call
    Camera(calls::CameraArgs),
    /// Take another camera
    SwitchCamera(calls::SwitchCameraArgs),
    /// Do not hear the other side, or hear it again; they notice nothing
    Deafen(calls::SwitchArgs),
    /// Share your screen in the call, or stop
    Share(calls::SwitchArgs),
    /// What the button of a headset does: answer what rings, else hang up
    Press(calls::PressArgs),
    /// Send digits to the other side (key tones)
    Dtmf(calls::DtmfArgs),
    /// Write to the other side, beside the voice
    Text(calls::TextArgs),
    /// Write along with what the other side of a call says
    Captions(calls::CaptionsArgs),
    /// Stop the ringing, without answering or declining
    Silence(calls::OneCall),
    /// Do Not Disturb: show it, or set who rings
    Dnd(dnd::DndArgs),
    /// Where calls are heard: list, choose
    #[command(subcommand)]
    Endpoints(endpoints::EndpointsCommand),
    /// Let a number, an address or a contact not get through any more
    Block(filter::BlockArgs),
    /// Let them call again
    Unblock(filter::UnblockArgs),
    /// List what is blocked
    Blocked(filter::BlockedArgs),
    /// What happens to strangers, and directories of callers
    #[command(subcommand)]
    Filter(filter::FilterCommand),
    /// Show what is going on
    Status(status::StatusArgs),
    /// Follow everything as JSON lines
    Watch(watch::WatchArgs),
    /// List the latest calls
    Recents(recents::RecentsArgs),
    /// People you call: list, search, add, remove, import, export
    #[command(subcommand, visible_alias = "contact")]
    Contacts(contacts::ContactsCommand),
    /// The people you call most
    #[command(visible_alias = "favorites")]
    Favourites(favourites::FavouritesArgs),
    /// Make a link and a QR code with which somebody becomes your contact
    Invite(invite::InviteArgs),
    /// Take up somebody's invite
    Accept(invite::AcceptArgs),
    /// Open a tel:, sip: or ahoy: link; asks before anything is dialled
    Open(open::OpenArgs),
    /// Listen for one spoken command
    Listen(listen::ListenArgs),
    /// Do what a sentence says, as if it had been spoken
    Say(listen::SayArgs),
    /// Speech recognition: its models, and the names it hears
    #[command(subcommand)]
    Voice(voice::VoiceCommand),
    /// Check what works here, what is missing, and how to get it
    Doctor(doctor::DoctorArgs),
    /// Write your keys and contacts to an encrypted file
    Backup(backup::FileArgs),
    /// Read keys and contacts back from an encrypted file
    Restore(backup::FileArgs),
    /// Settings of ahoyd: get, set, list
    #[command(subcommand)]
    Settings(settings::SettingsCommand),
    /// Your address and devices, and the safety number of a call
    Identity(identity::IdentityArgs),
    /// Calling apps: list them, and check one against the contract
    #[command(subcommand, visible_alias = "providers")]
    Provider(provider::ProviderCommand),
    /// Print completions for a shell
    Completions(generate::CompletionsArgs),
    /// Print the manual, or write all its pages to a directory
    Man(generate::ManArgs),
}

/// Does what the command line says.
pub async fn run(cli: Cli) -> Result<()> {
    let out = Out::new(cli.json);
    match cli.command {
        Command::Call(args) => calls::call(args, &out).await,
        Command::Answer(args) => calls::answer(args, &out).await,
        Command::Decline(args) => calls::decline(args, &out).await,
        Command::Hangup(args) => calls::hangup(args, &out).await,
        Command::Mute(args) => calls::set_muted(args, true, &out).await,
        Command::Unmute(args) => calls::set_muted(args, false, &out).await,
        Command::Hold(args) => calls::set_held(args, true, &out).await,
        Command::Resume(args) => calls::set_held(args, false, &out).await,
        Command::Swap(args) => together::swap(args, &out).await,
        Command::Merge(args) => together::merge(args, &out).await,
        Command::Split(args) => together::split(args, &out).await,
        Command::Transfer(args) => together::transfer(args, &out).await,
        Command::Camera(args) => calls::camera(args, &out).await,
        Command::SwitchCamera(args) => calls::switch_camera(args, &out).await,
        Command::Deafen(args) => calls::deafen(args, &out).await,
        Command::Share(args) => calls::share(args, &out).await,
        Command::Press(args) => calls::press(args, &out).await,
        Command::Dtmf(args) => calls::dtmf(args, &out).await,
        Command::Text(args) => calls::text(args, &out).await,
        Command::Captions(args) => calls::captions(args, &out).await,
        Command::Silence(args) => calls::silence(args, &out).await,
        Command::Dnd(args) => dnd::run(args, &out).await,
        Command::Endpoints(command) => endpoints::run(command, &out).await,
        Command::Block(args) => filter::block(args, &out).await,
        Command::Unblock(args) => filter::unblock(args, &out).await,
        Command::Blocked(args) => filter::blocked(args, &out).await,
        Command::Filter(command) => filter::run(command, &out).await,
        Command::Status(args) => status::run(args, &out).await,
        Command::Watch(args) => watch::run(args, &out).await,
        Command::Recents(args) => recents::run(args, &out).await,
        Command::Contacts(command) => contacts::run(command, &out).await,
        Command::Favourites(args) => favourites::run(args, &out).await,
        Command::Invite(args) => invite::invite(args, &out).await,
        Command::Accept(args) => invite::accept(args, &out).await,
        Command::Open(args) => open::run(args, &out).await,
        Command::Listen(args) => listen::listen(args, &out).await,
        Command::Say(args) => listen::say(args, &out).await,
        Command::Voice(command) => voice::run(command, &out).await,
        Command::Doctor(args) => doctor::run(args, &out).await,
        Command::Backup(args) => backup::backup(args, &out).await,
        Command::Restore(args) => backup::restore(args, &out).await,
        Command::Settings(command) => settings::run(command, &out).await,
        Command::Identity(args) => identity::run(args, &out).await,
        Command::Provider(command) => provider::run(command, &out).await,
        Command::Completions(args) => generate::completions(args, &out),
        Command::Man(args) => generate::man(args, &out),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_argument_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            if command.get_subcommands().next().is_none() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("ahoyctl"), "{} has no example", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
