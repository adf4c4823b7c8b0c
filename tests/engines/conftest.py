# SPDX-License-Identifier: Apache-2.0
"""The real engines of Debian with husk as their runtime: each started here, with storage of its own, and ended here."""
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import time

import pytest

from tests.conftest import APPLETS, BUSYBOX, HUSK, Result, in_terminal

# Another one stands in as a control: see compare.
RUNTIME = os.environ.get("HUSK_ENGINE_RUNTIME", HUSK)
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


def inspect(engine, ident):
    return json.loads(engine("inspect", ident, check=0).out)[0]


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    """A root file system as a tar archive, for `import`."""
    folder = tmp_path_factory.mktemp("image")
    root = folder / "root"
    for d in ("bin", "etc", "tmp", "proc", "sys", "dev", "root", "var"):
        (root / d).mkdir(parents=True)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nuser:x:1000:\n")
    tar = folder / "image.tar"
    with tarfile.open(tar, "w") as t:
        t.add(root, arcname=".")
    return tar


def oci_archive(tar, target, name):
    """The tar archive of IMAGE as an OCI image, for `ctr image import`; its containers sleep."""
    layer = pathlib.Path(tar).read_bytes()
    digest = hashlib.sha256(layer).hexdigest()
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(kind, data, **more):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        files["blobs/sha256/" + hashlib.sha256(data).hexdigest()] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data), **more}
    config = blob("config.v1+json", {"architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine), "os": "linux",
                                     "config": {"Cmd": ["/bin/sleep", "100000"], "Env": ["PATH=/bin"]},
                                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]}})
    manifest = blob("manifest.v1+json", {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                                         "layers": [blob("layer.v1.tar", layer)]},
                    annotations={"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name})
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
    with tarfile.open(target, "w") as t:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            t.addfile(member, io.BytesIO(data))
    return target


class Engine:
    """Calls the client, in a folder of its own (conmon drops a file "oom" where it is); every container it makes is removed by the fixture."""

    def __init__(self, argv, folder, env=None):
        self.argv, self.folder, self.env = argv, folder, env

    def __call__(self, *words, check=None, timeout=120, stdin=None):
        done = subprocess.run([*self.argv, *map(str, words)], input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=timeout, env=self.env, cwd=self.folder)
        result = Result([*self.argv[:1], *words], done.returncode, done.stdout, done.stderr)
        if check is not None:
            assert result.code == check, result
        return result

    def run(self, *words, check=0, **more):
        return self("run", "--rm", "--network=none", *self.limits, *words, check=check, **more)

    def detached(self, *words):
        return self("run", "-d", "--network=none", *self.limits, *words, check=0).out.strip()

    def tty(self, *words, timeout=120):
        """The client with a terminal of its own: what it shows."""
        return in_terminal([*self.argv, *words], timeout, self.env)[1]

    def remove_all(self):
        ids = self("ps", "-aq").out.split()
        if ids:
            self("rm", "-f", *ids)


@pytest.fixture(scope="session")
def podman_engine(image):
    if not shutil.which("podman"):
        pytest.skip("podman is not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="husk-podman-"))
    # Podman asks a list by name whether a runtime can do without cgroups.
    (folder / "containers.conf").write_text(f'[engine]\nruntime_supports_nocgroup = ["husk"]\nruntime_supports_nocgroups = ["husk"]\n[engine.runtimes]\nhusk = ["{RUNTIME}"]\n')
    env = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
    engine = Engine(["podman", "--root", folder / "root", "--runroot", folder / "run", "--tmpdir", folder / "tmp", "--storage-driver", "vfs",
                     "--runtime", "husk", "--cgroup-manager", "cgroupfs", "--events-backend", "file"], folder, env)
    engine.limits = LIMITS
    engine("import", image, "busybox", check=0)
    yield engine
    engine.remove_all()
    engine("system", "reset", "--force")
    subprocess.run(["umount", "-l", str(folder / "root/vfs"), str(folder / "root")], capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def docker_engine(image):
    if not shutil.which("dockerd"):
        pytest.skip("docker is not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="husk-docker-"))
    socket = f"unix://{folder}/docker.sock"
    log = open(folder / "log", "w")
    (folder / "daemon.json").write_text("{}")   # a machine's own one may say the same in other words, which dockerd refuses
    daemon = subprocess.Popen(["dockerd", "--bridge=none", "--iptables=false", "--data-root", folder / "data", "--exec-root", folder / "exec",
                               "--config-file", folder / "daemon.json",
                               "--pidfile", folder / "pid", "-H", socket, "--storage-driver", "vfs", "--add-runtime", f"husk={RUNTIME}",
                               "--default-runtime", "husk"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    engine = Engine(["docker", "-H", socket], folder)
    engine.limits = []
    try:
        end = time.monotonic() + 60
        while engine("version").code != 0:
            assert daemon.poll() is None and time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.2)
        engine("import", image, "busybox", check=0)
        yield engine
        engine.remove_all()
    finally:
        daemon.terminate()
        try:
            daemon.wait(30)
        except subprocess.TimeoutExpired:
            daemon.kill()
        for line in reversed(open("/proc/self/mountinfo").read().splitlines()):
            if str(folder) in line:
                subprocess.run(["umount", "-l", line.split()[4]], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["podman", "docker"])
def engine(request):
    e = request.getfixturevalue(request.param + "_engine")
    e.name = request.param
    yield e
    e.remove_all()


@pytest.fixture
def podman(podman_engine):
    podman_engine.name = "podman"
    yield podman_engine
    podman_engine("pod", "rm", "-af")
    podman_engine.remove_all()
