"""The TOML matrix of scripts/bench, the order of its runs, and going on after an interruption."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from iobench import matrix, resultset, run, runner, schedule  # noqa: E402 (path first)

BACKEND = "epoll" if sys.platform == "linux" else "libev"
SMALL = f"""
rounds = 2
duets = 0
duration = "20ms"
warmup = 0
[[tcp]]
backend = "{BACKEND}"
connections = [1, 4]
[[file]]
engine = ["sync", "threads"]
size = "1m"
"""


def read(text, given=None):
    return matrix.Reader("test.toml", given or {}).read(text)


def names(planned):
    return [one.cell.name for one in planned]


# ---- what a matrix says


def test_lists_are_multiplied_out():
    found = read('[[tcp]]\nbackend = ["epoll", "libev"]\nconnections = [1, 100]\nsize = "4k"\n'
                 '[[file]]\nengine = "sync"\nrounds = 9\nduration = "2s"\n')
    assert names(found) == ["tcp-epoll-c1-s4096", "tcp-epoll-c100-s4096", "tcp-libev-c1-s4096",
                            "tcp-libev-c100-s4096", "file-sync-direct-off"]
    assert [one.timing.rounds for one in found] == [3, 3, 3, 3, 9]
    assert (found[0].timing.duration_s, found[-1].timing.duration_s) == (0.4, 2)


def test_what_is_not_default_is_in_the_name():
    one, = read('[[tcp]]\nmode = "latency"\npipeline = 10\nrate = "50k"\nwork = "5us"\n')
    assert one.cell.name == "tcp-epoll-c100-s256-pipeline-10-mode-latency-rate-50000-work-5us"
    assert (one.cell["rate"], one.cell["threads"]) == (50000, 1)


def test_files_may_be_large():
    """Messages may not: those of the network end at 16 MiB."""
    found = read('[[file]]\nsize = ["64m", "2g"]\n')
    assert [one.cell["size"] for one in found] == [64 << 20, 2 << 30]


def test_nearer_times_win():
    text = 'rounds = 2\nduration = "1s"\n[[udp]]\nrounds = 3\n[[tcp]]\nduration = "2s"\n'
    tcp, udp = read(text)
    assert (tcp.timing.rounds, tcp.timing.duration_s) == (2, 2)
    assert (udp.timing.rounds, udp.timing.duration_s) == (3, 1)
    tcp, udp = read(text, {None: {"rounds": 7}, "tcp": {"connections": [5]}})
    assert (tcp.timing.rounds, udp.timing.rounds, tcp.cell["connections"]) == (7, 7, 5)


def test_a_cell_is_measured_once():
    text = "[[tcp]]\nconnections = [1, 2]\nrounds = 2\n[[tcp]]\nconnections = [2, 3]\nrounds = 4\n"
    assert [one.timing.rounds for one in read(text)] == [2, 2, 4]


@pytest.mark.parametrize("name", ["quick", "full"])
def test_ours_can_be_read(name):
    found = matrix.load(matrix.FOLDER / f"{name}.toml")
    assert {one.cell.part for one in found} == {"tcp", "udp", "file"}


@pytest.mark.parametrize(("text", "named"), [
    ("", "nothing to measure"), ("[[tcp]\n", "line 1"), ("[tcp]\nsurplus = 1\n", "surplus"),
    ("surplus = 1\n", "surplus"), ("tcp = 3\n", "tcp"),
    ("[[tcp]]\nconnections = 0\n", "connections: '0' is not a count"),
    ("[[tcp]]\nconnections = [1, true]\n", "connections: 'True'"),
    ("[[tcp]]\nconnections = 1.5\n", "connections: '1.5'"),
    ("[[tcp]]\nbackend = []\n", "backend: an empty list"),
    ('[[tcp]]\nmode = "fast"\n', "mode: 'fast' is not one of"),
    ('[[tcp]]\nclient_options = ["-n 5", "-n=5"]\n', "two cells would both be called"),
    ('[[tcp]]\nwork = "5 apples"\n', "work: '5 apples'"), ('[[udp]]\nsize = "17m"\n', "size"),
    ('rounds = "many"\n[[tcp]]\n', "rounds: 'many'"), ('[[file]]\nwarmup = "-1s"\n', "warmup"),
])
def test_faults_name_the_place(text, named, tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([ROOT / "scripts" / "bench", file, "--output", tmp_path / "out"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bench: bad.toml: ") and done.stderr.count("\n") == 1
    assert named in done.stderr
    assert not (tmp_path / "out").exists()


# ---- the order of runs


def test_order_is_random_but_seeded():
    planned = read('duets = 0\n[[tcp]]\nbackend = ["x", "y", "z"]\nconnections = [1, 2, 3, 4]\nrounds = 5\n'
                   '[[udp]]\nrounds = 2\n')

    def order(seed):
        plan = resultset.plan_for(planned, seed=seed, cpus=(0, 1))
        store = resultset.ResultSet("never written", plan)
        return [(turn.number, turn.members[0][1].cell.name)
                for turn in schedule.turns([schedule.Variant(store, None)])]

    assert order(1) == order(1) and order(1) != order(2)
    assert sorted(order(1)) == sorted(
        (number, one.cell.name) for one in planned for number in range(1, one.timing.rounds + 1))
    for part in ("tcp", "udp"):  # the few rounds of one are spread over the many of the other
        numbers = [number for number, name in order(1) if name.startswith(part)]
        assert numbers == sorted(numbers)
    groups = [name.split("-c")[1] for _, name in order(1) if name.startswith("tcp")]
    assert all(len(set(groups[i:i + 3])) == 1 for i in range(0, len(groups), 3))


# ---- going on


def store(tmp_path):
    plan = resultset.plan_for(read(SMALL), seed=1, cpus=run.choose_cpus())
    return resultset.Store.create(tmp_path / "set", plan)


def measured(found):
    return sorted((name, number) for name, rounds in found.samples.items() for number in rounds)


def test_resume_measures_what_is_missing(tmp_path):
    """Nothing twice; a torn line and a report that is not whole are measured again."""
    made = store(tmp_path)
    runner.measure([schedule.Variant(made, run.programs())])
    whole = measured(resultset.load(made.path))
    assert len(whole) == 4 * 2
    lines = (made.path / "runs.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (made.path / "runs.jsonl").write_text("".join(lines[:5]) + lines[5][:20], encoding="utf-8")
    spoilt = json.loads(lines[0])
    report = f"{made.stem(spoilt['cell'], spoilt['round'])}.client.json"
    Path(report).write_text('{"schema_version": 1, "to', encoding="utf-8")
    kept = {line["ended_at"] for line in map(json.loads, lines[1:5])}

    found = resultset.load(made.path)
    assert len(measured(found)) == 4
    assert len(found.problems) == 1 and found.problems[0].startswith(f"{report}: truncated")

    done = subprocess.run([ROOT / "scripts" / "bench", "--resume", made.path],
                          capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[4/4]" in done.stdout and "[5/" not in done.stdout
    found = resultset.load(made.path)
    assert (measured(found), found.problems) == (whole, [])
    again = [json.loads(line) for line in
             (made.path / "runs.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["ended_at"] for line in again[:4]} == kept
    assert not json.loads((made.path / "summary.json").read_text(encoding="utf-8"))["interrupted"]


def test_resume_goes_with_nothing_else(tmp_path):
    made = store(tmp_path)
    done = subprocess.run([ROOT / "scripts" / "bench", "--resume", made.path, "--rounds", "3"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("bench: --resume: ") and done.stderr.count("\n") == 1


def test_a_plan_of_another_version_is_one_line(tmp_path):
    made = store(tmp_path)
    made.plan["schema_version"] = 1
    resultset.write_json(made.path / "plan.json", made.plan)
    with pytest.raises(resultset.Unreadable, match="plan.json: schema version 1, which is not"):
        resultset.load(made.path)


@pytest.mark.parametrize(("text", "said"), [
    ('{"tool": "bench_cli', "truncated, or no JSON"), ("[1]", "not of this suite"),
    ('{"tool": "fio"}', "not of this suite: its 'tool' is 'fio'"),
    ('{"tool": "bench_udp", "schema_version": 0}', "schema version 0, which is not the 1"),
    ("\x00", "truncated, or no JSON"),
])
def test_a_report_that_is_none_is_one_line(text, said, tmp_path):
    file = tmp_path / "report.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(resultset.Unreadable) as caught:
        resultset.read_report(file)
    assert str(caught.value).startswith(f"{file}: ") and said in str(caught.value)
    assert "\n" not in str(caught.value)
