//! Loading GStreamer and the few plugins the worker uses.
//!
//! Owns: which plugin files are loaded and when. Does not own: pipelines. Invariant: when [`load`]
//! returns, every element of [`crate::describe::ELEMENTS`] is in memory, and those for ringtones where they are
//! installed; nothing is loaded or
//! executed after that, so the worker can lock itself in.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use gstreamer::{self as gst, prelude::*};

use crate::describe::{ELEMENTS, PLUGINS, RINGTONE_ELEMENTS};

/// Tells GStreamer not to look at (or rebuild, in seconds and with a child process) its list of all
/// plugins of the system. The worker knows what it needs.
const NO_REGISTRY: &str = "GST_REGISTRY_DISABLE";

/// Why the media library is not usable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PluginError {
    /// The library itself.
    #[error("the media library GStreamer does not start: {0}")]
    Library(String),
    /// Parts of it.
    #[error(
        "parts of the media library GStreamer are missing: {0}; install its base and good plugins \
         (Debian: gstreamer1.0-plugins-base gstreamer1.0-plugins-good)"
    )]
    Elements(String),
}

/// Starts this program anew with the list of plugins switched off, unless it is. Returns only when
/// there is nothing to do or it cannot be done; then GStreamer just starts slower.
pub(crate) fn restart_without_registry() {
    if env::var_os(NO_REGISTRY).is_some() {
        return;
    }
    if let Ok(program) = env::current_exe() {
        let error =
            Command::new(program).args(env::args_os().skip(1)).env(NO_REGISTRY, "yes").exec();
        tracing::debug!(%error, "cannot restart without the list of plugins");
    }
}

/// Loads everything; returns the library's version.
pub(crate) fn load() -> Result<String, PluginError> {
    gst::init().map_err(|error| PluginError::Library(error.to_string()))?;
    load_files();
    let absent = |of: &[&'static str]| -> Vec<&str> {
        of.iter().copied().filter(|name| !loads(name)).collect()
    };
    let less = absent(&RINGTONE_ELEMENTS);
    if !less.is_empty() {
        tracing::warn!(missing = less.join(", "), "ringtones of apps do not play");
    }
    let missing = absent(&ELEMENTS);
    if !missing.is_empty() {
        return Err(PluginError::Elements(missing.join(", ")));
    }
    let (major, minor, micro, _) = gst::version();
    Ok(format!("{major}.{minor}.{micro}"))
}

/// Whether an element can be made; making one loads what it needs.
fn loads(name: &str) -> bool {
    gst::ElementFactory::find(name).is_some_and(|factory| {
        let loaded = factory.load().is_ok();
        loaded && gst::ElementFactory::make(name).build().is_ok()
    })
}

fn load_files() {
    let directories = directories();
    for plugin in PLUGINS {
        let file = format!("libgst{plugin}.so");
        let found = directories.iter().map(|dir| dir.join(&file)).find(|path| path.exists());
        if let Some(path) = found
            && let Err(error) = gst::Plugin::load_file(&path)
        {
            tracing::warn!(%error, plugin, "a plugin does not load");
        }
    }
}

/// Where plugins lie: where the environment says (Nix, Guix, Flatpak set it), else beside the
/// library itself.
fn directories() -> Vec<PathBuf> {
    let from_environment = ["GST_PLUGIN_PATH_1_0", "GST_PLUGIN_SYSTEM_PATH_1_0", "GST_PLUGIN_PATH"]
        .into_iter()
        .filter_map(env::var_os)
        .flat_map(|paths| env::split_paths(&paths).collect::<Vec<_>>());
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    from_environment.chain(beside_library(&maps)).collect()
}

fn beside_library(maps: &str) -> Option<PathBuf> {
    let library = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .find(|path| path.contains("/libgstreamer-1.0.so"))?;
    Some(Path::new(library).parent()?.join("gstreamer-1.0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_lie_beside_the_library() {
        let maps = "7f00-7f01 r--p 0 00:00 1 /usr/lib/a/libc.so.6\n\
                    7f02-7f03 r-xp 0 00:00 2 /opt/lib/libgstreamer-1.0.so.0.2200.0\n";
        assert_eq!(beside_library(maps), Some(PathBuf::from("/opt/lib/gstreamer-1.0")));
        assert_eq!(beside_library(""), None);
    }
}
