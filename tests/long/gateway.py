"""What the long tests of the gateway share: the cluster, a gateway and an operator of their own, a verdict.

The environment says where everything is, as `tests/run/test` sets it: SKY_TEST_KUBECONFIG, SKY_TEST_OPERATOR,
SKY_TEST_GATEWAY. Without it: the cluster of KUBECONFIG and the programs that `tests/run/binaries` builds.
"""

import base64
import http.client
import json
import os
import platform
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KUBECONFIG = os.environ.get("SKY_TEST_KUBECONFIG") or os.environ["KUBECONFIG"]
ENV = {**os.environ, "KUBECONFIG": KUBECONFIG}
BIN = os.path.join(ROOT, "target", f"{platform.machine()}-unknown-linux-gnu", os.environ.get("PROFILE", "image"))
OPERATOR = os.environ.get("SKY_TEST_OPERATOR", os.path.join(BIN, "sky-operator"))
GATEWAY = os.environ.get("SKY_TEST_GATEWAY", os.path.join(BIN, "sky-api-gateway"))
KUBECTL = [os.path.join(ROOT, "tests/cluster/sky-cluster"), "kubectl"]

passed = failed = 0


def verdict(name, holds, detail=""):
    """Counts one thing that must hold."""
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"{'ok' if holds else 'FAILED'}: {name}{': ' if detail else ''}{detail}", file=sys.stderr, flush=True)


def finish():
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(failed > 0 or passed == 0)


def kubectl(*args, text=None):
    return subprocess.run([*KUBECTL, *args], env=ENV, input=text, text=True, check=True, stdout=subprocess.PIPE).stdout


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Namespace:
    """A namespace that is gone afterwards; nothing that is installed watches it."""

    def __init__(self, name):
        self.name = f"{name}-{os.getpid()}"

    def __enter__(self):
        kubectl("create", "namespace", self.name)
        return self.name

    def __exit__(self, *_):
        kubectl("delete", "namespace", self.name, "--wait=false")


class Program:
    """A program of ours, with its log in a file, ended afterwards."""

    def __init__(self, command, kubeconfig=KUBECONFIG):
        self.command, self.env = command, {**ENV, "KUBECONFIG": kubeconfig}

    def __enter__(self):
        self.log = tempfile.NamedTemporaryFile(prefix=os.path.basename(self.command[0]), suffix=".log")
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def memory_mb(self, key="VmRSS"):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(key)) / 1024


class Operator(Program):
    def __init__(self, namespace):
        super().__init__([OPERATOR, "--namespace", namespace, "--admin-address", "127.0.0.1:0", "--agent-image", "localhost/sky:dev"])


class Gateway(Program):
    def __init__(self, namespace, kubeconfig=KUBECONFIG):
        self.port = free_port()
        command = [GATEWAY, "--host", "127.0.0.1", "--port", str(self.port), "--namespace", namespace]
        super().__init__([*command, "--admin-address", "127.0.0.1:0"], kubeconfig)
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        super().__enter__()
        deadline = time.monotonic() + 90
        while True:
            try:
                if self.ask("GET", "/tasks")[0] == 200:
                    return self
            except OSError:
                pass
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"the gateway does not start: {open(self.log.name).read()}")
            time.sleep(0.1)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def ask(self, method, path, body=None, user="bench", connection=None):
        connection = connection or self.connect()
        headers = {"X-User": user, "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, data

    def submit(self, body):
        status, data = self.ask("POST", "/tasks/submit", body)
        if status != 200:
            raise RuntimeError(f"submit: {status} {data}")
        return json.loads(data)["task_id"]

    def wait(self, task_id, wanted, seconds=180):
        deadline = time.monotonic() + seconds
        while True:
            task = json.loads(self.ask("GET", f"/tasks/{task_id}")[1])
            if task["status"] in wanted:
                return task
            if time.monotonic() > deadline:
                raise RuntimeError(f"still not {wanted}: {task}")
            time.sleep(0.3)


class ApiServer:
    """The API server itself, over one kept connection, as the gateway uses it."""

    def __init__(self):
        config = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.address = urllib.parse.urlsplit(cluster["server"])
        context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        if "client-certificate-data" in user:
            with tempfile.NamedTemporaryFile() as pem:
                pem.write(base64.b64decode(user["client-certificate-data"]) + b"\n" + base64.b64decode(user["client-key-data"]))
                pem.flush()
                context.load_cert_chain(pem.name)
        self.headers = {"Content-Type": "application/json"}
        if "token" in user:
            self.headers["Authorization"] = f"Bearer {user['token']}"
        self.context = context

    def connect(self):
        return http.client.HTTPSConnection(self.address.hostname, self.address.port, context=self.context, timeout=120)

    def ask(self, connection, method, path, body, content_type="application/json"):
        connection.request(method, path, json.dumps(body), {**self.headers, "Content-Type": content_type})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:500]}")
        return json.loads(data)
