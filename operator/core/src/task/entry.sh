# PID 1 of a task's container:  sh -c THIS sky-task WORKDIR SETUP RUN [REPOSITORY]
#
# WORKDIR: empty to stay in the image's directory. SETUP, RUN: empty (absent), text:SCRIPT or file:PATH. REPOSITORY: where
# one was checked out, which is then the work directory.
# In a task of several nodes $SKY_AGENT is the program that the nodes agree by, see operator/agent/PROTOCOL.md.
# Runs under dash, busybox ash and bash as sh; needs no more than mkdir, rm and env, sleep on several nodes, and ln or cp
# for a repository.
# Lines that begin with # do not travel, see entry.rs. Every name begins with _sky_: to assign to one that is in
# the container's environment would change what the user sees.

# Failures are handled, and a bash would report killed jobs. Messages for the log go to stdout.
exec 2>/dev/null

# TERM, or what an image may name as its STOPSIGNAL (37 is RTMIN+3, systemd's).
_sky_signals='TERM INT QUIT HUP USR1 WINCH 37'
_sky_stopped= _sky_dir= _sky_pid= _sky_why=

# First the mark, for shells that are deaf now (just forked, or still starting). Then TERM for everybody:
# a shell acts on it only after its foreground child has ended. `kill -1` spares PID 1; where this is not PID 1, in
# a shared process namespace, it would hit strangers: there it is the session of the user's shell, not the group,
# since an interactive bash gives each child its own.
_sky_stop() {
  trap '' $_sky_signals USR2
  _sky_stopped=143
  [ -z "$_sky_dir" ] || echo stop >"$_sky_dir/stop"
  if [ $$ = 1 ]; then
    kill -TERM -1
  else
    for _sky_at in /proc/[0-9]*; do
      read -r _sky_stat <"$_sky_at/stat" || continue
      set -- ${_sky_stat##*") "}
      case $4 in "$_sky_pid" | $$) kill -TERM "${_sky_at#/proc/}" ;; esac
    done
  fi
}
trap _sky_stop $_sky_signals

# The agent says that a peer has failed, and again when the grace period is over: that ends the wait, and when this
# script goes, so does everything else.
_sky_end() {
  _sky_stop
  _sky_stopped=137
  trap : USR2
}
if [ -n "$SKY_AGENT" ]; then
  trap _sky_end USR2
  # It has to outlive the others, to say how they ended. Whose agent was killed is deaf and dumb, and a burden to its
  # peers: it ends as one that they have ended.
  (
    trap '' $_sky_signals
    "$SKY_AGENT" serve $$
    [ $? -le 128 ] || while kill -USR2 $$; do
      sleep "${SKY_AGENT_GRACE_SECONDS-1}"
      SKY_AGENT_GRACE_SECONDS=1
    done
  ) &
fi

_sky_fail() {
  printf 'sky-task: %s\n' "$*"
  exit 1
}

# Enters the work directory; setup may have removed it.
_sky_enter() {
  [ -n "$_sky_workdir" ] || return 0
  cd "$_sky_workdir" || { mkdir -p "$_sky_workdir" && cd "$_sky_workdir"; } 2>&1 ||
    _sky_fail "cannot use workdir '$_sky_workdir'"
}

# The repository becomes the work directory. Whom it belongs to gets a link, anybody else a copy of his own: he could not
# write to it, and git trusts nothing that is another's. A home that outlives tasks may have it already.
_sky_bring() {
  if [ -O "$1" ]; then
    [ "$_sky_workdir" -ef "$1" ] || { [ ! -e "$_sky_workdir" ] && ln -s "$1" "$_sky_workdir"; } && return
  fi
  { mkdir -p "$_sky_workdir" && cp -RP "$1/." "$_sky_workdir"; } 2>&1 ||
    _sky_fail "cannot bring the repository to '$_sky_workdir'"
}

# PHASE SOURCE: turns the subshell that it is called in into the user's shell.
_sky_shell() {
  [ -z "$_sky_stopped" ] || exit 143
  if [ -n "$SKY_AGENT" ]; then
    # Until all nodes are there, or for run until setup has succeeded on all. A stop may have come just before.
    [ ! -e "$_sky_dir/stop" ] || exit 143
    _sky_vars=$("$SKY_AGENT" wait "$1") || _sky_fail "${_sky_vars:-cannot run $SKY_AGENT}"
  fi
  # Looked up before setup's PATH comes in; but bash may be there thanks to setup.
  _sky_bash=$(command -v bash) _sky_sh=$(command -v sh) _sky_env=$(command -v env) _sky_setsid=$(command -v setsid)
  # The script may have cleaned up in there.
  mkdir -p -m 700 "$_sky_dir"
  case $2 in
  text:*)
    _sky_file=$_sky_dir/$1
    printf %s "${2#text:}" >"$_sky_file" || _sky_fail "cannot write $_sky_file"
    ;;
  *) _sky_file=${2#file:} ;;
  esac

  # A bash -i ignores TERM, and a shell that died of it would take its children along with PID 1. With this, those in
  # the foreground and in the background have the grace period to end in. A TERM that the script sends itself is
  # ignored: `trap "kill 0" EXIT` is a popular way to succeed.
  _sky_head="trap '[ ! -e $_sky_dir/stop ] || { wait; exit 143; }' TERM; [ ! -e $_sky_dir/stop ] || exit 143"
  _sky_functions=
  if [ "$1" = setup ]; then
    # What setup exports is what its child sees, in the quotes of the very sh that reads it again for run. The unset
    # ones are read-only in a bash. In braces, so that `set -x` does not show it; `set -e` would let a failure in a
    # trap change the exit code.
    _sky_dump="$_sky_env -u BASHOPTS -u SHELLOPTS -u UID -u EUID -u PPID -u OLDPWD $_sky_sh -c 'export -p'"
    _sky_dump="$_sky_dump >|$_sky_dir/exports || { echo >|$_sky_dir/exports; echo 'sky-task: exports are lost'; }"
    [ -z "$_sky_bash" ] || _sky_dump="{ set +o posix; export -f; } >|$_sky_dir/functions; $_sky_dump"
    _sky_head="$_sky_head; trap \"{ set +e; $_sky_dump; } 2>/dev/null\" EXIT"
  elif [ -s "$_sky_dir/exports" ]; then
    _sky_level=$SHLVL
    . "$_sky_dir/exports"
    SHLVL=$_sky_level
    [ -n "$SHLVL" ] || unset SHLVL
    _sky_functions="; [ ! -r $_sky_dir/functions ] || . $_sky_dir/functions"
  fi
  # Sets the addresses of all nodes, and unsets the agent's own variables.
  [ -z "$SKY_AGENT" ] || eval "$_sky_vars"
  _sky_enter
  unset OLDPWD

  # Its own session: `kill 0` of a script must not mean PID 1. A background child of sh ignores INT and QUIT, and its
  # children do: `trap` undoes that in a bash, elsewhere an env that is able to.
  set --
  [ -z "$_sky_setsid" ] || set -- "$_sky_setsid"
  trap - INT QUIT
  ! "$_sky_env" --default-signal=INT >/dev/null || set -- "$@" "$_sky_env" --default-signal=INT,QUIT

  if [ -z "$_sky_bash" ]; then
    exec "$@" "$_sky_sh" -c "$_sky_head; . \"\$0\"" "$_sky_file" </dev/null 2>&1
  fi
  # -i for aliases and for what ~/.bashrc does only then. All of ours is in the rc file: the script stays as it is.
  # stderr comes back when bash has complained that it has no terminal. +H: `!` is just a character.
  _sky_head="exec 2>&1; set +H; unset HISTFILE; $_sky_head$_sky_functions; [ ! -r ~/.bashrc ] || . ~/.bashrc; :"
  echo "$_sky_head" >"$_sky_dir/rc" || _sky_fail "cannot write $_sky_dir/rc"
  exec "$@" "$_sky_bash" --rcfile "$_sky_dir/rc" -i "$_sky_file" </dev/null
}

# PHASE SOURCE: runs it and keeps its exit code. `wait` also buries the orphans of the container. A stop interrupts
# it, once; then Kubernetes ends the grace period.
_sky_phase() {
  [ -n "$2" ] || return 0
  _sky_now=$1
  _sky_shell "$1" "$2" &
  _sky_pid=$!
  wait "$_sky_pid"
  _sky_code=$?
  [ -z "$_sky_stopped" ] || wait "$_sky_pid"
}

# A user whom the image does not know has a home of somebody else, in which pip, git and ~/.bashrc fail. One that the
# task names itself stays, even if it is not there yet.
case $HOME in / | /root)
  _sky_at=${TMPDIR:-/tmp}/home
  [ -w "$HOME" ] || ! mkdir -p -m 700 "$_sky_at" || export HOME="$_sky_at" ;;
esac

# A place for files, with a name that needs no quotes.
for _sky_at in /dev/shm "$TMPDIR" /tmp "$HOME" /var/tmp; do
  case $_sky_at in *[!A-Za-z0-9_./-]*) continue ;; /*) ;; *) continue ;; esac
  rm -rf "$_sky_at/.sky-task"
  mkdir -m 700 "$_sky_at/.sky-task" && _sky_dir=$_sky_at/.sky-task && break
done
_sky_now= _sky_code=0
[ -n "$_sky_dir" ] || (_sky_fail 'no writable directory: tried /dev/shm, TMPDIR, /tmp, HOME, /var/tmp') || _sky_code=1

case $1 in
"" | /*) _sky_workdir=$1 ;;
"~" | "~/"*) _sky_workdir=${HOME%/}${1#"~"} ;;
*) _sky_workdir=${PWD%/}/$1 ;;
esac
if [ -n "$4" ]; then
  _sky_workdir=${HOME%/}/sky_workdir
  [ "$_sky_code" != 0 ] || (_sky_bring "$4") || _sky_code=1
fi
[ "$_sky_code" != 0 ] || (_sky_enter) || _sky_code=1

export PYTHONUNBUFFERED="${PYTHONUNBUFFERED-1}"

[ "$_sky_code" != 0 ] || _sky_phase setup "$2"
[ "$_sky_code" != 0 ] || _sky_phase run "$3"
[ -z "$_sky_dir" ] || rm -rf "$_sky_dir"
# A stopped task has not completed, whatever its script says.
[ -z "$_sky_stopped" ] || _sky_code=$_sky_stopped
if [ -n "$SKY_AGENT" ]; then
  # Tells the others. If a peer has ended this node, it says which and why; that may have happened only now.
  _sky_why=$("$SKY_AGENT" done "${_sky_now:-setup}" "$_sky_code") || {
    printf 'sky-task: %s\n' "${_sky_why:-cannot run $SKY_AGENT}"
    _sky_why=
    [ "$_sky_stopped" != 137 ] || _sky_why=',"agent":"lost"'
  }
  [ -z "$_sky_stopped" ] || _sky_code=$_sky_stopped
fi
# What the kernel has killed for want of memory it counts, in cgroup v2 or v1. The runtime hears of it by another way than
# of the end, and may hear of it too late.
case $_sky_stopped$_sky_why in "" | *agent*)
  for _sky_at in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    while read -r _sky_key _sky_value; do
      case $_sky_key,$_sky_value in oom_kill,[1-9]*) _sky_why=',"oomKilled":true' ;; esac
    done <"$_sky_at"
  done
  ;;
esac
# For the operator. When run fails the file stays empty, and Kubernetes shows the last lines of the log.
case $_sky_code,$_sky_stopped$_sky_now$_sky_why in
0,*) ;;
*,setup* | *,137* | *oomKilled*)
  [ ! -w /dev/termination-log ] ||
    echo "{\"phase\":\"${_sky_now:-setup}\",\"exitCode\":$_sky_code$_sky_why}" >/dev/termination-log
  ;;
esac
exit "$_sky_code"
