"""Runs schemathesis against a gateway of its own; started by the script `schemathesis`."""

import os
import subprocess
import sys

from gateway import Gateway, Namespace, finish, verdict

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
RUNS = {
    "every operation by itself": ["--phases=examples,coverage,fuzzing"],
    # A task that no operator runs has a log that does not end.
    "operations in sequence": ["--phases=stateful", "--exclude-path-regex=/logs$"],
}

with Namespace("schemathesis") as namespace, Gateway(namespace) as gateway:
    for name, args in RUNS.items():
        command = [os.environ["SCHEMATHESIS"], "run", f"{gateway.url}/openapi.json", f"--checks={CHECKS}"]
        command += ["--max-examples=60", "--request-timeout=20", "--seed=1", "--no-color", "--suppress-health-check=all"]
        result = subprocess.run([*command, *args], stdout=sys.stderr)
        verdict(name, result.returncode == 0)
    status, _ = gateway.ask("GET", "/tasks")
    verdict("the gateway still answers", status == 200)
finish()
