#include "replication/local_cluster.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include "replication/connection.h"
#include "replication/process.h"

namespace sluice::replication {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
template <typename T = void>
using Outcome = std::expected<T, std::string>;

constexpr int kStopWaitMs = 10'000;   // a fast shutdown writes one checkpoint
constexpr int kQuitWaitMs = 6'000;    // Postgres itself kills its children after 5 s
constexpr int kStartWaitMs = 60'000;  // crash recovery of a development database
constexpr int kReadyPollMs = 20;
constexpr int kFolderInUseWaitMs = 12'000;  // as long as an immediate shutdown may take, twice
constexpr int kFolderInUsePauseMs = 50;
constexpr int kPortAttempts = 5;             // another program may take the port between the choice and the bind
constexpr int kErrorLines = 12;              // of a command's output that an error carries
constexpr std::size_t kSocketPathMax = 107;  // sun_path without its NUL
constexpr std::size_t kSocketNameBytes = sizeof("/.s.PGSQL.65535") - 1;

struct ConnClose {
  void operator()(PGconn* conn) const { PQfinish(conn); }
};
using Conn = std::unique_ptr<PGconn, ConnClose>;
struct ResultClear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ResultClear>;

Outcome<std::string> run_checked(const Command& command) {
  const auto finished = run(command);
  if (!finished) return std::unexpected(fmt::format("{}: {}", command.argv[0], finished.error()));
  if (finished->status == 0) return finished->output;
  return std::unexpected(
      fmt::format("{} exited with {}:\n{}", command.argv[0], finished->status, tail_of(finished->output, kErrorLines)));
}

bool has_postgres(const fs::path& bin) {
  return ::access((bin / "postgres").c_str(), X_OK) == 0;
}

std::optional<fs::path> bin_of_pg_config() {
  const auto finished = run({.argv = {"/usr/bin/env", "pg_config", "--bindir"}});
  if (!finished || finished->status != 0) return std::nullopt;
  fs::path bin = tail_of(finished->output, 1);
  if (!has_postgres(bin)) return std::nullopt;
  return bin;
}

Outcome<fs::path> find_binaries() {
  if (auto bin = bin_of_pg_config()) return *bin;
  std::optional<std::pair<int, fs::path>> newest;
  std::error_code ignored;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const int number = std::atoi(version.path().filename().c_str());
    const fs::path bin = version.path() / "bin";
    if (has_postgres(bin) && (!newest || number > newest->first)) newest = {number, bin};
  }
  if (newest) return newest->second;
  return std::unexpected(
      "Postgres is not installed: neither `pg_config --bindir` nor /usr/lib/postgresql/*/bin has it "
      "(Debian: apt-get install postgresql)");
}

// Root cannot run Postgres; anybody else runs it as themselves.
Outcome<std::optional<Identity>> server_identity() {
  if (::geteuid() != 0) return std::nullopt;
  auto who = Identity::of_user("postgres");
  if (!who) return std::unexpected(fmt::format("as root, Postgres runs as the user 'postgres': {}", who.error()));
  return std::optional(std::move(*who));
}

Outcome<> make_folder(const fs::path& folder, const std::optional<Identity>& as) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return std::unexpected(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  if (!as) return {};
  if (::chown(folder.c_str(), as->uid, as->gid) != 0) {
    return std::unexpected(fmt::format("cannot give {} to the user '{}'", folder.string(), as->name));
  }
  for (fs::path parent = folder.parent_path();; parent = parent.parent_path()) {
    if (!as->may_enter(parent.string())) {
      return std::unexpected(
          fmt::format("the user '{0}', who runs Postgres when you are root, cannot enter {1}: use another folder, or "
                      "chmod o+x {1}",
                      as->name, parent.string()));
    }
    if (parent == parent.root_path()) return {};
  }
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  int port = 0;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    port = ntohs(address.sin_port);
  }
  ::close(fd);
  return port;
}

std::string quote_literal_for_conninfo(std::string_view value) {
  std::string quoted = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '\'';
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      encoded += static_cast<char>(c);
    } else {
      encoded += fmt::format("%{:02X}", c);
    }
  }
  return encoded;
}

}  // namespace

struct LocalCluster::Impl {
  LocalClusterOptions options;
  fs::path bin;
  fs::path data;
  fs::path log;
  std::optional<Identity> as;
  std::string socket_directory;
  bool socket_directory_is_ours = false;
  int port = 0;
  pid_t pid = -1;

  Outcome<> start();
  void stop();

 private:
  Outcome<> initialise();
  Outcome<> choose_socket_directory();
  Outcome<> start_server();
  // kFolderInUse: a server whose owner was just killed is still shutting down there.
  enum class Attempt { kReady, kPortTaken, kFolderInUse };
  Outcome<Attempt> start_server_on(int chosen_port, Clock::time_point deadline);
  Outcome<Attempt> why_it_ended(int status, const std::string& said) const;
  std::vector<std::string> server_arguments(int chosen_port) const;
  Outcome<> create_database();
  Conn connect() const;
};

Outcome<> LocalCluster::Impl::start() {
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(fs::absolute(options.directory), error);
  if (error) return std::unexpected(fmt::format("{}: {}", options.directory, error.message()));
  options.directory = folder.string();
  data = folder / "data";
  log = folder / "postgres.log";
  if (auto found = find_binaries(); found)
    bin = *found;
  else
    return std::unexpected(found.error());
  if (auto who = server_identity(); who)
    as = *who;
  else
    return std::unexpected(who.error());
  if (auto done = make_folder(folder, as); !done) return done;
  if (auto done = initialise(); !done) return done;
  if (auto done = choose_socket_directory(); !done) return done;
  if (auto done = start_server(); !done) return done;
  return create_database();
}

// Into a folder of another name first: an initdb that was interrupted leaves nothing that looks like a cluster.
Outcome<> LocalCluster::Impl::initialise() {
  if (fs::exists(data / "PG_VERSION")) return {};
  const fs::path fresh = fs::path(options.directory) / "data.new";
  Outcome<std::string> made;
  for (const char* locale : {"C.UTF-8", "C"}) {
    std::error_code error;
    fs::remove_all(fresh, error);
    Command initdb{.argv = {(bin / "initdb").string(), "--pgdata", fresh.string(), "--username=postgres", "--auth=trust",
                            "--encoding=UTF8", fmt::format("--locale={}", locale), "--no-instructions"},
                   .as = as};
    if (!options.durable) initdb.argv.push_back("--no-sync");
    made = run_checked(initdb);
    if (made) break;
  }
  if (!made) return std::unexpected(made.error());
  std::error_code error;
  fs::rename(fresh, data, error);
  if (error) return std::unexpected(fmt::format("cannot rename {}: {}", fresh.string(), error.message()));
  return {};
}

Outcome<> LocalCluster::Impl::choose_socket_directory() {
  socket_directory = options.directory;
  if (socket_directory.size() + kSocketNameBytes <= kSocketPathMax) return {};
  std::string made = "/tmp/sluice-pg-XXXXXX";
  if (::mkdtemp(made.data()) == nullptr) return std::unexpected("cannot make a folder for the socket in /tmp");
  socket_directory = made;
  socket_directory_is_ours = true;
  return make_folder(socket_directory, as);
}

std::vector<std::string> LocalCluster::Impl::server_arguments(int chosen_port) const {
  std::vector<std::string> settings = {
      "listen_addresses=127.0.0.1",
      fmt::format("port={}", chosen_port),
      fmt::format("unix_socket_directories={}", socket_directory),
      "wal_level=logical",
      "max_wal_senders=40",
      "max_replication_slots=40",
      "max_connections=200",
      "logging_collector=off",
      "log_destination=stderr",
  };
  if (!options.durable) settings.insert(settings.end(), {"fsync=off", "full_page_writes=off"});
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  std::vector<std::string> argv = {(bin / "postgres").string(), "-D", data.string()};
  for (std::string& setting : settings) {
    argv.emplace_back("-c");
    argv.push_back(std::move(setting));
  }
  return argv;
}

Outcome<> LocalCluster::Impl::start_server() {
  const auto deadline = Clock::now() + std::chrono::milliseconds(kStartWaitMs);
  const auto give_up_folder = Clock::now() + std::chrono::milliseconds(kFolderInUseWaitMs);
  int ports_left = kPortAttempts;
  while (ports_left > 0) {
    const auto attempt = start_server_on(free_port(), deadline);
    if (!attempt) return std::unexpected(attempt.error());
    if (*attempt == Attempt::kReady) return {};
    if (*attempt == Attempt::kPortTaken) --ports_left;
    if (*attempt != Attempt::kFolderInUse) continue;
    if (Clock::now() >= give_up_folder) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(kFolderInUsePauseMs));
  }
  return std::unexpected(fmt::format("cannot start Postgres in {}: {}", options.directory,
                                     ports_left == 0 ? "no free port on 127.0.0.1" : "another server is running there"));
}

Outcome<LocalCluster::Impl::Attempt> LocalCluster::Impl::start_server_on(int chosen_port, Clock::time_point deadline) {
  std::error_code none;
  const std::size_t log_start = fs::exists(log, none) ? fs::file_size(log, none) : 0;
  const auto started = start_in_background({.argv = server_arguments(chosen_port), .as = as}, log.string());
  if (!started) return std::unexpected(started.error());
  pid = *started;
  port = chosen_port;
  while (Clock::now() < deadline) {
    if (const auto status = wait_for_exit(pid, kReadyPollMs)) {
      pid = -1;
      return why_it_ended(*status, tail_of_file(log.string(), kErrorLines, log_start));
    }
    if (PQstatus(connect().get()) == CONNECTION_OK) return Attempt::kReady;
  }
  stop();
  return std::unexpected(fmt::format("Postgres did not accept connections within {} s:\n{}", kStartWaitMs / 1000,
                                     tail_of_file(log.string(), kErrorLines, log_start)));
}

Outcome<LocalCluster::Impl::Attempt> LocalCluster::Impl::why_it_ended(int status, const std::string& said) const {
  const auto mentions = [&](std::string_view words) { return said.find(words) != std::string::npos; };
  if (mentions("Address already in use")) return Attempt::kPortTaken;
  if (mentions("lock file \"postmaster.pid\" already exists") || mentions("pre-existing shared memory block")) {
    return Attempt::kFolderInUse;
  }
  return std::unexpected(fmt::format("{} exited with {}:\n{}", (bin / "postgres").string(), status, said));
}

// Over the socket in our folder, so that nothing else that listens on the port can be mistaken for our server.
Conn LocalCluster::Impl::connect() const {
  return Conn(PQconnectdb(fmt::format("host={} port={} user=postgres dbname=postgres connect_timeout=10",
                                      quote_literal_for_conninfo(socket_directory), port)
                              .c_str()));
}

Outcome<> LocalCluster::Impl::create_database() {
  const Conn conn = connect();
  const char* values[] = {options.database.c_str()};
  const Answer found(
      PQexecParams(conn.get(), "SELECT 1 FROM pg_database WHERE datname = $1", 1, nullptr, values, nullptr, nullptr, 0));
  if (PQresultStatus(found.get()) != PGRES_TUPLES_OK) return std::unexpected(PQerrorMessage(conn.get()));
  if (PQntuples(found.get()) != 0) return {};
  const Answer made(PQexec(conn.get(), fmt::format("CREATE DATABASE {}", quote_identifier(options.database)).c_str()));
  if (PQresultStatus(made.get()) != PGRES_COMMAND_OK) return std::unexpected(PQerrorMessage(conn.get()));
  return {};
}

void LocalCluster::Impl::stop() {
  if (pid > 0) {
    struct Step {
      int signal;
      int wait_ms;
    };
    for (const Step& step : {Step{SIGINT, kStopWaitMs}, Step{SIGQUIT, kQuitWaitMs}, Step{SIGKILL, kQuitWaitMs}}) {
      ::kill(pid, step.signal);
      if (wait_for_exit(pid, step.wait_ms)) break;
    }
    pid = -1;
  }
  if (socket_directory_is_ours) {
    std::error_code ignored;
    fs::remove_all(socket_directory, ignored);
    socket_directory_is_ours = false;
  }
}

LocalCluster::LocalCluster(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalCluster::~LocalCluster() {
  stop();
}

Outcome<std::unique_ptr<LocalCluster>> LocalCluster::start(LocalClusterOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  std::unique_ptr<LocalCluster> cluster(new LocalCluster(std::move(impl)));
  if (auto started = cluster->impl_->start(); !started) return std::unexpected(started.error());
  return cluster;
}

std::string LocalCluster::url() const {
  return url(impl_->options.database);
}
std::string LocalCluster::url(std::string_view database) const {
  return fmt::format("postgresql://postgres@127.0.0.1:{}/{}", impl_->port, percent_encode(database));
}
int LocalCluster::port() const {
  return impl_->port;
}
const std::string& LocalCluster::socket_directory() const {
  return impl_->socket_directory;
}
void LocalCluster::stop() {
  impl_->stop();
}

}  // namespace sluice::replication
