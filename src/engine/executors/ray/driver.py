"""Keeps the workers of a run alive on a Ray cluster: the job that `--executor ray` submits.

    python driver.py FOLDER

FOLDER holds order.json (what to run), environment.json (variables of the workers, readable by their user alone), and takes
state.json (how many workers run, or how it ended) and a log of each worker. A worker is a Ray task that runs a process. It
exits with 0 once its phase is done, with 1 to 128 where the run has failed, and dies by a signal where it was killed: only
then, or where Ray lost it, is there a replacement.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time

import ray

# Seconds that Ray takes to start workers for which there is room.
STARTED_WITHIN = 15
# Times that Ray starts a worker again whose machine or process is lost, and that this program does after a signal.
MOST_LOSSES = 5
MOST_KILLS = 3


def die_with_parent():
    """The process ends with the Ray worker that started it, even where that is killed. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def run_worker(command, log, environment):
    """Runs a worker to its end, wherever Ray puts it. Returns its exit code, below 0 for a signal."""
    with open(log, "ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            preexec_fn=die_with_parent,
        )
    try:
        return child.wait()
    except BaseException:
        child.terminate()
        child.wait()
        raise


def last_line(log):
    try:
        with open(log, errors="replace") as file:
            return (file.read().strip().split("\n") or [""])[-1][-300:]
    except OSError:
        return "no log: does every machine see the folder?"


class Phase:
    """The workers of one phase."""

    def __init__(self, folder, order, environment, name):
        self.folder, self.name, self.size = folder, name, order["workers"]
        self.command, self.options = order["commands"][name], order["options"][name]
        self.environment = environment
        self.kills = [0] * self.size
        self.task = ray.remote(run_worker).options(max_retries=MOST_LOSSES, name=name, **self.options)
        self.pending = {}
        self.began = time.monotonic()
        for index in range(self.size):
            if os.path.exists(self.log(index)):
                os.remove(self.log(index))
            self.start(index)

    def log(self, index):
        return os.path.join(self.folder, f"{self.name}-{index}.log")

    def start(self, index):
        self.pending[self.task.remote(self.command, self.log(index), self.environment)] = index

    def state(self):
        """A worker has started if it has a log."""
        working = sum(os.path.exists(self.log(index)) for index in self.pending.values())
        waiting = len(self.pending) - working
        state = {"phase": self.name, "working": working, "waiting": waiting, "ended": False}
        if waiting > 0 and time.monotonic() - self.began > STARTED_WITHIN:
            wanted = ", ".join(f"{key}={value}" for key, value in self.options.items())
            state["reason"] = f"{waiting} of {self.size} workers of {self.name} wait for {wanted}"
            if not any(self.fits(node) for node in ray.nodes()):
                state["reason"] += ": no machine of the cluster has as much; ask for less behind --, or add one"
        return state

    def fits(self, node):
        wanted = {"CPU": self.options["num_cpus"], "GPU": self.options.get("num_gpus", 0)}
        wanted.update(self.options.get("resources", {}))
        return node["Alive"] and all(node["Resources"].get(key, 0) >= value for key, value in wanted.items())

    def end(self, ref):
        """What the end of a worker means: None where the phase goes on, "" where it is done, else why the run failed."""
        index = self.pending.pop(ref)
        log = self.log(index)
        try:
            code = ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            return f"worker {index} of {self.name} did not start: {str(error.cause or error)[-500:]}"
        except ray.exceptions.RayError as error:
            code = -signal.SIGKILL
            lost = f"was lost {MOST_LOSSES + 1} times ({str(error)[:300]})"
        else:
            lost = f"was ended by signal {-code} again and again"
        if code == 0:
            return ""
        if 0 < code <= 128:
            return f"worker {index} of {self.name} ended with exit code {code}: {last_line(log)} (log: {log})"
        self.kills[index] += 1
        if self.kills[index] <= MOST_KILLS:
            self.start(index)
            return None
        return None if self.pending else f"worker {index} of {self.name} {lost}; log: {log}"

    def cancel(self):
        for ref in self.pending:
            ray.cancel(ref)


def save(folder, state):
    path = os.path.join(folder, "state.json")
    with open(path + ".new", "w") as file:
        json.dump(state, file)
    os.replace(path + ".new", path)


def run_phase(folder, order, environment, name):
    """Runs a phase to its end. Returns "", or why the run failed."""
    phase = Phase(folder, order, environment, name)
    while phase.pending:
        save(folder, phase.state())
        ready, _ = ray.wait(list(phase.pending), num_returns=1, timeout=1)
        for ref in ready:
            outcome = phase.end(ref)
            if outcome is not None:
                # The others would find nothing to do.
                phase.cancel()
                return outcome
    return "no worker is left"


def main(folder):
    with open(os.path.join(folder, "order.json")) as file:
        order = json.load(file)
    with open(os.path.join(folder, "environment.json")) as file:
        environment = json.load(file)
    ray.init(address="auto", log_to_driver=False)
    failure = ""
    for name in order["phases"]:
        failure = run_phase(folder, order, environment, name)
        if failure:
            break
    save(folder, {"working": 0, "waiting": 0, "ended": True, **({"reason": failure} if failure else {})})
    # Cancelled workers end before Ray lets go of them.
    time.sleep(1)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
