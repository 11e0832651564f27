#include "app/serve.h"

#include <memory>

#include "app/signals.h"
#include "base/log.h"
#include "gateway/admin.h"
#include "gateway/origin_api.h"
#include "origin/embedded/embedded_origin.h"
#include "origin/remote/remote_origin.h"

namespace sluice::app {
namespace {

// Held requests are answered first, then the connections are closed, all within the server's drain timeout.
void drain(origin::Origin& origin, http::Server& server) {
  log::info("draining");
  origin.drain();
  server.stop();
  server.join();
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : " ") + text;
  return all;
}

}  // namespace

}  // namespace sluice::app
