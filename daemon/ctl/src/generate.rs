//! `completions` and `man`: made from the argument tree at run time.
//!
//! Owns: nothing but the writing. Invariant: no generated file is kept in the source, so none can
//! be stale.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, env::Shells};
use serde_json::json;

use crate::{
    cli::Cli,
    complete,
    error::{Error, Result},
    out::Out,
};

/// `completions`
#[derive(Debug, Args)]
#[command(after_help = "\
The script asks this program, so that names of contacts are completed, too.

Examples:
  ahoyctl completions bash > ~/.local/share/bash-completion/completions/ahoyctl
  ahoyctl completions zsh > ~/.zfunc/_ahoyctl
  ahoyctl completions fish > ~/.config/fish/completions/ahoyctl.fish")]
pub struct CompletionsArgs {
    /// Which shell
    pub shell: Shell,
}

/// `man`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl man | man -l -
  ahoyctl man --out ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write one page per command to this directory
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Prints completions.
pub fn completions(args: CompletionsArgs, out: &Out) -> Result<()> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&args.shell.to_string()) {
        shell
            .write_registration(complete::ASKS, "ahoyctl", "ahoyctl", "ahoyctl", &mut script)
            .map_err(|e| Error::file(Path::new("-"), &e))?;
    }
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if args.shell == Shell::Zsh {
        // As a file among zsh's functions it is read at the first completion, which it has to answer.
        script += "[ \"$funcstack[1]\" = _ahoyctl ] && _clap_dynamic_completer_ahoyctl \"$@\"\n";
    }
    out.raw(script.trim_end())
}

/// Prints the main page, or writes all pages.
pub fn man(args: ManArgs, out: &Out) -> Result<()> {
    let mut root = Cli::command();
    root.build();
    let Some(dir) = args.out else {
        let page = page(&root, "ahoyctl").map_err(|e| Error::file(Path::new("-"), &e))?;
        return out.raw(String::from_utf8_lossy(&page).trim_end());
    };
    std::fs::create_dir_all(&dir).map_err(|e| Error::file(&dir, &e))?;
    let mut files = Vec::new();
    write_pages(&root, "ahoyctl", &dir, &mut files)?;
    out.both(format!("Wrote {} pages to {}.", files.len(), dir.display()), &json!({"files": files}))
}

fn page(command: &clap::Command, name: &str) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).title(name.to_uppercase()).render(&mut page)?;
    Ok(page)
}

fn write_pages(
    command: &clap::Command,
    name: &str,
    dir: &Path,
    files: &mut Vec<PathBuf>,
) -> Result<()> {
    let file = dir.join(format!("{name}.1"));
    let write = || std::fs::File::create(&file)?.write_all(&page(command, name)?);
    write().map_err(|e| Error::file(&file, &e))?;
    files.push(file.clone());
    let own =
        command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set());
    for sub in own {
        write_pages(sub, &format!("{name}-{}", sub.get_name()), dir, files)?;
    }
    Ok(())
}
