#include "app/dev.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "app/demo.h"
#include "app/inputs.h"
#include "app/serve.h"
#include "base/bytes.h"
#include "replication/local_cluster.h"
#include "token/key.h"
#include "token/verifier.h"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDemoTokenLifetime_s = 30 * 24 * 60 * 60;

// Readable by this user only, replaced as a whole.
void write_private_file(const fs::path& path, std::string_view text) {
  const std::string temporary = path.string() + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!written) throw std::runtime_error(fmt::format("cannot write {}: {}", temporary, std::strerror(error)));
  fs::rename(temporary, path);
}

std::string make_secret() {
  std::array<std::uint8_t, 32> bytes{};
  fill_random(bytes);
  return base64url_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// Made at the first start, kept from then on, so tokens of an earlier run stay good.
std::string secret_of(const fs::path& path) {
  if (!fs::exists(path)) write_private_file(path, make_secret());
  return read_small_file(path.string());
}

void write_demo_token(const fs::path& path, const std::string& secret, std::string_view subject, int org_id) {
  const auto key = token::Key::hmac_sha256(secret);
  if (!key)
    throw std::runtime_error(path.parent_path().string() +
                             "/keys/identity.secret is no usable key; delete it to get a new one");
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  write_private_file(
      path, token::sign(*key, fmt::format(R"({{"iss":"sluice-dev","sub":"{}","org_id":{},"iat":{},"exp":{}}})", subject,
                                          org_id, now_s, now_s + kDemoTokenLifetime_s)));
}

std::unique_ptr<replication::LocalCluster> start_postgres(const fs::path& directory) {
  replication::LocalClusterOptions options;
  options.directory = (directory / "postgres").string();
  auto cluster = replication::LocalCluster::start(std::move(options));
  if (!cluster) throw std::runtime_error("cannot start the private Postgres: " + cluster.error());
  return *std::move(cluster);
}

}  // namespace

void run_dev(const DevOptions& options) {
  const fs::path directory = options.directory;
  fs::create_directories(directory / "keys");

  fmt::print(stderr, "starting a private Postgres in {}/postgres\n", options.directory);
  const auto cluster = start_postgres(fs::absolute(directory));
  write_private_file(directory / "database.url", cluster->url());
  create_demo_schema(cluster->url());

  const std::string identity_secret = secret_of(directory / "keys" / "identity.secret");
  secret_of(directory / "keys" / "gatekeeper.secret");
  write_demo_token(directory / "alice.jwt", identity_secret, "alice", 1);
  write_demo_token(directory / "bob.jwt", identity_secret, "bob", 2);

  const std::string toml = demo_config(options.directory, options.listen);
  const fs::path config_path = directory / "sluice.toml";
  write_private_file(config_path, toml);
  serve(config_path.string(), process_environment(), [&](const std::string& address) {
    fmt::print("{}", demo_lines(options.directory, "http://" + address));
    std::fflush(stdout);
  });
}

}  // namespace sluice::app
