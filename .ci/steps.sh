# What .ci/run and .ci/full share: steps with a time limit, and a list at the end of what was checked, how long it took, and what was not.
# Set MINUTES first: the limit for the script as a whole.
# shellcheck shell=bash

export TARGET="${CARGO_TARGET_DIR:-$PWD/target}"
# Where .ci/install puts tools.
export PATH="$TARGET/tools/bin:$PATH"

done_steps=() not_checked=() child='' companion=''

# Runs one check; its failure, or the end of the time, ends the script.
step() {
    local began=$SECONDS left=$((MINUTES * 60 - SECONDS)) status=0
    printf '\n== %s\n' "$*"
    # In the background, so that a signal to this script ends the check too.
    timeout --kill-after=10 "$((left > 0 ? left : 1))" "$@" &
    child=$!
    wait "$child" || status=$?
    child=
    done_steps+=("$(printf '%5d s  %s' $((SECONDS - began)) "$*")")
    if ((status)); then
        done_steps+=("         ^ failed with $status$( ((SECONDS < MINUTES * 60)) || echo ", at the limit of $MINUTES minutes")")
        exit "$status"
    fi
}

# Starts a check next to the steps that follow. `joined` waits for it.
alongside() {
    local left=$((MINUTES * 60 - SECONDS))
    printf '\n== %s (alongside)\n' "$*"
    timeout --kill-after=10 "$((left > 0 ? left : 1))" "$@" >"$TARGET/alongside.log" 2>&1 &
    companion=$! companion_name=$*
}

# Waits for the check that runs alongside, and shows what it wrote.
joined() {
    local status=0
    wait "$companion" || status=$?
    companion=
    cat "$TARGET/alongside.log"
    done_steps+=("alongside  $companion_name")
    ((status == 0)) || { done_steps+=("         ^ failed with $status"); exit "$status"; }
}

# The same for a check that needs a registry or a tool from one. Only OFFLINE=1 leaves it out.
online() { if [[ -n ${OFFLINE:-} ]]; then not_checked+=("$* (OFFLINE)"); else step "$@"; fi; }

# The same for a check that needs GitHub. Only NO_GITHUB=1 and OFFLINE=1 leave it out.
github() { if [[ -n ${NO_GITHUB:-} ]]; then not_checked+=("$* (NO_GITHUB)"); else online "$@"; fi; }

finish() {
    local status=$?
    [[ -z $companion ]] || kill "$companion" 2>/dev/null || true
    printf '\n== %s: %s after %d s\n' "$0" "$( ((status)) && echo FAILED || echo passed)" "$SECONDS"
    ((${#done_steps[@]} == 0)) || printf '%s\n' "${done_steps[@]}"
    ((${#not_checked[@]} == 0)) || printf 'NOT CHECKED: %s\n' "${not_checked[@]}"
}
trap finish EXIT
# Without a companion `kill` complains, which is not shown.
trap 'kill "$child" "$companion" 2>/dev/null; exit 143' TERM INT HUP
