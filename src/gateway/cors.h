// Cross-origin access for browsers (Fetch standard, "CORS protocol").
//
// The gateway answers preflights itself, puts its fields on every answer, errors included (a browser hides an answer
// without them), and never reflects an origin that is not listed (SECURITY H64). `*` stands for any origin and is answered
// with `*`, which browsers refuse to combine with cookies.
#pragma once

#include <string>
#include <vector>

#include "http/message.h"

namespace sluice::gateway {

class Cors {
 public:
  // Each `scheme://host[:port]` as a browser sends it, or `*`.
  explicit Cors(std::vector<std::string> origins);

  // Access-Control-Allow-Origin and -Expose-Headers where the origin is listed, and `Vary: Origin` whether or not.
  void add_fields(const http::Request& request, http::Response& response) const;
  // A whole answer to OPTIONS.
  void answer_preflight(const http::Request& request, http::Response& response) const;

 private:
  // What to allow for this request's Origin; empty where nothing.
  std::string_view allowed(const http::Request& request) const;

  std::vector<std::string> origins_;
  bool any_ = false;
};

}  // namespace sluice::gateway
