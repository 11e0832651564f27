#include "gateway/readiness.h"

#include <fmt/format.h>

#include "gateway/refusal.h"

namespace sluice::gateway {
namespace {

std::string_view to_string(origin::Origin::Health health) {
  switch (health) {
    case origin::Origin::Health::kStarting: return "starting";
    case origin::Origin::Health::kActive: return "active";
    case origin::Origin::Health::kUnavailable: break;
  }
  return "unavailable";
}

std::string details(const Readiness& readiness) {
  return fmt::format(R"({{"status":"{}","origin":"{}","keys":"{}","revocations":"{}"}})",
                     readiness.ready() ? "ok" : "unavailable", to_string(readiness.origin),
                     readiness.keys ? "ready" : "missing", readiness.revocations ? "connected" : "disconnected");
}

}  // namespace

bool answer_health(const http::Request& request, const Readiness& readiness, bool detailed, http::Response& response) {
  const bool live = request.path == "/healthz";
  if (!live && request.path != "/readyz") return false;
  const bool ok = live || readiness.ready();
  Buffer body = Buffer::of_static(ok ? R"({"status":"ok"})" : R"({"status":"unavailable"})");
  if (detailed && !live) body = Buffer::of(details(readiness));
  answer_json(ok ? 200 : 503, std::move(body), response);
  return true;
}

}  // namespace sluice::gateway
