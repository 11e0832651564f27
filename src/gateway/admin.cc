#include "gateway/admin.h"

#include "gateway/refusal.h"

namespace sluice::gateway {

bool answer_health(const http::Request& request, const origin::Origin& origin, http::Response& response) {
  const bool live = request.path == "/healthz";
  if (!live && request.path != "/readyz") return false;
  const bool ok = live || origin.health() == origin::Origin::Health::kActive;
  response.status = ok ? 200 : 503;
  response.fields.add("content-type", "application/json");
  response.fields.add("cache-control", "no-store");
  response.buffers.push_back(Buffer::of_static(ok ? R"({"status":"ok"})" : R"({"status":"origin unavailable"})"));
  return true;
}

Task<void> Admin::handle(const http::Request& request, http::Response& response) {
  if (answer_health(request, origin_, response)) return {};
  if (request.path != "/metrics" || request.method != http::Method::kGet) {
    answer_refusal({404, "not_found", "There is nothing at this path."}, response);
    return {};
  }
  response.fields.add("content-type", "text/plain; version=0.0.4; charset=utf-8");
  response.buffers.push_back(Buffer::of(metrics_.text()));
  return {};
}

}  // namespace sluice::gateway
