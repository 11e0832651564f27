#include "app/serve.h"

#include <memory>

#include "app/signals.h"
#include "base/log.h"
#include "gateway/admin.h"
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

 private:
  std::unique_ptr<origin::EmbeddedOrigin> embedded_;
  std::unique_ptr<origin::RemoteOrigin> remote_;
};

}  // namespace

void serve(Config config, const std::function<void(const std::string& address)>& ready) {
  const StopSignals signals;
  log::set_level(config.log_level);
  Source source(config);
  gateway::Metrics metrics;
  gateway::Gateway gateway(std::move(config.gateway), source.origin(), metrics);
  gateway::Admin admin(source.origin(), metrics);
  http::Server server({config.listen, config.threads, config.limits}, gateway);
  std::optional<http::Server> admin_server;
  if (!config.admin_listen.empty()) admin_server.emplace(http::ServerOptions{config.admin_listen, 1, {}}, admin);

  source.start();
  server.start();
  if (admin_server) admin_server->start();
  log::info("listening", {{"addresses", joined(server.addresses())}, {"origin", source.remote() ? "remote" : "embedded"}});
  if (ready) ready(server.addresses().front());

  log::info("stopping", {{"signal", signals.wait()}});
  // An embedded origin answers what it holds; what a remote one holds is cut here.
  source.origin().drain();
  if (source.remote()) gateway.drain();
  server.stop();
  server.join();
  if (admin_server) {
    admin_server->stop_now();
    admin_server->join();
  }
  source.stop();
}

void serve_origin(BareOriginConfig config) {
  const StopSignals signals;
  const auto origin = std::make_unique<origin::EmbeddedOrigin>(std::move(config.origin));
  gateway::OriginApi api({.secret = config.secret, .insecure = config.secret.empty()}, *origin);
  http::Server server({config.listen, 0, {}}, api);
  origin->start();
  server.start();
  log::info("listening", {{"addresses", joined(server.addresses())}});

  log::info("stopping", {{"signal", signals.wait()}});
  origin->drain();
  server.stop();
  server.join();
  origin->stop();
}

}  // namespace sluice::app
