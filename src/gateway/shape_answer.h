// From the origin's answer to the client's: cache fields for a browser, errors that disclose nothing.
#pragma once

#include "http/message.h"

namespace sluice::gateway {

struct ShapeAnswerOptions {
  // Whether the shape is public: then the origin's own cache fields stand.
  bool shared = false;
  // Whether errors of the origin reach the client in its own words.
  bool debug = false;
};

// PROTOCOL section 6, toward the client: private and revalidated, so that no cache shows one user's rows to the next and
// none outlive a logout; `CDN-Cache-Control: no-store` for shared caches that do not look at Vary.
void finish_shape_answer(const ShapeAnswerOptions& options, http::Response& response);

}  // namespace sluice::gateway
