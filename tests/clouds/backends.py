"""Real back ends of the tests' own, each private to one directory; all are ended by their process id."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import requests

from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until


class Daemon:
    """A server process: `freeze()`, `thaw()`, `kill()`."""

    def __init__(self, command: list[str], directory: Path, answers: Callable[[], Any]) -> None:
        self._command, self._answers = command, answers
        self._log = directory / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, env: dict[str, str] | None = None) -> None:
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )
        wait_until(self._up, 20, f"{self._command[0]}")

    def _up(self) -> Any:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"{self._command}: {self._log.read_text(errors='replace')[-3000:]}")
        return self._answers()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Connections are accepted by the kernel, and nobody says anything."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def kill(self) -> None:
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait(patient(20))
            self.process = None

    def stop(self) -> None:
        """With its own end, so that it leaves nothing mounted."""
        if self.process is not None:
            self.thaw()
            self._signal(signal.SIGTERM)
            try:
                self.process.wait(patient(5))
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None

    def _signal(self, number: int) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)


def found(program: str) -> str | None:
    """Where a program is, daemons' directory included."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _for_hosts_programs(tree: Path) -> None:
    """A shell, and what leads to libraries of the host, whose /usr a container may be given."""
    (tree / "bin" / "sh").symlink_to("busybox")
    for each in ("lib", "lib64"):
        (tree / each).symlink_to(f"usr/{each}")


class Dockerd:
    """A real engine with one image, `box:1`, which has busybox and nothing else."""

    def __init__(self, directory: Path) -> None:
        self.url = f"unix://{directory}/docker.sock"
        command = [found("dockerd") or "dockerd", "-H", self.url]
        for option, name in (("data-root", "d"), ("exec-root", "e"), ("pidfile", "p")):
            command += [f"--{option}", str(directory / name)]
        # no bridge: containers have the host's network
        command += ["--iptables=false", "--bridge=none"]
        self.daemon = Daemon(command, directory, self._answers)
        self._directory = directory

    def client(self, timeout: float = 60) -> Any:
        return import_module("docker").APIClient(base_url=self.url, timeout=patient(timeout))

    def _answers(self) -> Any:
        try:
            with contextlib.closing(self.client(2)) as client:
                return client.ping()
        except Exception as error:
            raise AssertionError(str(error)) from error

    def start(self) -> None:
        self.daemon.start()
        tree = self._directory / "tree"
        (tree / "bin").mkdir(parents=True)
        busybox = found("busybox")
        assert busybox, "busybox is missing"
        shutil.copy(busybox, tree / "bin" / "busybox")
        _for_hosts_programs(tree)
        archive = shutil.make_archive(str(self._directory / "box"), "tar", tree)
        with contextlib.closing(self.client()) as client:
            client.import_image_from_file(archive, repository="box", tag="1")

    def run(self, name: str, *command: str, start: bool = True) -> str:
        """A container of this name; its full id."""
        with contextlib.closing(self.client()) as client:
            host = client.create_host_config(network_mode="host")
            words = ["/bin/busybox", *(command or ("sleep", "600"))]
            made = client.create_container("box:1", words, name=name, host_config=host)
            if start:
                client.start(made)
        return str(made["Id"])

    def remove_all(self) -> None:
        with contextlib.closing(self.client()) as client:
            for each in client.containers(all=True):
                client.remove_container(each["Id"], force=True)

    def close(self) -> None:
        self.daemon.thaw()
        if self.daemon.process is not None and self.daemon.process.poll() is None:
            self.remove_all()
        self.daemon.stop()
        # it leaves its network namespace mounted
        for line in Path("/proc/mounts").read_text().splitlines():
            if line.split()[1].startswith(f"{self._directory}/"):
                subprocess.run(["umount", "-l", line.split()[1]], check=False)


#: What boto3 and the driver are told by the environment.
AWS = {
    "AWS_ACCESS_KEY_ID": "testing-access-key",
    "AWS_SECRET_ACCESS_KEY": "testing-secret-key",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Moto:
    """Moto's server: EC2's language, with instances that are only told of."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.daemon = Daemon(command, directory, self._answers)
        self._client: Any = None
        self.ami = ""

    @property
    def env(self) -> dict[str, str]:
        return {**AWS, "AWS_ENDPOINT_URL_EC2": self.url}

    def _answers(self) -> Any:
        return requests.get(f"{self.url}/moto-api/data.json", timeout=patient(2)).ok

    def start(self) -> None:
        self.daemon.start()
        self.ami = str(self.client().describe_images(Owners=["amazon"])["Images"][0]["ImageId"])

    def running(self) -> list[str]:
        found = self.client().describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        )
        return [
            str(each["InstanceId"])
            for reservation in found["Reservations"]
            for each in reservation["Instances"]
        ]

    def terminate_all(self) -> None:
        # a reset would take the image and the workers' key pairs too, which are slow to make
        ec2 = self.client()
        for reservation in ec2.describe_instances()["Reservations"]:
            names = [each["InstanceId"] for each in reservation["Instances"]]
            ec2.terminate_instances(InstanceIds=names)

    def session(self) -> Any:
        return import_module("boto3").Session(
            aws_access_key_id=AWS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=AWS["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )

    def client(self) -> Any:
        if self._client is None:
            self._client = self.session().client("ec2", endpoint_url=self.url)
        return self._client

    def run(self, key_pair: str, tags: dict[str, str] | None = None) -> str:
        """An instance, made past any driver; its id."""
        given: dict[str, Any] = {}
        if tags:
            words = [{"Key": key, "Value": value} for key, value in tags.items()]
            given["TagSpecifications"] = [{"ResourceType": "instance", "Tags": words}]
        made = self.client().run_instances(
            ImageId=self.ami,
            InstanceType="m1.small",
            MinCount=1,
            MaxCount=1,
            KeyName=key_pair,
            **given,
        )
        return str(made["Instances"][0]["InstanceId"])

    def close(self) -> None:
        self.daemon.thaw()
        self.daemon.kill()


_LIBVIRTD = """\
set -e
# all that libvirt writes is private to this mount namespace
for each in /run/libvirt /var/lib/libvirt /etc/libvirt /var/log/libvirt /var/cache/libvirt; do
  mkdir -p $each; mount -t tmpfs none $each
done
# containers of lxc do not start where both versions of control groups are mounted
umount -l /sys/fs/cgroup/unified 2>/dev/null || true
exec {program} -f {directory}/libvirtd.conf -p {directory}/pid
"""

_DOMAIN = """\
<domain type='lxc'><name>{name}</name><memory unit='MiB'>{memory}</memory>
  <os><type>exe</type>{runs}</os>
  <devices>
    <filesystem type='mount'><source dir='{tree}'/><target dir='/'/></filesystem>{mounts}
    <console type='pty'/>
  </devices>
</domain>
"""

_SLEEPS = ("/bin/busybox", "sleep", "600")


def _domain(
    tree: Path,
    name: str,
    command: Sequence[str] = _SLEEPS,
    *,
    memory: int = 64,
    mounts: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> str:
    """Of lxc, with directories of the host and a variable of the environment for each that is given."""
    init, *arguments = (escape(word) for word in command)
    runs = f"<init>{init}</init>" + "".join(f"<initarg>{each}</initarg>" for each in arguments)
    for key, value in (env or {}).items():
        runs += f"<initenv name='{key}'>{escape(value)}</initenv>"
    more = "".join(
        f"<filesystem type='mount'><source dir='{each}'/><target dir='{each}'/></filesystem>"
        for each in mounts
    )
    return _DOMAIN.format(name=name, memory=memory, runs=runs, tree=tree, mounts=more)


class Libvirtd:
    """A real libvirtd with the driver for lxc alone; its domains are containers with busybox."""

    def __init__(self, directory: Path) -> None:
        self.uri = f"lxc:///system?socket={directory}/libvirt-sock"
        program = found("libvirtd") or "libvirtd"
        script = _LIBVIRTD.format(program=program, directory=directory)
        command = [
            found("unshare") or "unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
        ]
        self.daemon = Daemon(command, directory, (directory / "libvirt-sock").exists)
        self.tree = directory / "tree"
        self._directory = directory

    @staticmethod
    def lxc() -> Path | None:
        """Debian's driver for lxc."""
        there = Path("/usr/lib").glob("*/libvirt/connection-driver/libvirt_driver_lxc.so")
        return next(there, None)

    def start(self) -> None:
        drivers, programs = self._directory / "drivers", self.tree / "bin"
        for each in (drivers, programs):
            each.mkdir(parents=True)
        driver, busybox = self.lxc(), found("busybox")
        assert driver, "the driver for lxc is missing"
        assert busybox, "busybox is missing"
        shutil.copy(driver, drivers)
        shutil.copy(busybox, programs / "busybox")
        _for_hosts_programs(self.tree)
        config = self._directory / "libvirtd.conf"
        config.write_text(f'unix_sock_dir = "{self._directory}"\nauth_unix_rw = "none"\n')
        # that for qemu wants a user of its own
        self.daemon.start({"LIBVIRT_DRIVER_DIR": str(drivers)})

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        opened = import_module("libvirt").open(self.uri)
        try:
            yield opened
        finally:
            opened.close()

    def define(
        self, name: str, *, start: bool = True, command: Sequence[str] = _SLEEPS, **more: Any
    ) -> None:
        with self.connection() as libvirt:
            domain = libvirt.defineXML(_domain(self.tree, name, command, **more))
            if start:
                domain.create()

    def transient(self, name: str) -> None:
        """As the driver makes one from XML: gone for good when it ends."""
        with self.connection() as libvirt:
            libvirt.createXML(_domain(self.tree, name), 0)

    def destroy_all(self) -> None:
        with self.connection() as libvirt:
            for domain in libvirt.listAllDomains():
                if domain.isActive():
                    domain.destroy()
            for domain in libvirt.listAllDomains():
                domain.undefine()

    def close(self) -> None:
        self.daemon.thaw()
        if self.daemon.process is not None and self.daemon.process.poll() is None:
            self.destroy_all()
        self.daemon.stop()
