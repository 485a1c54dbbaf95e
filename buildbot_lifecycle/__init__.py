"""Flight recorder and control room for Buildbot's latent workers."""

from importlib.resources import files

#: The version of this distribution. Buildbot reads the same file for the page.
__version__ = files(__name__).joinpath("VERSION").read_text(encoding="ascii").strip()
