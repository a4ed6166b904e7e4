"""Many stores on Airflow 3: a mapped task for each store, which runs the program on the worker and appends to a folder of the store's own.

`BIGCOMMERCE_STORES` names a folder with a config file for each store, `NAME.json`, and `BIGCOMMERCE_OUT` one for the records and the
state: `OUT/NAME/`. All workers share both, and have `tap-bigcommerce` on their PATH. Only names pass through Airflow, so no token is in its
database or logs.

A try that fails or whose worker dies is followed by another one, which resumes from the state in `OUT/NAME/`. A store has one caller: a run
starts when the one before it has ended, and the program refuses a folder that another one is using.

Airflow maps a task over at most 1,024 stores; `[core] max_map_length` raises that. Checked by `tests/real/manifests.py`, and run by hand:
docs/deploy.md has the versions.
"""

import os
import pathlib
import subprocess
from datetime import timedelta

import pendulum
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

STORES = pathlib.Path(os.environ.get("BIGCOMMERCE_STORES", "/etc/tap-bigcommerce/stores"))
OUT = pathlib.Path(os.environ.get("BIGCOMMERCE_OUT", "/var/lib/tap-bigcommerce"))

# Exit codes that another try does not change: settings, catalog, state, token, scope.
LASTING = (2, 3, 4, 5, 6)
# Some records are set aside, all others were read, and the next run asks for them again.
SET_ASIDE = 11


@dag(schedule="@hourly", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False, max_active_runs=1, max_active_tasks=64)
def bigcommerce_stores():
    @task
    def names():
        return sorted(file.stem for file in STORES.glob("*.json"))

    @task(retries=5, retry_delay=timedelta(seconds=30), retry_exponential_backoff=True, map_index_template="{{ name }}")
    def sync(name):
        command = ["tap-bigcommerce", "--config", str(STORES / f"{name}.json"), "--output", f"jsonl:{OUT / name}"]
        code = subprocess.run(command, check=False).returncode
        if code in LASTING:
            raise AirflowFailException(f"tap-bigcommerce ended with exit code {code}: its last log line says what to do")
        if code not in (0, SET_ASIDE):
            raise RuntimeError(f"tap-bigcommerce ended with exit code {code}; the next try resumes from its state")

    sync.expand(name=names())


bigcommerce_stores()
