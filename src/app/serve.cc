#include "app/serve.h"

#include <memory>
#include <optional>

#include "app/origin_metrics.h"
#include "app/reload.h"
#include "app/signals.h"
#include "base/log.h"
#include "base/memory.h"
#include "gateway/admin.h"
#include "gateway/audit.h"
#include "gateway/gateway.h"
#include "gateway/origin_api.h"
#include "origin/embedded/embedded_origin.h"
#include "origin/remote/remote_origin.h"

namespace sluice::app {
namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : " ") + text;
  return all;
}

// Where the shapes come from, for as long as they are served. Outlives the servers.
class Source {
 public:
  explicit Source(const Config& config)
      : embedded_(config.embedded ? std::make_unique<origin::EmbeddedOrigin>(*config.embedded) : nullptr),
        remote_(config.remote ? std::make_unique<origin::RemoteOrigin>(*config.remote) : nullptr) {}

  origin::Origin& origin() { return embedded_ ? static_cast<origin::Origin&>(*embedded_) : *remote_; }
  void start() {
    if (embedded_) embedded_->start();
  }
  // After the last request, while the servers still exist.
  void stop() {
    if (embedded_) embedded_->stop();
  }
  bool remote() const { return remote_ != nullptr; }
  const origin::EmbeddedOrigin* embedded() const { return embedded_.get(); }

 private:
  std::unique_ptr<origin::EmbeddedOrigin> embedded_;
  std::unique_ptr<origin::RemoteOrigin> remote_;
};

std::unique_ptr<gatekeeper::RevocationStore> revocation_store(const Config& config, gatekeeper::Revocations& revocations) {
  if (const auto* file = std::get_if<std::string>(&config.revocation))
    return gatekeeper::file_revocations(*file, revocations);
  if (const auto* redis = std::get_if<gatekeeper::RedisOptions>(&config.revocation))
    return gatekeeper::redis_revocations(*redis, revocations);
  if (!config.admin_token.empty())
    log::warn("revocations_in_memory", {{"reason", "there is no [revocation]: what is revoked is forgotten at a restart"}});
  return gatekeeper::memory_revocations(revocations);
}

gateway::AuditOptions audit_options(const Config& config) {
  if (!config.audit_file) return {};
  return {.enabled = !config.audit_file->empty(), .file = *config.audit_file};
}

// Everything that serves, in the order in which it is made; it ends in the other.
class Deployment {
 public:
  explicit Deployment(Config& config)
      : in_force_(config),
        source_(config),
        store_(revocation_store(config, revocations_)),
        audit_(audit_options(config)),
        parts_{source_.origin(), metrics_, revocations_, *store_, audit_},
        gateway_(config.gateway, parts_),
        admin_({.token = config.admin_token, .policy = [this] { return in_force_.text(); }}, gateway_, parts_),
        server_({config.listen, config.threads, config.limits}, gateway_) {
    metrics_.sample_with([this](std::vector<gateway::Sample>& samples) { in_force_.sample(samples); });
    if (const auto* embedded = source_.embedded()) {
      metrics_.sample_with([embedded](std::vector<gateway::Sample>& samples) { sample_origin(embedded->stats(), samples); });
    }
    if (!config.admin_listen.empty()) admin_server_.emplace(http::ServerOptions{config.admin_listen, 1, {}}, admin_);
  }

  void start() {
    store_->start();
    source_.start();
    server_.start();
    if (admin_server_) admin_server_->start();
    log::info("listening",
              {{"addresses", joined(server_.addresses())}, {"origin", source_.remote() ? "remote" : "embedded"}});
  }

  void stop() {
    // An embedded origin answers what it holds; what a remote one holds is cut here.
    source_.origin().drain();
    if (source_.remote()) gateway_.drain();
    server_.stop();
    server_.join();
    if (admin_server_) {
      admin_server_->stop_now();
      admin_server_->join();
    }
    store_->stop();
    source_.stop();
  }

  gateway::Gateway& gateway() { return gateway_; }
  gateway::Metrics& metrics() { return metrics_; }
  gateway::Audit& audit() { return audit_; }
  InForce& in_force() { return in_force_; }
  std::string address() const { return server_.addresses().front(); }

 private:
  InForce in_force_;
  Source source_;
  gateway::Metrics metrics_;
  gatekeeper::Revocations revocations_;
  const std::unique_ptr<gatekeeper::RevocationStore> store_;
  gateway::Audit audit_;
  const gateway::GatewayParts parts_;
  gateway::Gateway gateway_;
  gateway::Admin admin_;
  http::Server server_;
  std::optional<http::Server> admin_server_;
};

constexpr std::chrono::seconds kLookInterval{1};
// By then what starts has started.
constexpr std::chrono::seconds kSettleTime{2};

// SIGTERM or SIGINT.
int run_until_stopped(const Signals& signals) {
  const auto signal = signals.wait(kSettleTime);
  if (signal && *signal != SIGHUP) return *signal;
  release_start_up_pages();
  return signals.wait_for_stop();
}

int run_until_stopped(const Signals& signals, Reloader& reloader, gateway::Audit& audit) {
  for (;;) {
    const auto signal = signals.wait(kLookInterval);
    if (signal && *signal != SIGHUP) return *signal;
    // A log that was moved away is begun anew by the same signal.
    if (signal) audit.reopen();
    reloader.look(signal.has_value());
  }
}

}  // namespace

void serve(const std::string& path, const Environment& environment,
           const std::function<void(const std::string& address)>& ready) {
  tune_allocator();
  const Signals signals;
  Config config = load_config_or_throw(path, environment);
  log::set_level(config.log_level);
  Deployment deployment(config);
  auto workers = std::make_unique<Workers>(config);
  workers->start();
  Reloader reloader(path, environment, config, std::move(workers), deployment.gateway(), deployment.metrics(),
                    deployment.in_force());
  deployment.start();
  if (ready) ready(deployment.address());

  log::info("stopping", {{"signal", run_until_stopped(signals, reloader, deployment.audit())}});
  deployment.stop();
}

void serve_origin(BareOriginConfig config) {
  tune_allocator();
  const Signals signals;
  const auto origin = std::make_unique<origin::EmbeddedOrigin>(std::move(config.origin));
  gateway::OriginApi api({.secret = config.secret, .insecure = config.secret.empty()}, *origin);
  http::Server server({config.listen, 0, config.limits}, api);
  OriginMetrics metrics(*origin);
  std::optional<http::Server> metrics_server;
  if (!config.metrics_listen.empty()) metrics_server.emplace(http::ServerOptions{config.metrics_listen, 1, {}}, metrics);
  origin->start();
  server.start();
  if (metrics_server) metrics_server->start();
  log::info("listening", {{"addresses", joined(server.addresses())}});

  log::info("stopping", {{"signal", run_until_stopped(signals)}});
  origin->drain();
  server.stop();
  server.join();
  if (metrics_server) {
    metrics_server->stop_now();
    metrics_server->join();
  }
  origin->stop();
}

}  // namespace sluice::app
