#!/usr/bin/env bash
# The hooks as a team uses them: the real pre-commit, pointed at this repository's last commit, in a repository of its
# own that commits a wrong file and a right one. Needs python3, pip, git and a Rust toolchain.
set -euo pipefail
here=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "pre-commit: $1" >&2; cat "$work/out" >&2; exit 1; }

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pre-commit
export PRE_COMMIT_HOME="$work/home" PATH="$work/venv/bin:$PATH"
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com

mkdir "$work/team" && cd "$work/team"
git init --quiet
cat > .pre-commit-config.yaml <<CONFIG
repos:
  - repo: $here
    rev: $(git -C "$here" rev-parse HEAD)
    hooks:
      - id: cpl-check
      - id: cpl-fmt
CONFIG
git add . && git commit --quiet --message "the hooks"

started=$SECONDS
pre-commit install --install-hooks > "$work/out" 2>&1 || fail "the hooks can't be installed"
echo "the hooks are installed after $((SECONDS - started)) s"

printf 'pipeline p { retire 2099-01-01 }\nlet a = 10m\n' > wrong.cpl
git add wrong.cpl
git commit --message "wrong" > "$work/out" 2>&1 && fail "a wrong file is committed"
grep --quiet 'a million is written with a capital M' "$work/out" || fail "it is not told what is wrong"

git rm --quiet --cached wrong.cpl && rm wrong.cpl
printf 'pipeline p {\n  question "Which?"\n  retire 2099-01-01\n}\n' > loose.cpl
git add loose.cpl
git commit --message "loose" > "$work/out" 2>&1 && fail "a file in another style is committed"
grep --quiet 'loose.cpl: written anew' "$work/out" || fail "it is not written anew"

git add loose.cpl
git commit --message "right" > "$work/out" 2>&1 || fail "a right file is refused"
echo "a wrong file was refused, one in another style was written anew, a right one was committed"
