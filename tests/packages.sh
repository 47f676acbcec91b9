# packages.sh - Debian packages of any architecture, unpacked into a cache without root (sourced by other scripts).
# The cache is ~/.cache/ombra, or where OMBRA_CACHE says. Nothing outside it changes.

cache=${OMBRA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ombra}
mkdir -p "$cache/packages"

say() { echo "-- $*" >&2; }

# Exit status 77: something cannot be had here; tests are skipped for it.
unavailable() {
    echo "$*" >&2
    exit 77
}

# Sets apt_options for a package list of our own for architecture $1, beside the system's.
apt_for() {
    local dir=$cache/apt-$1
    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
    touch "$dir/status"
    apt_options=(-o "Dir::State=$dir/state" -o "Dir::Cache=$dir/cache" -o "Dir::State::status=$dir/status"
        -o "APT::Architecture=$1" -o "APT::Architectures::=$1" -o Debug::NoLocking=1 -o APT::Get::List-Cleanup=0)
}

# Fetches the package list for architecture $1 unless that was done today.
apt_refresh() {
    local dir=$cache/apt-$1
    apt_for "$1"
    [ -n "$(find "$dir/updated" -mmin -1440 2>/dev/null)" ] && return
    say "fetching Debian's package list for $1"
    # One list of several may fail while a mirror is being updated: what matters is whether the package is found.
    apt-get "${apt_options[@]}" -qq update >"$dir/log" 2>&1 || true
    ls "$dir"/state/lists/*_Packages* >/dev/null 2>&1 ||
        unavailable "Debian's package list cannot be fetched: $(tail -1 "$dir/log")"
    touch "$dir/updated"
}

# fetch_package ARCH NAME: prints the folder in which it lies unpacked.
fetch_package() {
    local dir=$cache/packages/$2 log=$cache/apt-$1/log
    [ "$1" = i386 ] || dir=$dir.$1
    if [ ! -d "$dir" ]; then
        apt_refresh "$1"
        say "fetching $2 for $1"
        rm -rf "$dir.part"
        mkdir -p "$dir.part"
        (cd "$dir.part" && apt-get "${apt_options[@]}" -qq download "$2" >"$log" 2>&1) ||
            unavailable "package $2 cannot be fetched: $(tail -1 "$log")"
        dpkg-deb -x "$dir.part/"*.deb "$dir.part"
        rm "$dir.part/"*.deb
        mv "$dir.part" "$dir"
    fi
    echo "$dir"
}

# fetch_source NAME PATTERN...: prints the folder with those files of a source package (without Debian's patches).
fetch_source() {
    local dir=$cache/sources/$1 log=$cache/apt-i386/log tarball
    if [ ! -d "$dir" ]; then
        apt_refresh i386
        say "fetching the source of $1"
        rm -rf "$dir.part"
        mkdir -p "$dir.part"
        # The same mirrors and releases as for packages.
        apt-get "${apt_options[@]}" indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' \
            'Created-By: Packages' 'Label: Debian' | sort -u >"$dir.part/sources.list"
        apt_options+=(-o "Dir::Etc::SourceList=$dir.part/sources.list" -o Dir::Etc::SourceParts=/dev/null)
        apt-get "${apt_options[@]}" -qq update >"$log" 2>&1 || true
        ls "$cache"/apt-i386/state/lists/*_Sources* >/dev/null 2>&1 ||
            unavailable "Debian's list of sources cannot be fetched: $(tail -1 "$log")"
        (cd "$dir.part" && apt-get "${apt_options[@]}" -qq source --download-only --only-source "$1" >"$log" 2>&1) ||
            unavailable "the source of $1 cannot be fetched: $(tail -1 "$log")"
        tarball=$(echo "$dir.part/$1"_*.orig.tar.*[!c])
        tar -xf "$tarball" -C "$dir.part" --strip-components=1 --wildcards "${@:2}" ||
            unavailable "the source of $1 cannot be unpacked"
        find "$dir.part" -maxdepth 1 -type f -delete
        mv "$dir.part" "$dir"
    fi
    echo "$dir"
}
