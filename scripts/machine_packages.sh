#!/usr/bin/env bash
# Chromium, PostgreSQL's server programs and LibreOffice (which reads our CSV back), from Debian's packages, where they are missing and we may install them.
# Says loudly what stays missing: in CI the tests that need it then fail, elsewhere they are skipped.
set -u

has_chromium() { command -v chromium >/dev/null; }
has_postgresql() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; }

has_libreoffice() { command -v soffice >/dev/null; }

missing() {
  has_chromium || echo chromium
  has_postgresql || echo postgresql
  has_libreoffice || echo libreoffice-calc-nogui
}

packages=$(missing)
[ -z "$packages" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing for the tests, once: $(echo $packages)"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  # $packages is a list on purpose
  install() { apt-get install -y -qq --no-install-recommends $packages >>"$log" 2>&1; }
  install || { apt-get update -qq >>"$log" 2>&1; install; } || tail -n 15 "$log" >&2
  rm -f "$log"
fi

packages=$(missing)
if [ -n "$packages" ]; then
  echo "**************************************************************************************" >&2
  echo "* MISSING on this machine: $(echo $packages)" >&2
  echo "* The tests that need it do NOT run. On Debian or Ubuntu: sudo apt-get install $(echo $packages)" >&2
  echo "**************************************************************************************" >&2
  [ "${CI:-}" = true ] && exit 1
fi
exit 0
