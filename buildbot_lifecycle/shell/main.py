"""The command itself.

It stands on click: hidden prompts, colours that leave where no terminal is, completion for three shells
and a runner for tests are in it, where argparse would need each written here.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from buildbot_lifecycle import __version__
from buildbot_lifecycle.shell import acts, doctoring, logins, looks, records, watching
from buildbot_lifecycle.shell.options import Session
from buildbot_lifecycle.shell.trouble import ENDS, Status, Trouble

_STATUSES = "\b\nExit status:\n" + "\n".join(f"  {n:<3}  {text}" for n, text in ENDS.items())


class _Group(click.Group):
    """Every end has its status, and 1 is said of what was found, never of a fault."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            name = error.option_name
            if not any(name in option.opts for option in self.params):
                raise
            text = (
                f"No such option {name!r} here: {name} stands before the command:"
                f" buildbot-lifecycle {name} ..."
            )
            raise click.UsageError(text, ctx) from error
        except Trouble as trouble:
            trouble.show()
            ctx.exit(trouble.status)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            fault = f"the plugin's answer is not understood: {error!r}"
            Trouble(
                Status.UNREACHABLE, fault, "Is its version another than that of this command?"
            ).show()
            ctx.exit(Status.UNREACHABLE)
        except (KeyboardInterrupt, click.Abort):
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:  # as of `head`, which has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_NO_READER)


#: What shells say of a process that SIGINT, or SIGPIPE, has ended.
_INTERRUPTED, _NO_READER = 130, 141


@click.group(cls=_Group, epilog=_STATUSES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="buildbot-lifecycle")
@click.option("--url", help="Buildbot's address, as in a browser. [BUILDBOT_LIFECYCLE_URL]")
@click.option("--user", help="Log in as this user. [BUILDBOT_LIFECYCLE_USER]")
@click.option("--password-file", metavar="FILE", help="A file whose first line is the password.")
@click.option("--cookie-file", metavar="FILE", help="A session's cookie, as curl -c writes it.")
@click.option("--token-file", metavar="FILE", help="A bearer token, for a proxy before Buildbot.")
@click.option("--ca-file", metavar="FILE", help="The certificate of your own authority, in PEM.")
@click.option(
    "--config", metavar="FILE", help="In place of $XDG_CONFIG_HOME/buildbot-lifecycle/config."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer.",
)
@click.pass_context
def main(
    context: click.Context, /, config: str | None, timeout: float, **options: str | None
) -> None:
    """Latent workers of a Buildbot: what is stuck, what may still run, and what to do about it."""
    context.obj = Session(options, config, timeout)


for module in (looks, watching, records, acts, logins, doctoring):
    for command in module.COMMANDS:
        main.add_command(command)
