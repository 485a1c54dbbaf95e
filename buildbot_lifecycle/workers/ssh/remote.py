"""The shell scripts that run on the remote host, and the lines by which they answer.

A script is POSIX sh, sent by standard input: nothing of it is on a command line. It is one compound
command, so that the shell has read all of it before it does anything. It says `begin`, and does nothing
until it has read the word `go`: a master that has not heard `begin` knows that nothing was done.

How processes are known
    Not by a number in a file: numbers are used again, and a file can be lost. Every process of an
    instance carries `MARK=<owner>.<number>` in its environment, from the script that starts the worker
    to what a build leaves running. The owner is one worker of one master; the number is one start of it.
    So leftovers of an earlier life are found after any crash, and a stranger is never taken for ours.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence

from buildbot_lifecycle.workers.ssh.program import READY

#: Environment variable of every process of an instance.
MARK = "BUILDBOT_LIFECYCLE_SSH"

#: Environment variable that says in which directory the worker lives.
DIRECTORY = "BUILDBOT_LIFECYCLE_SSH_DIR"

#: Begins the names of the script's own variables: the environment of a worker may have any other.
PREFIX_OF_OURS = "lifecycle_"

#: Begins each line that a script says.
PREFIX = "lifecycle: "

GO = "go\n"

#: Lines of each remote log that are told of a worker that died.
TAIL_LINES = 20

_FUNCTIONS = r"""
say() { printf 'lifecycle: %s\n' "$*"; }

# Processes that have $1 in their environment, and not $2.
members() {
  if [ -r /proc/self/environ ]; then
    for lifecycle_file in $(grep -lsF -e "$1" /proc/[0-9]*/environ); do
      # Read once: it may end between two looks, and what cannot be read excludes nothing.
      case $({ tr '\0' '\n' <"$lifecycle_file"; } 2>/dev/null) in
        *"${2:-$1$1}"*) ;;
        *"$1"*) lifecycle_pid=${lifecycle_file#/proc/}; printf '%s ' "${lifecycle_pid%/environ}" ;;
      esac
    done
  else
    # Not Linux. The list is made before anything that has the mark among its arguments runs.
    lifecycle_list=$(ps axeww -o pid= -o command= 2>/dev/null)
    printf '%s\n' "$lifecycle_list" | grep -F -e "$1" |
      if [ -n "$2" ]; then grep -vF -e "$2"; else cat; fi |
      while read -r lifecycle_pid lifecycle_rest; do printf '%s ' "$lifecycle_pid"; done
  fi
}

# Wait until none is left, $1 seconds at most; with $2, send that signal to those who come meanwhile.
gone() {
  lifecycle_deadline=$(($(date +%s) + $1))
  while :; do
    lifecycle_pids=$(members "$lifecycle_include" "$lifecycle_exclude")
    [ -n "$lifecycle_pids" ] || return 0
    [ -z "$2" ] || kill -s "$2" $lifecycle_pids 2>/dev/null
    [ "$(date +%s)" -lt "$lifecycle_deadline" ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}

# From the kindest to the last means; each says what it does and what came of it.
ladder() {
  say "rung ask"; gone "$1" "" && { say gone; return 0; }
  say "rung TERM"; kill -s TERM $lifecycle_pids 2>/dev/null; gone "$2" "" && { say gone; return 0; }
  say "rung KILL"; gone "$3" KILL && { say gone; return 0; }
  say "alive $lifecycle_pids"; return 1
}

tails() {
  for lifecycle_file in start.log $(find twistd.log -newer start.stamp 2>/dev/null); do
    [ ! -s "$lifecycle_file" ] ||
      tail -n TAIL_LINES "$lifecycle_file" | sed -e '/^lifecycle-worker-/d' -e 's/^/lifecycle: tail /'
  done
}

fail() { say "failed $*"; [ ! -e start.stamp ] || tails; exit 1; }
""".replace("TAIL_LINES", str(TAIL_LINES))

_START = r"""
IFS= read -r lifecycle_password || exit 1
lifecycle_before=$(umask); umask 077
mkdir -p -- "$lifecycle_directory" && cd -- "$lifecycle_directory" ||
  fail "the directory $lifecycle_directory cannot be used"
lifecycle_here=$(pwd -P)
lifecycle_others=$(members "$lifecycle_dirmark=$lifecycle_here|" "$lifecycle_include")
[ -z "$lifecycle_others" ] ||
  fail "$lifecycle_here is in use by another worker (processes $lifecycle_others)"

lifecycle_found=$(members "$lifecycle_include" "$lifecycle_exclude")
if [ -n "$lifecycle_found" ]; then
  say "leftover $lifecycle_found"
  ladder 0 "$lifecycle_term" "$lifecycle_kill" ||
    fail "processes of an earlier life do not end: $lifecycle_pids"
fi

rm -f start.log start.stamp buildbot.tac.new
: >start.stamp && : >start.log || fail "$lifecycle_here cannot be written to"
printf '%s' "$lifecycle_program" | cat >buildbot.tac.new && mv -f buildbot.tac.new buildbot.tac ||
  fail "buildbot.tac cannot be written in $lifecycle_here"

if [ -n "$lifecycle_prepare" ]; then
  say "prepare"
  ( umask "$lifecycle_before"; environment; eval "$lifecycle_prepare" ) </dev/null >>start.log 2>&1
  lifecycle_status=$?
  [ "$lifecycle_status" -eq 0 ] || fail "prepare_command ended with status $lifecycle_status"
  say "prepared"
fi

say "launch"
(
  umask "$lifecycle_before"
  environment
  eval "$lifecycle_dirmark=\$lifecycle_here\|"; export "$lifecycle_dirmark"
  worker <<PASSWORD
$lifecycle_password
PASSWORD
  printf 'lifecycle-worker-ended %s\n' "$?"
) </dev/null >>start.log 2>&1 &
lifecycle_password=

lifecycle_deadline=$(($(date +%s) + $lifecycle_ready))
while ! grep -q "^READY" start.log; do
  if grep -q '^lifecycle-worker-ended' start.log; then
    fail "the worker ended at once, with status $(sed -n 's/^lifecycle-worker-ended //p' start.log)"
  fi
  [ "$(date +%s)" -lt "$lifecycle_deadline" ] || { say "slow"; break; }
  sleep 0.1 2>/dev/null || sleep 1
done
say "started $(sed -n 's/^READY //p' start.log)"
say "end"
""".replace("READY", READY)

_STOP = r"""
ladder "$lifecycle_ask" "$lifecycle_term" "$lifecycle_kill"
say "end"
"""

_CHECK = r"""
if cd -- "$lifecycle_directory" 2>/dev/null &&
  grep -q '^lifecycle-worker-ended' start.log 2>/dev/null; then
  say "dead the worker ended with status $(sed -n 's/^lifecycle-worker-ended //p' start.log)"
  tails
elif [ -n "$(members "$lifecycle_include" "$lifecycle_exclude")" ]; then
  say "alive $(members "$lifecycle_include" "$lifecycle_exclude")"
else
  say "dead no process of it is left"
  tails
fi
say "end"
"""

_PRESENT = r"""
lifecycle_pids=$(members "$lifecycle_include" "$lifecycle_exclude")
if [ -n "$lifecycle_pids" ]; then say "alive $lifecycle_pids"; else say gone; fi
say "end"
"""

_NUMBERS = r"""
if [ -r /proc/self/environ ]; then
  for lifecycle_pid in $(members "$lifecycle_include" ""); do
    { tr '\0' '\n' <"/proc/$lifecycle_pid/environ"; } 2>/dev/null
  done
else
  ps axeww -o command= 2>/dev/null
fi | sed -n "s/.*$lifecycle_include\([A-Za-z0-9_]\{1,\}\).*/\1/p" | sort -u |
  while read -r lifecycle_number; do say "instance $lifecycle_number"; done
say "end"
"""

_WORD = re.compile(r"[A-Za-z0-9_]+")


@dataclasses.dataclass(frozen=True)
class Instance:
    """One start of one worker, as the remote host knows it."""

    owner: str
    number: str

    def __post_init__(self) -> None:
        if not (_WORD.fullmatch(self.owner) and _WORD.fullmatch(self.number)):
            raise ValueError(f"{self} would be no word in a shell")

    @property
    def mark(self) -> str:
        """What each of its processes has in its environment."""
        return f"{MARK}={self.owner}.{self.number}"


@dataclasses.dataclass(frozen=True)
class Limits:
    """Seconds for each rung of the ladder."""

    ask: float
    term: float
    kill: float


@dataclasses.dataclass(frozen=True)
class Launch:
    """What is started: all texts and words are rendered. `ready_seconds`: how long to watch it start."""

    directory: str
    program: str
    command: Sequence[str]
    environment: Mapping[str, str]
    umask: int | None
    prepare: str | None
    ready_seconds: float


def shell(instance: Instance | None) -> str:
    """The remote command. That of a start carries the mark: a start that hangs is ended by the stop."""
    marked = f"env {instance.mark} " if instance is not None else ""
    return f"exec {marked}/bin/sh"


def start(instance: Instance, launch: Launch, limits: Limits) -> str:
    """The script that ends what is left of earlier lives, prepares the host, and starts the worker."""
    exports = [f"export {key}={shlex.quote(text)}" for key, text in launch.environment.items()]
    if launch.umask is not None:
        exports.append(f"umask {launch.umask:03o}")
    functions = "\n".join(
        [
            "environment() {",
            *exports,
            ":",
            "}",
            f"worker() {{ {' '.join(map(shlex.quote, launch.command))}; }}",
        ]
    )
    variables = {
        "directory": _place(launch.directory),
        "program": launch.program,
        "prepare": launch.prepare or "",
        "ready": _seconds(launch.ready_seconds),
        "dirmark": DIRECTORY,
        # all of this worker's, but for this start itself
        "include": f"{MARK}={instance.owner}.",
        "exclude": instance.mark,
    }
    return _script(variables, limits, functions + _START)


def stop(owner: str, instance: Instance | None, limits: Limits) -> str:
    """The script that ends an instance, or (None) all that there is of a worker."""
    return _script(_target(owner, instance), limits, _STOP)


def check(instance: Instance, directory: str) -> str:
    """The script that says whether the worker is alive, and its last words if not."""
    variables = {**_target(instance.owner, instance), "directory": _place(directory)}
    return _script(variables, Limits(0, 0, 0), _CHECK)


def present(owner: str, instance: Instance | None) -> str:
    """The script that says whether any process of an instance, or of a worker, is there."""
    return _script(_target(owner, instance), Limits(0, 0, 0), _PRESENT)


def numbers(owner: str) -> str:
    """The script that says which instances of a worker have processes."""
    return _script(_target(owner, None), Limits(0, 0, 0), _NUMBERS)


def password_line(password: str) -> str:
    """What is sent after `GO` to a start."""
    return json.dumps(password) + "\n"


def said(line: str) -> tuple[str, str] | None:
    """The word and the rest of a line that a script said; None for anything else (a banner)."""
    if not line.startswith(PREFIX):
        return None
    word, _, rest = line[len(PREFIX) :].partition(" ")
    return word, rest.strip() if word != "tail" else rest


def _place(directory: str) -> str:
    # of a name without a path before it a CDPATH of the user's would have its own view
    return directory if directory.startswith("/") else f"./{directory}"


def _target(owner: str, instance: Instance | None) -> dict[str, str]:
    include = instance.mark if instance is not None else f"{MARK}={owner}."
    return {"include": include, "exclude": ""}


def _seconds(value: float) -> str:
    return str(math.ceil(value))


def _script(variables: Mapping[str, str], limits: Limits, body: str) -> str:
    values = {
        **variables,
        "ask": _seconds(limits.ask),
        "term": _seconds(limits.term),
        "kill": _seconds(limits.kill),
    }
    assignments = "\n".join(f"{PREFIX_OF_OURS}{k}={shlex.quote(v)}" for k, v in values.items())
    wait = 'say begin\nIFS= read -r lifecycle_word && [ "$lifecycle_word" = go ] || exit 1\n'
    return f"{{\n{assignments}\n{_FUNCTIONS}\n{wait}{body}\nexit 0\n}}\n"
