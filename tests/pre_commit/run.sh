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
# The third hook calls the whole program.
if [ -x "$here/target/debug/cpl" ]; then
  export PATH="$here/target/debug:$PATH"
  echo "      - id: cpl-test" >> .pre-commit-config.yaml
  git add .pre-commit-config.yaml && git commit --quiet --no-verify --message "tests too"
  cat > tested.cpl <<'PIPELINE'
pipeline p {
  retire 2099-01-01
}
fetch a from csv("a.csv") { columns { id: text, n: count } }
transform b from a { group by id { n = sum(n) } }
alert many for each id in b { when n > 3 }
test "four are many" {
  today 2026-11-20
  given a {
    | id | n |
    | x  | 4 |
  }
  expect no many
}
PIPELINE
  git add tested.cpl
  git commit --message "a test that fails" > "$work/out" 2>&1 && fail "a file whose test fails is committed"
  grep --quiet '`many` fires' "$work/out" || fail "it is not told which test fails"
  sed -i 's/expect no many/expect many for x/' tested.cpl && git add tested.cpl
  git commit --message "a test that passes" > "$work/out" 2>&1 || fail "a file whose test passes is refused"
else
  echo "cpl-test: skipped, since target/debug/cpl is not built"
fi
echo "a wrong file was refused, one in another style was written anew, a right one was committed"
