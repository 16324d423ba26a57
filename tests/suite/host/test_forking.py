"""Further processes of a target are forked from one that imported its framework; they cannot be told from the first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from convt.host.forking import POSSIBLE, Template
from convt.host.watch import filters, show_all
from tests.suite.host.fake_pool import Asking, kinds
from tests.suite.host.fakes import MARK, ROOT
from tests.suite.host.processes import ends, lives

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="a fork after an import is safe on Linux alone")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def worker_of(asking: Asking, name: str) -> int:
    return int(asking.pool.info(name).flags["pid"])


def test_the_first_process_is_started_and_the_next_ones_are_forked_of_one_template() -> None:
    asking = Asking(30.0, forks=True)
    asking.ask("crashes-on-marked", 1)
    assert parent_of(worker_of(asking, "crashes-on-marked")) == os.getpid()
    parents = []
    for _ in range(3):
        assert kinds(asking.ask("crashes-on-marked", MARK, 2)) == ["crashed", "value"]
        parents.append(parent_of(worker_of(asking, "crashes-on-marked")))
    assert len(set(parents)) == 1
    assert parents[0] != os.getpid()
    workers = worker_of(asking, "crashes-on-marked"), parents[0]
    asking.pool.close()
    assert all(map(ends, workers))


def test_one_that_was_not_declared_safe_is_never_forked() -> None:
    asking = Asking(30.0)
    asking.ask("crashes-on-marked", MARK, 2)
    assert parent_of(worker_of(asking, "crashes-on-marked")) == os.getpid()
    asking.pool.close()


def test_one_whose_memory_is_looked_at_is_never_forked() -> None:
    asking = Asking(30.0, forks=True)
    asking.ask("crashes-on-marked/poisoned", MARK, 2)
    assert parent_of(worker_of(asking, "crashes-on-marked/poisoned")) == os.getpid()
    asking.pool.close()


def test_a_forked_process_warns_as_the_first_did() -> None:
    asking = Asking(30.0, forks=True)
    (first,) = asking.ask("warns-and-crashes", 1)
    crashed, forked = asking.ask("warns-and-crashes", MARK, 2)
    assert crashed.kind == "crashed"
    assert first.warnings == forked.warnings == ("DeprecationWarning: old", "FutureWarning: this will change")
    asking.pool.close()


def test_what_a_framework_silenced_at_its_import_stays_silenced(monkeypatch: pytest.MonkeyPatch) -> None:
    before: list[object] = list(warnings.filters)
    monkeypatch.setattr(sys.modules["__main__"], "FILTERS", before, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnicodeWarning)  # as a framework does where the template imports it
        show_all(filters())
        assert ("ignore", None, UnicodeWarning, None, 0) in warnings.filters
        assert not any(each in before for each in warnings.filters)


def test_where_the_template_is_gone_a_process_is_started() -> None:
    asking = Asking(30.0, forks=True)
    asking.ask("crashes-on-marked", MARK, 2)
    template = parent_of(worker_of(asking, "crashes-on-marked"))
    os.kill(template, signal.SIGKILL)
    assert ends(worker_of(asking, "crashes-on-marked"))
    assert [it.value is not None for it in asking.ask("crashes-on-marked", 1, MARK, 2)][-1]
    assert parent_of(worker_of(asking, "crashes-on-marked")) == os.getpid()
    assert asking.pool.infos["crashes-on-marked"].runs
    asking.pool.close()


def test_a_template_that_imports_for_ever_is_ended_and_forks_nothing(tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text("import time; time.sleep(3600)")
    with (tmp_path / "log").open("wb") as log:
        template = Template(sys.executable, os.environ | {"PYTHONPATH": str(tmp_path)}, ["endless"], log)
        with pytest.raises(OSError, match="the template forked nothing"):
            template.fork(log, 0.5)
        assert ends(template.pid)
        with pytest.raises(OSError, match=""):  # of the socket, whose words are the system's
            template.fork(log, 60)
        template.close()


HOST = """
import sys, time
from tests.suite.host.fake_pool import Asking
from tests.suite.host.fakes import MARK
asking = Asking(600.0, forks=True)
asking.ask("crashes-on-marked", MARK, 2)
print(asking.pool.info("crashes-on-marked").flags["pid"], flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_template_and_forked_process_end_with_a_host_that_is_killed(number: signal.Signals) -> None:
    host = subprocess.Popen([sys.executable, "-c", HOST], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    worker = int(host.stdout.readline())
    template = parent_of(worker)
    assert lives(template)
    host.send_signal(number)
    host.wait(60)
    host.stdout.close()
    assert ends(worker)
    assert ends(template)
