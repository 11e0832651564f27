#include "gateway/refusal.h"

#include "base/json_write.h"

namespace sluice::gateway {

void answer_json(int status, Buffer body, http::Response& response) {
  response.clear();
  response.status = status;
  response.fields.add("content-type", "application/json; charset=utf-8");
  response.fields.add("cache-control", "no-store");
  response.buffers.push_back(std::move(body));
}

void answer_refusal(const Refusal& refusal, http::Response& response) {
  std::string body = R"({"error":)" + json_string(refusal.code) + R"(,"message":)" + json_string(refusal.message);
  if (!refusal.parameter.empty()) body += R"(,"parameter":)" + json_string(refusal.parameter);
  body += '}';
  answer_json(refusal.status, Buffer::of(std::move(body)), response);
  if (refusal.status == 401)
    response.fields.add("www-authenticate", refusal.code == "token_missing" ? "Bearer" : R"(Bearer error="invalid_token")");
  if (refusal.status == 503) response.fields.add("retry-after", "5");
}

}  // namespace sluice::gateway
