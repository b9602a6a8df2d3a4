# PID 1 of a task's container:  sh -c THIS sky-task WORKDIR SETUP RUN
#
# WORKDIR  empty: stay in the image's directory. SETUP, RUN  empty: absent; text:SCRIPT; file:PATH.
# Runs under dash, busybox ash and bash as sh, and needs only the shell, mkdir, rm and env.
# Lines that start with # do not travel (entry.rs). Names start with _sky_: an assignment to a name that
# the container's environment uses would change what the user's shells see.

# Job notices of a bash, and errors that are handled here: not for the log. Messages go to stdout.
exec 2>/dev/null

# Any stop signal (an image may name another one as its STOPSIGNAL; 37 is systemd's RTMIN+3) stops the task.
# The mark comes first: a shell that was deaf when TERM came (just forked, or a bash reading its rc files)
# looks for it afterwards. `kill -1` reaches nested shells and foreground children alike, and spares PID 1;
# where this is not PID 1 (shared process namespace) it would reach strangers.
_sky_stop() {
  trap '' TERM INT QUIT HUP USR1 WINCH 37
  _sky_stopped=1
  [ -z "$_sky_dir" ] || echo stop >"$_sky_dir/stop"
  if [ $$ = 1 ]; then kill -TERM -1; else kill -TERM "-$_sky_pid" || kill -TERM 0; fi
}
_sky_stopped= _sky_dir= _sky_pid=
trap _sky_stop TERM INT QUIT HUP USR1 WINCH 37

_sky_fail() {
  printf 'sky-task: %s\n' "$*"
  exit 1
}

# Enters the work directory, made if need be: setup may have replaced it.
_sky_enter() {
  [ -n "$_sky_workdir" ] || return 0
  cd "$_sky_workdir" || { mkdir -p "$_sky_workdir" && cd "$_sky_workdir"; } 2>&1 ||
    _sky_fail "cannot use workdir '$_sky_workdir'"
}

# PHASE SOURCE: turns the subshell that it is called in into the user's shell.
_sky_shell() {
  [ -z "$_sky_stopped" ] || exit 143
  # Looked up before setup's PATH comes in.
  _sky_bash=$(command -v bash) _sky_setsid=$(command -v setsid) _sky_env=$(command -v env) _sky_sh=$(command -v sh)

  case $2 in
  text:*)
    _sky_file=$_sky_dir/$1
    mkdir -p -m 700 "$_sky_dir" && printf %s "${2#text:}" >"$_sky_file" || _sky_fail "cannot write $_sky_file"
    ;;
  *) _sky_file=${2#file:} ;;
  esac

  # An interactive bash ignores TERM; and a shell that dies of it at once takes its children along with PID 1.
  # So they trap it: a foreground child has the grace period to end in, `wait` gives it to those in the background.
  # A TERM that the script sends itself stays ignored: `trap "kill 0" EXIT` must not fail a task that succeeded.
  _sky_head="trap '[ ! -e $_sky_dir/stop ] || { wait; exit 143; }' TERM; [ ! -e $_sky_dir/stop ] || exit 143"
  _sky_functions=
  if [ "$1" = setup ]; then
    # What setup exports is what a child of it sees. The same sh writes it and reads it, so quoting is safe.
    # A bash refuses to have the unset ones set again.
    _sky_dump="$_sky_env -u BASHOPTS -u SHELLOPTS -u UID -u EUID -u PPID -u OLDPWD $_sky_sh -c 'export -p'"
    _sky_dump="$_sky_dump >|$_sky_dir/exports || { echo >|$_sky_dir/exports; echo 'sky-task: exports are lost'; }"
    [ -z "$_sky_bash" ] || _sky_dump="{ export -f; } >|$_sky_dir/functions; $_sky_dump"
    # In braces, so that `set -x` does not show it; under the script's `set -e` a failure would change the exit code.
    _sky_head="$_sky_head; trap \"{ set +e; $_sky_dump; } 2>/dev/null\" EXIT"
  elif [ -s "$_sky_dir/exports" ]; then
    _sky_level=${SHLVL-}
    . "$_sky_dir/exports"
    SHLVL=$_sky_level
    [ -n "$SHLVL" ] || unset SHLVL
    _sky_functions="; [ ! -s $_sky_dir/functions ] || . $_sky_dir/functions"
  fi
  _sky_enter
  unset OLDPWD

  # A background child of sh ignores INT and QUIT, and so would all of its children: `trap` undoes that in
  # a bash, `env` elsewhere if it can. A session of its own: `kill 0` in a script must not mean PID 1.
  trap - INT QUIT
  set --
  [ -z "$_sky_setsid" ] || set -- "$_sky_setsid"
  ! "$_sky_env" --default-signal=INT >/dev/null || set -- "$@" "$_sky_env" --default-signal=INT,QUIT

  if [ -z "$_sky_bash" ]; then
    exec "$@" "$_sky_sh" -c "$_sky_head; . \"\$0\"" "$_sky_file" </dev/null 2>&1
  fi
  # -i: aliases, and the rest of ~/.bashrc behind its guard for interactive shells. The rc file is ours, so
  # that the script stays exact, line numbers included. stderr only now: before it came the complaint about
  # the missing terminal. +H: an interactive bash expands `!`. The history would be written to HOME.
  _sky_head="exec 2>&1; set +H; unset HISTFILE; $_sky_head$_sky_functions; [ ! -r ~/.bashrc ] || . ~/.bashrc; :"
  echo "$_sky_head" >"$_sky_dir/rc" || _sky_fail "cannot write $_sky_dir/rc"
  exec "$@" "$_sky_bash" --rcfile "$_sky_dir/rc" -i "$_sky_file" </dev/null
}

# PHASE SOURCE: runs a phase and leaves its exit code. `wait` also reaps what the container's processes
# leave behind. A stop interrupts it (once: further signals are ignored), then the shell has its grace period.
_sky_phase() {
  [ -n "$2" ] || return 0
  _sky_shell "$1" "$2" &
  _sky_pid=$!
  wait "$_sky_pid"
  _sky_code=$?
  [ -z "$_sky_stopped" ] || wait "$_sky_pid"
}

# A place for the files that the user's shells read. Names that need quotes are passed over.
for _sky_at in /dev/shm "$TMPDIR" /tmp "$HOME" /var/tmp; do
  case $_sky_at in *[!A-Za-z0-9_./-]*) continue ;; /*) ;; *) continue ;; esac
  rm -rf "$_sky_at/.sky-task"
  mkdir -m 700 "$_sky_at/.sky-task" && _sky_dir=$_sky_at/.sky-task && break
done
[ -n "$_sky_dir" ] || _sky_fail "no writable directory: tried /dev/shm, TMPDIR, /tmp, HOME, /var/tmp"

case $1 in
"" | /*) _sky_workdir=$1 ;;
"~" | "~/"*) _sky_workdir=${HOME%/}${1#"~"} ;;
*) _sky_workdir=${PWD%/}/$1 ;;
esac
(_sky_enter) || exit 1

: "${PYTHONUNBUFFERED=1}"
export PYTHONUNBUFFERED

_sky_code=0
_sky_phase setup "$2"
if [ "$_sky_code" = 0 ]; then
  _sky_phase run "$3"
elif [ -z "$_sky_stopped" ] && [ -w /dev/termination-log ]; then
  # Tells the operator which phase failed. After run it stays empty: Kubernetes then shows the log's last lines.
  echo "{\"phase\":\"setup\",\"exitCode\":$_sky_code}" >/dev/termination-log
fi
rm -rf "$_sky_dir"
# A stopped task is never a completed one, whatever its script returned.
[ -z "$_sky_stopped" ] || _sky_code=143
exit "$_sky_code"
