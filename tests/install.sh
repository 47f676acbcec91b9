# install.sh - for run.sh and test.sh (sourced): Debian packages by name, and a build folder.

# Installs those of the packages that are missing, as root or through sudo.
install_packages() {
    local missing=() p
    for p in "$@"; do
        dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p")
    done
    [ ${#missing[@]} = 0 ] && return
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "these Debian packages are missing, and this is not root: ${missing[*]}" >&2
            return 1
        fi
        sudo=(sudo)
    fi
    echo "== installing ${missing[*]}"
    "${sudo[@]}" apt-get update -qq || true # one list of several may fail; the next line tells whether it matters
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

build_packages=(gcc libc6-dev cmake ninja-build pkg-config binutils libcapstone-dev libsdl2-dev zlib1g-dev libpng-dev libcjson-dev libncurses-dev)
guest_packages=(seabios cpio)

# build FOLDER CMAKE-FLAGS...: shows progress on a terminal, and everything if it fails.
build() {
    local dir=$1
    shift
    echo "== building $dir"
    if ! cmake -S . -B "$dir" -G Ninja "$@" >"$dir.log" 2>&1; then
        cat "$dir.log"
        return 1
    fi
    if [ -t 1 ]; then
        cmake --build "$dir"
    elif ! cmake --build "$dir" >>"$dir.log" 2>&1; then
        tail -60 "$dir.log"
        return 1
    fi
    rm -f "$dir.log"
}
