#include "gateway/shape_answer.h"

#include "gateway/refusal.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kGenericError =
    R"({"error":"invalid_request","message":"The origin did not accept this shape request."})";

// The request is at fault in the origin's eyes. 409 and 429 are the protocol's own.
bool blames_request(int status) {
  return status >= 400 && status < 500 && status != 409 && status != 429;
}

}  // namespace

void finish_shape_answer(const ShapeAnswerOptions& options, http::Response& response) {
  if (blames_request(response.status) && !options.debug) {
    answer_json(response.status, Buffer::of_static(kGenericError), response);
    return;
  }
  if (options.shared) return;
  response.fields.set("cache-control", response.status < 400 ? "private, no-cache" : "no-store");
  response.fields.set("cdn-cache-control", "no-store");
  response.fields.remove("surrogate-control");
}

}  // namespace sluice::gateway
