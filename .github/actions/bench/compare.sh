#!/usr/bin/env bash
#
# Compares the base of a pull request with its head and writes the job summary. Everything comes in
# the environment: SUITE, BASE, EVENT_BASE, MATRIX, PARTS, ROUNDS, MIN_EFFECT,
# EQUAL_WITHIN, INCONCLUSIVE, FOLDER (see action.yml) and GITHUB_OUTPUT, GITHUB_STEP_SUMMARY.
set -euo pipefail

fail()
{
    echo "::error title=iobench::$*" >&2 # stdout is often captured
    exit 1
}

has()
{
    git -C "$1" rev-parse --verify --quiet --end-of-options "$2^{commit}" >/dev/null
}

# A revision as a commit. A checkout is shallow: what is not there is fetched.
commit_of()
{
    local repository=$1 revision=$2 found=$2
    [[ $revision =~ ^[A-Za-z0-9][A-Za-z0-9._/~^-]*$ ]] || fail "base: '$revision' is not a revision"
    if ! has "$repository" "$revision"; then
        git -C "$repository" fetch --quiet --no-tags --depth=1 -- origin "$revision" >&2 ||
            fail "base: '$revision' is not in the repository"
        found=FETCH_HEAD
    fi
    git -C "$repository" rev-parse --verify "$found^{commit}"
}

# What the pull request is merged into: on GitHub its checkout is the merge of both. The base that
# the event names may be older than that.
base_revision()
{
    if [ "$BASE" ]; then
        echo "$BASE"
    elif has . HEAD^2 || [ -z "$EVENT_BASE" ]; then
        has . HEAD^1 || fail "base: HEAD has no parent: name the revision to compare with"
        echo HEAD^1
    else
        echo "$EVENT_BASE"
    fi
}

# Of a submodule the commits that the two revisions of the repository around it name.
inner()
{
    if [ -z "$(git -C "$SUITE" rev-parse --show-superproject-working-tree)" ]; then
        echo "$1"
        return
    fi
    local commit
    commit=$(git rev-parse --verify --quiet "$1:./$SUITE") ||
        fail "path: '$SUITE' is no submodule in $1"
    commit_of "$SUITE" "$commit"
}

main()
{
    local base head status=0 options=()
    mkdir -p "$FOLDER"
    echo "folder=$FOLDER" >>"$GITHUB_OUTPUT"
    if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
        git fetch --quiet --no-tags --depth=2 -- origin "$(git rev-parse HEAD)"
    fi
    # Assignments of their own: a failure within $(...) as an argument would go unseen.
    base=$(base_revision)
    base=$(commit_of . "$base")
    base=$(inner "$base")
    head=$(git rev-parse HEAD)
    head=$(inner "$head")
    if [ "$base" = "$head" ]; then
        echo "Base and head are the same revision of the suite ($head): nothing to compare." |
            tee -a "$GITHUB_STEP_SUMMARY" >"$FOLDER/table.md"
        echo "regression=false" >>"$GITHUB_OUTPUT"
        return
    fi
    [ -z "$MATRIX" ] || options+=(--matrix "$MATRIX")
    [ -z "$PARTS" ] || options+=(--parts "$PARTS")
    [ -z "$ROUNDS" ] || options+=(--rounds "$ROUNDS")
    [ -z "$EQUAL_WITHIN" ] || options+=(--equal-within "$EQUAL_WITHIN")
    "$SUITE/scripts/compare" --rev "$base" --rev "$head" --min-effect "$MIN_EFFECT" --gate \
        --inconclusive "$INCONCLUSIVE" \
        --markdown "$FOLDER/table.md" --json "$FOLDER/compare.json" --output "$FOLDER/sets" \
        ${options[@]+"${options[@]}"} || status=$?
    if [ ! -f "$FOLDER/table.md" ] || [ "$status" -gt 1 ]; then
        fail "scripts/compare ended with status $status"
    fi
    cat "$FOLDER/table.md" >>"$GITHUB_STEP_SUMMARY"
    if [ "$status" = 0 ]; then
        echo "regression=false" >>"$GITHUB_OUTPUT"
    else
        echo "regression=true" >>"$GITHUB_OUTPUT"
    fi
}

main
