"""The GitHub Action: its form by GitHub's documentation, its scripts as a runner would run them.

https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

import http.server
import json
import os
import re
import shutil
import subprocess
import threading

import pytest
from harness import PATIENCE_S, ROOT

yaml = pytest.importorskip("yaml")

ACTION = ROOT / ".github" / "actions" / "bench"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
STEP_KEYS = {"name", "id", "if", "shell", "run", "env", "uses", "with", "working-directory",
             "continue-on-error"}


def loaded(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def action_steps():
    return loaded(ACTION / "action.yml")["runs"]["steps"]


def run_blocks():
    return [(step["name"], step["run"]) for step in action_steps() if "run" in step]


# ---- form


def test_metadata():
    action = loaded(ACTION / "action.yml")
    assert set(action) == {"name", "description", "inputs", "outputs", "runs"}
    assert action["runs"]["using"] == "composite"
    for name, one in action["inputs"].items():
        assert set(one) == {"description", "default"}, name
        assert one["description"] and isinstance(one["default"], str), name
    for name, one in action["outputs"].items():
        assert set(one) == {"description", "value"}, name
    for step in action["runs"]["steps"]:
        assert set(step) <= STEP_KEYS
        assert ("run" in step) != ("uses" in step)
        assert "uses" in step or step["shell"] == "bash"  # required in a composite action
        assert all(isinstance(value, str) for value in step.get("env", {}).values())


def test_expressions_name_what_there_is():
    text = (ACTION / "action.yml").read_text(encoding="utf-8")
    action = loaded(ACTION / "action.yml")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])
    ids = {step["id"] for step in action["runs"]["steps"] if "id" in step}
    assert set(re.findall(r"steps\.([\w-]+)\.", text)) <= ids
    outputs = set(re.findall(r"steps\.compare\.outputs\.([\w-]+)", text))
    script = (ACTION / "compare.sh").read_text(encoding="utf-8")
    assert outputs == set(re.findall(r'echo "([\w-]+)=.*GITHUB_OUTPUT', script))


def test_nothing_is_pasted_into_a_script():
    """An expression within `run` would be: text of a pull request could then become a command."""
    for name, block in run_blocks():
        assert "${{" not in block, name
    for workflow in WORKFLOWS:
        for job in loaded(workflow)["jobs"].values():
            assert all("${{" not in step.get("run", "") for step in job["steps"])


def test_the_environment_is_complete():
    """Each script is given every variable that it takes and no other."""
    for step in action_steps():
        for script in re.findall(r"GITHUB_ACTION_PATH/([\w.]+)", step.get("run", "")):
            assert os.access(ACTION / script, os.X_OK)
            text = (ACTION / script).read_text(encoding="utf-8")
            taken = set(re.findall(r"\$\{?([A-Z_]+)\b", text)) | set(
                re.findall(r"env\[['\"]([A-Z_]+)", text))
            assert {name for name in taken if not name.startswith("GITHUB_")} == set(step["env"])


def test_others_actions_are_pinned():
    for path in (ACTION / "action.yml", ROOT / ".github" / "workflows" / "bench.yml"):
        for uses in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8")):
            assert uses.startswith("./") or re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", uses)


def test_workflow_uses_the_action():
    workflow = loaded(ROOT / ".github" / "workflows" / "bench.yml")
    assert "pull_request" in workflow[True]  # YAML 1.1 takes "on" for a truth value
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    (job,) = workflow["jobs"].values()
    checkout, ours = job["steps"]
    assert checkout["with"]["fetch-depth"] == 2
    assert (ROOT / ours["uses"]).samefile(ACTION)
    assert set(ours.get("with", {})) <= set(loaded(ACTION / "action.yml")["inputs"])


def test_inputs_are_documented():
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    action = loaded(ACTION / "action.yml")
    for name in [*action["inputs"], *action["outputs"]]:
        assert f"`{name}`" in text


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck():
    texts = {name: f"#!/bin/bash\n{block}" for name, block in run_blocks()}
    texts |= {"compare.sh": (ACTION / "compare.sh").read_text(encoding="utf-8")}
    for name, text in texts.items():
        done = subprocess.run(["shellcheck", "-"], input=text, capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        assert (done.returncode, done.stdout) == (0, ""), name


# ---- compare.sh

FAKE_COMPARE = """#!/bin/bash
printf '%s\\n' "$@" >"$TOLD"
while [ $# -gt 1 ]; do
    [ "$1" = --markdown ] && echo "| the table |" >"$2"
    shift
done
exit "${STATUS-0}"
"""


def git(folder, *words):
    identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "protocol.file.allow=always"]
    return subprocess.run(["git", "-C", folder, *identity, *words], check=True, timeout=PATIENCE_S,
                          capture_output=True, text=True).stdout.strip()


def commit(folder, name):
    (folder / name).write_text(name, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", name)
    return git(folder, "rev-parse", "HEAD")


def suite(folder):
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts" / "compare").write_text(FAKE_COMPARE, encoding="utf-8")
    (folder / "scripts" / "compare").chmod(0o755)
    git(folder, "init", "-q", "-b", "main")


@pytest.fixture
def origin(tmp_path):
    """A repository as GitHub has it: main has gone on since the branch began; refs/pull/1/merge is
    the merge of both."""
    folder = tmp_path / "origin"
    suite(folder)
    commit(folder, "first")
    git(folder, "checkout", "-qb", "topic")
    commit(folder, "change")
    git(folder, "checkout", "-q", "main")
    commit(folder, "other")
    git(folder, "checkout", "-q", "--detach")
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    git(folder, "update-ref", "refs/pull/1/merge", "HEAD")
    git(folder, "checkout", "-q", "main")
    git(folder, "config", "uploadpack.allowReachableSHA1InWant", "true")
    return folder


def checkout(tmp_path, origin, ref, depth=1):
    """What actions/checkout leaves."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", f"file://{origin}")
    git(folder, "fetch", "-q", "--no-tags", f"--depth={depth}", "origin", ref)
    git(folder, "checkout", "-q", "--detach", "FETCH_HEAD")
    return folder


class Ran:
    """compare.sh, run as the action does it."""

    def __init__(self, tmp_path, workspace, **env):
        told, output, summary = (tmp_path / name for name in ("told", "output", "summary"))
        for file in (told, output, summary):
            file.write_text("", encoding="utf-8")
        (step,) = (step for step in action_steps() if step.get("id") == "compare")
        given = dict.fromkeys(step["env"], "") | {
            "SUITE": ".", "MIN_EFFECT": "3%", "INCONCLUSIVE": "warn", "FOLDER": str(tmp_path / "a folder"),
            "GITHUB_ACTION_PATH": str(ACTION), "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary), "TOLD": str(told)} | env
        # As a runner starts "shell: bash".
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=workspace,
            env=os.environ | given, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.status, self.stderr = done.returncode, done.stderr
        self.told = told.read_text(encoding="utf-8").splitlines()
        self.outputs = dict(line.split("=", 1)
                            for line in output.read_text(encoding="utf-8").splitlines())
        self.summary = summary.read_text(encoding="utf-8")

    @property
    def revisions(self):
        return [self.told[i + 1] for i, word in enumerate(self.told) if word == "--rev"]


def test_a_pull_request_is_compared_with_what_it_is_merged_into(tmp_path, origin):
    """Not with the base of the event, which main may have left behind."""
    workspace = checkout(tmp_path, origin, "refs/pull/1/merge")
    old = git(origin, "rev-parse", "main^")
    ran = Ran(tmp_path, workspace, EVENT_BASE=old, MATRIX="m.toml", PARTS="tcp", ROUNDS="7",
              EQUAL_WITHIN="2%")
    assert (ran.status, ran.stderr) == (0, "")
    folder = str(tmp_path / "a folder")
    main, merge = (git(origin, "rev-parse", name) for name in ("main", "refs/pull/1/merge"))
    assert ran.told == [
        "--rev", main, "--rev", merge, "--min-effect", "3%", "--gate", "--inconclusive", "warn",
        "--markdown", f"{folder}/table.md", "--json", f"{folder}/compare.json", "--output", f"{folder}/sets",
        "--matrix", "m.toml", "--parts", "tcp", "--rounds", "7", "--equal-within", "2%"]
    assert ran.outputs == {"folder": folder, "regression": "false"}
    assert ran.summary == "| the table |\n"


def test_compare_knows_the_options(tmp_path, origin):
    """What the action asks of the fake is what the real script offers."""
    workspace = checkout(tmp_path, origin, "main")
    ran = Ran(tmp_path, workspace, MATRIX="m.toml", PARTS="tcp", ROUNDS="7", EQUAL_WITHIN="2%")
    done = subprocess.run([ROOT / "scripts" / "compare", "--help"], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    asked = [word for word in ran.told if word.startswith("--")]
    assert len(asked) == 12
    assert [word for word in asked if not re.search(rf"{word}\b", done.stdout)] == []


def test_a_branch_alone_is_compared_with_the_base_of_the_event(tmp_path, origin):
    workspace = checkout(tmp_path, origin, "topic")
    base = git(origin, "rev-parse", "main")
    ran = Ran(tmp_path, workspace, EVENT_BASE=base)
    assert ran.revisions == [base, git(origin, "rev-parse", "topic")]


def test_a_push_is_compared_with_the_commit_before(tmp_path, origin):
    workspace = checkout(tmp_path, origin, "main")
    assert Ran(tmp_path, workspace).revisions == [
        git(origin, "rev-parse", name) for name in ("main^", "main")]


def test_a_base_that_is_named(tmp_path, origin):
    """A branch that the shallow checkout does not have."""
    workspace = checkout(tmp_path, origin, "main")
    ran = Ran(tmp_path, workspace, BASE="topic")
    assert ran.revisions == [git(origin, "rev-parse", name) for name in ("topic", "main")]


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "$(touch x)", "a b", "+main:main"])
def test_a_base_that_is_no_revision(tmp_path, origin, name):
    workspace = checkout(tmp_path, origin, "main")
    ran = Ran(tmp_path, workspace, BASE=name)
    assert (ran.status, ran.told) == (1, [])
    assert ran.stderr == f"::error title=iobench::base: '{name}' is not a revision\n"
    assert not (workspace / "x").exists()


def test_a_base_that_is_not_there(tmp_path, origin):
    ran = Ran(tmp_path, checkout(tmp_path, origin, "main"), BASE="gone")
    assert ran.status == 1
    assert ran.stderr.endswith("::error title=iobench::base: 'gone' is not in the repository\n")


def test_a_regression_is_an_output(tmp_path, origin):
    """The gate is a step of its own, after the comment and the artifact."""
    ran = Ran(tmp_path, checkout(tmp_path, origin, "main"), STATUS="1")
    assert (ran.status, ran.outputs["regression"]) == (0, "true")
    assert "| the table |" in ran.summary


def test_a_comparison_that_failed_is_no_regression(tmp_path, origin):
    ran = Ran(tmp_path, checkout(tmp_path, origin, "main"), STATUS="2")
    assert ran.status == 1
    assert ran.stderr == "::error title=iobench::scripts/compare ended with status 2\n"
    assert "regression" not in ran.outputs


def test_a_submodule_is_compared_by_its_own_commits(tmp_path, origin):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q", "-b", "main")
    git(outer, "submodule", "--quiet", "add", f"file://{origin}", "bench")
    git(outer / "bench", "checkout", "-q", "main^")
    commit(outer, "old")
    git(outer / "bench", "checkout", "-q", "main")
    commit(outer, "new")
    ran = Ran(tmp_path, outer, SUITE="bench")
    assert ran.revisions == [git(origin, "rev-parse", name) for name in ("main^", "main")]
    commit(outer, "unrelated")
    ran = Ran(tmp_path, outer, SUITE="bench")
    assert (ran.status, ran.told, ran.outputs["regression"]) == (0, [], "false")
    assert "nothing to compare" in ran.summary


# ---- comment


class GitHub(http.server.BaseHTTPRequestHandler):
    """So much of the API as comments need: two to a page, whatever is asked for."""

    def answer(self, status, value, headers=()):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        server = self.server
        assert self.headers["Authorization"] == "Bearer secret"
        server.calls.append((self.command, self.path.split("?")[0]))
        if server.refuse.get(self.command):
            return self.answer(server.refuse[self.command], {"message": "no"})
        if self.command == "GET":
            page = int((re.findall(r"[?&]page=(\d+)", self.path) or ["1"])[0])
            some = server.comments[2 * page - 2:2 * page]
            more = len(server.comments) > 2 * page
            link = [("Link", f'<{server.url}/repos/o/r/issues/5/comments?page={page + 1}>; '
                             'rel="next", <x>; rel="last"')] * more
            return self.answer(200, some, link)
        if self.command == "POST":
            server.comments.append({"id": len(server.comments), "user": {"type": "Bot"}, **body})
        else:
            server.comments[int(self.path.rsplit("/", 1)[1])].update(body)
        return self.answer(200, {})

    do_GET = do_POST = do_PATCH = handle_any

    def log_message(self, *_):
        pass


@pytest.fixture
def github():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), GitHub) as server:
        server.url = f"http://127.0.0.1:{server.server_port}"
        server.calls, server.comments, server.refuse = [], [], {}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(PATIENCE_S)


def put_comment(github, tmp_path, text, key="w/j/a"):
    table = tmp_path / "table.md"
    table.write_text(text, encoding="utf-8")
    env = os.environ | {
        "TOKEN": "secret", "PULL_REQUEST": "5", "KEY": key, "TABLE": str(table),
        "GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "77",
        "GITHUB_SERVER_URL": "https://github.example", "no_proxy": "127.0.0.1"}
    done = subprocess.run([ACTION / "comment"], env=env, capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_comment_is_made_and_then_replaced(github, tmp_path):
    github.comments += [{"id": i, "user": {"type": "User"}, "body": "nice"} for i in range(3)]
    assert put_comment(github, tmp_path, "| first ± |\n") == "comment made\n"
    assert put_comment(github, tmp_path, "| second |\n") == "comment replaced\n"
    assert len(github.comments) == 4
    body = github.comments[3]["body"]
    assert "| second |" in body and "first" not in body
    assert "https://github.example/o/r/actions/runs/77" in body
    assert put_comment(github, tmp_path, "x\n", key="another job") == "comment made\n"
    assert len(github.comments) == 5


def test_what_a_person_wrote_is_not_replaced(github, tmp_path):
    """Even if it begins like ours."""
    put_comment(github, tmp_path, "one\n")
    github.comments[0]["user"] = {"type": "User"}
    github.comments.append({"id": 1, "user": None, "body": None})
    assert put_comment(github, tmp_path, "two\n") == "comment made\n"
    assert "one" in github.comments[0]["body"]


def test_a_token_that_may_not_write(github, tmp_path):
    github.refuse = {"POST": 403}
    out = put_comment(github, tmp_path, "x\n")
    assert out.startswith("::notice title=iobench::No comment") and out.count("\n") == 1
    assert "fork" in out and "pull-requests: write" in out and "job summary" in out


def test_github_is_down(github, tmp_path):
    github.refuse = {"GET": 502}
    assert put_comment(github, tmp_path, "x\n").startswith(
        "::warning title=iobench::No comment on the pull request: GitHub answered 502")


def test_nobody_answers(github, tmp_path):
    github.url = "http://127.0.0.1:9"
    assert put_comment(github, tmp_path, "x\n").startswith("::warning title=iobench::No comment")


def test_the_token_is_not_sent_elsewhere(github, tmp_path):
    """A next page at another address is not followed."""
    github.comments += [{"id": i, "user": {"type": "User"}, "body": ""} for i in range(3)]
    real, github.url = github.url, "http://127.0.0.1:9"

    class Real:
        url = real

    assert put_comment(Real, tmp_path, "x\n") == "comment made\n"
    assert [method for method, _ in github.calls] == ["GET", "POST"]


def test_a_long_table_is_cut(github, tmp_path):
    put_comment(github, tmp_path, "| a row of the table |\n" * 5000)
    body = github.comments[0]["body"]
    assert 60000 < len(body) <= 65536
    assert "The rest is in the job summary." in body and "actions/runs/77" in body
