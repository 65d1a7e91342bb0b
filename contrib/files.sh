# What is installed (contrib/files), read, and what of it has to be made first. Sourced by bash with
# `set -euo pipefail`, after contrib/lib.sh.
#
# Owns: the table's meaning, where things are in a system. Does not own: where they are in a home (home.sh).
# Invariant: a source that is missing is an error, but for the extension where no Shell is that loads it.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # root and target are lib.sh's; places is for whoever sources this

readonly EXTENSION=ahoy@ahoycall.org

# Where the programs were built, and where the rest is made.
built=${built:-$target/release}
made=${made:-$target/installed}

# shell_version: the version of GNOME Shell that is here, where the extension is for it; fails elsewhere.
shell_version() {
    local version
    version=$(gnome-shell --version 2>/dev/null | sed 's/[^0-9]*\([0-9]*\).*/\1/') || return 1
    sed 's/#.*//' "$root/contrib/gnome-shell/versions" | grep -q "^ *$version " && printf '%s' "$version"
}

# system_places: where things are below the prefix of a system.
system_places() {
    declare -gA places=(
        [bin]=bin
        [libexec]=libexec/ahoy
        [man]=share/man/man1
        [bash]=share/bash-completion/completions
        [zsh]=share/zsh/site-functions
        [fish]=share/fish/vendor_completions.d
        [examples]=share/doc/ahoy/examples
        [units]=lib/systemd/user
        [services]=share/dbus-1/services
        [applications]=share/applications
        [metainfo]=share/metainfo
        [icons]=share/icons/hicolor/scalable/apps
        [krunner]=share/krunner/dbusplugins
        [search]=share/gnome-shell/search-providers
        [udev]=lib/udev/rules.d
        [extension]=share/gnome-shell/extensions/$EXTENSION
    )
}

# make_files [VERSION]: man pages and completions, by ahoyctl itself, and the extension for a version of GNOME Shell.
make_files() {
    rm -rf "$made"
    mkdir -p "$made"/{bash,zsh,fish}
    "$built/ahoyctl" man --out "$made/man"
    "$built/ahoyctl" completions bash >"$made/bash/ahoyctl"
    "$built/ahoyctl" completions zsh >"$made/zsh/_ahoyctl"
    "$built/ahoyctl" completions fish >"$made/fish/ahoyctl.fish"
    if [ -n "${1-}" ]; then
        bash "$root/contrib/gnome-shell/assemble" "$1" "$made"
        mv "$made/$EXTENSION" "$made/extension"
    fi
}

# each_file COMMAND...: COMMAND PACKAGE HOW SOURCE PLACE NAME for every file, but for those of the package $without.
each_file() {
    local package how source place file name found
    while read -r package how source place; do
        [ "$package" != "${without-}" ] || continue
        source=${source/@built@/$built}
        source=${source/@made@/$made}
        [[ $source == /* ]] || source=$root/$source
        # The name may be a pattern.
        mapfile -t found < <(compgen -G "$source")
        if ((${#found[@]} == 0)) && [ "$place" != extension ]; then
            echo "$source is not there" >&2
            return 1
        fi
        for file in "${found[@]}"; do
            name=${file##*/}
            [ "$how" != fill ] || name=${name%.in}
            "$@" "$package" "$how" "$file" "$place" "$name" || return
        done
    done < <(sed 's/#.*//; /^ *$/d' "$root/contrib/files")
}

# copy_file HOW SOURCE DESTINATION BINDIR; the comments of a template explain it, so they stay as they are.
copy_file() {
    case $1 in
    program) install -m 755 "$2" "$3" ;;
    file) install -m 644 "$2" "$3" ;;
    fill)
        sed "/^#/!s|@bindir@|$4|g" "$2" >"$3"
        chmod 644 "$3"
        ;;
    *)
        echo "contrib/files: $1 is no way to install $2" >&2
        return 1
        ;;
    esac
}
