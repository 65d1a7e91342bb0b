# What is installed into somebody's home: where, its list, and taking it away again. Sourced by bash with
# `set -euo pipefail`, after contrib/lib.sh.
#
# Owns: the list (installed-files). Does not own: what is installed (contrib/files); systemd, bus and
# Shell, which contrib/run tells. Invariant: what was made, also by an installation that was interrupted,
# stands in the list, so that all of it and nothing else is taken away.
# shellcheck shell=bash
# shellcheck source=contrib/files.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/files.sh"

# xdg VARIABLE FALLBACK: a base directory; the rules want relative ones ignored.
xdg() { if [[ ${!1-} == /* ]]; then printf '%s' "${!1}"; else printf '%s' "$HOME/$2"; fi; }
data=$(xdg XDG_DATA_HOME .local/share)
list=$data/ahoy/installed-files

# use_prefix DIR: what the session does not look for goes below it.
use_prefix() {
    prefix=$1
    [[ $prefix == /* ]] || prefix=$PWD/$prefix
    # Units, bus files and menu entries each quote in another way.
    if [[ $prefix == *[!A-Za-z0-9/._+~-]* ]]; then
        fail "$prefix: only letters, digits and / . _ + ~ - can be in the names of directories Ahoy is installed to; see --prefix"
    fi
    bindir=$prefix/bin
    declare -gA places=(
        [bin]=$bindir
        [libexec]=$prefix/libexec/ahoy
        [man]=$prefix/share/man/man1
        [bash]=$prefix/share/bash-completion/completions
        [zsh]=$prefix/share/zsh/site-functions
        [fish]=$prefix/share/fish/vendor_completions.d
        [examples]=$prefix/share/doc/ahoy/examples
        [units]=$data/systemd/user
        [services]=$data/dbus-1/services
        [applications]=$data/applications
        [metainfo]=$data/metainfo
        [icons]=$data/icons/hicolor/scalable/apps
        [krunner]=$data/krunner/dbusplugins
        [search]=$prefix/share/gnome-shell/search-providers
        [udev]=$data/ahoy
        [extension]=$data/gnome-shell/extensions/$EXTENSION
        [vosk]=$data/ahoy/lib
    )
}

# note FILE: writes it, and the directories made for it, into the new list before it is there, so that
# what an interrupted installation leaves behind can be taken away, too.
note() {
    local dir
    dir=$(dirname "$1")
    while [ ! -d "$dir" ]; do
        printf '%s/\n' "$dir" >>"$list.new"
        dir=$(dirname "$dir")
    done
    mkdir -p "$(dirname "$1")"
    printf '%s\n' "$1" >>"$list.new"
}

# put PACKAGE HOW SOURCE PLACE NAME, as each_file calls it.
put() {
    local to=${places[$4]}/$5
    note "$to"
    copy_file "$2" "$3" "$to" "$bindir"
    echo "$to"
}

# install_files [VERSION]: all of it, with the extension if there is a version of GNOME Shell for it.
install_files() {
    umask 022
    # Contacts and keys will lie here: for their owner only.
    mkdir -p "$data/ahoy"
    chmod 700 "$data/ahoy"
    make_files "${1-}"
    each_file put
    if [ -s "$target/voice/vosk/libvosk.so" ]; then
        put ahoy-voice file "$target/voice/vosk/libvosk.so" vosk libvosk.so
    fi
    keep_list
}

# keep_list: the new list becomes the list; what only an older installation had goes away.
keep_list() {
    local entry
    if [ -f "$list" ]; then
        while read -r entry; do
            if grep -qxF -- "$entry" "$list.new"; then
                continue
            elif [[ $entry == */ ]]; then
                printf '%s\n' "$entry" >>"$list.new"
            else
                rm -f -- "$entry"
            fi
        done <"$list"
    fi
    sort -u "$list.new" >"$list.sorted"
    mv "$list.sorted" "$list"
    rm "$list.new"
}

listed() { cat "$list" "$list.new" 2>/dev/null | sort -ru || true; }

is_installed_here() { [ -f "$list" ] || [ -f "$list.new" ]; }

remove_files() { listed | { grep -v '/$' || true; } | while read -r entry; do rm -fv -- "$entry"; done; }

# remove_directories: what was made for the files, once nothing else lies there.
remove_directories() {
    local entry cache=$data/applications/mimeinfo.cache
    # The menus' own list of link types, where it was made for us alone.
    if [ -f "$cache" ] && [ "$(cat "$cache")" = '[MIME Cache]' ]; then rm "$cache"; fi
    # Backwards by name: what lies deeper comes first.
    listed | { grep '/$' || true; } | while read -r entry; do
        rmdir --ignore-fail-on-non-empty -- "$entry" || true
    done
    rm -f "$list" "$list.new"
    rmdir --ignore-fail-on-non-empty "$data/ahoy" || true
}
