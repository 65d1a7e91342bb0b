//! `backup` and `restore`: keys and contacts in an encrypted file.
//!
//! Owns: the file, handed to the daemon as a descriptor. Does not own: the encryption (the daemon)
//! or reading the passphrase (secret). Invariant: FILE either holds a whole backup or is not
//! there: it is written beside and renamed; an existing one is never overwritten.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;
use zbus::Fd;

use crate::{
    bus::{Bus, IDENTITY},
    error::{Error, Result},
    out::Out,
    secret,
};

/// `backup`, `restore`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ahoyctl backup ahoy-2026.backup
  ahoyctl restore ahoy-2026.backup
  ahoyctl backup ahoy.backup --passphrase-fd 3 3< passphrase.txt

Without the passphrase the file cannot be read, by nobody: keep it apart from the file.")]
pub struct FileArgs {
    /// The file
    pub file: PathBuf,
    /// Read the passphrase (first line) from this open file descriptor instead of asking
    #[arg(long, value_name = "FD")]
    pub passphrase_fd: Option<u32>,
}

/// Writes a backup.
pub async fn backup(args: FileArgs, out: &Out) -> Result<()> {
    let exists = || {
        Error::refused(
            "File",
            format!("{} is there already", args.file.display()),
            "Choose another name: a backup is never written over.",
        )
    };
    if args.file.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let part = beside(&args.file);
    let bus = Bus::connect().await?;
    let passphrase = secret::passphrase(args.passphrase_fd, secret::Ask::Twice).await?;
    let target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .map_err(|e| Error::file(&part, &e))?;
    let body = (Fd::from(&target), passphrase.as_str());
    let writes = bus.call::<_, ()>(IDENTITY, "Backup", &body);
    let written = out.wait("encrypting", writes).await.map_err(Error::from);
    let kept = written.and_then(|()| {
        let size = target.metadata().map(|m| m.len()).unwrap_or_default();
        if size == 0 {
            return Err(Error::refused(
                "File",
                "ahoyd wrote nothing",
                "See: journalctl --user -u ahoyd -n 20",
            ));
        }
        target.sync_all().map_err(|e| Error::file(&part, &e))?;
        // A hard link fails where the name has been taken meanwhile; rename would replace it.
        std::fs::hard_link(&part, &args.file)
            .or_else(|error| {
                if error.kind() == std::io::ErrorKind::AlreadyExists {
                    return Err(error);
                }
                // File systems without links (FAT on a stick).
                std::fs::rename(&part, &args.file)
            })
            .map_err(|e| Error::file(&args.file, &e))?;
        Ok(size)
    });
    let _ = std::fs::remove_file(&part);
    let size = kept?;
    out.both(
        format!("Wrote {} ({size} bytes). Keep the passphrase apart from it.", args.file.display()),
        &json!({"file": args.file, "bytes": size}),
    )
}

/// Reads a backup back.
pub async fn restore(args: FileArgs, out: &Out) -> Result<()> {
    let source = File::open(&args.file).map_err(|e| Error::file(&args.file, &e))?;
    let bus = Bus::connect().await?;
    let passphrase = secret::passphrase(args.passphrase_fd, secret::Ask::Once).await?;
    let body = (Fd::from(&source), passphrase.as_str());
    let () = out.wait("decrypting", bus.call(IDENTITY, "Restore", &body)).await?;
    out.both(
        format!("Restored from {}.", args.file.display()),
        &json!({"file": args.file, "restored": true}),
    )
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    file.with_file_name(name)
}
