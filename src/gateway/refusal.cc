#include "gateway/refusal.h"

#include "base/json_write.h"

namespace sluice::gateway {

Refusal invalid_request(std::string message, std::string parameter) {
  return {400, "invalid_request", std::move(message), std::move(parameter)};
}
Refusal token_missing() {
  return {401, "token_missing", "A token is required."};
}
Refusal token_invalid(std::string reason) {
  return {401, "token_invalid", "The token is not valid.", {}, std::move(reason)};
}
Refusal token_expired() {
  return {401, "token_expired", "The token has expired."};
}
Refusal token_revoked() {
  return {401, "token_revoked", "The token has been revoked."};
}
Refusal token_refused(token::TokenError error) {
  return error == token::TokenError::kExpired ? token_expired() : token_invalid(std::string(to_string(error)));
}
Refusal shape_forbidden(std::string reason) {
  return {403, "shape_forbidden", "The credentials do not cover this shape.", {}, std::move(reason)};
}
Refusal authorizer_unavailable(std::string reason) {
  return {503, "authorizer_unavailable", "The decision could not be made.", {}, std::move(reason), 5};
}
Refusal not_found() {
  return {404, "not_found", "There is nothing at this path."};
}

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
  if (refusal.retry_after_s > 0) response.fields.add("retry-after", std::to_string(refusal.retry_after_s));
}

}  // namespace sluice::gateway
