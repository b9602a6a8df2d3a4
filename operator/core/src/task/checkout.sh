# Brings a task's repository into its pod:  sh -c THIS sky-workdir URL REF DIRECTORY
#
# REF: a branch, tag or commit; empty for the default branch. Needs git, sh, rm and sleep. What git says goes to the log, the
# end of which the operator reads when this fails; on success the commit goes to /dev/termination-log.
# Lines that begin with # do not travel.

url=$1 ref=$2 directory=$3

# Nothing of the image's user: its home may be closed to whom this runs as. The image's /etc/gitconfig counts.
export HOME="${directory%/*}/none" GIT_TERMINAL_PROMPT=0
unset XDG_CONFIG_HOME GIT_DIR GIT_WORK_TREE

# The token goes to the repository's own host only, and only if that asks. Hosts want any name beside a token; where one
# matters it is in the address.
host=${url#*://}
host=${url%%://*}://${host%%/*}
case $host in *@*) name= ;; *) name='echo username=oauth2;' ;; esac
helper="!f() { [ \"\$1\" != get ] || { $name echo \"password=\$GIT_TOKEN\"; }; }; f"
[ -n "$GIT_TOKEN" ] || helper=
repository() {
  git -c "credential.$host.helper=$helper" -c advice.detachedHead=false -c http.lowSpeedLimit=1 -c http.lowSpeedTime=60 "$@"
}

# With as little history as SkyPilot brings. A branch is checked out as one; hosts give out commits by their whole name.
shallow() {
  case $ref in
  "") repository clone -q --depth 1 -- "$url" "$directory" ;;
  refs/* | [0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]????????????????????????????????*)
    git init -q "$directory" && git -C "$directory" remote add origin "$url" &&
      repository -C "$directory" fetch -q --depth 1 origin "$ref" &&
      repository -C "$directory" checkout -q --detach FETCH_HEAD
    ;;
  *) repository clone -q --depth 1 --branch "$ref" -- "$url" "$directory" ;;
  esac
}

# A part of a commit's name, or a host that gives out branches only.
whole() {
  rm -rf "$directory"
  repository clone -q --no-checkout -- "$url" "$directory" &&
    repository -C "$directory" checkout -q --detach "$ref" --
}

bring() {
  rm -rf "$directory"
  case $ref in
  *[!0-9a-f]* | "" | ? | ?? | ???) shallow ;;
  *) said=$(shallow 2>&1) || whole ;;
  esac
}

for pause in 2 4 8 16 0; do
  said=$(bring 2>&1) && exec git -C "$directory" rev-parse HEAD >/dev/termination-log
  printf '%s\n' "$said"
  # What may pass by itself.
  case $said in
  *"error: 429"* | *"error: 5"??*) ;;
  *"error: "[34]??* | *ertificate*) break ;;
  *"unable to access"* | *"RPC failed"* | *"early EOF"* | *"hung up"* | *"disconnect"*) ;;
  *) break ;;
  esac
  sleep "$pause"
done
exit 1
